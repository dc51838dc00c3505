"""Chinese public holidays and make-up workdays, and the months the spring festival pulls down."""

from __future__ import annotations

from datetime import date, timedelta

# first and last day of each holiday, as announced by the State Council's office for the year
HOLIDAYS = """
2021-01-01 2021-01-03, 2021-02-11 2021-02-17, 2021-04-03 2021-04-05, 2021-05-01 2021-05-05, 2021-06-12 2021-06-14, 2021-09-19 2021-09-21, 2021-10-01 2021-10-07,
2022-01-01 2022-01-03, 2022-01-31 2022-02-06, 2022-04-03 2022-04-05, 2022-04-30 2022-05-04, 2022-06-03 2022-06-05, 2022-09-10 2022-09-12, 2022-10-01 2022-10-07,
2022-12-31 2023-01-02, 2023-01-21 2023-01-27, 2023-04-05 2023-04-05, 2023-04-29 2023-05-03, 2023-06-22 2023-06-24, 2023-09-29 2023-10-06,
2024-01-01 2024-01-01, 2024-02-10 2024-02-17, 2024-04-04 2024-04-06, 2024-05-01 2024-05-05, 2024-06-10 2024-06-10, 2024-09-15 2024-09-17, 2024-10-01 2024-10-07,
2025-01-01 2025-01-01, 2025-01-28 2025-02-04, 2025-04-04 2025-04-06, 2025-05-01 2025-05-05, 2025-05-31 2025-06-02, 2025-10-01 2025-10-08,
2026-01-01 2026-01-03, 2026-02-15 2026-02-23, 2026-04-04 2026-04-06, 2026-05-01 2026-05-05, 2026-06-19 2026-06-21, 2026-09-25 2026-09-27, 2026-10-01 2026-10-07
"""
# 2027 is not announced: the legal days without moved weekends
ESTIMATED = "2027-01-01 2027-01-01, 2027-02-05 2027-02-12, 2027-04-05 2027-04-05, 2027-05-01 2027-05-02, 2027-06-09 2027-06-09, 2027-09-15 2027-09-15, 2027-10-01 2027-10-03"
MAKE_UP = """
2021-02-07 2021-02-20 2021-04-25 2021-05-08 2021-09-18 2021-09-26 2021-10-09
2022-01-29 2022-01-30 2022-04-02 2022-04-24 2022-05-07 2022-10-08 2022-10-09
2023-01-28 2023-01-29 2023-04-23 2023-05-06 2023-06-25 2023-10-07 2023-10-08
2024-02-04 2024-02-18 2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12
2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11
2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10
"""
SPRING_FESTIVAL = {2021: date(2021, 2, 12), 2022: date(2022, 2, 1), 2023: date(2023, 1, 22), 2024: date(2024, 2, 10), 2025: date(2025, 1, 29), 2026: date(2026, 2, 17), 2027: date(2027, 2, 6)}  # fmt: skip
FIRST, LAST = date(2021, 1, 1), date(2027, 12, 31)


def _days(text: str) -> set[date]:
    days: set[date] = set()
    for part in text.replace("\n", " ").split(","):
        first, last = (date.fromisoformat(x) for x in part.split())
        days |= {first + timedelta(days=i) for i in range((last - first).days + 1)}
    return days


_OFF = _days(HOLIDAYS) | _days(ESTIMATED)
_ON = {date.fromisoformat(x) for x in MAKE_UP.split()}


def is_workday(day: date) -> bool:
    """Whether banks and firms work on `day` (make-up Saturdays and Sundays count); outside 2021 to 2027 by weekday."""
    return day in _ON or (day.weekday() < 5 and day not in _OFF)


def festival_factor(year: int, month: int) -> float:
    """Level of activity of a month: 0.65 where the ten days after the festival lie wholly in it, by share otherwise."""
    start = SPRING_FESTIVAL.get(year)
    if start is None:
        return 1.0
    inside = sum((start + timedelta(days=i)).month == month for i in range(-3, 7))
    return 1.0 - 0.35 * inside / 10

"""Business time. All dates and times are Asia/Shanghai; nothing here asks for the current time.

`as_of` is the night's business date D. Sources close at D + 1 day 04:00 (`cut_off`), features are known at
D + 1 day 06:00 (`known_at`); what is accepted later belongs to a later night.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLOSE_AFTER_DAYS = 5
"""A month is closed from the 5th day after its end, for every firm alike (domain C, clock)."""


def cut_off(as_of: date) -> datetime:
    """Naive Shanghai time at which night D closes its inputs: D + 1 day 04:00 (also `available_at` of that night)."""
    return datetime.combine(as_of + timedelta(days=1), time(4))


def known_at(as_of: date) -> datetime:
    """Naive Shanghai time of knowledge of snapshot D: D + 1 day 06:00."""
    return datetime.combine(as_of + timedelta(days=1), time(6))


def month_start(day: date) -> date:
    """First day of the month of `day`."""
    return day.replace(day=1)


def add_months(month: date, k: int) -> date:
    """First day of the month `k` months after the month of `month` (k may be negative)."""
    index = month.year * 12 + month.month - 1 + k
    return date(index // 12, index % 12 + 1, 1)


def month_end(month: date) -> date:
    """Last day of the month of `month`."""
    return add_months(month, 1) - timedelta(days=1)


def closed_on(month: date) -> date:
    """First night D on which `month` counts as closed."""
    return month_end(month) + timedelta(days=CLOSE_AFTER_DAYS)


def latest_closed_month(as_of: date) -> date:
    """First day of the latest month that is closed on `as_of` (month index 0 of the flow tiles)."""
    month = month_start(as_of)
    while closed_on(month) > as_of:
        month = add_months(month, -1)
    return month

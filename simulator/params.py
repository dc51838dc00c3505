"""Presets and the time axis of a province. Months are numbered from January 2000 (`m`), days are dates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from simulator.reference_data import BANKS

DENSE_DAYS = 35
"""The last days of the history come as daily files with a balance row for every account and day."""


def month_no(day: date) -> int:
    """Number of the month of `day`."""
    return (day.year - 2000) * 12 + day.month - 1


def month_date(m: int) -> date:
    """First day of month `m`."""
    return date(2000 + m // 12, m % 12 + 1, 1)


def month_last(m: int) -> date:
    """Last day of month `m`."""
    return month_date(m + 1) - timedelta(days=1)


@dataclass(frozen=True)
class Params:
    """Size and seed of a province; `months` closed months before the month of `end`, and the days of that month."""

    seed: int
    firms: int
    months: int
    banks: int
    txns: float
    borrowed: float
    end: date = date(2026, 9, 14)
    fault_scale: float = 1.0
    share_foreign: float = 0.06

    def __post_init__(self) -> None:
        if not 1 <= self.banks <= len(BANKS):
            raise ValueError(f"banks must be between 1 and {len(BANKS)}, found {self.banks}")
        if self.firms < 8 or self.firms > 2_000_000:
            raise ValueError(f"firms must be between 8 and 2,000,000, found {self.firms}")
        if not 1 <= self.months <= 60:
            raise ValueError(f"months must be between 1 and 60, found {self.months}")
        if self.fault_scale < 0:
            raise ValueError(f"fault scale must not be negative, found {self.fault_scale}")
        if self.end < date(2022, 1, 1) or self.end > date(2027, 12, 31):
            raise ValueError(f"the end must lie in 2022 to 2027 (calendar and parities), found {self.end}")

    @property
    def end_m(self) -> int:
        return month_no(self.end)

    @property
    def first_m(self) -> int:
        return self.end_m - self.months

    @property
    def daily_from(self) -> date:
        """First date that has files of its own."""
        return max(self.end - timedelta(days=DENSE_DAYS - 1), month_date(self.first_m))

    @property
    def first_day(self) -> date:
        return month_date(self.first_m)

    @property
    def daily_dates(self) -> list[date]:
        return [self.daily_from + timedelta(days=i) for i in range((self.end - self.daily_from).days + 1)]

    @property
    def history(self) -> list[tuple[date, date]]:
        """First and last date of each monthly file."""
        last = self.daily_from - timedelta(days=1)
        spans = ((month_date(m), min(month_last(m), last)) for m in range(self.first_m, self.end_m + 1))
        return [(a, b) for a, b in spans if a <= b]


PRESETS = {
    "unit": Params(seed=7, firms=200, months=6, banks=3, txns=80, borrowed=0.8),
    "ci": Params(seed=7, firms=3000, months=48, banks=6, txns=30, borrowed=0.8),
    "demo": Params(seed=7, firms=20_000, months=48, banks=12, txns=62, borrowed=0.55),
    "load": Params(seed=7, firms=100_000, months=24, banks=12, txns=80, borrowed=0.55),
}


def preset(name: str, **changes: object) -> Params:
    """A preset with the values that are not None changed; ValueError for an unknown name or a value out of range."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return replace(PRESETS[name], **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]

"""Values per month and firm, with what is known about the months: the material of the kernels.

Arrays are (months, firms), month index 0 first (the latest), float64, NaN = null. A kernel sees many firms at once and
loops over months at most, never over firms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

NULL_INT = -(2**40)
"""Null among whole numbers: day numbers, month numbers."""
MONTHS = 24
"""Months a snapshot reads per firm and tile."""
BUCKET_DAYS = 30
DAY_SHARE = 0.6
"""Share of a window's days that must be covered for a day-clock value."""
NEED = {1: 1, 3: 2, 6: 4, 10: 6, 12: 6, 24: 12}
"""Covered months a window needs; a base of comparison (offset > 0) needs all of them."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """What is known about the months of one tile.

    covered: the month may be read. present: the firm has a row for it, covered or not. makes_up: sums are raised from
    covered months to the months present, so that a bank's gap is no loss of the firm. days: covered days per 30-day
    bucket when the rows are buckets instead of months.
    """

    covered: Bools
    present: Bools
    makes_up: bool = False
    days: Floats | None = None

    def enough(self, w: int, o: int = 0) -> Bools:
        """Per firm, whether months o..o+w-1 are covered well enough to say anything."""
        if self.days is not None:
            return self.days[:w].sum(axis=0) >= DAY_SHARE * BUCKET_DAYS * w
        return self.covered[o : o + w].sum(axis=0) >= (w if o else NEED[w])

    def factor(self, w: int, o: int = 0) -> Floats:
        """What a sum over the window is multiplied by (1 where nothing is made up)."""
        n = self.covered.shape[1]
        if not self.makes_up:
            return np.ones(n)
        if self.days is not None:
            known, whole = self.days[:w].sum(axis=0), np.full(n, float(BUCKET_DAYS * w))
        else:
            known = self.covered[o : o + w].sum(axis=0).astype(float)
            whole = self.present[o : o + w].sum(axis=0).astype(float)
        return np.divide(whole, known, out=np.ones(n), where=known > 0)


@dataclass(frozen=True, eq=False)
class Series:
    """One column of a tile, or an expression over such columns of the same tile."""

    values: Floats
    coverage: Coverage

    def window(self, w: int, o: int = 0) -> Floats:
        """Values of months o..o+w-1, (w, firms)."""
        return self.values[o : o + w]

    def enough(self, w: int, o: int = 0) -> Bools:
        return self.coverage.enough(w, o)


def add_up(x: Floats) -> Floats:
    """Sum over the months, nulls skipped, always in the order of the months.

    numpy's own sum takes another order for a single firm, so that a firm's value would depend on who shares its batch.
    """
    whole = np.zeros(x.shape[1])
    for row in np.where(np.isnan(x), 0.0, x):
        whole += row
    return whole


def null_unless(ok: Bools, x: Floats) -> Floats:
    """`x` where ok, else null."""
    return np.where(ok, x, np.nan)


def combine(op: str, a: Series | float, b: Series | float) -> Series:
    """a op b month by month. A quotient is null where the divisor is not positive; a comparison is 1, 0 or null."""
    x = a.values if isinstance(a, Series) else np.float64(a)
    y = b.values if isinstance(b, Series) else np.float64(b)
    coverage = a.coverage if isinstance(a, Series) else b.coverage if isinstance(b, Series) else None
    if coverage is None:
        raise ValueError(f"{op} of two constants is no series")
    match op:
        case "+":
            values = x + y
        case "-":
            values = x - y
        case "*":
            values = x * y
        case "/":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(y > 0, x / y, np.nan)
        case _:
            truth = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal}[op](
                x, y
            )
            values = np.where(np.isnan(x) | np.isnan(y), np.nan, truth.astype(float))
    return Series(np.asarray(values, dtype=float), coverage)


def lag(s: Series, k: int) -> Series:
    """The series k months earlier: month j reads month j + k."""
    values = np.full_like(s.values, np.nan)
    values[: values.shape[0] - k] = s.values[k:]
    return Series(values, s.coverage)


def roll(s: Series, k: int) -> Series:
    """Trailing k-month sums; null where one of the months is null."""
    values = np.full_like(s.values, np.nan)
    length = s.values.shape[0] - k + 1
    values[:length] = sum(s.values[j : j + length] for j in range(k))
    return Series(values, s.coverage)


def ratio(a: Floats, b: Floats) -> Floats:
    """a / b; null when b <= 0 or null."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, a / b, np.nan)


def growth(a: Floats, b: Floats) -> Floats:
    """a / b - 1; null when b <= 0 or null."""
    return ratio(a, b) - 1

"""Sub-scores: where a firm's sum of contributions stands in the frozen reference population, 100 best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
POINTS = 1001


def quantiles(values: Floats) -> list[float]:
    """1,001 quantiles of the reference population."""
    return [float(v) for v in np.quantile(values, np.linspace(0, 1, POINTS))]


def cdf(table: Floats, x: Floats) -> Floats:
    """Empirical distribution function by the quantile table: linear between, ties at the midpoint, 0 and 1 outside."""
    left = np.searchsorted(table, x, side="left")
    right = np.searchsorted(table, x, side="right")
    tied = right > left
    inside = np.interp(x, table, np.linspace(0, 1, len(table)))
    middle = (left + right - 1) / 2 / (len(table) - 1)
    return np.where(tied, middle, inside)


def sub_score(table: Floats, x: Floats) -> Floats:
    """100 x (1 - F(x)): 100 when nobody's contributions are as good, 0 when nobody's are as bad."""
    return 100.0 * (1.0 - cdf(table, x))

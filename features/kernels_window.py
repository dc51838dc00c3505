"""Statistics over a window of months, for all firms at once. Nulls inside a window are skipped; o shifts it back."""

from __future__ import annotations

import numpy as np

from features.series import Bools, Floats, Series, add_up, null_unless, ratio

ACF_NEEDS, CORR_NEEDS, SEASON_NEEDS = 8, 6, 12


def _count(x: Floats) -> Floats:
    return np.isfinite(x).sum(axis=0).astype(float)


def _over(x: Floats, n: Floats, need: int = 1) -> Floats:
    """x / n, null where fewer than `need` values stand behind it."""
    return null_unless(n >= need, x / np.maximum(n, 1))


def _mean(x: Floats) -> Floats:
    return _over(add_up(x), _count(x))


def _std(x: Floats) -> Floats:
    """Sample standard deviation, needs 3 values."""
    n = _count(x)
    squares = add_up((x - _mean(x)) ** 2)
    return null_unless(n >= 3, np.sqrt(squares / np.maximum(n - 1, 1)))


def total(s: Series, w: int, o: int = 0) -> Floats:
    """`sum`: over covered months, made up for uncovered ones where the tile says so."""
    x = s.window(w, o)
    known = s.enough(w, o) & (_count(x) > 0)
    return null_unless(known, add_up(x) * s.coverage.factor(w, o))


def mean(s: Series, w: int, o: int = 0) -> Floats:
    return null_unless(s.enough(w, o), _mean(s.window(w, o)))


def std(s: Series, w: int, o: int = 0) -> Floats:
    return null_unless(s.enough(w, o), _std(s.window(w, o)))


def minimum(s: Series, w: int, o: int = 0) -> Floats:
    x = s.window(w, o)
    known = s.enough(w, o) & (_count(x) > 0)
    return null_unless(known, np.where(np.isnan(x), np.inf, x).min(axis=0))


def maximum(s: Series, w: int, o: int = 0) -> Floats:
    x = s.window(w, o)
    known = s.enough(w, o) & (_count(x) > 0)
    return null_unless(known, np.where(np.isnan(x), -np.inf, x).max(axis=0))


def _quantile(x: Floats, p: float, need: int) -> Floats:
    """Linear-interpolated quantile over the non-null values."""
    n = _count(x)
    ordered = np.sort(x, axis=0)  # NaN last
    position = p * np.maximum(n - 1, 0)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0).astype(int))
    a = np.take_along_axis(ordered, low[None, :], axis=0)[0]
    b = np.take_along_axis(ordered, high[None, :], axis=0)[0]
    return null_unless(n >= need, a + (b - a) * (position - low))


def median(s: Series, w: int, o: int = 0) -> Floats:
    return null_unless(s.enough(w, o), _quantile(s.window(w, o), 0.5, 1))


def quantile(s: Series, w: int, p: float) -> Floats:
    return null_unless(s.enough(w), _quantile(s.window(w), p, 4))


def cv(s: Series, w: int, o: int = 0) -> Floats:
    """std / mean; null when the mean is not positive."""
    return ratio(std(s, w, o), mean(s, w, o))


def downdev(s: Series, w: int, o: int = 0) -> Floats:
    """Root mean square of what lies below the mean, over the mean."""
    x = s.window(w, o)
    below = np.minimum(x - _mean(x), 0) ** 2
    return null_unless(s.enough(w, o), ratio(np.sqrt(_mean(below)), _mean(x)))


def _line(s: Series, w: int, o: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Sums of squares of time, of both, of the values, and their mean; time rises to the present. Null below 3 values."""
    x = s.window(w, o)
    valid = np.isfinite(x)
    n = _count(x)
    time = np.where(valid, -np.arange(x.shape[0], dtype=float)[:, None], np.nan)
    level = _mean(x)
    dt = time - _mean(time)
    known = s.enough(w, o) & (n >= 3)
    tt, tx, xx = (add_up(v) for v in (dt * dt, dt * (x - level), (x - level) ** 2))
    return null_unless(known, tt), null_unless(known, tx), null_unless(known & _varies(x), xx), level


def _varies(x: Floats) -> Bools:
    """Whether the non-null values differ at all: a correlation with a constant has no meaning."""
    return np.asarray(np.where(np.isnan(x), -np.inf, x).max(axis=0) > np.where(np.isnan(x), np.inf, x).min(axis=0))


def slope(s: Series, w: int, o: int = 0) -> Floats:
    """Least squares slope per month over the mean."""
    tt, tx, _, level = _line(s, w, o)
    return ratio(ratio(tx, tt), level)


def r2(s: Series, w: int, o: int = 0) -> Floats:
    """Share of the variance that the line explains."""
    tt, tx, xx, _ = _line(s, w, o)
    return ratio(tx * tx, tt * xx)


def _pearson(x: Floats, y: Floats, need: int) -> Floats:
    """Correlation over the rows where both are known; null when fewer than `need` or one does not vary."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
    known = (both.sum(axis=0) >= need) & _varies(x) & _varies(y)
    dx, dy = x - _mean(x), y - _mean(y)
    xy, xx, yy = (add_up(v) for v in (dx * dy, dx * dx, dy * dy))
    return null_unless(known, np.clip(ratio(xy, np.sqrt(xx) * np.sqrt(yy)), -1, 1))


def acf(s: Series, w: int, k: int) -> Floats:
    """Autocorrelation: x(t) with x(t-k), both inside the window, at least 8 pairs."""
    x = s.window(w)
    return null_unless(s.enough(w), _pearson(x[: w - k], x[k:], ACF_NEEDS))


def corr(a: Series, b: Series, w: int) -> Floats:
    """Correlation of two series, at least 6 months."""
    return null_unless(a.enough(w) & b.enough(w), _pearson(a.window(w), b.window(w), CORR_NEEDS))


def seascorr(s: Series) -> Floats:
    """Correlation of months 0-11 with 12-23; needs all 24."""
    return _pearson(s.window(12), s.window(12, 12), SEASON_NEEDS)


def mdd(s: Series, w: int, o: int = 0) -> Floats:
    """Deepest fall below the running peak, as a share of it; points with a peak that is not positive are skipped."""
    return null_unless(s.enough(w, o), drawdown(s.window(w, o)))


def drawdown(x: Floats) -> Floats:
    """Maximum drawdown of rows given newest first."""
    peak, worst = np.full(x.shape[1], -np.inf), np.full(x.shape[1], np.nan)
    for row in x[::-1]:
        peak = np.fmax(peak, row)
        worst = np.fmax(worst, ratio(peak - row, np.where(np.isfinite(peak), peak, np.nan)))
    return worst


def last(s: Series) -> Floats:
    return s.values[0]


def at(s: Series, k: int) -> Floats:
    return s.values[k]

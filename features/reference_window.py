"""Reference definitions over months: lists newest first, None = null. Part of the plain-Python reference."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

Value = float | None
NEED = {1: 1, 3: 2, 6: 4, 10: 6, 12: 6, 24: 12}


@dataclass
class Line:
    """A series with the coverage of its months; `present` where the firm has a row, `days` for 30-day buckets."""

    values: list[Any]
    covered: list[bool]
    present: list[bool] | None = None
    makes_up: bool = field(default=False)
    days: list[int] | None = None

    def __post_init__(self) -> None:
        self.makes_up = self.makes_up or self.present is not None

    def enough(self, w: int, o: int = 0) -> bool:
        """Whether the window may be read at all."""
        if self.days is not None:
            return sum(self.days[:w]) >= 0.6 * 30 * w
        return sum(self.covered[o : o + w]) >= (w if o else NEED[w])

    def known(self, w: int, o: int = 0) -> list[float]:
        """Non-null values of the window."""
        return [v for v in self.values[o : o + w] if v is not None]

    def like(self, values: list[Any]) -> Line:
        return Line(values, self.covered, self.present, self.makes_up, self.days)


def ratio(a: Value, b: Value) -> Value:
    return None if a is None or b is None or b <= 0 else a / b


def growth(a: Value, b: Value) -> Value:
    quotient = ratio(a, b)
    return None if quotient is None else quotient - 1


def _apply(op: str, a: Value, b: Value) -> Any:
    if op == "/":
        return ratio(a, b)
    if a is None or b is None:
        return None
    table = {"+": a + b, "-": a - b, "*": a * b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "==": a == b, "!=": a != b}
    return table[op]


def combine(op: str, a: Any, b: Any) -> Any:
    """a op b for two values, two series, or a series and a number."""
    line = a if isinstance(a, Line) else b if isinstance(b, Line) else None
    if line is None:
        return _apply(op, a, b)
    left = a.values if isinstance(a, Line) else [a] * len(line.values)
    right = b.values if isinstance(b, Line) else [b] * len(line.values)
    return line.like([_apply(op, x, y) for x, y in zip(left, right)])


def lag(x: Line, k: int) -> Line:
    return x.like(x.values[k:] + [None] * k)


def roll(x: Line, k: int) -> Line:
    parts = [x.values[j : j + k] for j in range(len(x.values))]
    return x.like([sum(p) if len(p) == k and None not in p else None for p in parts])


def total(x: Line, w: int, o: int = 0) -> Value:
    values = x.known(w, o)
    if not x.enough(w, o) or not values:
        return None
    if not x.makes_up:
        return sum(values)
    if x.days is not None:
        return sum(values) * 30 * w / sum(x.days[:w])
    assert x.present is not None
    return sum(values) * sum(x.present[o : o + w]) / sum(x.covered[o : o + w])


def _with(x: Line, w: int, o: int, need: int = 1) -> list[float] | None:
    values = x.known(w, o)
    return values if x.enough(w, o) and len(values) >= need else None


def mean(x: Line, w: int, o: int = 0) -> Value:
    values = _with(x, w, o)
    return None if values is None else math.fsum(values) / len(values)


def minimum(x: Line, w: int, o: int = 0) -> Value:
    values = _with(x, w, o)
    return None if values is None else min(values)


def maximum(x: Line, w: int, o: int = 0) -> Value:
    values = _with(x, w, o)
    return None if values is None else max(values)


def median(x: Line, w: int, o: int = 0) -> Value:
    values = _with(x, w, o)
    return None if values is None else statistics.median(values)


def std(x: Line, w: int, o: int = 0) -> Value:
    values = _with(x, w, o, 3)
    return None if values is None else statistics.stdev(map(float, values))


def quantile(x: Line, w: int, p: float) -> Value:
    values = _with(x, w, 0, 4)
    if values is None:
        return None
    ordered, place = sorted(values), p * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def cv(x: Line, w: int, o: int = 0) -> Value:
    return ratio(std(x, w, o), mean(x, w, o))


def downdev(x: Line, w: int, o: int = 0) -> Value:
    level, values = mean(x, w, o), x.known(w, o)
    if level is None:
        return None
    return ratio(math.sqrt(math.fsum(min(v - level, 0) ** 2 for v in values) / len(values)), level)


def _points(x: Line, w: int, o: int) -> list[tuple[float, float]] | None:
    """(time, value) of the window, time rising to the present; needs 3."""
    points = [(-float(j), float(v)) for j, v in enumerate(x.values[o : o + w]) if v is not None]
    return points if x.enough(w, o) and len(points) >= 3 else None


def slope(x: Line, w: int, o: int = 0) -> Value:
    points = _points(x, w, o)
    if points is None:
        return None
    return ratio(statistics.linear_regression(*zip(*points)).slope, mean(x, w, o))


def r2(x: Line, w: int, o: int = 0) -> Value:
    points = _points(x, w, o)
    r = None if points is None else correlation(points, 3)
    return None if r is None else r * r


def correlation(pairs: list[tuple[float, float]], need: int) -> Value:
    """Pearson; null below `need` pairs or when one side does not vary."""
    if len(pairs) < need or any(len({p[side] for p in pairs}) == 1 for side in (0, 1)):
        return None
    return statistics.correlation([p[0] for p in pairs], [p[1] for p in pairs])


def _pairs(a: list[Value], b: list[Value]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(a, b) if x is not None and y is not None]


def acf(x: Line, w: int, k: int) -> Value:
    return correlation(_pairs(x.values[: w - k], x.values[k:w]), 8) if x.enough(w) else None


def corr(x: Line, y: Line, w: int) -> Value:
    return correlation(_pairs(x.values[:w], y.values[:w]), 6) if x.enough(w) and y.enough(w) else None


def seascorr(x: Line) -> Value:
    return correlation(_pairs(x.values[:12], x.values[12:24]), 12)


def mdd(x: Line, w: int, o: int = 0) -> Value:
    return drawdown(x.known(w, o)) if x.enough(w, o) else None


def drawdown(newest_first: list[float]) -> Value:
    """Deepest fall below the running peak, as a share of the peak; points with a peak <= 0 are skipped."""
    peak, falls = -math.inf, []
    for v in reversed(newest_first):
        peak = max(peak, v)
        if peak > 0:
            falls.append((peak - v) / peak)
    return max(falls) if falls else None


def cnt(c: Line, w: int) -> Value:
    values = _with(c, w, 0)
    return None if values is None else sum(values)


def _runs(values: list[Any]) -> list[int]:
    """Lengths of the runs of true months; a null month ends a run."""
    text = "".join("1" if v else "0" for v in values)
    return [len(part) for part in text.split("0")]


def maxrun(c: Line, w: int) -> Value:
    return None if _with(c, w, 0) is None else max(_runs(c.values[:w]))


def currun(c: Line) -> Value:
    return None if c.values[0] is None else _runs(c.values)[0]


def since(c: Line) -> Value:
    if all(v is None for v in c.values):
        return None
    return next((j for j, v in enumerate(c.values) if v), 60)

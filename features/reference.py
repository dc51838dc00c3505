"""The indicators of one firm in plain Python: slow, and meant to be read by a credit analyst.

It takes the rows of one firm's tiles as dicts and follows the definitions word by word, one firm, one month, one
counterparty at a time. The fast kernels are held against it in tests; nothing else uses it. Series are lists, newest first,
None = null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from features import reference_outside as outside
from features import reference_party as party
from features import reference_window as window
from features.compiled import COVERAGE_OF, Compiled
from features.formula import Binary, Call, Column, Constant, Node, Text
from features.reference_window import Line
from features.vocabulary import vocabulary
from lake.clock import SHANGHAI, add_months, known_at, latest_closed_month

Row = dict[str, Any]
Value = float | None
MONTHS = 24
TILE = {"fm": "firm_month", "tm": "tax_month", "ln": "loan", "nw": "network"}
KEYS = {
    "firm_month": ("month",), "firm_category_month": ("category", "month"), "firm_counterparty_month": ("cpty_id", "month"),
    "tax_month": ("month",), "loan": ("month",), "network": ("month",), "firm_day": ("biz_date",), "firm_bucket": ("snapshot_date", "bucket"),
    "registration": ("snapshot_date",), "court_event": ("event_id",), "registration_event": ("event_id",),
}  # fmt: skip


def known_rows(rows: list[Row], key: tuple[str, ...], as_of: date) -> list[Row]:
    """The highest version of each key among the rows known at D + 1 day 06:00."""
    limit = known_at(as_of).replace(tzinfo=SHANGHAI)
    best: dict[tuple[Any, ...], tuple[tuple[int, datetime], Row]] = {}
    for row in rows:
        at = row.get("available_at") or datetime(1970, 1, 1, tzinfo=SHANGHAI)
        rank = (row.get("tile_version") or 0, at)
        name = tuple(row[k] for k in key)
        if at <= limit and (name not in best or rank >= best[name][0]):
            best[name] = (rank, row)
    return [row for _, row in best.values()]


@dataclass
class Firm:
    """One firm at one snapshot: its known rows per tile, and month 0 of the two calendars."""

    as_of: date
    tiles: dict[str, list[Row]]
    registration: Row
    closed: date
    tax: date | None

    @staticmethod
    def of(tiles: dict[str, list[Row]], firm_id: str, as_of: date) -> Firm:
        """The firm's own rows of all tiles, as known."""
        own = {name: [r for r in rows if r["firm_id"] == firm_id] for name, rows in tiles.items()}
        known = {name: known_rows(rows, KEYS[name], as_of) for name, rows in own.items()}
        registration = next(r for r in known["registration"] if r["snapshot_date"] == as_of)
        due = [r["month"] for r in known["tax_month"] if r["due_date"] and r["due_date"] + timedelta(days=5) <= as_of]
        return Firm(as_of, known, registration, latest_closed_month(as_of), max(due) if due else None)

    def month0(self, calendar: str) -> date | None:
        return self.tax if calendar == "tax" else self.closed

    def by_month(self, tile: str, calendar: str) -> list[Row | None]:
        """Rows of a monthly tile by month index."""
        start = self.month0(calendar)
        rows = {r["month"]: r for r in self.tiles[tile]}
        return [rows.get(add_months(start, -j)) if start else None for j in range(MONTHS)]

    def covered(self, calendar: str) -> list[bool]:
        """Months of the firm with at least 80 % of their days covered."""
        rows = self.by_month("firm_month", calendar)
        return [bool(r and r["days_covered"] is not None and r["days_covered"] / r["days_in_month"] >= 0.8) for r in rows]

    def line(self, alias: str, column: str, calendar: str) -> Line:
        """A tile column as a series."""
        if calendar == "day":
            return self._bucket_line(alias, column)
        if alias in ("fcat", "fcatn"):
            return self._category_line(column, "amt" if alias == "fcat" else "cnt", calendar)
        rows = self.by_month(TILE[alias], calendar)
        if alias in ("tm", "ln"):
            return Line([r[column] if r else None for r in rows], [r is not None for r in rows])
        covered = self.covered(calendar)
        if alias == "nw":
            return Line([(r[column] if r else 0) if c else None for r, c in zip(rows, covered)], covered)
        keep = [c or column == "hist_months" for c in covered]
        return Line([r[column] if r and k else None for r, k in zip(rows, keep)], covered, [r is not None for r in rows])

    def _category_line(self, category: str, measure: str, calendar: str) -> Line:
        covered, start = self.covered(calendar), self.month0(calendar)
        rows = {r["month"]: r[measure] for r in self.tiles["firm_category_month"] if r["category"] == category}
        months = [add_months(start, -j) if start else None for j in range(MONTHS)]
        present = [r is not None for r in self.by_month("firm_month", calendar)]
        return Line([(rows.get(m, 0) or 0) if c else None for m, c in zip(months, covered)], covered, present)

    def _bucket_line(self, alias: str, column: str) -> Line:
        rows = {r["bucket"]: r for r in self.tiles["firm_bucket"] if r["snapshot_date"] == self.as_of}
        days = [(rows[b]["days_covered"] or 0) if b in rows else 0 for b in range(3)]
        if alias == "fcat":
            values = [(rows[b][f"cat_{column}_amt"] or 0) if days[b] else None for b in range(3)]
        else:
            values = [rows[b][column] if b in rows else None for b in range(3)]
        return Line(values, [d > 0 for d in days], makes_up=True, days=days)

    def days(self, column: str) -> list[Value]:
        """A daily column, D first, 120 days."""
        rows = {r["biz_date"]: r[column] for r in self.tiles["firm_day"]}
        return [rows.get(self.as_of - timedelta(days=k)) for k in range(120)]

    def source_covered(self, flag: str) -> bool:
        return bool(self.registration[flag])

    def receipts_known(self) -> bool:
        """Whether the payers of at least 20 % of the operating inflow of the covered months of the last 12 are known."""
        line = self.line("fm", "op_in_amt", "closed")
        inflow = sum(v or 0 for v in line.values[:12])
        total = sum(p.sum("in_amt", 12) for p in party.parties(self))
        return not total < 0.2 * inflow


WINDOWED: dict[str, Callable[..., Any]] = {
    "sum": window.total, "mean": window.mean, "min": window.minimum, "max": window.maximum, "median": window.median, "std": window.std,
    "cv": window.cv, "downdev": window.downdev, "slope": window.slope, "r2": window.r2, "mdd": window.mdd, "q": window.quantile,
    "acf": window.acf, "corr": window.corr, "seascorr": window.seascorr, "lag": window.lag, "roll": window.roll, "cnt": window.cnt,
    "maxrun": window.maxrun, "currun": window.currun, "since": window.since,
    "last": lambda x: x.values[0], "at": lambda x, k: x.values[k],
}  # fmt: skip
BETWEEN: dict[str, Callable[..., Value]] = {
    "ratio": window.ratio, "growth": window.growth, "least": lambda a, b: None if a is None or b is None else min(a, b),
}  # fmt: skip


def evaluate(node: Node, firm: Firm, calendar: str) -> Any:
    """Value (or series) of an expression for one firm."""
    match node:
        case Constant(value=value) | Text(value=value):
            return int(value) if isinstance(value, float) and value == int(value) else value
        case Column(alias="rg", name=name):
            return firm.registration[name]
        case Column(alias="fcm" | "fd", name=name):
            return name
        case Column(alias=alias, name=name):
            return firm.line(alias, name, calendar)
        case Binary(op=op, left=left, right=right):
            return window.combine(op, evaluate(left, firm, calendar), evaluate(right, firm, calendar))
        case Call(function=name, args=arguments):
            args = [evaluate(a, firm, calendar) for a in arguments]
            if name == "peer_pct":
                return args[0]
            if name in BETWEEN:
                return BETWEEN[name](*args)
            if name in WINDOWED:
                return WINDOWED[name](*args)
            if name == "cat_entropy":
                return _category_entropy(firm, calendar, args[0])
            if name.startswith(("ev_", "rg_", "day_")):
                return outside.point(name, firm, *args)
            return party.statistic(name, firm, *args)
    raise TypeError(node)


def _category_entropy(firm: Firm, calendar: str, w: int) -> Value:
    sums = []
    for c in vocabulary().out_categories:
        line = firm.line("fcat", c, calendar)
        sums.append(sum(v or 0 for v in line.values[:w]))
    if not line.enough(w) or sum(s for s in sums if s > 0) <= 0:
        return None
    shares = [s / sum(x for x in sums if x > 0) for s in sums if s > 0]
    return -sum(s * math.log(s) for s in shares)


def indicator(c: Compiled, firm: Firm) -> Value:
    """The indicator after receipts rule, null policy, unit and type (peer ranks: the value to be ranked)."""
    i = c.indicator
    value: Value = evaluate(c.tree, firm, c.calendar)
    if c.receipts and not firm.receipts_known():
        value = None
    if value is None and i.null_policy != "null":
        flag = COVERAGE_OF.get(i.dimension)
        if flag is None or firm.source_covered(flag):
            value = float(i.null_policy)
    if value is None:
        return None
    value = value / 100 if i.unit == "CNY" else value
    return math.floor(value + 0.5) if i.dtype == "int" else float(value)


def peer_pct(group: list[Value]) -> list[Value]:
    """Rank of each firm of one peer group: share of the other firms with a smaller value; null below 20 known values."""
    known = [v for v in group if v is not None]
    if len(known) < 20:
        return [None] * len(group)
    return [None if v is None else sum(x < v for x in known) / (len(known) - 1) for v in group]

"""SQL text of the indicators that are plain aggregates over the months (or buckets) of one firm: a second opinion.

It is DuckDB's SQL over tile.firm_month, tile.firm_category_month and tile.firm_bucket, one row per firm of the night, and
carries the rules of coverage, closed months and nulls in its text, so that a reader can follow and run it. `$as_of` is D.
Times are Asia/Shanghai. What has no SQL form (counterparties, events, ranks, runs, drawdowns, the tax calendar) yields None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from features.batch import COVERED_SHARE
from features.compiled import Compiled
from features.formula import Binary, Call, Column, Constant, Kind, Node, text, walk
from features.kernels_runs import NEVER
from features.kernels_window import ACF_NEEDS, CORR_NEEDS, SEASON_NEEDS
from features.series import BUCKET_DAYS, DAY_SHARE, MONTHS, NEED

_ALIASES = {"fm", "fcat", "fcatn"}
_BY_ROW = {"lag", "roll"}
_WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "over", "<": "lt", ">": "gt", "<=": "le", ">=": "ge", "==": "eq", "!=": "ne"}
_PLAIN = {"sum": "sum", "mean": "avg", "min": "min", "max": "max", "median": "median", "std": "stddev_samp", "q": "quantile_cont"}
_LEAST = {"std": 3, "q": 4, "slope": 3, "r2": 3}
FUNCTIONS = _BY_ROW | set(_PLAIN) | {
    "cv", "slope", "r2", "acf", "corr", "seascorr", "last", "at", "ratio", "growth", "least", "cnt", "since", "currun",
}  # fmt: skip
"""Functions that have a SQL form."""


def has_form(c: Compiled) -> bool:
    """Whether the indicator has a SQL form."""
    return c.calendar in ("closed", "day") and tree_has_form(c.tree)


def tree_has_form(tree: Node) -> bool:
    """Whether every part of a formula has one; shifted series are of plain columns only."""
    for node in walk(tree):
        if isinstance(node, Column) and node.alias not in _ALIASES:
            return False
        if isinstance(node, Call) and node.function not in FUNCTIONS:
            return False
        if isinstance(node, Call) and node.function in _BY_ROW and not isinstance(node.args[0], Column):
            return False
    return True


def ratio(a: str, b: str) -> str:
    """a / b, null where b is null or not positive."""
    return f"{a} / nullif(greatest({b}, 0), 0)"


@dataclass
class Form:
    """Expressions of some indicators over the relation `m`: its columns, what is derived by row, what is selected."""

    day: bool
    columns: set[tuple[str, str]] = field(default_factory=set)
    derived: dict[str, str] = field(default_factory=dict)

    def value(self, node: Node) -> str:
        """Expression of a value per firm."""
        match node:
            case Constant(value=value):
                return f"{value:g}"
            case Binary(op=op, left=left, right=right):
                return f"({self.value(left)} {op} {self.value(right)})"
            case Call(function="ratio", args=(a, b)):
                return f"({ratio(self.value(a), self.value(b))})"
            case Call(function="growth", args=(a, b)):
                return f"({ratio(self.value(a), self.value(b))} - 1)"
            case Call(function="least", args=(a, b)):
                x, y = self.value(a), self.value(b)
                return f"CASE WHEN {x} IS NOT NULL AND {y} IS NOT NULL THEN least({x}, {y}) END"
            case Call(function=name, args=args):
                return self.aggregate(name, args)
        raise TypeError(node)

    def aggregate(self, name: str, args: tuple[Node, ...]) -> str:
        """A function over months, with its rule of coverage."""
        series = [self.series(a) for a in args if a.kind in (Kind.SERIES, Kind.CONDITION)]
        numbers = [a.value for a in args if isinstance(a, Constant)]
        x = series[0]
        if name in ("last", "at"):
            return f"max({x}) FILTER (j = {int(numbers[0]) if numbers else 0})"
        if name == "since":
            return f"CASE WHEN count({x}) > 0 THEN coalesce(min(j) FILTER ({x}), {NEVER:g}) END"
        if name == "currun":
            return f"CASE WHEN count({x}) FILTER (j = 0) = 1 THEN coalesce(min(j) FILTER ({x} IS NOT TRUE), {MONTHS}) END"
        if name == "seascorr":
            return self.pearson(x, self.shifted(args[0], 12), _window(12), SEASON_NEEDS)
        w = int(numbers[0])
        if name == "acf":
            inner = self.pearson(x, self.shifted(args[0], int(numbers[1])), _window(w - int(numbers[1])), ACF_NEEDS)
            return self.covered(w, 0, inner)
        if name == "corr":
            return self.covered(w, 0, self.pearson(x, series[1], _window(w), CORR_NEEDS))
        o = int(numbers[1]) if len(numbers) > 1 and name != "q" else 0
        months = _window(w, o)
        return self.covered(w, o, self.over(name, x, w, months, numbers))

    def over(self, name: str, x: str, w: int, months: str, numbers: list[float]) -> str:
        """The aggregate itself over a window of months."""
        within = f"FILTER ({months})"
        if name == "cnt":
            return f"CASE WHEN count({x}) {within} > 0 THEN count(*) FILTER ({months} AND {x}) END"
        if name == "cv":
            return ratio(f"{self.over('std', x, w, months, numbers)}", f"avg({x}) {within}")
        if name in ("slope", "r2"):
            line = f"regr_{'slope' if name == 'slope' else 'r2'}({x}, -j) {within}"
            whole = ratio(line, f"avg({x}) {within}") if name == "slope" else line
            varies = f" AND min({x}) {within} < max({x}) {within}" if name == "r2" else ""
            return f"CASE WHEN count({x}) {within} >= {_LEAST[name]}{varies} THEN {whole} END"
        found = f"{_PLAIN[name]}({x}{f', {numbers[1]:g}' if name == 'q' else ''}) {within}"
        if name == "sum":  # a month that is not covered is made up for, months before the firm's first row are not
            whole, known = (
                (f"{BUCKET_DAYS * w}", f"sum(days) {within}")
                if self.day
                else (f"count(month) {within}", f"count(*) FILTER ({months} AND covered)")
            )
            return f"{found} * {whole} / {known}"
        return f"CASE WHEN count({x}) {within} >= {_LEAST[name]} THEN {found} END" if name in _LEAST else found

    def covered(self, w: int, o: int, inner: str) -> str:
        """`inner` where enough of the window is covered."""
        if self.day:
            enough = f"sum(days) FILTER ({_window(w, o)}) >= {DAY_SHARE * BUCKET_DAYS * w:g}"
        else:
            enough = f"count(*) FILTER ({_window(w, o)} AND covered) >= {w if o else NEED[w]}"
        return f"CASE WHEN {enough} THEN {inner} END"

    def pearson(self, x: str, y: str, months: str, need: int) -> str:
        """Correlation over the months where both are known; null when one does not vary."""
        both = f"FILTER ({months} AND {x} IS NOT NULL AND {y} IS NOT NULL)"
        varies = " AND ".join(f"min({v}) {both} < max({v}) {both}" for v in (x, y))
        return f"CASE WHEN count(*) {both} >= {need} AND {varies} THEN corr({x}, {y}) {both} END"

    def shifted(self, node: Node, k: int) -> str:
        return self.series(Call("lag", (node, Constant(float(k))), Kind.SERIES))

    def series(self, node: Node) -> str:
        """Name of a column of `m`, or of one derived from its columns."""
        if isinstance(node, Column):
            self.columns.add((node.alias, node.name))
            return _column(node.alias, node.name)
        spoken = re.sub(r"[-+*/<>=!]+", lambda op: f"_{_WORDS[op[0]]}_", text(node).replace("fm.", ""))
        name = re.sub(r"\W+", "_", spoken).strip("_")
        self.derived[name] = self.by_row(node)
        return name

    def by_row(self, node: Node) -> str:
        """Expression over the columns of one month (and its neighbours) of `m`."""
        match node:
            case Constant(value=value):
                return f"{value:g}"
            case Column():
                return self.series(node)
            case Binary(op="/", left=left, right=right):
                return f"({ratio(self.by_row(left), self.by_row(right))})"
            case Binary(op=op, left=left, right=right):
                return f"({self.by_row(left)} {'=' if op == '==' else '<>' if op == '!=' else op} {self.by_row(right)})"
            case Call(function=name, args=(inner, Constant(value=value))):
                x, k = self.by_row(inner), int(value)
                if name == "lag":
                    return f"max({x}) OVER (PARTITION BY firm_id ORDER BY j RANGE BETWEEN {k} FOLLOWING AND {k} FOLLOWING)"
                over = f"OVER (PARTITION BY firm_id ORDER BY j RANGE BETWEEN CURRENT ROW AND {k - 1} FOLLOWING)"
                return f"CASE WHEN count({x}) {over} = {k} THEN sum({x}) {over} END"
        raise TypeError(node)


def _column(alias: str, name: str) -> str:
    return {"fm": name, "fcat": f"cat_{name}_amt", "fcatn": f"cat_{name}_cnt"}[alias]


def _window(w: int, o: int = 0) -> str:
    return f"j < {w}" if not o else f"j BETWEEN {o} AND {o + w - 1}"


def _result(c: Compiled, form: Form) -> str:
    """The tree's expression after null policy, unit and type."""
    found, i = form.value(c.tree), c.indicator
    if i.null_policy != "null":
        found = f"coalesce({found}, {i.null_policy})"
    if i.unit == "CNY":
        found = f"({found}) / 100"
    return f"CAST(floor({found} + 0.5) AS BIGINT)" if i.dtype == "int" else f"CAST({found} AS DOUBLE)"


def select(c: Compiled) -> tuple[str, dict[str, str]] | None:
    """What the page of an indicator shows: the selected expression and the derived columns by name; None without a form."""
    if not has_form(c):
        return None
    form = Form(c.calendar == "day")
    return _result(c, form), form.derived


KNOWN = "coalesce(available_at <= $as_of + INTERVAL 30 HOUR, true)"
"""What was known at D + 1 day 06:00."""
_FIRMS = f"firms AS (SELECT DISTINCT firm_id FROM tile.registration WHERE snapshot_date = $as_of AND {KNOWN})"


def _newest(tile: str, key: str, where: str = "") -> str:
    return (
        f"(SELECT * FROM tile.{tile} WHERE {KNOWN}{where}\n"
        f"    QUALIFY row_number() OVER (PARTITION BY firm_id, {key} ORDER BY tile_version DESC, available_at DESC) = 1)"
    )


def relation(form: Form) -> str:
    """The common table expressions: firms of the night, and `m`, a row per firm and month (bucket) j counted back."""
    fm = sorted(name for alias, name in form.columns if alias == "fm")
    cats = sorted((alias, name) for alias, name in form.columns if alias != "fm")
    if form.day:
        read = [f"CAST({_column('fm', n)} AS DOUBLE) AS {n}" for n in fm]
        read += [f"CASE WHEN days_covered > 0 THEN CAST(coalesce({_column(a, n)}, 0) AS DOUBLE) END AS {_column(a, n)}" for a, n in cats]
        rows = f"{_newest('firm_bucket', 'bucket', ' AND snapshot_date = $as_of')} b ON b.firm_id = f.firm_id AND b.bucket = g.j"
        body = f"SELECT f.firm_id, g.j, coalesce(b.days_covered, 0) AS days, {', '.join(read)}\n  FROM firms f CROSS JOIN range(3) g(j) LEFT JOIN {rows}"
    else:
        known = f"days_covered >= {COVERED_SHARE} * days_in_month"
        read = [f"CAST({n if n == 'hist_months' else f'CASE WHEN {known} THEN {n} END'} AS DOUBLE) AS {n}" for n in fm]
        read += [f"CASE WHEN {known} THEN CAST(coalesce({_column(a, n)}, 0) AS DOUBLE) END AS {_column(a, n)}" for a, n in cats]
        start = "date_trunc('month', $as_of - INTERVAL 4 DAY) - (g.j + 1) * INTERVAL 1 MONTH"
        body = (
            f"SELECT f.firm_id, g.j, r.month, coalesce({known}, false) AS covered, {', '.join(read)}\n"
            f"  FROM firms f CROSS JOIN range({MONTHS}) g(j)\n"
            f"  LEFT JOIN {_newest('firm_month', 'month')} r ON r.firm_id = f.firm_id AND r.month = {start}"
        )
        if cats:
            sums = ", ".join(f"sum({'amt' if a == 'fcat' else 'cnt'}) FILTER (category = '{n}') AS {_column(a, n)}" for a, n in cats)
            body += (
                f"\n  LEFT JOIN (SELECT firm_id, month, {sums}\n    FROM {_newest('firm_category_month', 'category, month')}"
                f"\n    GROUP BY firm_id, month) c ON c.firm_id = f.firm_id AND c.month = r.month"
            )
    derived = "".join(f",\n  {expression} AS {name}" for name, expression in form.derived.items())
    shifted = f",\ns AS (SELECT *{derived} FROM m)" if form.derived else ""
    return f"WITH {_FIRMS},\nm AS ({body}){shifted}"


def query(indicators: Iterable[Compiled]) -> str:
    """One statement that computes indicators of one clock (all of them by months, or all by buckets): firm_id and a column each."""
    chosen = list(indicators)
    form = Form(chosen[0].calendar == "day")
    results = [f"  {_result(c, form)} AS {c.indicator.name}" for c in chosen]
    return (
        f"{relation(form)}\nSELECT firm_id,\n"
        + ",\n".join(results)
        + f"\nFROM {'s' if form.derived else 'm'} GROUP BY firm_id ORDER BY firm_id"
    )

"""From a batch to its 370 values per firm: formulas are evaluated over the batch, then the rules every indicator shares.

Shared rules, in this order: receipts that cannot be told apart by payer are no basis for payer statistics; a null value is
replaced by the null policy where the source covers the firm; CNY is fen / 100; whole numbers are rounded half up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from features import kernels_events, kernels_loyalty, kernels_party, kernels_runs, kernels_window, series
from features.batch import Batch
from features.compiled import COVERAGE_OF, Compiled
from features.formula import Binary, Call, Column, Constant, Kind, Node, Text
from features.series import Bools, Floats, Series
from features.vocabulary import FUNCTIONS, vocabulary

WINDOW: dict[str, Callable[..., Floats | Series]] = {
    "sum": kernels_window.total, "mean": kernels_window.mean, "min": kernels_window.minimum, "max": kernels_window.maximum,
    "median": kernels_window.median, "std": kernels_window.std, "cv": kernels_window.cv, "downdev": kernels_window.downdev,
    "slope": kernels_window.slope, "r2": kernels_window.r2, "mdd": kernels_window.mdd, "q": kernels_window.quantile,
    "acf": kernels_window.acf, "corr": kernels_window.corr, "seascorr": kernels_window.seascorr, "last": kernels_window.last,
    "at": kernels_window.at, "lag": series.lag, "roll": series.roll, "cnt": kernels_runs.cnt, "maxrun": kernels_runs.maxrun,
    "currun": kernels_runs.currun, "since": kernels_runs.since,
}  # fmt: skip
OF_VALUES: dict[str, Callable[[Floats, Floats], Floats]] = {"ratio": series.ratio, "growth": series.growth, "least": np.minimum}
PARTY: dict[str, Callable[..., Floats]] = {
    f.__name__: f
    for f in (
        kernels_party.n, kernels_party.total, kernels_party.hhi, kernels_party.top, kernels_party.entropy, kernels_party.evenness,
        kernels_party.gini, kernels_party.pmedian, kernels_party.ncover, kernels_party.tailshare, kernels_party.share,
        kernels_party.nwhere, kernels_party.n_by, kernels_party.hhi_by, kernels_party.single_n, kernels_loyalty.retain_n,
        kernels_loyalty.retain_amt, kernels_loyalty.jaccard, kernels_loyalty.newshare_n, kernels_loyalty.newshare_amt,
        kernels_loyalty.rep_n, kernels_loyalty.rep_amt, kernels_loyalty.ncore, kernels_loyalty.avg_months, kernels_loyalty.tenure,
        kernels_loyalty.top1_months, kernels_loyalty.topk_overlap,
    )
}  # fmt: skip
TWO_WINDOWS = {"retain_n", "retain_amt", "jaccard", "topk_overlap"}
"""Compare the window with the one before, which then is a base of comparison."""
NEEDS_HISTORY = {"newshare_n", "newshare_amt"}
HISTORY_MARGIN = 3
"""Months of history beyond the window that make 'first seen' mean something."""
RECEIPTS_SHARE = 0.2
"""Share of operating inflow whose payers must be known for payer statistics."""


class Engine:
    """Evaluates trees over one batch; equal sub-expressions are computed once."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._seen: dict[tuple[str, Node], Floats | Series] = {}

    def value(self, node: Node, calendar: str) -> Floats:
        """One value per firm."""
        found = self.eval(node, calendar)
        if isinstance(found, Series):
            raise TypeError(f"{node} is a series, not a value per firm")
        return found

    def eval(self, node: Node, calendar: str) -> Floats | Series:
        """Value per firm or series of a node, months counted by `calendar`."""
        key = (calendar, node)
        if key not in self._seen:
            self._seen[key] = self._compute(node, calendar)
        return self._seen[key]

    def _compute(self, node: Node, calendar: str) -> Floats | Series:
        match node:
            case Constant(value=value):
                return np.full(self.batch.n, value)
            case Column(alias="rg", name=name):
                return self.batch.registration(name)
            case Column(alias=alias, name=name):
                return self.batch.series(alias, name, calendar)
            case Binary(op=op, left=left, right=right):
                if node.kind == Kind.NUMBER:
                    a, b = self.value(left, calendar), self.value(right, calendar)
                    return a + b if op == "+" else a - b
                return series.combine(op, self._operand(left, calendar), self._operand(right, calendar))
            case Call():
                return self._call(node, calendar)
        raise TypeError(f"{node} is not an expression")

    def _operand(self, node: Node, calendar: str) -> Series | float:
        """One side of a series expression: a series, or a literal number."""
        found = node.value if isinstance(node, Constant) else self.eval(node, calendar)
        if isinstance(found, np.ndarray):
            raise TypeError(f"{node} is a value per firm, not a series")
        return found

    def _call(self, node: Call, calendar: str) -> Floats | Series:
        name = node.function
        if name == "peer_pct":  # the rank needs all firms of the night; until then the value itself
            return self.eval(node.args[0], calendar)
        if name in PARTY:
            return self._party(node)
        if name == "dual_amt":
            (w,) = _numbers(node)
            return series.null_unless(self._enough(w), kernels_party.dual_amt(self.batch.parties, w))
        if name == "cat_entropy":
            (w,) = _numbers(node)
            return self._category_entropy(w, calendar)
        if name.startswith(("ev_", "rg_", "day_")):
            return self._point(node)
        if name in OF_VALUES:
            return OF_VALUES[name](*(self.value(a, calendar) for a in node.args))
        args = [_literal(a) if isinstance(a, Constant) else self.eval(a, calendar) for a in node.args]
        return WINDOW[name](*args)

    def _enough(self, w: int, o: int = 0) -> Bools:
        return self.batch.coverage("fm", "closed").enough(w, o)

    def _party(self, node: Call) -> Floats:
        """A counterparty function where the flow is covered well enough."""
        name, column = node.function, node.args[0]
        assert isinstance(column, Column)
        w, *more = (_literal(a) for a in node.args[1:] if isinstance(a, Text | Constant))
        given = dict(zip(FUNCTIONS[name].args, node.args))
        ok = self._enough(w, _literal(given["months"]) if "months" in given else 0)
        if name in TWO_WINDOWS:
            ok = ok & self._enough(w, w)
        if name in NEEDS_HISTORY:
            ok = ok & (self.batch.series("fm", "hist_months", "closed").values[0] >= w + HISTORY_MARGIN)
        return series.null_unless(ok, PARTY[name](self.batch.parties, column.name, w, *more))

    def _category_entropy(self, w: int, calendar: str) -> Floats:
        """Entropy over the window sums of the outflow categories."""
        read = (self.batch.series("fcat", c, calendar) for c in vocabulary().out_categories)
        sums = np.maximum([series.add_up(s.window(w)) for s in read], 0)
        whole = series.add_up(sums)
        share = series.ratio(sums, np.broadcast_to(whole, sums.shape))
        terms = np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0)
        return series.null_unless(self.batch.coverage("fm", calendar).enough(w) & (whole > 0), -series.add_up(terms))

    def _point(self, node: Call) -> Floats:
        """Events, changes and days as of D. Counts of an uncovered source are null."""
        batch, day, name = self.batch, self.batch.as_of, node.function
        if name.startswith("day_"):
            column = node.args[0]
            assert isinstance(column, Column)
            x = batch.days(column.name)
            return kernels_events.day_since(x) if name == "day_since" else kernels_events.day_mdd(x, *_numbers(node))
        word, numbers = next(a.value for a in node.args if isinstance(a, Text)), _numbers(node)
        if name == "rg_n":
            return series.null_unless(self.covered("registry_covered"), batch.changes.recent(word, day, *numbers))
        events = batch.events
        if name == "ev_since":
            found = events.since(word, day)
        else:
            which = events.active(word, day) if "active" in name else events.recent(word, day, *numbers)
            found = events.count(which) if name.endswith("_n") else events.sum(which)
        return series.null_unless(self.covered("court_covered"), found)

    def covered(self, flag: str) -> Bools:
        """Firms whose source is covered, by a flag of tile.registration."""
        return self.batch.registration(flag) == 1

    @cached_property
    def receipts_known(self) -> Bools:
        """Firms whose payers are known for at least 20 % of the operating inflow of the last 12 months."""
        parties, s = self.batch.parties, self.batch.series("fm", "op_in_amt", "closed")
        rows = parties.rows.back < 12
        known = parties.per_firm(parties.rows.pair[rows], parties.rows.values["in_amt"][rows])
        return ~(known < RECEIPTS_SHARE * series.add_up(s.window(12)))

    def indicator(self, c: Compiled) -> Floats:
        """The indicator's value per firm after the shared rules (peer ranks: the value to be ranked)."""
        x = self.value(c.tree, c.calendar)
        if c.receipts:
            x = series.null_unless(self.receipts_known, x)
        i = c.indicator
        if i.null_policy != "null":
            flag = COVERAGE_OF.get(i.dimension)
            replace = np.isnan(x) & (self.covered(flag) if flag else True)
            x = np.where(replace, float(i.null_policy), x)
        if i.unit == "CNY":
            x = x / 100
        return np.floor(x + 0.5) if i.dtype == "int" else x


def _numbers(node: Call) -> list[int]:
    return [int(a.value) for a in node.args if isinstance(a, Constant)]


def _literal(node: Node) -> Any:
    """A literal argument: whole numbers as int, shares as float, names as str."""
    assert isinstance(node, Constant | Text)
    return int(node.value) if isinstance(node, Constant) and node.value.is_integer() else node.value


def evaluate(batch: Batch, indicators: Iterable[Compiled], absent: frozenset[str] = frozenset()) -> dict[str, Floats]:
    """Every indicator of the batch by name. Indicators that read a tile in `absent` (never written) are null as a whole."""
    engine = Engine(batch)
    return {c.indicator.name: np.full(batch.n, np.nan) if needs(c) & absent else engine.indicator(c) for c in indicators}


def needs(c: Compiled) -> frozenset[str]:
    """Tables an indicator needs: its tiles, the buckets instead of months on the day clock, firm_month for coverage."""
    tiles = set(c.tiles)
    if c.calendar == "day":
        return frozenset({"firm_bucket"} if tiles - {"firm_day"} else {"firm_day"})
    if tiles & {"firm_category_month", "firm_counterparty_month", "network"}:
        tiles.add("firm_month")
    if "rg_n(" in c.indicator.formula:
        tiles.add("registration_event")
    return frozenset(tiles)


def to_arrow(values: dict[str, Floats], indicators: Iterable[Compiled]) -> dict[str, pa.Array]:
    """Values as nullable Arrow columns in the catalogue's types; a rank's value to be ranked stays a double."""
    columns = {}
    for c in indicators:
        x = values[c.indicator.name]
        null = ~np.isfinite(x)
        whole = c.indicator.dtype == "int"
        columns[c.indicator.name] = pa.array(np.where(null, 0, x).astype(np.int64) if whole else x, mask=null)
    return columns

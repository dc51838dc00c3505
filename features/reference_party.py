"""Reference definitions over counterparties: one object per counterparty. Part of the plain-Python reference."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from features.reference_window import ratio

if TYPE_CHECKING:
    from features.reference import Firm

Value = float | None
Row = dict[str, Any]


@dataclass
class Party:
    """A counterparty of one firm: its known rows of covered months by month index."""

    id: str
    month0: date
    rows: dict[int, Row]

    def sum(self, column: str, w: int, o: int = 0) -> int:
        return sum(r[column] or 0 for j, r in self.rows.items() if o <= j < o + w)

    def months(self, column: str, w: int) -> int:
        return sum((r[column] or 0) > 0 for j, r in self.rows.items() if j < w)

    def inside(self, column: str, w: int) -> list[Row]:
        """Rows of the window with an amount."""
        return [r for j, r in self.rows.items() if j < w and (r[column] or 0) > 0]

    def first_months_ago(self, column: str) -> int | None:
        """Months from the first month ever to month 0, from 0 to 36; None when not stated."""
        name = "first_in_month" if column.startswith("in") else "first_out_month"
        stated = [r[name] for r in self.rows.values() if r[name] is not None]
        return min(max(_months_between(min(stated), self.month0), 0), 36) if stated else None


def _months_between(a: date, b: date) -> int:
    return (b.year - a.year) * 12 + b.month - a.month


def parties(firm: Firm) -> list[Party]:
    """All counterparties with a row in the covered closed months."""
    covered = firm.covered("closed")
    found: dict[str, Party] = {}
    for r in firm.tiles["firm_counterparty_month"]:
        j = _months_between(r["month"], firm.closed)
        if 0 <= j < len(covered) and covered[j]:
            found.setdefault(r["cpty_id"], Party(r["cpty_id"], firm.closed, {})).rows[j] = r
    return [found[k] for k in sorted(found)]


class Crowd:
    """The counterparties with a positive sum of one column over one window, largest first (equal sums: by id)."""

    def __init__(self, firm: Firm, column: str, w: int, o: int = 0) -> None:
        everyone = [(p, p.sum(column, w, o)) for p in parties(firm)]
        self.members = sorted(((p, s) for p, s in everyone if s > 0), key=lambda m: (-m[1], m[0].id))
        self.sums = [s for _, s in self.members]
        self.ids = {p.id for p, _ in self.members}
        self.total = sum(self.sums)
        self.shares = [s / self.total for s in self.sums]

    def amount(self, ids: set[str]) -> int:
        return sum(s for p, s in self.members if p.id in ids)


def statistic(name: str, firm: Firm, *args: Any) -> Value:
    """A counterparty function of the formula language."""
    line = firm.line("fm", "op_in_amt", "closed")
    if name == "dual_amt":
        return _dual(firm, args[0]) if line.enough(args[0]) else None
    column, w, *more = args
    offset = {"top": 1}.get(name, 0)
    o = more[offset] if len(more) > offset and name in ("top", "n", "total", "hhi", "entropy", "evenness", "gini", "pmedian") else 0
    if not line.enough(w, o):
        return None
    if name in ("retain_n", "retain_amt", "jaccard", "topk_overlap"):
        return _two_windows(name, Crowd(firm, column, w, w), Crowd(firm, column, w), *more) if line.enough(w, w) else None
    crowd = Crowd(firm, column, w, o)
    if name in ("n", "total"):
        return len(crowd.sums) if name == "n" else crowd.total
    if name in ("share", "nwhere", "n_by", "hhi_by"):
        return _by_attribute(name, crowd, column, w, more[0])
    if name in ("newshare_n", "newshare_amt"):
        history = firm.line("fm", "hist_months", "closed").values[0]
        return _new(name, crowd, column, w) if history is not None and history >= w + 3 else None
    if name in ("rep_n", "rep_amt", "ncore", "avg_months", "tenure", "top1_months"):
        return _loyal(name, crowd, column, w, *more)
    return _concentration(name, crowd, *more)


def _concentration(name: str, crowd: Crowd, *more: Any) -> Value:
    n, sums, shares = len(crowd.sums), crowd.sums, crowd.shares
    if n == 0:
        return None
    entropy = -math.fsum(s * math.log(s) for s in shares)
    match name:
        case "hhi":
            return math.fsum(s * s for s in shares)
        case "top":
            return sum(sums[: more[0]]) / crowd.total
        case "entropy":
            return entropy
        case "evenness":
            return entropy / math.log(n) if n > 1 else None
        case "gini":
            rising = sorted(sums)
            return 2 * sum(i * v for i, v in enumerate(rising, 1)) / (n * crowd.total) - (n + 1) / n
        case "pmedian":
            return statistics.median(sums)
        case "ncover":
            return next(k for k in range(1, n + 1) if sum(sums[:k]) >= more[0] * crowd.total * (1 - 1e-12))
        case "tailshare":
            return math.fsum(s for s in shares if s < more[0])
        case "single_n":
            return sum(s == 1 for s in sums) / n
    raise KeyError(name)


def _two_windows(name: str, a: Crowd, b: Crowd, k: int = 0) -> Value:
    """A = the window before, B = the window."""
    both = a.ids & b.ids
    match name:
        case "retain_n":
            return ratio(len(both), len(a.ids))
        case "retain_amt":
            return ratio(a.amount(both), a.total)
        case "jaccard":
            return ratio(len(both), len(a.ids | b.ids))
    top_a, top_b = ({p.id for p, _ in c.members[:k]} for c in (a, b))
    return ratio(len(top_a & top_b), min(len(top_a), len(top_b)))


def _new(name: str, crowd: Crowd, column: str, w: int) -> Value:
    """Counterparties first seen inside the window."""
    ages = {p.id: p.first_months_ago(column) for p, _ in crowd.members}
    new = {who for who, age in ages.items() if age is not None and age < w}
    return ratio(len(new), len(crowd.ids)) if name == "newshare_n" else ratio(crowd.amount(new), crowd.total)


def _loyal(name: str, crowd: Crowd, column: str, w: int, m: int = 0) -> Value:
    active = {p.id: p.months(column, w) for p, _ in crowd.members}
    regular = {who for who, months in active.items() if months >= m}
    match name:
        case "rep_n":
            return ratio(len(regular), len(crowd.ids))
        case "rep_amt":
            return ratio(crowd.amount(regular), crowd.total)
        case "ncore":
            return len(regular)
        case "avg_months":
            return ratio(sum(active.values()), len(active))
        case "top1_months":
            return active[crowd.members[0][0].id] if crowd.members else None
    aged = [(p.first_months_ago(column), s) for p, s in crowd.members]
    return ratio(sum(a * s for a, s in aged if a is not None), sum(s for a, s in aged if a is not None))


def _flag(row: Row, flag: str) -> bool:
    return bool(row["is_related"] if flag == "related" else row["out_province"] if flag == "out_province" else row["cpty_kind"] == flag)


def _by_attribute(name: str, crowd: Crowd, column: str, w: int, word: str) -> Value:
    """Shares and counts over an attribute of the rows; a null attribute is a group of its own."""
    rows = [(p.id, r) for p, _ in crowd.members for r in p.inside(column, w)]
    if name == "share":
        return ratio(sum(r[column] for _, r in rows if _flag(r, word)), crowd.total)
    if name == "nwhere":
        return len({who for who, r in rows if _flag(r, word)})
    groups: dict[Any, int] = defaultdict(int)
    for _, r in rows:
        groups[r[word]] += r[column]
    if name == "n_by":
        return len(groups)
    whole = sum(groups.values())
    return math.fsum((v / whole) ** 2 for v in groups.values()) if whole > 0 else None


def _dual(firm: Firm, w: int) -> Value:
    """Share of the amount, both ways, with counterparties that pay and are paid."""
    flows = [(p.sum("in_amt", w), p.sum("out_amt", w)) for p in parties(firm)]
    whole = sum(max(i, 0) + max(o, 0) for i, o in flows)
    return ratio(sum(i + o for i, o in flows if i > 0 and o > 0), whole)

"""Units of formulas: every tile column has one, every function carries units on, and the result must be the row's unit.

A unit is a product of bases with exponents: amounts are `fen`, a rate per day is `fen/day`, a pure number has none. Bases
are kept apart even where they are mere numbers (counts, days, months), so that an amount plus a count, or days held against
an amount, is refused when the catalogue is read. A literal number takes the unit of what it stands beside.
"""

from __future__ import annotations

from features.formula import Binary, Call, Column, Constant, Node, Text, text
from features.vocabulary import Vocabulary
from lake.errors import ContractBroken

Unit = tuple[tuple[str, int], ...]
"""Bases with their exponents, sorted; () is a pure number."""


def _base(name: str) -> Unit:
    return ((name, 1),)


PURE: Unit = ()
FEN, COUNT, DAY, MONTH, FLAG = map(_base, ("fen", "count", "day", "month", "flag"))
TIMES = _base("times")
"""A sum of flags: so many months, or so many times; it goes with counts and with months."""
PER_DAY: Unit = (("day", -1), ("fen", 1))
OF_WORD: dict[str, Unit] = {
    "fen": FEN, "fen/day": PER_DAY, "count": COUNT, "day": DAY, "month": MONTH, "flag": FLAG, "score": _base("score"), "ratio": PURE,
}  # fmt: skip
"""Units a column of the tile dictionary may have."""
ALLOWED: dict[str, tuple[Unit, ...]] = {
    "CNY": (FEN, (("count", -1), ("fen", 1))), "count": (COUNT, TIMES), "months": (MONTH, TIMES), "days": (DAY,), "flag": (FLAG,),
    "ratio": (PURE,), "index": (_base("index"),), "nats": (_base("nats"),), "corr": (_base("corr"),), "pct_rank": (_base("pct_rank"),),
    "score": (_base("score"),),
}  # fmt: skip
"""What a formula may yield for the unit of its catalogue row. CNY is fen / 100, also per transaction, firm or head."""

_KEEP = {"sum", "mean", "min", "max", "median", "std", "q", "last", "at", "lag", "roll", "total", "pmedian"}
_FIXED: dict[str, Unit] = {
    **dict.fromkeys(("cv", "downdev", "slope", "r2", "mdd", "evenness", "top", "tailshare", "share", "retain_n", "retain_amt"), PURE),
    **dict.fromkeys(("jaccard", "newshare_n", "newshare_amt", "rep_n", "rep_amt", "topk_overlap", "single_n", "dual_amt", "day_mdd"), PURE),
    **dict.fromkeys(("acf", "corr", "seascorr"), _base("corr")),
    **dict.fromkeys(("hhi", "hhi_by", "gini"), _base("index")),
    **dict.fromkeys(("entropy", "cat_entropy"), _base("nats")),
    **dict.fromkeys(("n", "ncover", "nwhere", "n_by", "ncore", "ev_n", "ev_active_n", "rg_n"), COUNT),
    **dict.fromkeys(("cnt", "maxrun", "currun", "since", "ev_since", "tenure", "top1_months", "avg_months"), MONTH),
    **dict.fromkeys(("ev_amt", "ev_active_amt"), FEN),
    "day_since": DAY, "peer_pct": _base("pct_rank"),
}  # fmt: skip
_NEEDS: dict[str, Unit] = {"single_n": COUNT, "retain_amt": FEN, "newshare_amt": FEN, "rep_amt": FEN, "day_mdd": FEN}
"""Functions whose column must have one unit."""
_OF_FLAGS = {"sum": TIMES, "roll": TIMES, "mean": PURE, "std": PURE}


def shown(unit: Unit) -> str:
    """A unit for people: `fen`, `fen per day`, `a pure number`."""
    above = [b if e == 1 else f"{b}^{e}" for b, e in unit if e > 0]
    below = [b if e == -1 else f"{b}^{-e}" for b, e in unit if e < 0]
    return (" ".join(above) or ("1" if below else "a pure number")) + (f" per {' '.join(below)}" if below else "")


def _product(a: Unit, b: Unit, sign: int) -> Unit:
    """a times b (sign 1) or a over b (sign -1)."""
    powers = dict(a)
    for base, e in b:
        powers[base] = powers.get(base, 0) + sign * e
    return tuple(sorted((base, e) for base, e in powers.items() if e))


def _agreed(a: Unit | None, b: Unit | None) -> tuple[Unit | None, Unit | None]:
    """Both units after a literal (None) and a sum of flags have taken the unit of the other side."""
    a, b = (b if a is None else a), (a if b is None else b)
    a, b = (b if a == TIMES and b in (COUNT, MONTH) else a), (a if b == TIMES and a in (COUNT, MONTH) else b)
    return a, b


class _Units:
    """Carries units through a tree; `where` is the catalogue id for messages."""

    def __init__(self, where: str, words: Vocabulary) -> None:
        self.where, self.words = where, words

    def fail(self, node: Node, problem: str) -> ContractBroken:
        return ContractBroken(f"indicator {self.where}: {text(node)!r}: {problem}")

    def of(self, node: Node) -> Unit | None:
        """Unit of a node; None for a literal, which has none of its own."""
        match node:
            case Constant() | Text():
                return None
            case Column(alias=alias, name=name):
                return OF_WORD[self.words.units[alias, name]]
            case Binary(op=op, left=left, right=right):
                return self.binary(node, op, self.of(left), self.of(right))
            case Call(function=name, args=args):
                return self.call(node, name, args)
        raise TypeError(node)

    def binary(self, node: Binary, op: str, a: Unit | None, b: Unit | None) -> Unit | None:
        if op in "*/":
            if a is not None and b is not None:
                a, b = _agreed(a, b)
            return _product(a or PURE, b or PURE, 1 if op == "*" else -1)
        a, b = _agreed(a, b)
        if a != b:
            raise self.fail(node, self.mixed(op, a, b))
        return a

    def mixed(self, op: str, a: Unit | None, b: Unit | None) -> str:
        word = {"+": "added to", "-": "and", "growth": "and", "least": "and"}.get(op, "compared with")
        return f"mixed units, {shown(a or PURE)} {word} {shown(b or PURE)}; both sides must have the same unit"

    def call(self, node: Call, name: str, args: tuple[Node, ...]) -> Unit:
        units = [self.of(a) for a in args]  # every argument is checked, also where the result does not depend on it
        if name in _NEEDS and units[0] != _NEEDS[name]:
            raise self.fail(node, f"{name} reads {shown(_NEEDS[name])}, found {shown(units[0] or PURE)}")
        if name in ("growth", "least", "ratio"):
            a, b = _agreed(units[0], units[1])
            if name == "ratio":
                return _product(a or PURE, b or PURE, -1)
            if a != b:
                raise self.fail(node, self.mixed(name, a, b))
            if name == "growth":
                return PURE
            at_most_one = any(isinstance(x, Constant) and x.value == 1 for x in args)
            return FLAG if at_most_one and a == COUNT else a or PURE
        if name in _KEEP:
            unit = units[0] or PURE
            return _OF_FLAGS.get(name, unit) if unit == FLAG else unit
        return _FIXED[name]


def check(tree: Node, unit: str, where: str, words: Vocabulary) -> None:
    """Raise ContractBroken unless the formula's units fit together and yield the unit of catalogue row `where`."""
    found = _Units(where, words).of(tree) or PURE
    if found not in ALLOWED[unit]:
        raise ContractBroken(f"indicator {where}: {text(tree)!r}: yields {shown(found)}, the row says {unit}")

"""The catalogue with every formula parsed and held against its row: window, clock, tile and the calendar it is read by.

Calendars: `closed` months are counted back from the latest closed calendar month, `tax` months from the firm's latest due
tax month (whatever is mixed with tax columns follows it), `day` reads three buckets of 30 days back from D.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from features import catalogue, formula, units
from features.catalogue import Indicator
from features.formula import Call, Constant, Node
from features.vocabulary import FUNCTIONS, WINDOWS, Vocabulary, vocabulary
from lake.errors import ContractBroken

TILE_OF = {
    "fm": "firm_month", "fcm": "firm_counterparty_month", "fcat": "firm_category_month", "fcatn": "firm_category_month",
    "tm": "tax_month", "rg": "registration", "ln": "loan", "nw": "network", "fd": "firm_day",
}  # fmt: skip
_TILE_OF_FUNCTION = {"cat_entropy": "firm_category_month", "rg_n": "registration", "dual_amt": "firm_counterparty_month"}
_WHOLE_HISTORY = {"seascorr", "currun"}
COVERAGE_OF = {"tax": "tax_covered", "judicial": "court_covered", "registration": "registry_covered", "credit_debt": "loan_covered"}
"""Flag of tile.registration that says whether the source of a dimension covers the firm; other dimensions need none."""


@dataclass(frozen=True)
class Compiled:
    """An indicator with its tree, the calendar of its months, and the tiles it reads."""

    indicator: Indicator
    tree: Node
    calendar: str
    tiles: frozenset[str]

    @property
    def peers(self) -> bool:
        """Whether the value is a rank inside the peer group, which needs all firms of the night."""
        return isinstance(self.tree, Call) and self.tree.function == "peer_pct"

    @property
    def receipts(self) -> bool:
        """Whether it rests on identifiable receipts per counterparty (null where too few are identifiable)."""
        reads = formula.columns(self.tree)
        return bool({("fcm", "in_amt"), ("fcm", "in_cnt")} & reads) or "dual_amt" in formula.functions(self.tree)


def tiles_of(tree: Node) -> frozenset[str]:
    """Tiles a formula reads."""
    tiles = {TILE_OF[alias] for alias, _ in formula.columns(tree)}
    for name in formula.functions(tree):
        if name in _TILE_OF_FUNCTION:
            tiles.add(_TILE_OF_FUNCTION[name])
        elif name.startswith("ev_"):
            tiles.add("court_event")
    return frozenset(tiles)


def _reach(node: Node) -> int:
    """Months of the longest window below `node`: what the row's `window` must say (0: latest values only)."""
    longest = 0
    for n in formula.walk(node):
        if not isinstance(n, Call):
            continue
        if n.function in _WHOLE_HISTORY:
            longest = max(longest, 24)
        elif n.function == "at":
            back = next(a.value for a in n.args if isinstance(a, Constant))
            longest = max(longest, max(w for w in WINDOWS if w <= back + 1))
        elif n.function not in ("lag", "roll"):
            windows = [a.value for a, name in zip(n.args, FUNCTIONS[n.function].args) if name == "window" and isinstance(a, Constant)]
            longest = max([longest, *(int(w) // 30 if n.function == "day_mdd" else int(w) for w in windows)])
    return longest


def _offsets(node: Node) -> set[str]:
    return {
        n.function
        for n in formula.walk(node)
        if isinstance(n, Call)
        for name in FUNCTIONS[n.function].args[: len(n.args)]
        if name == "months"
    }


def _check(i: Indicator, tree: Node, tiles: frozenset[str]) -> None:
    """Raise unless window, clock and tile of the row are those of its formula."""
    if i.tile not in tiles:
        raise ContractBroken(f"indicator {i.id}: {i.tile!r}: the formula reads {', '.join(sorted(tiles))}, not the row's tile")
    reach, declared = _reach(tree), 0 if i.window == "point" else int(i.window[:-1])
    if reach != declared:
        raise ContractBroken(f"indicator {i.id}: {i.window!r}: the formula's longest window is {reach} months, the row says {i.window}")
    if i.clock == "day":
        allowed = {"firm_month", "firm_category_month", "firm_day"}
        if tiles - allowed or declared > 3 or _offsets(tree):
            raise ContractBroken(
                f"indicator {i.id}: 'day': the day clock reads fm, fcat or fd over 1m or 3m without offset, not {i.formula}"
            )
    for n in formula.walk(tree):
        if isinstance(n, Call) and n.function == "peer_pct" and n is not tree:
            raise ContractBroken(f"indicator {i.id}: 'peer_pct': a rank is the last step of a formula")
    if i.dtype == "int" and i.unit == "CNY":
        raise ContractBroken(f"indicator {i.id}: 'int': amounts in CNY have two decimals, dtype must be double")


def compile_indicator(i: Indicator, words: Vocabulary | None = None) -> Compiled:
    """Parse and check one row; ContractBroken names the row and the token."""
    tree = formula.parse(i.formula, i.id, words)
    tiles = tiles_of(tree)
    _check(i, tree, tiles)
    units.check(tree, i.unit, i.id, words or vocabulary())
    calendar = "day" if i.clock == "day" else "tax" if "tax_month" in tiles else "closed"
    return Compiled(i, tree, calendar, tiles)


def compile_all(indicators: tuple[Indicator, ...], words: Vocabulary | None = None) -> tuple[Compiled, ...]:
    """All rows of a catalogue, compiled."""
    return tuple(compile_indicator(i, words) for i in indicators)


@lru_cache
def load() -> tuple[Compiled, ...]:
    """The program's catalogue, compiled (about 0.1 s, once a process)."""
    return compile_all(catalogue.load(), vocabulary())


def read(indicators: Path, words: Path) -> tuple[Compiled, ...]:
    """Another catalogue and tile dictionary, compiled; for tests and for trying a new row."""
    from features import vocabulary as v

    return compile_all(catalogue.read(indicators), v.read(words))

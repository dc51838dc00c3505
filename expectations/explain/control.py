"""Why received transactions differ from what the bank's second channel states (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

from expectations.explain import Cause

Key = tuple[str | None, str, str, int]
"""A control cell of a bank: branch_id (None: not known), currency, C or D, day number."""


@dataclass(frozen=True)
class Cell:
    """What a cell received beside what is stated: numbers and amounts (minor units). `ref` is the line that states it, if any.

    `trusted`: balance rows of the day confirm what was received, so what is left unexplained is the statement's.
    """

    received_cnt: int
    received: int
    stated_cnt: int
    stated: int
    ref: str | None = None
    trusted: bool = True

    @property
    def off(self) -> tuple[int, int]:
        """Number and amount received beyond what is stated."""
        return self.received_cnt - self.stated_cnt, self.received - self.stated


@dataclass(frozen=True)
class Part:
    """What the broken account-days of one kind add to a cell: their cause's kind and suspects, and number and amount received too much."""

    kind: str
    count: int
    amount: int
    suspects: tuple[str, ...] = ()


def explain_cell(key: Key, cells: Mapping[Key, Cell], parts: Mapping[Key, Sequence[Part]]) -> list[Cause]:
    """The causes of a broken cell: those of its broken account-days, and one for what they leave unexplained.

    Order for the rest: rounding - sign (the other side is off by the opposite) - another day - another branch - another
    currency - displaced decimal point - altered (numbers agree, or amounts) - missing row, or a row too many. Of a trusted cell the
    statement's line is suspect.
    """
    cell, found = cells[key], parts.get(key, ())
    causes: dict[str, list[Part]] = {}
    for p in found:
        causes.setdefault(p.kind, []).append(p)
    told = [Cause.of(k, sum(p.amount for p in ps), [s for p in ps for s in p.suspects]) for k, ps in causes.items()]
    rest = _rest(key, cells, parts)
    return told if rest == (0, 0) else [*told, _remainder(key, cell, rest, cells, parts)]


def _rest(key: Key, cells: Mapping[Key, Cell], parts: Mapping[Key, Sequence[Part]]) -> tuple[int, int]:
    """What the account-days leave unexplained of a cell; nothing for a cell that is not there."""
    if key not in cells:
        return 0, 0
    n, amount = cells[key].off
    return n - sum(p.count for p in parts.get(key, ())), amount - sum(p.amount for p in parts.get(key, ()))


def _remainder(key: Key, cell: Cell, rest: tuple[int, int], cells: Mapping[Key, Cell], parts: Mapping[Key, Sequence[Part]]) -> Cause:
    branch, currency, side, day = key
    n, amount = rest
    refs = [cell.ref] if cell.trusted else []
    if not n and abs(amount) <= max(1, isqrt(cell.received_cnt)):
        return Cause.of("rounding", amount, refs)
    opposite = (-n, -amount)

    def off(*keys: Key) -> bool:
        return n != 0 and any(_rest(k, cells, parts) == opposite for k in keys)

    if off((branch, currency, "D" if side == "C" else "C", day)):
        return Cause.of("flipped", amount, refs)
    if off((branch, currency, side, day - 1), (branch, currency, side, day + 1)):
        return Cause.of("shifted_day", amount, refs)
    if off(*(k for k in cells if k[0] != branch and k[1:] == key[1:])):
        return Cause.of("wrong_subject", amount, refs)
    if n and any(_rest(k, cells, parts)[0] == -n for k in cells if k[1] != currency and (k[0], *k[2:]) == (branch, side, day)):
        return Cause.of("currency_or_scale", amount, refs)
    stated = cell.received - amount
    if not n and stated and any(stated * f == cell.received or cell.received * f == stated for f in (10, 100, 1000, 10_000)):
        return Cause.of("currency_or_scale", amount, refs)
    if not n or not amount:
        return Cause.of("altered", amount, refs)
    return Cause.of("missing_row" if n < 0 else "extra_row", amount, refs)

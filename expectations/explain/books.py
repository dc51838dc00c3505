"""An account-day as its bank sent it: balance row, transactions, and by how much the two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

SIGN = {"C": 1, "D": -1}
TRIED = 50
"""Rows tried of those whose amount alone would explain a difference."""


@dataclass(frozen=True)
class Balance:
    """The balance row of an account-day, minor units."""

    ref: str
    opening: int
    credit: int
    debit: int
    closing: int
    credit_cnt: int
    debit_cnt: int


@dataclass(frozen=True)
class Txn:
    """One transaction; an amount or balance that does not read is None (it counts for nothing, and is suspect when one is missing)."""

    ref: str
    seq: int
    side: str | None
    amount: int | None
    after: int | None
    key: str = ""
    places: int = 2

    @property
    def move(self) -> int | None:
        """+amount for C, -amount for D; None for a side or amount that is none."""
        sign = SIGN.get(self.side or "")
        return None if sign is None or self.amount is None else sign * self.amount


@dataclass(frozen=True)
class Day:
    """An account-day: its balance row, if any, and its transactions in order of sequence."""

    balance: Balance | None
    rows: tuple[Txn, ...] = ()
    tolerance: int = 0
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, balance: Balance | None, rows: Sequence[Txn], tolerance: int = 0) -> Day:
        """Rows sorted; those without amount, balance after or side are set aside as unread."""
        whole = [r for r in rows if r.move is not None and r.after is not None]
        return cls(
            balance,
            tuple(sorted(whole, key=lambda r: (r.seq, r.ref))),
            tolerance,
            tuple(r.ref for r in rows if r.move is None or r.after is None),
        )


@dataclass(frozen=True)
class Gap:
    """Transactions less balance row, by side: number and amount."""

    credit_cnt: int = 0
    credit: int = 0
    debit_cnt: int = 0
    debit: int = 0

    def side(self, side: str) -> tuple[int, int]:
        """(number, amount) of a side."""
        return (self.credit_cnt, self.credit) if side == "C" else (self.debit_cnt, self.debit)

    @property
    def net(self) -> int:
        """Net movement of the transactions less that of the balance row."""
        return self.credit - self.debit


def gap(day: Day) -> Gap:
    """How sums and counts differ; the balance row must be there."""
    b = day.balance
    assert b is not None
    sums = {s: [0, 0] for s in SIGN}
    for r in day.rows:
        sums[r.side or "C"][0] += 1
        sums[r.side or "C"][1] += r.amount or 0
    (nc, c), (nd, d) = sums["C"], sums["D"]
    return Gap(nc - b.credit_cnt, c - b.credit, nd - b.debit_cnt, d - b.debit)


def jumps(rows: Sequence[Txn], opening: int) -> list[int]:
    """Of each row: its balance after, less the balance before it and its movement; 0 where they follow."""
    found, before = [], opening
    for r in rows:
        found.append((r.after or 0) - before - (r.move or 0))
        before = r.after or 0
    return found


def holds(day: Day) -> bool:
    """Whether sums, counts and the chain from opening to closing all fit."""
    b = day.balance
    if b is None or gap(day) != Gap():
        return False
    if not day.rows:
        return True
    chain = [*jumps(day.rows, b.opening), b.closing - (day.rows[-1].after or 0)]
    return all(abs(j) <= day.tolerance for j in chain)


def without(day: Day, r: Txn) -> Day:
    """The day with one row less."""
    return replace(day, rows=tuple(x for x in day.rows if x is not r))


def changed(day: Day, old: Txn, new: Txn) -> Day:
    return replace(day, rows=tuple(new if x is old else x for x in day.rows))


def missing(day: Day) -> tuple[str, int] | None:
    """Side and amount of the one row whose insertion makes the day hold."""
    g = gap(day)
    for side in SIGN:
        n, amount = g.side(side)
        if n != -1 or g.side("D" if side == "C" else "C") != (0, 0):
            continue
        move = -amount * SIGN[side]
        b = day.balance
        assert b is not None
        chain = jumps(day.rows, b.opening)
        chain.append(b.closing - (day.rows[-1].after or 0) if day.rows else move)
        odd = [j for j in chain if abs(j) > day.tolerance]
        if odd == [move] or (move == 0 and not odd):
            return side, -amount
    return None


def extras(day: Day) -> list[Txn]:
    """Rows without any of which alone the day would hold."""
    g = gap(day)
    for side in SIGN:
        n, amount = g.side(side)
        if n == 1 and g.side("D" if side == "C" else "C") == (0, 0):
            found = [r for r in day.rows if r.side == side and r.amount == amount]
            return [r for r in found[:TRIED] if holds(without(day, r))]
    return []


def twins(day: Day, r: Txn) -> list[Txn]:
    """Other rows of the day with the key of `r`, or with its side and amount."""
    return [x for x in day.rows if x is not r and ((x.key and x.key == r.key) or (x.side == r.side and x.amount == r.amount))]

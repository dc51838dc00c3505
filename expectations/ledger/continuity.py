"""Continuity of a whole ledger: every account-day against the closing balance before it (rules C1 and C4 in one).

Most accounts chain as their rows come; they are settled in numpy at once. The days of the others are decided one by one,
each from the closing balance of the day before. A broken day does not break the next one: that is whole when it continues
a balance the broken day may have closed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from expectations.ledger.chain import Day, check_day
from expectations.ledger.read import Ledger


@dataclass(frozen=True)
class Break:
    """A broken account-day. `expected`: a balance that should have been continued (minor units); `found`: where a row starts instead."""

    account: str
    day: date
    rows: int
    expected: int
    found: int


@dataclass(frozen=True)
class Continuity:
    """What the check found. `first`: position of each account-day's first row, in the ledger's order of rows.

    `position`: place of each row inside its account-day in the order found (or sent), 1 = first; rows of a day without an
    order keep the order of the file. `whole`: per account-day. `closing`: balance each account-day closed with.
    """

    rows: int
    accounts: int
    first: np.ndarray
    whole: np.ndarray
    position: np.ndarray
    closing: np.ndarray
    breaks: list[Break]

    @property
    def account_days(self) -> int:
        return len(self.first)

    @property
    def broken(self) -> int:
        return len(self.breaks)


class _Days:
    """Account-days of a ledger as arrays, and what is decided about them so far."""

    def __init__(self, ledger: Ledger) -> None:
        n, self.ledger = len(ledger), ledger
        new_account = np.ones(n, dtype=bool)
        new_account[1:] = ledger.account[1:] != ledger.account[:-1]
        new_day = new_account.copy()
        new_day[1:] |= ledger.day[1:] != ledger.day[:-1]
        self.before, self.after = ledger.balance - ledger.signed, ledger.balance
        self.first = np.flatnonzero(new_day)
        self.count = np.diff(np.append(self.first, n))
        self.last = self.first + self.count - 1
        self.opens_account = new_account[self.first]
        gap = np.zeros(n, dtype=np.int64)
        gap[1:] = np.abs(self.before[1:] - self.after[:-1])
        first_gap = np.zeros(len(self.first), dtype=np.int64)
        if ledger.mapping.first_minor is not None:
            first_gap = np.abs(self.before[self.first] - ledger.mapping.first_minor)
        self.gap = gap
        gap[self.first[self.opens_account]] = first_gap[self.opens_account]
        self.whole = np.ones(len(self.first), dtype=bool)
        self.closing = self.after[self.last].copy() if n else np.zeros(0, dtype=np.int64)
        self.position = np.arange(n) - np.repeat(self.first, self.count) + 1
        self.breaks: list[tuple[int, int, int]] = []

    def broke(self, day: int, expected: int, found: int) -> None:
        self.whole[day] = False
        self.breaks.append((day, expected, found))

    def result(self) -> Continuity:
        ledger = self.ledger
        breaks = [
            Break(ledger.accounts[ledger.account[self.first[d]]], ledger.date_of(ledger.day[self.first[d]]), int(self.count[d]), e, f)
            for d, e, f in sorted(self.breaks)
        ]
        accounts = int(self.opens_account.sum())
        return Continuity(len(ledger), accounts, self.first, self.whole, self.position, self.closing, breaks)


def check_ledger(ledger: Ledger) -> Continuity:
    """Check every account-day: by the order column where the mapping has one, else for the existence of an order."""
    days = _Days(ledger)
    if not len(ledger):
        return days.result()
    off = days.gap > ledger.mapping.tolerance_minor
    if ledger.order is not None:
        _check_sent_order(days, off)
    else:
        _check_any_order(days, off)
    return days.result()


def _check_sent_order(days: _Days, off: np.ndarray) -> None:
    """Rows chain in the order sent; the next row continues from the balance as sent, so one fault breaks one day.

    A number that occurs twice in an account-day orders nothing: the day is broken.
    """
    order = days.ledger.order
    assert order is not None
    repeated = np.zeros(len(off), dtype=bool)
    repeated[1:] = order[1:] == order[:-1]
    repeated[days.first] = False
    opening = days.ledger.mapping.first_minor
    for d in np.flatnonzero(np.logical_or.reduceat(off | repeated, days.first)):
        row = int(days.first[d] + np.argmax((off | repeated)[days.first[d] : days.last[d] + 1]))
        at_start = days.opens_account[d] and row == days.first[d]
        before = opening if at_start and opening is not None else int(days.after[row - 1])
        days.broke(int(d), before, int(days.before[row]))


def _check_any_order(days: _Days, off: np.ndarray) -> None:
    """Decide day by day from the first one of each account that does not chain as its rows come."""
    opening, tolerance = days.ledger.mapping.first_minor, days.ledger.mapping.tolerance_minor
    as_sent = ~np.logical_or.reduceat(off, days.first)
    inside = off.copy()
    inside[days.first] = False
    chains_inside = ~np.logical_or.reduceat(inside, days.first)
    account_of = np.cumsum(days.opens_account) - 1
    for account in np.unique(account_of[~as_sent]):
        start = _Before((opening,) if opening is not None else ())
        for d in range(*np.searchsorted(account_of, [account, account + 1])):
            start = _decide(days, d, start, tolerance, bool(chains_inside[d]))


@dataclass(frozen=True)
class _Before:
    """The day before: the balances it may have closed with (none: no day before) and the order of its rows, if known."""

    closings: tuple[int, ...]
    day: int | None = None
    order: list[int] | None = None


def _decide(days: _Days, d: int, start: _Before, tolerance: int, chains_inside: bool) -> _Before:
    """Decide one day, given the day before it."""
    first, last = int(days.first[d]), int(days.last[d])
    closings = start.closings
    if chains_inside and len(closings) == 1 and abs(int(days.before[first]) - closings[0]) <= tolerance:
        return _Before((int(days.after[last]),))
    before, after = days.before[first : last + 1].tolist(), days.after[first : last + 1].tolist()
    day, closing = _best(closings, before, after, tolerance)
    if len(closings) > 1 and day.whole and start.day is not None and closing is not None:
        _settle(days, start, closing)
    if day.expected is not None and day.found is not None:
        days.broke(d, day.expected, day.found)
    _place(days, d, day.order, day.closings[0])
    return _Before(day.closings, d, day.order)


def _best(closings: tuple[int, ...], before: list[int], after: list[int], tolerance: int) -> tuple[Day, int | None]:
    """The day as continued from the one of `closings` that makes it whole, else from the first; and that one."""
    if not closings:
        return check_day(None, before, after, tolerance), None
    for closing in closings if len(closings) > 1 else ():
        if any(abs(closing - b) <= tolerance for b in before):
            day = check_day(closing, before, after, tolerance)
            if day.whole:
                return day, closing
    return check_day(closings[0], before, after, tolerance), closings[0]


def _place(days: _Days, d: int, order: list[int] | None, closing: int) -> None:
    first = int(days.first[d])
    if order is not None:
        days.position[first + np.array(order)] = np.arange(1, len(order) + 1)
    days.closing[d] = closing


def _settle(days: _Days, start: _Before, closing: int) -> None:
    """The day after says how a circuit, or a day without an order, closed: turn the circuit so that it ends there."""
    d, order = start.day, start.order
    assert d is not None
    if order is not None:
        first = int(days.first[d])
        end = next(i for i, row in enumerate(order) if int(days.after[first + row]) == closing)
        order = [*order[end + 1 :], *order[: end + 1]]
    _place(days, d, order, closing)

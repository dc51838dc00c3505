"""Can the rows of one account-day be put into an order that chains from the previous closing balance to its own?

A ledger without an order inside the day must not be given one by its row numbers. Each row is an edge from the balance
before it (balance after less signed amount) to the balance after it; the day is whole when one path from the previous
closing balance uses every edge once, where two neighbours in the path differ by at most the tolerance.

How it is decided without trying orders, n rows in about n log n:

1. Join every balance before with a balance after (`joins.join_sorted`). The one left without a successor is the closing
   balance. If the best joining exceeds the tolerance somewhere, no order exists.
2. The joining may consist of one path and several circuits. Two of them become one by exchanging the successors of two
   rows, allowed when both new joins are within the tolerance (`joins.Joins.merge`). For exact balances this is the
   connectivity condition of an Eulerian path, and final.
3. With a tolerance, every link of the order found is within it: no balance is called equal to another through a chain of
   others in between. Where amounts are as small as the tolerance, exchanges may leave a day open: up to `SEARCH_ROWS`
   rows are then decided by a search over subsets of rows; a longer day is broken, its order is not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

from expectations.ledger.joins import OUTSIDE, join_sorted, left_over

SEARCH_ROWS = 12
"""Longest day searched when exchanges leave it open (at most 2^12 subsets)."""

FOLLOW_ROWS = 16
"""Up to this many rows a day is first followed row by row, which settles nearly all days."""


@dataclass(frozen=True)
class Day:
    """What became of one account-day; balances are integers in the minor unit.

    `order`: positions of the rows in the order found, None when the rows have none. `closings`: the balances the next day
    may continue from: one for a day that ends somewhere, several for a circuit with no known beginning or for a day without
    an order (every balance that none of its rows continues). `expected` and `found` are set for a broken day: a balance
    that should have been continued, and the balance a row starts from instead.
    """

    order: list[int] | None
    closings: tuple[int, ...]
    expected: int | None = None
    found: int | None = None

    @property
    def whole(self) -> bool:
        return self.expected is None


def check_day(start: int | None, before: list[int], after: list[int], tolerance: int) -> Day:
    """Decide one day of at least one row. `start` is the previous closing balance, None when there is no day before."""
    order = find_order(start, before, after, tolerance)
    if order is not None:
        return Day(order, _closings(start, order, before, after, tolerance))
    order = find_order(None, before, after, tolerance) if start is not None else None
    if order is not None:  # an order of its own, which does not continue the day before
        return Day(order, _closings(None, order, before, after, tolerance), start, before[order[0]])
    return _without_order(start, before, after, tolerance)


def _closings(start: int | None, order: list[int], before: list[int], after: list[int], tolerance: int) -> tuple[int, ...]:
    """The closing balance; a circuit whose beginning is not known may have ended after any of its rows."""
    last = after[order[-1]]
    if start is None and len(order) > 1 and abs(last - before[order[0]]) <= tolerance:
        return tuple(dict.fromkeys([last, *after]))
    return (last,)


def find_order(start: int | None, before: list[int], after: list[int], tolerance: int) -> list[int] | None:
    """Positions of the rows in an order that chains from `start` (None: from anywhere), None when there is none."""
    if start is not None and len(before) <= FOLLOW_ROWS:
        order, forced = _follow(start, before, after, tolerance)
        if order is not None or forced:
            return order
    joinings = 0
    for joins in join_sorted(start, before, after, tolerance):
        if joins.merge():
            return joins.path()
        joinings += 1
    if not joinings or tolerance == 0 or len(before) > SEARCH_ROWS:
        return None
    return _search(start, before, after, tolerance)


def _follow(start: int, before: list[int], after: list[int], tolerance: int) -> tuple[list[int] | None, bool]:
    """Follow the rows from `start`, the nearest first; also whether no step had a choice (then there is no other order)."""
    left, order, balance, forced = list(range(len(before))), [], start, True
    while left:
        near = [i for i in left if -tolerance <= before[i] - balance <= tolerance]
        if not near:
            return None, forced
        row = near[0]
        if len(near) > 1:
            row, forced = min((abs(before[i] - balance), i) for i in near)[1], False
        left.remove(row)
        order.append(row)
        balance = after[row]
    return order, forced


def _search(start: int | None, before: list[int], after: list[int], tolerance: int) -> list[int] | None:
    """Order by dynamic programming over sets of rows: for each set, the rows it can end with."""
    n = len(before)
    leads = [[abs(after[i] - before[j]) <= tolerance for j in range(n)] for i in range(n)]
    can_end = [0] * (1 << n)
    for i in range(n):
        if start is None or abs(start - before[i]) <= tolerance:
            can_end[1 << i] = 1 << i
    for rows in range(1, 1 << n):
        for i in range(n):
            if can_end[rows] >> i & 1:
                for j in range(n):
                    if leads[i][j] and not rows >> j & 1:
                        can_end[rows | 1 << j] |= 1 << j
    rows = (1 << n) - 1
    if not can_end[rows]:
        return None
    order = [can_end[rows].bit_length() - 1]
    while rows := rows & ~(1 << order[-1]):
        order.append(next(i for i in range(n) if can_end[rows] >> i & 1 and leads[i][order[-1]]))
    return order[::-1]


def _without_order(start: int | None, before: list[int], after: list[int], tolerance: int) -> Day:
    """A day whose rows have no order: where it tears, and every balance it may have closed with."""
    open_ends, open_starts = left_over(start, before, after, tolerance)
    closings = tuple(dict.fromkeys(b for b, row in open_ends if row != OUTSIDE and b is not None)) or tuple(dict.fromkeys(after))
    if open_starts:
        found = before[min(i for _, i in open_starts)]
        torn = [b for b, _ in open_ends if b is not None]
        began = any(i == OUTSIDE for _, i in open_ends)  # no row continues the day before
        return Day(None, closings, start if began else min(torn, key=lambda b: abs(b - found)), found)
    joins = next(join_sorted(start, before, after, tolerance))  # there is one: all balances join
    joins.merge()
    path = joins.path()
    apart = min(set(range(len(before))) - set(path))
    first = start if start is not None else before[0]
    return Day(None, closings, after[path[-1]] if path else first, before[apart])

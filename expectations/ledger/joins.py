"""Successors of the rows of one account-day: the best joining of balances, and the exchanges that make one path of it.

Row -1 stands for what is outside the day: it ends in the previous closing balance and starts where the day's own closing
balance goes, so that a path through the day is one circuit through row -1. A free end is WILD and joins with anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

End = tuple[int | None, int]
"""A balance (None: WILD) and the row it belongs to."""

WILD = None
OUTSIDE = -1
CLOSINGS_TRIED = 8
"""How many closing balances are tried where the tolerance leaves more than one."""


class Joins:
    """`ends[r]` is a balance after (ascending; a WILD one last), `starts[next[r]]` the balance before it is joined with.

    `ends` and `starts` are given joined position by position.
    """

    def __init__(self, ends: Sequence[End], starts: Sequence[End], tolerance: int) -> None:
        self.ends, self.starts, self.tolerance = ends, starts, tolerance
        self.next = list(range(len(ends)))
        self.prior = list(range(len(ends)))
        self._parent = list(range(len(ends)))
        self.parts = len(ends)
        for (_, a), (_, b) in zip(ends, starts, strict=True):
            self._union(a, b)

    def _find(self, row: int) -> int:
        i = row + 1
        while self._parent[i] != i:
            self._parent[i] = i = self._parent[self._parent[i]]
        return i

    def _union(self, a: int, b: int) -> None:
        x, y = self._find(a), self._find(b)
        if x != y:
            self._parent[x] = y
            self.parts -= 1

    def _near(self, end: int, start: int) -> bool:
        a, b = self.ends[end][0], self.starts[start][0]
        return a is WILD or b is WILD or -self.tolerance <= a - b <= self.tolerance

    def _exchange(self, x: int, y: int) -> None:
        """Exchange the successors of two ranks where that joins two parts and both new joins are within the tolerance."""
        if self._find(self.ends[x][1]) == self._find(self.ends[y][1]):
            return
        if self._near(x, self.next[y]) and self._near(y, self.next[x]):
            self.next[x], self.next[y] = self.next[y], self.next[x]
            self.prior[self.next[x]], self.prior[self.next[y]] = x, y
            self._union(self.ends[x][1], self.ends[y][1])

    def merge(self) -> bool:
        """Make one circuit of all parts; False when exchanges do not get there (final for exact balances)."""
        ranks = range(1, len(self.ends))
        self._exchange_neighbours(ranks)
        before = 0
        while self.tolerance and 1 < self.parts != before:
            before = self.parts
            self._exchange_neighbours(ranks[::-1])
            self._exchange_neighbours(ranks)
            if self.parts == before:
                self._reach_further()
        return self.parts == 1

    def _exchange_neighbours(self, ranks: range) -> None:
        for r in ranks:
            self._exchange(r - 1, r)
            self._exchange(self.prior[r - 1], r)
            self._exchange(self.prior[r], r - 1)
        last = len(self.ends) - 1
        if self.ends[last][0] is WILD:  # the beginning is free: it may lie in any part that its first balance touches
            for r in range(last):
                self._exchange(r, last)

    def _reach_further(self) -> None:
        """Exchange every row that is still apart with any other whose balance is within reach (twice the tolerance)."""
        main = self._find(OUTSIDE)
        for x in [x for x, (_, row) in enumerate(self.ends) if self._find(row) != main]:
            for step in (1, -1):
                y = x + step
                while 0 <= y < len(self.ends) and self._within_reach(x, y) and self._find(self.ends[x][1]) != self._find(OUTSIDE):
                    self._exchange(x, y)
                    y += step

    def _within_reach(self, x: int, y: int) -> bool:
        a, b = self.ends[x][0], self.ends[y][0]
        return a is WILD or b is WILD or abs(a - b) <= 2 * self.tolerance

    def path(self) -> list[int]:
        """The rows of the circuit through the outside, in their order (all rows when there is one circuit)."""
        following = {self.ends[x][1]: self.starts[y][1] for x, y in enumerate(self.next)}
        rows, row = [], following[OUTSIDE]
        while row != OUTSIDE:
            rows.append(row)
            row = following[row]
        return rows


def join_sorted(start: int | None, before: list[int], after: list[int], tolerance: int) -> Iterator[Joins]:
    """The joinings with the smallest greatest difference; none when that exceeds the tolerance (then no order exists).

    Sorted against sorted is best: when two joins cross, the uncrossed pair is never further apart. `start` None leaves
    the beginning of the path free. Exact balances leave one choice of the closing balance; a tolerance may leave
    neighbouring ones, of which a few are tried.
    """
    ends = sorted((b, i) for i, b in enumerate(after))
    starts = sorted((b, i) for i, b in enumerate(before))
    if start is None:
        yield from _join_free(ends, starts, tolerance)
        return
    ends = sorted([*ends, (start, OUTSIDE)])
    n = len(starts)
    same = [abs(ends[k][0] - starts[k][0]) <= tolerance for k in range(n)]
    shifted = [abs(ends[k + 1][0] - starts[k][0]) <= tolerance for k in range(n)]
    high = same.index(False) if False in same else n
    low = n - shifted[::-1].index(False) if False in shifted else 0
    if low <= high:
        step = max(1, (high - low) // CLOSINGS_TRIED)
        for closing in dict.fromkeys([high, *range(low, high, step)] if tolerance else [high]):
            yield Joins(ends, [*starts[:closing], (WILD, OUTSIDE), *starts[closing:]], tolerance)


def _join_free(ends: list[tuple[int, int]], starts: list[tuple[int, int]], tolerance: int) -> Iterator[Joins]:
    """As `join_sorted` with both ends of the path free: one start and one end are left out, at the outermost misfits."""
    n = len(starts)
    misfits = [k for k in range(n) if abs(ends[k][0] - starts[k][0]) > tolerance]
    low, high = (misfits[0], misfits[-1]) if misfits else (0, 0)
    wild: End = (WILD, OUTSIDE)
    if all(abs(ends[k][0] - starts[k + 1][0]) <= tolerance for k in range(low, high)):
        first, joined = starts[low], [*starts[:low], *starts[low + 1 : high + 1], wild, *starts[high + 1 :]]
    elif all(abs(ends[k + 1][0] - starts[k][0]) <= tolerance for k in range(low, high)):
        first, joined = starts[high], [*starts[:low], wild, *starts[low:high], *starts[high + 1 :]]
    else:
        return
    yield Joins([*ends, wild], [*joined, first], tolerance)


def left_over(start: int | None, before: list[int], after: list[int], tolerance: int) -> tuple[list[End], list[End]]:
    """Balances after that nothing continues and balances before that nothing leads to, in the largest joining there is."""
    ends: list[tuple[int, int]] = [(b, i) for i, b in enumerate(after)] + ([] if start is None else [(start, OUTSIDE)])
    starts = sorted((b, i) for i, b in enumerate(before))
    ends.sort()
    open_ends: list[End] = []
    open_starts: list[End] = []
    i = j = 0
    while i < len(ends) and j < len(starts):
        difference = ends[i][0] - starts[j][0]
        if abs(difference) <= tolerance:
            i, j = i + 1, j + 1
        elif difference < 0:
            open_ends.append(ends[i])
            i += 1
        else:
            open_starts.append(starts[j])
            j += 1
    return [*open_ends, *ends[i:]], [*open_starts, *starts[j:]]

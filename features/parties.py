"""Counterparties of a batch of firms: sparse rows, sums per counterparty and window, their order inside the firm.

Amounts stay int64 fen here, so that running sums are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.series import Bools, Floats, Ints

TENURE_CAP = 36
UNKNOWN_MONTH = -1
"""Marks a first month that is not stated (month numbers count from year 0, so they are positive)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Known rows of covered months: one per firm, counterparty and month, sorted by firm and counterparty.

    pair: number of the (firm, counterparty); back: months before month 0; codes are small integers, -1 = null.
    """

    pair: Ints
    back: Ints
    values: dict[str, Ints]
    flags: dict[str, Bools]
    codes: dict[str, Ints]
    first: dict[str, Ints]


@dataclass(frozen=True, eq=False)
class Sums:
    """Per counterparty: the window's sum and the months with an amount; only sums > 0 take part anywhere."""

    amount: Ints
    months: Ints

    @cached_property
    def there(self) -> Bools:
        return self.amount > 0


class Parties:
    """The counterparties of `n` firms. `firm` gives the firm of each pair; pairs are ordered by firm, then by id."""

    def __init__(self, n: int, firm: Ints, rows: Rows, month0: int) -> None:
        self.n, self.firm, self.rows, self.month0 = n, firm, rows, month0
        self._sums: dict[tuple[str, int, int], Sums] = {}
        self._order: dict[tuple[str, int, int], Ints] = {}

    def inside(self, column: str, w: int, o: int = 0) -> Bools:
        """Rows of the window with an amount."""
        back = self.rows.back
        return (back >= o) & (back < o + w) & (self.rows.values[column] > 0)

    def sums(self, column: str, w: int, o: int = 0) -> Sums:
        """Window sums per counterparty (months o..o+w-1)."""
        key = (column, w, o)
        if key not in self._sums:
            size, values = len(self.firm), self.rows.values[column]
            rows = (self.rows.back >= o) & (self.rows.back < o + w) & (values != 0)
            amount = np.zeros(size, dtype=np.int64)
            np.add.at(amount, self.rows.pair[rows], values[rows])
            months = np.bincount(self.rows.pair[rows & (values > 0)], minlength=size)
            self._sums[key] = Sums(amount, months)
        return self._sums[key]

    def ranked(self, column: str, w: int, o: int = 0) -> Ints:
        """Pairs with a sum > 0, by firm, then largest sum first; equal sums in order of the counterparty's id."""
        key = (column, w, o)
        if key not in self._order:
            s = self.sums(column, w, o)
            there = np.flatnonzero(s.there)
            # flatnonzero keeps the order of pairs (firm, id), and lexsort is stable
            self._order[key] = there[np.lexsort((-s.amount[there], self.firm[there]))]
        return self._order[key]

    def rank(self, column: str, w: int, o: int = 0) -> Ints:
        """Place of each ranked pair inside its firm, from 0."""
        firm = self.firm[self.ranked(column, w, o)]
        return np.arange(len(firm)) - np.searchsorted(firm, firm)

    def per_firm(self, pairs: Ints | Bools, weights: Floats | Ints | None = None) -> Floats:
        """Count, or sum of weights, of the given pairs per firm."""
        return np.bincount(self.firm[pairs], weights=weights, minlength=self.n).astype(float)

    def firm_total(self, column: str, w: int, o: int = 0) -> Floats:
        """Sum over the counterparties of each firm."""
        s = self.sums(column, w, o)
        return self.per_firm(s.there, s.amount[s.there])

    def share_of_firm(self, column: str, w: int, o: int = 0) -> tuple[Ints, Floats]:
        """Pairs with a sum > 0 and their share of their firm's total."""
        pairs = np.flatnonzero(self.sums(column, w, o).there)
        return pairs, self.sums(column, w, o).amount[pairs] / self.firm_total(column, w, o)[self.firm[pairs]]

    def tenure_months(self, column: str) -> tuple[Ints, Bools]:
        """Months from the first month ever to month 0 (cap 36) per pair, and whether it is known."""
        first = self.rows.first["first_in_month" if column.startswith("in") else "first_out_month"]
        earliest = np.full(len(self.firm), np.iinfo(np.int64).max)
        known = first != UNKNOWN_MONTH
        np.minimum.at(earliest, self.rows.pair[known], first[known])
        seen = earliest < np.iinfo(np.int64).max
        return np.clip(self.month0 - np.where(seen, earliest, self.month0), 0, TENURE_CAP), seen

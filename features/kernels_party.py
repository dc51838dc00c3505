"""Who pays and who is paid: statistics over the window sums per counterparty. Coverage and receipts rules are the engine's.

Every kernel takes the parties, the column, the window and what the formula adds, and yields one value per firm. Shares of
nothing are null; counts of nothing are 0.
"""

from __future__ import annotations

import numpy as np

from features.parties import Parties
from features.series import Floats, Ints, null_unless, ratio

ROUNDING = 1e-12
"""Relative slack when a running share is held against a level like 0.8."""


def n(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    return p.per_firm(p.sums(c, w, o).there)


def total(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    return p.firm_total(c, w, o)


def hhi(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    """Sum of squared shares."""
    pairs, share = p.share_of_firm(c, w, o)
    return null_unless(n(p, c, w, o) > 0, p.per_firm(pairs, share**2))


def top(p: Parties, c: str, w: int, k: int, o: int = 0) -> Floats:
    """Share of the k largest."""
    first = p.ranked(c, w, o)[p.rank(c, w, o) < k]
    return ratio(p.per_firm(first, p.sums(c, w, o).amount[first]), p.firm_total(c, w, o))


def entropy(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    pairs, share = p.share_of_firm(c, w, o)
    return null_unless(n(p, c, w, o) > 0, -p.per_firm(pairs, share * np.log(share)))


def evenness(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    """Entropy over its largest value; needs two counterparties."""
    count = n(p, c, w, o)
    return null_unless(count > 1, entropy(p, c, w, o) / np.log(np.maximum(count, 2)))


def gini(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    """Gini coefficient over the counterparties."""
    pairs = p.ranked(c, w, o)
    count, amount = n(p, c, w, o), p.sums(c, w, o).amount
    place = count[p.firm[pairs]] - p.rank(c, w, o)  # 1 = the smallest
    weighted = p.per_firm(pairs, place * amount[pairs])
    return null_unless(count > 0, 2 * ratio(weighted, count * p.firm_total(c, w, o)) - (count + 1) / np.maximum(count, 1))


def pmedian(p: Parties, c: str, w: int, o: int = 0) -> Floats:
    """Median sum per counterparty."""
    pairs, rank = p.ranked(c, w, o), p.rank(c, w, o)
    count = n(p, c, w, o)
    of_firm = count[p.firm[pairs]]
    middle = (rank == (of_firm - 1) // 2) | (rank == of_firm // 2)
    return ratio(
        p.per_firm(pairs[middle], p.sums(c, w, o).amount[pairs[middle]]), np.where(count % 2 == 1, 1.0, np.where(count > 0, 2.0, 0.0))
    )


def ncover(p: Parties, c: str, w: int, level: float) -> Floats:
    """Fewest counterparties that reach `level` of the total."""
    pairs, amount = p.ranked(c, w), p.sums(c, w).amount
    running = np.cumsum(amount[pairs])
    start = np.searchsorted(p.firm[pairs], p.firm[pairs])
    before = running - (running[start] - amount[pairs][start]) - amount[pairs]  # sum of the larger ones
    needed = before < level * p.firm_total(c, w)[p.firm[pairs]] * (1 - ROUNDING)
    return null_unless(n(p, c, w) > 0, p.per_firm(pairs[needed]))


def tailshare(p: Parties, c: str, w: int, level: float) -> Floats:
    """Amount share of those whose own share is below `level`."""
    pairs, share = p.share_of_firm(c, w)
    small = share < level
    return null_unless(n(p, c, w) > 0, p.per_firm(pairs[small], share[small]))


def _rows_of_parties(p: Parties, c: str, w: int) -> Ints:
    """Rows with an amount, of counterparties whose sum is positive."""
    return np.flatnonzero(p.inside(c, w) & p.sums(c, w).there[p.rows.pair])


def share(p: Parties, c: str, w: int, flag: str) -> Floats:
    """Amount share of the rows with the flag."""
    rows = _rows_of_parties(p, c, w)
    rows = rows[p.rows.flags[flag][rows]]
    return ratio(p.per_firm(p.rows.pair[rows], p.rows.values[c][rows]), p.firm_total(c, w))


def nwhere(p: Parties, c: str, w: int, flag: str) -> Floats:
    """Counterparties with the flag."""
    rows = _rows_of_parties(p, c, w)
    return p.per_firm(np.unique(p.rows.pair[rows[p.rows.flags[flag][rows]]]))


def _groups(p: Parties, c: str, w: int, attribute: str) -> tuple[Ints, Floats]:
    """Firm and amount of each (firm, attribute) group; a null attribute is a group of its own."""
    rows = _rows_of_parties(p, c, w)
    codes = p.rows.codes[attribute][rows] + 1
    width = int(p.rows.codes[attribute].max(initial=0)) + 2
    groups, index = np.unique(p.firm[p.rows.pair[rows]] * width + codes, return_inverse=True)
    return groups // width, np.bincount(index, weights=p.rows.values[c][rows], minlength=len(groups)).astype(float)


def n_by(p: Parties, c: str, w: int, attribute: str) -> Floats:
    """Distinct values of the attribute."""
    return np.bincount(_groups(p, c, w, attribute)[0], minlength=p.n).astype(float)


def hhi_by(p: Parties, c: str, w: int, attribute: str) -> Floats:
    """Sum of squared shares over the values of the attribute."""
    firm, amount = _groups(p, c, w, attribute)
    whole = np.bincount(firm, weights=amount, minlength=p.n)
    return null_unless(whole > 0, np.bincount(firm, weights=(amount / whole[firm]) ** 2, minlength=p.n).astype(float))


def single_n(p: Parties, c: str, w: int) -> Floats:
    """Share of counterparties with exactly one transaction."""
    return ratio(p.per_firm(p.sums(c, w).amount == 1), n(p, c, w))


def dual_amt(p: Parties, w: int) -> Floats:
    """Share of the amount, both ways, with counterparties that pay and are paid."""
    paid, got = p.sums("out_amt", w), p.sums("in_amt", w)
    both = paid.there & got.there
    return ratio(p.per_firm(both, (paid.amount + got.amount)[both]), p.firm_total("in_amt", w) + p.firm_total("out_amt", w))

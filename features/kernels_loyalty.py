"""Whether counterparties stay: B = those of the window (months 0..w-1), A = those of the window before (months w..2w-1)."""

from __future__ import annotations

import numpy as np

from features.kernels_party import n
from features.parties import Parties
from features.series import Floats, null_unless, ratio


def retain_n(p: Parties, c: str, w: int) -> Floats:
    """Share of A's counterparties that are in B too."""
    a, b = p.sums(c, w, w).there, p.sums(c, w).there
    return ratio(p.per_firm(a & b), p.per_firm(a))


def retain_amt(p: Parties, c: str, w: int) -> Floats:
    """Share of A's amount whose counterparties are in B too."""
    a, b = p.sums(c, w, w), p.sums(c, w).there
    kept = a.there & b
    return ratio(p.per_firm(kept, a.amount[kept]), p.firm_total(c, w, w))


def jaccard(p: Parties, c: str, w: int) -> Floats:
    a, b = p.sums(c, w, w).there, p.sums(c, w).there
    return ratio(p.per_firm(a & b), p.per_firm(a | b))


def _new(p: Parties, c: str, w: int) -> np.ndarray:
    """Pairs of B first seen inside the window."""
    months, known = p.tenure_months(c)
    return p.sums(c, w).there & known & (months < w)


def newshare_n(p: Parties, c: str, w: int) -> Floats:
    return ratio(p.per_firm(_new(p, c, w)), n(p, c, w))


def newshare_amt(p: Parties, c: str, w: int) -> Floats:
    new = _new(p, c, w)
    return ratio(p.per_firm(new, p.sums(c, w).amount[new]), p.firm_total(c, w))


def _regular(p: Parties, c: str, w: int, m: int) -> np.ndarray:
    """Pairs active in at least m months."""
    s = p.sums(c, w)
    return s.there & (s.months >= m)


def rep_n(p: Parties, c: str, w: int, m: int) -> Floats:
    return ratio(p.per_firm(_regular(p, c, w, m)), n(p, c, w))


def rep_amt(p: Parties, c: str, w: int, m: int) -> Floats:
    kept = _regular(p, c, w, m)
    return ratio(p.per_firm(kept, p.sums(c, w).amount[kept]), p.firm_total(c, w))


def ncore(p: Parties, c: str, w: int, m: int) -> Floats:
    return p.per_firm(_regular(p, c, w, m))


def avg_months(p: Parties, c: str, w: int) -> Floats:
    """Mean of the active months."""
    s = p.sums(c, w)
    return ratio(p.per_firm(s.there, s.months[s.there]), n(p, c, w))


def tenure(p: Parties, c: str, w: int) -> Floats:
    """Months since the first month ever (cap 36), weighted by amount."""
    months, known = p.tenure_months(c)
    s = p.sums(c, w)
    kept = s.there & known
    return ratio(p.per_firm(kept, (months * s.amount)[kept]), p.per_firm(kept, s.amount[kept]))


def top1_months(p: Parties, c: str, w: int) -> Floats:
    """Active months of the largest counterparty."""
    first = p.ranked(c, w)[p.rank(c, w) == 0]
    return null_unless(n(p, c, w) > 0, p.per_firm(first, p.sums(c, w).months[first]))


def topk_overlap(p: Parties, c: str, w: int, k: int) -> Floats:
    """Common members of the k largest of B and of A, over the smaller of the two sets."""
    sets = []
    for o in (0, w):
        member = np.zeros(len(p.firm), dtype=bool)
        member[p.ranked(c, w, o)[p.rank(c, w, o) < k]] = True
        sets.append(member)
    b, a = sets
    return ratio(p.per_firm(a & b), np.minimum(p.per_firm(a), p.per_firm(b)))

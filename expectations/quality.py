"""Quality of a bank's month: seven weighted parts, grade and ranking (domain B6). Pure functions over counts.

A part that was not measured (nothing was due, sampled or stated) has no score: it takes part in neither sum, and `weight`
says how much of the 100 was measured. Nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction


@dataclass(frozen=True)
class Part:
    """One part: its weight in Q, and the fail rate at which its score is 0."""

    name: str
    weight: int
    zero_at: Fraction
    perfect_when_empty: bool = False


PARTS = (
    Part("timeliness", 15, Fraction(20, 100)),
    Part("completeness", 20, Fraction(1, 1000)),
    Part("validity", 15, Fraction(1, 100)),
    Part("totals", 15, Fraction(1, 100)),
    Part("continuity", 20, Fraction(5, 1000)),
    Part("sampling", 10, Fraction(1, 100)),
    Part("rectification", 5, Fraction(50, 100), perfect_when_empty=True),
)
"""`perfect_when_empty`: a bank without issues has none past due; every other part of nothing is not measured."""

GRADES = (("A", 95), ("B", 85), ("C", 70))
DIGITS = 4
"""Q and scores are rounded to so many digits before they are graded and ranked, so that what is shown decides."""


@dataclass(frozen=True)
class Count:
    """What failed of how much of a part; `total` None or 0: there was nothing to measure."""

    failing: int
    total: int | None


@dataclass(frozen=True)
class BankQuality:
    """A bank's month. `scores` by part (None: not measured); `q`, `grade` None when nothing was measured; `cap` bounds Q."""

    bank_id: str
    counts: Mapping[str, Count]
    scores: Mapping[str, float | None]
    weight: int
    q: float | None
    grade: str | None
    cap: int | None
    rows_accepted: int
    rank: int | None = None


def part_score(part: Part, count: Count) -> float | None:
    """`100 * max(0, 1 - fail / f_k)`; None when the part was not measured."""
    exact = _exact(part, count)
    return None if exact is None else round(float(exact), DIGITS)


def _exact(part: Part, count: Count) -> Fraction | None:
    if count.total is None or (count.total == 0 and not part.perfect_when_empty):
        return None
    rate = Fraction(count.failing, count.total) if count.total else Fraction(0)
    return 100 * max(Fraction(0), 1 - rate / part.zero_at)


def grade(q: float) -> str:
    """A from 95, B from 85, C from 70, D below."""
    return next((name for name, least in GRADES if q >= least), "D")


def bank_quality(bank_id: str, counts: Mapping[str, Count], rows_accepted: int, cap: int | None = None) -> BankQuality:
    """Q of one bank: the weighted mean of the parts that were measured, at most `cap` (a failed sample, domain B5)."""
    exact = {p: _exact(p, counts.get(p.name, Count(0, None))) for p in PARTS}
    weight = sum(p.weight for p, s in exact.items() if s is not None)
    q = None
    if weight:
        q = round(float(sum((p.weight * s for p, s in exact.items() if s is not None), Fraction(0)) / weight), DIGITS)
        q = q if cap is None else min(q, float(cap))
    scores = {p.name: None if s is None else round(float(s), DIGITS) for p, s in exact.items()}
    return BankQuality(bank_id, counts, scores, weight, q, None if q is None else grade(q), cap, rows_accepted)


def ranked(banks: Iterable[BankQuality]) -> Sequence[BankQuality]:
    """By Q, ties by rows accepted (more first); equal in both share a rank. Banks without Q come last and have none."""
    order = sorted(banks, key=lambda b: (b.q is None, -(b.q or 0.0), -b.rows_accepted, b.bank_id))
    found: list[BankQuality] = []
    for place, bank in enumerate(order, 1):
        same = found and (found[-1].q, found[-1].rows_accepted) == (bank.q, bank.rows_accepted)
        found.append(replace(bank, rank=None if bank.q is None else found[-1].rank if same else place))
    return found

"""Single-transaction sampling (domain B5): how many rows, which rows, and what the bank's answers prove. Pure functions.

Nobody can steer the choice: rows are ordered by HMAC-SHA256(seed, txn_key), and sha256(seed) was published before.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from scipy.stats import beta, hypergeom

LARGEST, REVERSALS = 60, 30
ALLOWED = 2
"""c: critical mismatches that pass."""
RISK = 0.05
NORMAL, TIGHT = Fraction(1, 100), Fraction(1, 200)
"""Error rates p that a sample must show with 95 %: the normal plan, and the one after a failed month."""
PASSES_TO_RELAX = 2
REMIND_AFTER, SILENT_AFTER = 5, 10
"""Workdays without an answer until a reminder, and until it counts as a critical mismatch."""
CAP, CAP_PROVEN, PROVEN_ABOVE = 84, 69, 0.005
CRITICAL = ("biz_date", "dr_cr", "currency", "amt_minor", "account_id")
MINOR = ("balance_after_minor", "cpty_account_token", "cpty_name_token")


def sample_size(population: int, p: Fraction, allowed: int = ALLOWED) -> int:
    """Smallest n with P(X <= allowed) <= 5 %, X hypergeometric(N, ceil(p N), n); all rows when no n proves it."""
    bad = -((-population * p.numerator) // p.denominator)
    if population == 0 or bad <= allowed:
        return population
    low, high = 1, population  # the probability falls with n
    while low < high:
        middle = (low + high) // 2
        if hypergeom.cdf(allowed, population, bad, middle) <= RISK:
            high = middle
        else:
            low = middle + 1
    return low


def commitment(seed: bytes) -> str:
    """What is published before the month closes."""
    return hashlib.sha256(seed).hexdigest()


def place(seed: bytes, txn_key: str) -> bytes:
    """The order of a row."""
    return hmac.digest(seed, txn_key.encode("ascii"), "sha256")


@dataclass(frozen=True)
class Frame:
    """A row that may be drawn: its key, abs(amount) in CNY fen, and whether it is a reversal."""

    txn_key: str
    amount_fen: int
    is_reversal: bool


@dataclass(frozen=True)
class Draw:
    """What was drawn: (key, stratum) in the order of the seed; `population` and `random` are those of the random stratum."""

    items: Sequence[tuple[str, str]]
    population: int
    random: int


def draw(seed: bytes, frame: Iterable[Frame], p: Fraction) -> Draw:
    """The 60 largest (ties by key), 30 of the other reversals, and of the rest as many as prove p, both in the order of the seed."""
    rows = sorted(frame, key=lambda r: (-r.amount_fen, r.txn_key))
    top, others = rows[:LARGEST], rows[LARGEST:]
    reversals = sorted((r.txn_key for r in others if r.is_reversal), key=lambda k: place(seed, k))[:REVERSALS]
    rest = sorted((r.txn_key for r in others if not r.is_reversal), key=lambda k: place(seed, k))
    n = sample_size(len(rest), p)
    drawn = {r.txn_key: "LARGEST" for r in top} | dict.fromkeys(reversals, "REVERSAL") | dict.fromkeys(rest[:n], "RANDOM")
    return Draw(sorted(drawn.items(), key=lambda x: place(seed, x[0])), len(rest), n)


def mismatches(held: Mapping[str, object], voucher: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """Columns of ours that the voucher contradicts: critical, minor. A column without a value on both sides agrees."""
    off = [c for c in (*CRITICAL, *MINOR) if held[c] != voucher[c]]
    return [c for c in off if c in CRITICAL], [c for c in off if c in MINOR]


def upper_bound(found: int, n: int) -> float | None:
    """One-sided Clopper-Pearson 95 % upper bound of the error rate; None without a sample."""
    if n == 0:
        return None
    return 1.0 if found == n else float(beta.ppf(1 - RISK, found + 1, n - found))


def lower_bound(found: int, n: int) -> float | None:
    """One-sided Clopper-Pearson 95 % lower bound."""
    if n == 0:
        return None
    return 0.0 if found == 0 else float(beta.ppf(RISK, found, n - found + 1))


def decision(found: int, waiting: int) -> str:
    """FAIL as soon as more than c critical mismatches are found in the random stratum, PASS when none can come any more."""
    return "FAIL" if found > ALLOWED else "PENDING" if waiting else "PASS"


def cap(decided: str, found: int, n: int, before: str | None) -> int | None:
    """Bound on Q of a failed month: 69 when the error rate is proven above 0.5 % or the month before failed too, else 84."""
    if decided != "FAIL":
        return None
    proven = lower_bound(found, n)
    return CAP_PROVEN if before == "FAIL" or (proven is not None and proven > PROVEN_ABOVE) else CAP


def tightened(decisions: Iterable[str]) -> bool:
    """Whether the next month is sampled with p = 0.5 %, from the decisions of a bank's months in order: a failure, and not two passes since."""
    passes = PASSES_TO_RELAX
    for decided in decisions:
        passes = 0 if decided == "FAIL" else passes + (decided == "PASS")
    return passes < PASSES_TO_RELAX

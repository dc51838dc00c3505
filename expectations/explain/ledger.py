"""Why the accounts of a subject do not add up to the general ledger (G1 balances, G2 movements)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

from expectations.explain import NONE, Cause, scaled

Place = tuple[str, str]
"""(branch_id, gl_subject)."""


@dataclass(frozen=True)
class Account:
    """An account on the day: its row, where it is booked today and was the day before, and its figures in minor units.

    `ref` is None for one that has no row today; `closed_at` is what it closed with the day before, `opens_next` what it opens
    with the day after, `moved` the net of its transactions; each None where not known.
    """

    ref: str | None
    token: str
    place: Place | None
    place_before: Place | None = None
    opening: int = 0
    credit: int = 0
    debit: int = 0
    closing: int = 0
    closed_at: int | None = None
    opens_next: int | None = None
    moved: int | None = None

    @property
    def net(self) -> int:
        """Credits less debits of its row."""
        return self.credit - self.debit

    @property
    def name(self) -> str:
        """How it is named as a suspect: its row, or its token."""
        return self.ref or self.token

    def value(self, flow: bool) -> int:
        """What it adds to its group's sum: net movement or closing balance."""
        return self.net if flow else self.closing

    def errors(self, flow: bool) -> set[int]:
        """By how much that may be wrong, as its own row, its transactions and its neighbouring days say; empty when all agree."""
        says = {self.closing - self.opening} if flow else {self.opening + self.net}
        if self.moved is not None:
            says |= {self.moved} if flow else {self.opening + self.moved}
        if not flow:
            says |= {x for x in (None if self.closed_at is None else self.closed_at + self.net, self.opens_next) if x is not None}
        return {self.value(flow) - x for x in says} - {0}


@dataclass(frozen=True)
class Ledger:
    """A ledger row of a group, minor units. `ref` is None when the ledger has none; `ours_before` is the sum our accounts opened
    with, `accounts` how many there are."""

    ref: str | None
    open: int
    credit: int
    debit: int
    close: int
    ours_before: int | None = None
    accounts: int = 0


def explain_group(
    place: Place,
    diff: int,
    ledger: Ledger,
    accounts: Sequence[Account],
    others: Mapping[Place, int],
    *,
    flow: bool = False,
) -> Cause:
    """The cause of a broken group: `diff` = our sum less the ledger's, of balances or (`flow`) net movements.

    `accounts` are those of the bank, currency and date in any group, and those that had a row the day before, at least all
    whose value is the difference, whose place changed, or whose figures disagree; `others` the differences of other groups. Order: wrong subject (its balance is too much here and lacking there; those that moved
    since the day before first) - missing row - duplicate - sign - displaced decimal point - another day's row - exchanged
    with an account of another group - altered - the ledger row itself (its own sum is broken by the same amount, it states
    our sum of the day before, its decimal point) - rounding (at most the root of the number of accounts). Signs, decimals,
    exchanges and alterations are only looked for in accounts whose row disagrees with its transactions or neighbouring days.
    """
    here = [a for a in accounts if a.ref and a.place == place]
    away = [a for a in accounts if a.ref and a.place != place]
    odd = [a for a in here if a.errors(flow)]
    for found in (
        _misplaced(place, diff, here, away, others, flow),
        _lost(place, diff, here, [a for a in accounts if a.ref is None], flow),
        _one(diff, odd, flow),
        _exchanged(diff, odd, away, others, flow),
        _altered(diff, odd, flow),
        _ledger_row(diff, ledger, flow),
    ):
        if found:
            return found
    if 0 < abs(diff) <= max(1, isqrt(ledger.accounts)):
        return Cause.of("rounding", diff, [ledger.ref])
    return NONE


def _misplaced(
    place: Place, diff: int, here: Sequence[Account], away: Sequence[Account], others: Mapping[Place, int], flow: bool
) -> Cause | None:
    """Accounts that count here and belong elsewhere, or the other way round; the other group is off by the opposite."""
    came = [a for a in here if a.value(flow) == diff and any(o == -diff for p, o in others.items() if p != place)]
    gone = [a for a in away if a.value(flow) == -diff and a.place is not None and others.get(a.place) == -diff]
    moved = [a for a in came if a.place_before not in (None, place)] + [a for a in gone if a.place_before == place]
    if moved or came or gone:
        return Cause.of("wrong_subject", diff, [a.name for a in moved or (*came, *gone)])
    since = [(a, 1) for a in here if a.place_before not in (None, place)] + [(a, -1) for a in away if a.place_before == place]
    if since and diff and sum(sign * a.value(flow) for a, sign in since) == diff:
        return Cause.of("wrong_subject", diff, [a.name for a, _ in since])
    return None


def _lost(place: Place, diff: int, here: Sequence[Account], absent: Sequence[Account], flow: bool) -> Cause | None:
    """Accounts of the day before without a row today, or with two."""
    if not flow:
        gone = [a for a in absent if a.place_before == place and a.closed_at is not None]
        single = [a for a in gone if a.closed_at == -diff]
        if single or (gone and sum(a.closed_at or 0 for a in gone) == -diff):
            return Cause.of("missing_row", diff, [a.token for a in single or gone])
    rows: dict[str, list[Account]] = {}
    for a in here:
        rows.setdefault(a.token, []).append(a)
    twice = [a for same in rows.values() if len(same) > 1 for a in same]
    if any(a.value(flow) == diff for a in twice):
        return Cause.of("duplicate", diff, [a.name for a in twice if a.value(flow) == diff])
    return None


def _one(diff: int, odd: Sequence[Account], flow: bool) -> Cause | None:
    """One account whose sign, decimal point or day is wrong, as its own evidence confirms."""
    fits = [a for a in odd if diff in a.errors(flow)]
    flipped = [a.name for a in fits if 2 * a.value(flow) == diff]
    if flipped:
        return Cause.of("flipped", diff, flipped)
    displaced = [a.name for a in fits if scaled(a.value(flow), a.value(flow) - diff)]
    if displaced:
        return Cause.of("currency_or_scale", diff, displaced)
    stale = [a.name for a in fits if not flow and a.closing == a.closed_at and a.closing != a.opens_next and a.opens_next is not None]
    return Cause.of("shifted_day", diff, stale) if stale else None


def _exchanged(diff: int, odd: Sequence[Account], away: Sequence[Account], others: Mapping[Place, int], flow: bool) -> Cause | None:
    strange = [b for b in away if b.place is not None and others.get(b.place) == -diff and -diff in b.errors(flow)]
    for a in odd:
        for b in strange:
            if diff in a.errors(flow) and a.value(flow) - b.value(flow) == diff:
                return Cause.of("swapped", diff, [a.name, b.name])
    return None


def _altered(diff: int, odd: Sequence[Account], flow: bool) -> Cause | None:
    one = [a.name for a in odd if diff in a.errors(flow)]
    if one:
        return Cause.of("altered", diff, one)
    certain = [(a, e) for a in odd for e in [a.errors(flow)] if len(e) == 1]
    if certain and len(certain) == len(odd) and sum(min(e) for _, e in certain) == diff:
        return Cause.of("altered", diff, [a.name for a, _ in certain])
    return None


def _ledger_row(diff: int, ledger: Ledger, flow: bool) -> Cause | None:
    """The ledger's own figure is the wrong one."""
    if ledger.ref is None:
        return None
    figure = ledger.credit - ledger.debit if flow else ledger.close
    right = figure + diff
    implied = ledger.close - ledger.open if flow else ledger.open + ledger.credit - ledger.debit
    if implied == right:
        kind = "flipped" if figure == -right else "currency_or_scale" if scaled(figure, right) else "altered"
        return Cause.of(kind, diff, [ledger.ref])
    if not flow and ledger.ours_before == figure and right != figure:
        return Cause.of("shifted_day", diff, [ledger.ref])
    if scaled(figure, right):
        return Cause.of("currency_or_scale", diff, [ledger.ref])
    return None

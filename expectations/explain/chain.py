"""Why an account-day does not open with the balance the one before closed with (C1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expectations.explain import NONE, Cause, scaled
from expectations.explain.books import Day


@dataclass(frozen=True)
class Break:
    """A day that does not chain: itself, the one before and what is known around them; opening and closing in minor units.

    `next_opening` and `before_previous_closing` are None where no such day is known.
    """

    day: Day
    previous_ref: str | None
    previous_closing: int
    previous: Day | None = None
    before_previous_closing: int | None = None
    next_opening: int | None = None

    @property
    def opening(self) -> int:
        """Opening balance of the day."""
        assert self.day.balance is not None
        return self.day.balance.opening

    @property
    def amount(self) -> int:
        """By how much it opens too high."""
        return self.opening - self.previous_closing


def explain_break(b: Break, peers: Sequence[Break] = ()) -> Cause:
    """The cause of a broken chain; `peers` are other broken days of the bank, currency and date.

    Order: rounding (one unit) - displaced decimal point - sign - two accounts exchanged - the day before altered (without
    movement, it did not chain to its own day before) - another day's row (it opens as the day before did) - a movement of
    the day before counted twice - the closing of the day before altered, or the opening of the day (transactions say so) - a
    movement that is missing between the two (transactions, or the next day, go on from the new balance) - the day altered,
    when it has no movement and the next one does not go on from it, or is not known: one changed row is less than a
    movement that left no trace.
    """
    by, now, own = b.amount, b.opening, b.day.balance
    assert own is not None
    ref = own.ref
    if abs(by) <= 1 + b.day.tolerance:
        return Cause.of("rounding", by, [ref])
    if scaled(now, b.previous_closing):
        return Cause.of("currency_or_scale", by, [ref])
    if now == -b.previous_closing:
        return Cause.of("flipped", by, [ref])
    for p in peers:
        if p.opening == b.previous_closing and p.previous_closing == now and p.day.balance is not None:
            return Cause.of("swapped", by, [ref, p.day.balance.ref])
    between = b.previous.balance if b.previous else None
    if b.previous and between and not b.previous.rows and b.before_previous_closing not in (None, between.opening):
        return Cause.of("altered", by, [b.previous_ref])
    if b.before_previous_closing is not None and now == b.before_previous_closing:
        return Cause.of("shifted_day", by, [ref])
    return _from_rows(b) or NONE


def _from_rows(b: Break) -> Cause | None:
    """What transactions and neighbouring days say."""
    by, own = b.amount, b.day.balance
    assert own is not None
    before = b.previous.rows if b.previous else ()
    if before and before[-1].after == b.opening:
        return Cause.of("altered", by, [b.previous_ref])
    twice = [r.ref for r in before if r.move == by]
    if twice:
        return Cause.of("duplicate", by, twice)
    if b.day.rows:
        first = b.day.rows[0]
        starts = (first.after or 0) - (first.move or 0)
        if starts == b.previous_closing:
            return Cause.of("altered", by, [own.ref])
        if starts != b.opening:
            return None
    if b.day.rows or b.next_opening == own.closing:
        return Cause.of("missing_row", by, b.previous.unread if b.previous else ())
    return Cause.of("altered", by, [own.ref])

"""Why the transactions of an account-day do not fit its balance row (C3, C4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from expectations.explain import NONE, Cause, scaled
from expectations.explain.books import SIGN, TRIED, Day, Gap, Txn, changed, extras, gap, holds, jumps, missing, twins


@dataclass(frozen=True)
class Around:
    """Account-days beside one: those of the day before and after, and those of the account in other currencies."""

    days: tuple[Day, ...] = ()
    currencies: Mapping[str, Day] = field(default_factory=dict)


def explain_day(day: Day, around: Around = Around()) -> Cause:
    """The cause of a broken account-day.

    Order: rounding (every difference at most one unit a row) - two rows exchanged (sums hold, order does not) - duplicate -
    another day - another currency - a row too many - sign - displaced decimal point - altered amount of a row, then of the
    balance row - one row missing (on another day, in another currency, or nowhere) - several missing.
    """
    if day.balance is None or holds(day):
        return NONE
    for search in (_rounding, _swapped, _extra(around), _changed, _balance_row, _absent(around)):
        found = search(day)
        if found:
            return found
    return NONE


def _rounding(day: Day) -> Cause | None:
    g, b = gap(day), day.balance
    assert b is not None
    if not day.rows or g.credit_cnt or g.debit_cnt:
        return None
    chain = [*jumps(day.rows, b.opening), b.closing - (day.rows[-1].after or 0)]
    if all(abs(x) <= 1 + day.tolerance for x in chain) and abs(g.credit) <= b.credit_cnt and abs(g.debit) <= b.debit_cnt:
        odd = [r.ref for r, j in zip(day.rows, chain) if abs(j) > day.tolerance]
        return Cause.of("rounding", g.net or sum(chain), odd or [b.ref])
    return None


def _swapped(day: Day) -> Cause | None:
    """Two rows that took each other's place in the order, or each other's side and amount."""
    if gap(day) != Gap() or day.balance is None:
        return None
    chain = jumps(day.rows, day.balance.opening)
    at = sorted({k for i, j in enumerate(chain) if j for k in (i - 1, i) if k >= 0} | {len(day.rows) - 1})
    for i, a in enumerate(at[:8]):
        for b in at[i + 1 : 8]:
            one, two = day.rows[a], day.rows[b]
            places, amounts = list(day.rows), list(day.rows)
            places[a], places[b] = two, one
            amounts[a] = replace(one, side=two.side, amount=two.amount)
            amounts[b] = replace(two, side=one.side, amount=one.amount)
            if any(holds(replace(day, rows=tuple(rows))) for rows in (places, amounts)):
                return Cause.of("swapped", 0, (one.ref, two.ref))
    return None


def _extra(around: Around) -> Callable[[Day], Cause | None]:
    def search(day: Day) -> Cause | None:
        surplus = extras(day)
        if not surplus:
            return None
        amount, refs = surplus[0].move, [r.ref for r in surplus]
        again = [t.ref for r in surplus for t in twins(day, r)]
        if again:
            return Cause.of("duplicate", amount, [*refs, *again])
        lacking = [missing(d) for d in around.days if d.balance is not None]
        if any((r.side, r.amount) in lacking for r in surplus):
            return Cause.of("shifted_day", amount, refs)
        for other in around.currencies.values():
            hole = missing(other) if other.balance is not None else None
            if hole and any(r.side == hole[0] for r in surplus):
                return Cause.of("currency_or_scale", amount, refs)
        return Cause.of("extra_row", amount, refs)

    return search


def _changed(day: Day) -> Cause | None:
    """One row whose side, scale, amount or balance after was changed."""
    g, b = gap(day), day.balance
    assert b is not None
    flipped = {(1, -1): "C", (-1, 1): "D"}.get((g.credit_cnt, g.debit_cnt))
    if flipped:
        _, amount = g.side(flipped)
        other = "D" if flipped == "C" else "C"
        found = [r for r in day.rows if r.side == flipped and r.amount == amount][:TRIED]
        refs = [r.ref for r in found if holds(changed(day, r, replace(r, side=other)))]
        return Cause.of("flipped", g.net, refs) if refs else None
    if g.credit_cnt or g.debit_cnt or (g.credit and g.debit):
        return None
    odd = [i for i, j in enumerate(jumps(day.rows, b.opening)) if abs(j) > day.tolerance]
    if g.credit or g.debit:
        side, by = ("C", g.credit) if g.credit else ("D", g.debit)
        fits = [r for i in odd[:TRIED] for r in (day.rows[i],) if r.side == side]
        for r in fits:
            amount = (r.amount or 0) - by
            if holds(changed(day, r, replace(r, amount=amount))):
                kind = "flipped" if amount == -(r.amount or 0) else "currency_or_scale" if scaled(amount, r.amount or 0) else "altered"
                return Cause.of(kind, g.net, [r.ref])
        return None
    return _balance_after(day, odd)


def _balance_after(day: Day, odd: list[int]) -> Cause | None:
    """One row whose balance after was changed: sums hold, and the row after it starts where this one should have ended."""
    b = day.balance
    assert b is not None
    for i in sorted({*odd, len(day.rows) - 1} if day.rows else ()):
        r = day.rows[i]
        before = (day.rows[i - 1].after or 0) if i else b.opening
        right = before + (r.move or 0)
        if right != r.after and holds(changed(day, r, replace(r, after=right))):
            wrong = r.after or 0
            kind = "flipped" if right == -wrong else "currency_or_scale" if scaled(right, wrong) else "altered"
            return Cause.of(kind, wrong - right, [r.ref])
    return None


def _balance_row(day: Day) -> Cause | None:
    """The transactions chain by themselves, and one figure or one side of the balance row does not fit them."""
    b, g = day.balance, gap(day)
    assert b is not None
    if not day.rows:
        return None
    first, last = day.rows[0], day.rows[-1]
    start = (first.after or 0) - (first.move or 0)
    inside = jumps(day.rows, start)
    if any(abs(j) > day.tolerance for j in inside):
        return None
    opens, closes = abs(b.opening - start) <= day.tolerance, abs(b.closing - (last.after or 0)) <= day.tolerance
    sums = (g.credit_cnt, g.credit) == (0, 0) or (g.debit_cnt, g.debit) == (0, 0)
    if opens and closes and g != Gap():
        exchanged = g.credit == -g.debit != 0 and (b.credit, b.debit) == (b.debit + g.debit, b.credit + g.credit)
        return Cause.of("flipped" if exchanged else "altered", -g.net, [b.ref]) if sums or exchanged else None
    if opens and g.net == (last.after or 0) - b.closing and (g.credit_cnt, g.debit_cnt) == (0, 0):
        return Cause.of("altered", -g.net, [b.ref])  # its sum and what follows from it
    if g != Gap() or (not opens and not closes):
        return None
    wrong, right = (b.opening, start) if closes else (b.closing, last.after or 0)
    kind = "flipped" if right == -wrong else "currency_or_scale" if scaled(right, wrong) else "altered"
    return Cause.of(kind, wrong - right, [b.ref])


def _absent(around: Around) -> Callable[[Day], Cause | None]:
    def search(day: Day) -> Cause | None:
        hole = missing(day)
        if hole is None:
            return _several(day)
        side, amount = hole
        move = -SIGN[side] * amount
        moved = [r.ref for d in around.days for r in _loose(d) if (r.side, r.amount) == hole]
        if moved:
            return Cause.of("shifted_day", move, moved)
        other = [r.ref for d in around.currencies.values() for r in _loose(d) if r.side == side and _same_text(r, day, amount)]
        if other:
            return Cause.of("currency_or_scale", move, other)
        return Cause.of("missing_row", move, day.unread)

    return search


def _loose(day: Day) -> Iterator[Txn]:
    """Rows that their own day can do without: its surplus, or all of a day without a balance row."""
    yield from day.rows if day.balance is None else extras(day)


def _same_text(r: Txn, day: Day, amount: int) -> bool:
    """Whether a row of another currency states the same number, whatever the decimal places of the two."""
    places = day.rows[0].places if day.rows else 2
    return (r.amount or 0) * 10**places == amount * 10**r.places


def _several(day: Day) -> Cause | None:
    """Several rows are missing: fewer rows on a side than the balance row counts, none more, and the jumps of the chain are they."""
    g, b = gap(day), day.balance
    assert b is not None
    if g.credit_cnt > 0 or g.debit_cnt > 0 or g.credit_cnt + g.debit_cnt >= 0:
        return None
    if (g.credit_cnt == 0 and g.credit) or (g.debit_cnt == 0 and g.debit):
        return None
    if not day.rows:
        return Cause.of("missing_row", g.net, day.unread)
    chain = [*jumps(day.rows, b.opening), b.closing - (day.rows[-1].after or 0)]
    odd = [j for j in chain if abs(j) > day.tolerance]
    if sum(odd) == -g.net and len(odd) <= -(g.credit_cnt + g.debit_cnt):
        return Cause.of("missing_row", g.net, day.unread)
    return None

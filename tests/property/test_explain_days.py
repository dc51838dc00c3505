"""A change planted in a small ledger is explained as itself, or as a kind listed as alike, with the changed row among the suspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expectations.explain import ALIKE
from expectations.explain.books import Balance, Day, Txn, holds
from expectations.explain.chain import Break, explain_break
from expectations.explain.days import Around, explain_day

AMOUNTS = st.one_of(st.integers(-30, 400), st.integers(1, 9_000_000), st.sampled_from([100, 12_000, 500_000]))
EXAMPLES = settings(max_examples=200, deadline=None)


def balance_of(rows: Sequence[Txn], opening: int, ref: str) -> Balance:
    """The balance row that belongs to rows."""
    sums = {s: [r.amount or 0 for r in rows if r.side == s] for s in "CD"}
    return Balance(ref, opening, sum(sums["C"]), sum(sums["D"]), opening + sum(r.move or 0 for r in rows), len(sums["C"]), len(sums["D"]))


@st.composite
def days(draw: st.DrawFn, low: int = 1, name: str = "a") -> Day:
    """An account-day that holds: some rows, red reversals and zero amounts among them, and a balance that may be negative."""
    opening = at = draw(st.integers(-10_000, 5_000_000))
    rows = []
    for k in range(draw(st.integers(low, 7))):
        side, amount = draw(st.sampled_from("CD")), draw(AMOUNTS)
        at += amount if side == "C" else -amount
        rows.append(Txn(f"{name}:{k + 2}", k + 1, side, amount, at, f"{name}{k}"))
    day = Day.of(balance_of(rows, opening, f"{name}:bal"), rows)
    assert holds(day)
    return day


def planted(day: Day, rows: Sequence[Txn]) -> Day:
    """The day with other rows under the same balance row; what still holds is no fault."""
    changed = Day.of(day.balance, rows)
    assume(not holds(changed))
    return changed


def pick(draw: st.DrawFn, day: Day) -> int:
    return draw(st.integers(0, len(day.rows) - 1))


def told(day: Day, kinds: set[str] | frozenset[str], suspect: str | None = None, around: Around | None = None) -> None:
    cause = explain_day(day, around or Around())
    assert cause.kind in kinds
    if suspect:
        assert suspect in cause.suspects


@EXAMPLES
@given(st.data())
def test_a_missing_row(data: st.DataObject) -> None:
    day = data.draw(days())
    i = pick(data.draw, day)
    gone = day.rows[i]
    rows = [*day.rows[:i], *day.rows[i + 1 :]]
    cause = explain_day(planted(day, rows))
    # a row of no amount that is missing is a number in the balance row that is too high
    assert cause.kind in (ALIKE["missing_row"] if gone.amount or not rows else {"missing_row", "altered"})
    assert cause.amount == -(gone.move or 0)
    unread = [*rows, replace(gone, **data.draw(st.sampled_from([{"amount": None}, {"side": None}, {"after": None}])))]
    if gone.amount:
        told(planted(day, unread), ALIKE["missing_row"], gone.ref)


@EXAMPLES
@given(st.data())
def test_several_missing_rows(data: st.DataObject) -> None:
    day = data.draw(days(low=3))
    keep = data.draw(st.integers(0, len(day.rows) - 2))
    gone = day.rows[keep:]
    assume(all(r.amount for r in gone))
    cause = explain_day(planted(day, day.rows[:keep]))
    # of two sides that miss amounts that cancel out, a single missing row may do
    assert cause.kind == "missing_row"
    assert cause.amount == -sum(r.move or 0 for r in gone)


@EXAMPLES
@given(st.data())
def test_a_duplicate(data: st.DataObject) -> None:
    day = data.draw(days())
    r = day.rows[pick(data.draw, day)]
    other = data.draw(st.sampled_from([0, 100]))
    twin = replace(r, ref="twin:9", amount=(r.amount or 0) + other)
    told(planted(day, [*day.rows, twin]), ALIKE["duplicate"], "twin:9")


@EXAMPLES
@given(st.data())
def test_a_flipped_side_or_sign(data: st.DataObject) -> None:
    day = data.draw(days())
    i = pick(data.draw, day)
    r = day.rows[i]
    side = replace(r, side="D" if r.side == "C" else "C")
    sign = replace(r, amount=-(r.amount or 0))
    told(planted(day, [*day.rows[:i], side, *day.rows[i + 1 :]]), ALIKE["flipped"], r.ref)
    assume(r.amount)
    told(planted(day, [*day.rows[:i], sign, *day.rows[i + 1 :]]), ALIKE["flipped"], r.ref)


@EXAMPLES
@given(st.data())
def test_an_altered_amount_or_balance(data: st.DataObject) -> None:
    day = data.draw(days())
    i, by = pick(data.draw, day), data.draw(st.integers(-90_000, 90_000).filter(bool))
    r = day.rows[i]
    told(planted(day, [*day.rows[:i], replace(r, amount=(r.amount or 0) + by), *day.rows[i + 1 :]]), ALIKE["altered"], r.ref)
    # a wrong balance may be the right one of the rows in another order
    after = planted(day, [*day.rows[:i], replace(r, after=(r.after or 0) + by), *day.rows[i + 1 :]])
    told(after, ALIKE["altered"] | {"swapped"}, None)
    name = data.draw(st.sampled_from(["opening", "credit", "debit", "closing", "credit_cnt", "debit_cnt"]))
    assert day.balance
    wrong = replace(day, balance=replace(day.balance, **{name: getattr(day.balance, name) + by}))
    alike = ALIKE["altered"] | ({"swapped"} if name in ("opening", "closing") else {"missing_row", "extra_row", "duplicate"})
    told(wrong, alike)


@EXAMPLES
@given(st.data())
def test_two_rows_swapped(data: st.DataObject) -> None:
    day = data.draw(days(low=2))
    i, j = sorted(data.draw(st.lists(st.integers(0, len(day.rows) - 1), min_size=2, max_size=2, unique=True)))
    a, b = day.rows[i], day.rows[j]
    rest = [r for r in day.rows if r not in (a, b)]
    # in the order, or in what they say; rows that differ by a unit are rounding
    told(planted(day, [*rest, replace(a, seq=b.seq), replace(b, seq=a.seq)]), {"swapped", "rounding"})
    assume(a.side == b.side)
    told(planted(day, [*rest, replace(a, amount=b.amount), replace(b, amount=a.amount)]), {"swapped", "rounding"})


@EXAMPLES
@given(st.data())
def test_a_row_of_another_day(data: st.DataObject) -> None:
    day, other = data.draw(days()), data.draw(days(low=0, name="b"))
    r = day.rows[pick(data.draw, day)]
    assume(r.amount)
    short, long = (
        planted(day, [x for x in day.rows if x is not r]),
        planted(other, [*other.rows, replace(r, seq=data.draw(st.integers(0, 9)))]),
    )
    told(short, ALIKE["shifted_day"] - {"duplicate"}, r.ref, Around((long,)))
    told(long, ALIKE["shifted_day"], r.ref, Around((short,)))


@EXAMPLES
@given(st.data())
def test_a_row_in_another_currency_or_scale(data: st.DataObject) -> None:
    day, other = data.draw(days()), data.draw(days(low=0, name="u"))
    i = pick(data.draw, day)
    r = day.rows[i]
    assume(r.amount)
    other = data.draw(st.sampled_from([other, Day.of(None, ())]))
    foreign = replace(Day.of(other.balance, [*other.rows, replace(r, seq=99)]))
    told(planted(day, [x for x in day.rows if x is not r]), ALIKE["currency_or_scale"], r.ref, Around((), {"USD": foreign}))
    factor = 10 ** data.draw(st.integers(1, 4))
    told(planted(day, [*day.rows[:i], replace(r, amount=(r.amount or 0) * factor), *day.rows[i + 1 :]]), ALIKE["currency_or_scale"], r.ref)


@EXAMPLES
@given(st.data())
def test_rounding(data: st.DataObject) -> None:
    day = data.draw(days())
    rows = [replace(r, amount=(r.amount or 0) + data.draw(st.integers(-1, 1))) for r in day.rows]
    told(planted(day, rows), ALIKE["rounding"])


@EXAMPLES
@given(days(low=0), st.data())
def test_two_causes_are_not_taken_for_one(day: Day, data: st.DataObject) -> None:
    """Two amounts changed on different sides by different amounts: nothing alone explains it."""
    i, j = (next((k for k, r in enumerate(day.rows) if r.side == s), None) for s in "CD")
    assume(i is not None and j is not None)
    rows = list(day.rows)
    a, b = data.draw(st.integers(1000, 2000)), data.draw(st.integers(3000, 4000))
    rows[i] = replace(rows[i], amount=(rows[i].amount or 0) + a)
    rows[j] = replace(rows[j], amount=(rows[j].amount or 0) + b)
    cause = explain_day(planted(day, rows))
    assert (cause.kind, cause.amount, cause.suspects) == ("none", None, ())


LEVEL, STEP = st.integers(200, 9_000_000), st.integers(3, 50_000)


def idle(ref: str, balance: int) -> Day:
    return Day.of(Balance(ref, balance, 0, 0, balance, 0, 0), ())


@EXAMPLES
@given(LEVEL, STEP, STEP, days(low=2, name="p"))
def test_broken_chains(level: int, by: int, more: int, busy: Day) -> None:
    """Balances of an account over days, each break planted by itself."""
    assume(len({level, by, more}) == 3)
    moved = idle("d:1", level + by)
    assert explain_break(Break(moved, "p:1", level, idle("p:1", level), level, next_opening=level)).kind in ALIKE["altered"]
    for following, kind in ((level + by, "missing_row"), (None, "altered")):
        found = explain_break(Break(moved, "p:1", level, idle("p:1", level), level, following))
        assert (found.kind, found.amount) == (kind, by) or found.kind == "currency_or_scale"
    tenfold = explain_break(Break(idle("d:1", level * 10), "p:1", level))
    assert (tenfold.kind, tenfold.suspects) == ("currency_or_scale", ("d:1",))
    assert explain_break(Break(idle("d:1", -level), "p:1", level)).kind == "flipped"
    assert explain_break(Break(idle("d:1", level + 1), "p:1", level)).kind == "rounding"
    a, b = Break(moved, "p:1", level), Break(idle("e:1", level), "q:1", level + by)
    assert explain_break(a, [b]).kind in {"swapped", "currency_or_scale"}
    assert explain_break(Break(moved, "p:1", level, before_previous_closing=level + by)).kind in {"shifted_day", "currency_or_scale"}
    after = explain_break(Break(idle("e:1", level), "d:1", level + by, moved, level))
    assert after.kind == "currency_or_scale" or (after.kind, after.suspects) == ("altered", ("d:1",)), "the day between broke the chain"
    after = explain_break(Break(idle("e:1", level + 2 * more), "d:1", level + by, moved, level, level + 2 * more))
    assert after.kind in {"currency_or_scale", "rounding"} or (after.kind, after.suspects) == ("altered", ("d:1",)), "on either side"
    alone = explain_break(Break(moved, "p:1", level, idle("p:1", level), level, next_opening=level + by + more))
    assert alone.kind == "currency_or_scale" or (alone.kind, alone.suspects) == ("altered", ("d:1",))
    traced = replace(moved, rows=(Txn("d:2", 1, "C", 5, level + by + 5), Txn("d:3", 2, "D", 5, level + by)))
    after = explain_break(Break(idle("e:1", level), "d:1", level + by, traced, level))
    assert after.kind in {"currency_or_scale", "shifted_day"}, "the day between has transactions that confirm it"
    assert busy.balance
    end = busy.balance.closing
    wrong = replace(busy, balance=replace(busy.balance, closing=end + by))
    found = explain_break(Break(idle("d:1", end), "p:bal", end + by, wrong))
    assert found.kind in {"currency_or_scale", "flipped"} or (found.kind, found.suspects) == ("altered", ("p:bal",))
    start = busy.balance.opening
    own = replace(busy, balance=replace(busy.balance, opening=start + by))
    found = explain_break(Break(own, "q:1", start, idle("q:1", start)))
    assert found.kind in {"currency_or_scale", "flipped"} or (found.kind, found.suspects) == ("altered", ("p:bal",))
    found = explain_break(Break(busy, "q:1", start - by, idle("q:1", start - by)))
    assert found.kind in {"currency_or_scale", "flipped"} or (found.kind, found.amount) == ("missing_row", by)


def test_rows_of_no_amount() -> None:
    """A number of the balance row that counts a waived fee too many is no exchange of its sides."""
    rows = [Txn("a:2", 1, "C", 0, 7), Txn("a:3", 2, "C", 0, 7)]
    assert explain_day(Day.of(Balance("a:9", 7, 0, 0, 7, 3, 0), rows)).kind == "altered"
    assert explain_day(Day.of(Balance("a:9", 7, 0, 0, 7, 1, 0), rows)).kind == "duplicate"


def test_a_day_that_holds_has_no_cause() -> None:
    day = Day.of(Balance("a:2", 10, 5, 0, 15, 1, 0), [Txn("a:2", 1, "C", 5, 15)])
    assert holds(day) and explain_day(day).kind == "none"
    with pytest.raises(AssertionError):
        told(day, {"altered"})

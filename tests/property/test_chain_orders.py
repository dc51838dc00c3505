"""The decision about one account-day against trying every order of its rows."""

from __future__ import annotations

import random
import time
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.ledger.chain import check_day, find_order


def chains(start: int | None, order, before: list[int], after: list[int], tolerance: int) -> bool:
    first = start is None or abs(start - before[order[0]]) <= tolerance
    return first and all(abs(after[a] - before[b]) <= tolerance for a, b in pairwise(order))


def some_order(start: int | None, before: list[int], after: list[int], tolerance: int) -> bool:
    return any(chains(start, order, before, after, tolerance) for order in permutations(range(len(before))))


@st.composite
def days(draw):
    """Days that mostly chain, over so few balances that circuits, repeats and near misses are common."""
    tolerance = draw(st.sampled_from([0, 0, 1, 2, 10]))
    span = draw(st.sampled_from([2, 4, 12, 60]))
    start = balance = draw(st.integers(0, span))
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        before = balance + draw(st.integers(-tolerance, tolerance))
        balance = before + draw(st.integers(-span, span))
        rows.append((before, balance))
    if draw(st.integers(0, 2)) == 0:
        i = draw(st.integers(0, len(rows) - 1))
        rows[i] = (rows[i][0] + draw(st.integers(-span, span)), rows[i][1])
    rows = draw(st.permutations(rows))
    known = draw(st.integers(0, 3)) > 0
    return (start if known else None), [b for b, _ in rows], [a for _, a in rows], tolerance


@settings(max_examples=1500, deadline=None)
@given(days())
def test_a_day_is_whole_exactly_when_some_order_chains(day) -> None:
    start, before, after, tolerance = day
    found = check_day(start, before, after, tolerance)
    assert found.whole == some_order(start, before, after, tolerance)
    if found.whole:
        assert found.order is not None and sorted(found.order) == list(range(len(before)))
        assert chains(start, found.order, before, after, tolerance)
        assert found.closings[0] == after[found.order[-1]]
    else:
        assert found.expected is not None and found.found in before


@settings(max_examples=500, deadline=None)
@given(days())
def test_the_order_of_the_rows_does_not_matter(day) -> None:
    start, before, after, tolerance = day
    turned = check_day(start, before[::-1], after[::-1], tolerance)
    assert turned.whole == check_day(start, before, after, tolerance).whole


def shuffled_day(rows: int, tolerance: int, span: int, seed: int):
    draw = random.Random(seed)
    start = balance = draw.randint(0, span)
    day = []
    for _ in range(rows):
        before = balance + draw.choice([0, 0, 0, tolerance, -tolerance])
        balance = before + draw.randint(-span, span)
        day.append((before, balance))
    draw.shuffle(day)
    return start, [b for b, _ in day], [a for _, a in day]


@pytest.mark.parametrize(("tolerance", "span"), [(0, 1_000_000), (10, 1_000_000), (10, 200), (0, 3), (10, 10)])
def test_a_day_of_5000_rows_is_decided_at_once(tolerance: int, span: int) -> None:
    start, before, after = shuffled_day(5000, tolerance, span, seed=7)
    started = time.perf_counter()
    order = find_order(start, before, after, tolerance)
    assert time.perf_counter() - started < 1.0
    assert order is not None and len(set(order)) == 5000
    assert chains(start, order, before, after, tolerance)


def test_a_day_of_5000_rows_with_one_row_gone_is_broken_at_once() -> None:
    start, before, after = shuffled_day(5000, 10, 1_000_000_000, seed=8)
    order = find_order(start, before, after, 10)
    assert order is not None
    gone = order[2500]
    started = time.perf_counter()
    day = check_day(start, before[:gone] + before[gone + 1 :], after[:gone] + after[gone + 1 :], 10)
    assert time.perf_counter() - started < 1.0
    assert not day.whole
    assert day.found == before[order[2501]] and day.expected == after[order[2499]]

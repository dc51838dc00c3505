"""One account-day: what is whole, what is broken, what the next day may continue."""

from __future__ import annotations

import pytest

from expectations.ledger.chain import check_day


def decide(start, rows, tolerance=0):
    """Rows are (balance before, balance after)."""
    return check_day(start, [b for b, _ in rows], [a for _, a in rows], tolerance)


@pytest.mark.parametrize(
    ("start", "rows", "order"),
    [
        (5, [(5, 9)], [0]),
        (5, [(9, 2), (5, 9)], [1, 0]),
        (5, [(5, 9), (9, 5)], [0, 1]),
        (9, [(5, 9), (9, 5)], [1, 0]),
        (0, [(0, 0)], [0]),
        (0, [(0, 4), (4, 4), (4, 1)], [0, 1, 2]),
    ],
)
def test_whole(start, rows, order) -> None:
    day = decide(start, rows)
    assert day.whole and day.order == order
    assert day.closings == (rows[order[-1]][1],)


def test_circuits_that_share_a_balance_are_one_path() -> None:
    day = decide(1, [(1, 2), (2, 1), (3, 1), (1, 3)])
    assert day.whole and day.closings == (1,)


def test_circuits_that_do_not_meet_are_broken_though_every_balance_joins() -> None:
    day = decide(1, [(1, 2), (2, 1), (7, 8), (8, 7)])
    assert not day.whole and day.order is None
    assert (day.expected, day.found) == (1, 7)
    assert day.closings == (1,)


def test_an_altered_amount_leaves_both_neighbours_open() -> None:
    day = decide(10, [(10, 15), (16, 12), (12, 20)])  # the second row said -4 in place of -3
    assert not day.whole
    assert (day.expected, day.found) == (15, 16)
    assert 20 in day.closings


def test_a_day_with_an_order_of_its_own_closes_where_that_ends() -> None:
    day = decide(10, [(12, 15), (15, 11)])
    assert not day.whole and day.order == [0, 1]
    assert (day.expected, day.found, day.closings) == (10, 12, (11,))


def test_a_row_sent_twice_is_broken() -> None:
    day = decide(10, [(10, 15), (10, 15), (15, 20)])
    assert not day.whole and 20 in day.closings


def test_the_tolerance_is_for_each_join_and_does_not_add_up() -> None:
    assert decide(100, [(110, 200)], 10).whole
    assert not decide(100, [(111, 200)], 10).whole
    # 100, 110 and 120: neighbours are within 10, the outer two are not
    assert decide(100, [(110, 110), (120, 120)], 10).whole
    assert not decide(100, [(120, 120)], 10).whole
    circuits = [(0, 1000), (1000, 0), (10, 2000), (2000, 10), (20, 3000), (3000, 20)]
    assert not decide(0, [circuits[0], circuits[1], circuits[4], circuits[5]], 10).whole
    assert decide(0, circuits, 20).whole


def test_without_a_day_before_any_beginning_will_do() -> None:
    assert decide(None, [(9, 2), (5, 9)]).whole
    circuit = decide(None, [(5, 9), (9, 2), (2, 5)])
    assert circuit.whole and set(circuit.closings) == {5, 9, 2}
    assert not decide(None, [(5, 9), (1, 2)]).whole

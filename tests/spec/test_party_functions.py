"""What the functions over counterparties mean. Three payers of 50, 30 and 20 unless the line says otherwise."""

from __future__ import annotations

import pytest
from one_firm import both, flow, party

N = None
COVERED = flow(24, op_in_amt=[1] * 24)


def crowd(*payers: tuple, **more) -> dict:  # type: ignore[no-untyped-def, type-arg]
    rows = [r for i, p in enumerate(payers) for r in (p if isinstance(p, list) else party(f"C{i}", list(p)))]
    return {"firm_month": COVERED, "firm_counterparty_month": rows} | more


THREE = crowd((50,), (10, 20), (0, 0, 20))
OLD, NEW = [0] * 12 + [10], [10]
STAY = crowd((5, 0, 0, 10), (0, 0, 0, 30), (5,))  # a: both quarters, b: only before, c: only now
MONTHS = crowd([*party("A", [9] * 9, first_back=40), *party("B", [1, 0, 1, 1], first_back=5), *party("C", [6], first_back=0)])
TIES = crowd([*party("A", [5, 0, 0, 1]), *party("B", [5, 0, 0, 2]), *party("C", [4, 0, 0, 3])])
MARKED = crowd(
    [
        *party("A", [50], region4="4501", industry2="C1", cpty_kind="person", is_related=True, out_province=True),
        *party("B", [30], region4="4501"),
        *party("C", [20]),
    ]
)
TWO_WAY = crowd([*party("A", [30]), *party("A", [0, 10], "out_amt"), *party("B", [40]), *party("C", [20], "out_amt")])
CASES = [
    ("count", "n(fcm.in_amt,3)", THREE, 3), ("total", "total(fcm.in_amt,3)", THREE, 100), ("HHI", "hhi(fcm.in_amt,3)", THREE, 0.38),
    ("entropy", "entropy(fcm.in_amt,3)", THREE, 1.029653), ("evenness", "evenness(fcm.in_amt,3)", THREE, 0.937231),
    ("Gini", "gini(fcm.in_amt,3)", THREE, 0.2), ("fewest to reach 80 percent", "ncover(fcm.in_amt,3,0.8)", THREE, 2),
    ("share of the small ones", "tailshare(fcm.in_amt,3,0.25)", THREE, 0.2), ("median payer", "pmedian(fcm.in_amt,3)", THREE, 30),
    ("largest", "top(fcm.in_amt,3,1)", THREE, 0.5), ("two largest", "top(fcm.in_amt,3,2)", THREE, 0.8), ("more than there are", "top(fcm.in_amt,3,10)", THREE, 1),
    ("nobody counts as 0", "n(fcm.out_amt,12)", THREE, 0), ("shares of nobody are null", "hhi(fcm.out_amt,12)", THREE, N),
    ("evenness of one is null", "evenness(fcm.in_amt,1)", crowd((5,)), N), ("median of two", "pmedian(fcm.in_amt,3)", crowd((1,), (4,)), 2.5),
    ("offset window", "n(fcm.in_amt,12,12)", crowd(OLD, NEW) | {"firm_counterparty_month": [*party("A", OLD), *party("B", NEW)]}, 1),
    ("a badly covered month does not count", "n(fcm.in_amt,3)", crowd((0, 5), (5,)) | {"firm_month": flow([31, 5, 31], op_in_amt=[1] * 3)}, 1),
    ("kept payers", "retain_n(fcm.in_amt,3)", STAY, 0.5), ("amount of kept payers", "retain_amt(fcm.in_amt,3)", STAY, 0.25),
    ("Jaccard", "jaccard(fcm.in_amt,3)", STAY, 1 / 3), ("nobody before", "retain_n(fcm.in_amt,6)", STAY, N),
    ("a gap in the base", "jaccard(fcm.in_amt,3)", STAY | {"firm_month": flow([31] * 4 + [5] + [31] * 7, op_in_amt=[1] * 12)}, N),
    ("top sets overlap, equal sums by id", "topk_overlap(fcm.in_amt,3,2)", TIES, 0.5),
    ("share of regular payers", "rep_n(fcm.in_amt,12,3)", MONTHS, 2 / 3), ("their amount", "rep_amt(fcm.in_amt,12,9)", MONTHS, 81 / 90),
    ("number of regular payers", "ncore(fcm.in_amt,12,9)", MONTHS, 1), ("mean active months", "avg_months(fcm.in_amt,12)", MONTHS, 13 / 3),
    ("months of the largest", "top1_months(fcm.in_amt,12)", MONTHS, 9), ("tenure by amount, cap 36", "tenure(fcm.in_amt,12)", MONTHS, (81 * 36 + 3 * 5) / 90),
    ("new payers", "newshare_n(fcm.in_amt,3)", MONTHS, 1 / 3), ("their amount", "newshare_amt(fcm.in_amt,3)", MONTHS, 6 / (27 + 2 + 6)),
    ("new needs history", "newshare_n(fcm.in_amt,3)", MONTHS | {"firm_month": flow(5, op_in_amt=[1] * 5)}, N),
    ("one transaction only", "single_n(fcm.in_cnt,12)", crowd([*party("A", [1], "in_cnt"), *party("B", [2], "in_cnt"), *party("C", [1, 1], "in_cnt")]), 1 / 3),
    ("amount share of persons", "share(fcm.in_amt,12,'person')", MARKED, 0.5), ("of related parties", "share(fcm.in_amt,12,'related')", MARKED, 0.5),
    ("from other provinces", "share(fcm.in_amt,12,'out_province')", MARKED, 0.5), ("number of corporate payers", "nwhere(fcm.in_amt,12,'corp')", MARKED, 2),
    ("regions, unknown is one", "n_by(fcm.in_amt,12,'region4')", MARKED, 2), ("HHI over regions", "hhi_by(fcm.in_amt,12,'region4')", MARKED, 0.68),
    ("industries", "n_by(fcm.in_amt,12,'industry2')", MARKED, 2), ("two-way counterparties", "dual_amt(12)", TWO_WAY, 0.4),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "tiles", "expected"), CASES, ids=[f"{i} {c[0]}" for i, c in enumerate(CASES)])
def test_functions_over_counterparties(title: str, text: str, tiles: dict, expected: float | None) -> None:
    fast, slow = both(text, tiles)
    assert fast == (None if expected is None else pytest.approx(expected, rel=1e-5)), "kernels"
    assert slow == (None if expected is None else pytest.approx(expected, rel=1e-5)), "reference"

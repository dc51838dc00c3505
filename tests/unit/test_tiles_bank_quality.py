"""low_quality_inflow_share: inflow at banks graded D, as each snapshot knew the grades."""

from __future__ import annotations

from datetime import date
from typing import Any

from features.tiles.firm_state import low_quality
from features.tiles.snapshots import snapshot_dates
from lake.io import local_rows

BEFORE, D, LATER = date(2026, 8, 31), date(2026, 9, 14), date(2026, 10, 20)


def test_share_of_inflow_at_banks_graded_d(spark: Any) -> None:
    inflow = local_rows(
        spark,
        [
            (f, d, b, amt)
            for d in (BEFORE, D, LATER)
            for f, b, amt in (("F1", "B1", 600), ("F1", "B2", 400), ("F2", "B2", 7), ("F3", "B1", 0), ("F4", "B3", 5))
        ],
        "firm_id string, snapshot_date date, bank_id string, op_in_amt bigint",
    )
    july, august, september = date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)
    grades = local_rows(
        spark,
        [
            ("B1", july, "A", date(2026, 9, 6)), ("B1", august, "D", date(2026, 9, 5)), ("B1", september, None, date(2026, 10, 5)),
            ("B2", august, "C", date(2026, 9, 5)), ("B2", august, "D", date(2026, 9, 14)),  # judged again by the night of D: known after it
        ],
        "bank_id string, month date, grade string, as_of date",
    )  # fmt: skip
    found = {
        (r.firm_id, r.snapshot_date): r.low_quality_inflow_share
        for r in low_quality(inflow, grades, snapshot_dates(spark, [BEFORE, D, LATER])).collect()
    }
    assert found == {
        ("F1", D): 0.6, ("F2", D): 0.0, ("F3", D): None, ("F4", D): 0.0,  # B3 was never graded
        ("F1", LATER): 1.0, ("F2", LATER): 1.0, ("F3", LATER): None, ("F4", LATER): 0.0,
    }  # fmt: skip

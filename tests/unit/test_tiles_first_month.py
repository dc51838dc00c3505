"""Which months of a firm are rows of tile.firm_month."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyspark.sql import functions as F

from features.tiles import firm_month


def test_months_before_the_first_covered_one_are_no_rows(spark: Any) -> None:
    """A firm whose first account opens on 20 January is covered from February on; February is its first month of history."""
    covered = [(date(2026, 1, 1), 12), (date(2026, 2, 1), 28), (date(2026, 3, 1), 5), (date(2026, 4, 1), 30)]
    rows = spark.createDataFrame([("F1", m, n) for m, n in covered], "firm_id string, month date, days_covered int")
    kinds = {**firm_month.TYPES, "has_basic": "int", "loan_div_at_close": "bigint", "td_sum": "bigint", "margin_sum": "bigint"}
    absent = [F.lit(None).cast(t).alias(c) for c, t in kinds.items() if c not in ("days_covered", "days_in_month", "hist_months")]
    before = spark.createDataFrame([], "firm_id string, hist int, hist_month date")
    found = firm_month.firm_month(rows.select("*", *absent), before, last=date(2026, 4, 1)).orderBy("month").collect()
    assert [(r.month.month, r.hist_months) for r in found] == [(2, 1), (3, 2), (4, 3)]

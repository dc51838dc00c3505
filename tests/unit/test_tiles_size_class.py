"""Size classes by the rule table."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from features.tiles.size_class import read_rules, size_class
from lake.settings import ref_path

WAN = 1_000_000


@pytest.mark.parametrize(
    ("industry4", "staff", "revenue_wan", "want"),
    [
        ("C3311", 20, 300, "SMALL"),
        ("C3311", 19, 5000, "MICRO"),  # both must hold
        ("C3311", 400, 2500, "MEDIUM"),
        ("C3311", 2000, 50_000, "LARGE"),
        ("C3311", None, 350, "SMALL"),  # staff unknown: by inflow alone
        ("F5112", 6, 1200, "SMALL"),
        ("F5211", 60, 600, "MEDIUM"),
        ("L7211", 150, 999_999, "MEDIUM"),  # no revenue criterion
        ("A0111", 9999, 60, "SMALL"),  # no staff criterion
        ("C3311", None, None, "MICRO"),
    ],
)
def test_size_class(spark, industry4: str, staff: int | None, revenue_wan: int | None, want: str) -> None:  # type: ignore[no-untyped-def]
    revenue = None if revenue_wan is None else revenue_wan * WAN
    df = spark.createDataFrame([(industry4, staff, revenue)], "industry4 string, staff int, revenue bigint")
    rules = read_rules(ref_path("ref_size_rule"))
    assert df.select(size_class(rules, F.col("industry4"), F.col("staff"), F.col("revenue"))).collect()[0][0] == want

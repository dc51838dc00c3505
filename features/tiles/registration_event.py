"""tile.registration_event: changes, abnormal listings, penalties and pledges of a firm, one row per version of a record."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles.versions import intervals

SOURCES = ("reg_change", "reg_abnormal", "reg_penalty", "reg_pledge")


def registration_events(tables: dict[str, DataFrame]) -> DataFrame:
    """Measures of tile.registration_event with the `night` each version was learnt; tables hold all versions, by name."""
    parts = [
        intervals(tables[name], ("event_id",)).select(
            "event_id", "firm_id", "kind", "event_date", "end_date", F.col("known_from").alias("night")
        )
        for name in SOURCES
    ]
    return reduce(DataFrame.unionByName, parts)

"""Reading tiles and records as a snapshot of date D knew them, for several D at once.

`dates`: one row per snapshot: snapshot_date and `month0`, its latest closed month.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from features.tiles.firm_month import is_covered, month_index
from features.tiles.versions import version_of
from lake.clock import latest_closed_month
from lake.io import local_rows

MIN_COVERED = {1: 1, 3: 2, 6: 4, 12: 6, 24: 12}
"""Covered months a window of w months needs (domain C)."""


def snapshot_dates(spark: SparkSession, dates: list[date]) -> DataFrame:
    """The frame of snapshots."""
    return local_rows(spark, [(d, latest_closed_month(d)) for d in sorted(set(dates))], "snapshot_date date, month0 date")


def known_tiles(tile: DataFrame, key: tuple[str, ...], dates: DataFrame, inside: Column, maybe_later: Column) -> DataFrame:
    """Rows of a tile for every snapshot where `inside` holds, each key at its highest version of that night or before.

    `maybe_later`: rows that can replace another version (restatements); as they are few, no table-sized window is needed.
    """
    night = version_of(F.col("snapshot_date"))
    later = tile.where(maybe_later).select(*(F.col(k).alias(f"l_{k}") for k in key), F.col("tile_version").alias("l_version"))
    rows = tile.join(F.broadcast(dates), inside & (F.col("tile_version") <= night), "inner")
    same = F.col("l_version") > F.col("tile_version")
    for k in key:
        same = same & (F.col(f"l_{k}") == F.col(k))
    return rows.join(later, same & (F.col("l_version") <= night), "left_anti")


def known_records(rows: DataFrame, dates: DataFrame) -> DataFrame:
    """Record versions in force on each snapshot, from `versions.intervals`."""
    return rows.join(
        F.broadcast(dates), (F.col("known_from") <= F.col("snapshot_date")) & (F.col("known_to") > F.col("snapshot_date")), "inner"
    )


def in_force(begin: str, end: str) -> Column:
    """Valid on the snapshot date: begin <= D, and end null or after D."""
    return (F.col(begin) <= F.col("snapshot_date")) & (F.col(end).isNull() | (F.col(end) > F.col("snapshot_date")))


def latest(rows: DataFrame, *by: str, order: str) -> DataFrame:
    """The row with the greatest `order` per `by`."""
    w = Window.partitionBy(*by).orderBy(F.col(order).desc())
    return rows.select("*", F.row_number().over(w).alias("_n")).where("_n = 1").drop("_n")


def closed_months(months: DataFrame, dates: DataFrame, back: int) -> DataFrame:
    """firm_month rows of the `back` closed months of each snapshot, with k (0 = latest) and is_covered."""
    inside = (F.col("month") <= F.col("month0")) & (F.col("month") > F.add_months("month0", -back))
    restated = F.col("tile_version") > version_of(F.date_add(F.last_day("month"), 5))
    rows = known_tiles(months, ("firm_id", "month"), dates, inside, restated)
    k = month_index("month0") - month_index("month")
    return rows.select("*", k.alias("k"), is_covered().alias("is_covered"))


def window_sum(column: str, months: int, offset: int = 0) -> Column:
    """sum(column, months, offset) of the catalogue as an aggregate over `closed_months`: made up for uncovered months.

    Null below the covered months the window needs (an offset window needs all).
    """
    inside = (F.col("k") >= offset) & (F.col("k") < offset + months)
    covered = F.sum(F.when(inside & F.col("is_covered"), 1).otherwise(0))
    present = F.sum(F.when(inside, 1).otherwise(0))
    amount = F.sum(F.when(inside & F.col("is_covered"), F.col(column)))
    need = months if offset else MIN_COVERED[months]
    return F.when(covered >= need, F.round(F.try_divide(amount.cast("decimal(28,0)") * present, covered), 0).cast("bigint"))

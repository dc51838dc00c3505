"""Knowledge time of tile rows: which version of a record is in force on which night, and how a tile row is stamped.

Night D knows what was accepted by D + 1 day 06:00. A tile row of night D carries available_at = D + 1 day 04:00 and
tile_version = yyyymmdd of D, in a history load too: there D is the night that would have made the row. So the highest
version with available_at <= T is the view as of T, whenever the row was written.
"""

from __future__ import annotations

from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake.tables import table

OPEN = date(9999, 12, 31)
"""End of an interval that has none."""


def night_of(available_at: str | Column = "available_at") -> Column:
    """First night that knows a row accepted at `available_at`."""
    at = F.col(available_at) if isinstance(available_at, str) else available_at
    return F.to_date(at - F.expr("INTERVAL '6:00:00.000001' HOUR TO SECOND"))


def version_of(night: Column) -> Column:
    """yyyymmdd of a night, INT."""
    return (F.year(night) * 10000 + F.month(night) * 100 + F.dayofmonth(night)).cast("int")


def stamp(name: str, df: DataFrame, night: Column, *, as_of: date | Column) -> DataFrame:
    """`df` as rows of the tile: typed by the registry, known from `night` on, written by night `as_of`.

    Columns of the tile that `df` lacks are an error (AnalysisException naming the column).
    """
    t = table(name)
    tech: dict[str, Column] = {
        "available_at": F.to_timestamp(F.date_add(night, 1)) + F.expr("INTERVAL 4 HOURS"),
        "tile_version": version_of(night),
        "as_of": as_of if isinstance(as_of, Column) else F.lit(as_of),
    }
    return df.select(*(tech.get(c.name, F.col(c.name)).cast(c.type).alias(c.name) for c in t.columns))


def without_superseded(df: DataFrame, key: tuple[str, ...], version: str, maybe_later: Column) -> DataFrame:
    """The highest `version` per key, where only rows with `maybe_later` can replace another row.

    As those rows are few (restatements), no table-sized window or shuffle is needed: they are sent to where the rest is.
    """
    later = F.broadcast(df.where(maybe_later).groupBy(*key).agg(F.max(version).alias("_later")))
    same = reduce(Column.__and__, (F.col(f"a.{k}") == F.col(f"b.{k}") for k in key))
    return df.alias("a").join(later.alias("b"), same & (F.col("b._later") > F.col(f"a.{version}")), "left_anti")


def intervals(df: DataFrame, key: tuple[str, ...]) -> DataFrame:
    """Every version of a record with the nights [`known_from`, `known_to`) on which it is the one in force.

    Versions follow `row_version`; of several accepted by one night only the last is ever in force. Only versions above 0
    can end another one; as they are few, they are sent to where the rest is instead of ordering the whole table.
    """
    later = (
        df.where("row_version > 0")
        .groupBy(*(F.col(k).alias(f"_{k}") for k in key))
        .agg(F.collect_list(F.struct("row_version", night_of().alias("night"))).alias("_later"))
    )
    same = reduce(Column.__and__, (F.col(k) == F.col(f"_{k}") for k in key))
    end = F.array_min(F.transform(F.filter("_later", lambda x: x["row_version"] > F.col("row_version")), lambda x: x["night"]))
    rows = df.join(F.broadcast(later), same, "left").select(
        *df.columns, night_of().alias("known_from"), F.coalesce(end, F.lit(OPEN)).alias("known_to")
    )
    return rows.where("known_from < known_to")

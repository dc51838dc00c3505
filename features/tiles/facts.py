"""Knowledge-timed facts: what tax_month and loan are made of.

A fact is one version of one record put on one month: firm_id, month, `kind`, the nights [known_from, known_to) on which
that version was the one in force, and measures. A tile row is made for a key (firm_id, month, night) from the facts in
force on that night, so an amendment shows only from the night that knew it.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

FACT = ("firm_id", "month", "kind", "known_from", "known_to")
KEY = ("firm_id", "month", "night")


def stacked(parts: list[DataFrame]) -> DataFrame:
    """Facts of several kinds in one frame; a measure that a kind lacks is null."""
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)


def month_of(period: str) -> Column:
    """First day of a period given as yyyymm."""
    return F.to_date(F.concat(period, F.lit("01")), "yyyyMMdd")


def months_between(first: Column, last: Column) -> Column:
    """Array of the first days of the months from `first` to `last`, empty when `last` is before `first`."""
    a, b = F.trunc(first, "month"), F.trunc(last, "month")
    return F.when(a <= b, F.sequence(a, F.greatest(a, b), F.expr("INTERVAL 1 MONTH"))).otherwise(F.array().cast("array<date>"))


def on_nights(keys: DataFrame, facts: DataFrame) -> DataFrame:
    """Keys with the facts in force on their night; a key without facts keeps one row of nulls."""
    k, f = keys.select(*KEY).alias("k"), facts.alias("f")
    same = (F.col("k.firm_id") == F.col("f.firm_id")) & (F.col("k.month") == F.col("f.month"))
    known = (F.col("f.known_from") <= F.col("k.night")) & (F.col("k.night") < F.col("f.known_to"))
    measures = [F.col(f"f.{c}") for c in facts.columns if c not in ("firm_id", "month", "known_from", "known_to")]
    return k.join(f, same & known, "left").select("k.*", *measures)


def changed_only(rows: DataFrame) -> DataFrame:
    """Versions whose measures differ from the version before, so that a change elsewhere restates nothing."""
    measures = F.struct(*(c for c in rows.columns if c not in KEY))
    w = Window.partitionBy("firm_id", "month").orderBy("night")
    before = F.lag(measures).over(w)
    return rows.select("*", (before.isNull() | ~measures.eqNullSafe(before)).alias("_new")).where("_new").drop("_new")


def over(kind: str, column: str | Column) -> Column:
    """`column` on facts of one kind, null on the others."""
    return F.when(F.col("kind") == kind, F.col(column) if isinstance(column, str) else column)


def total(kind: str, column: str | Column) -> Column:
    """Sum over the facts of one kind, 0 without any."""
    return F.coalesce(F.sum(over(kind, column)), F.lit(0)).cast("bigint")

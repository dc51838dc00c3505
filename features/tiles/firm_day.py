"""tile.firm_day: one row per firm and day from the firm's first balance row on: flows of the day and its closing total.

Every further value that a window of days needs is an addend here, so that firm_bucket and most of firm_month are sums.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.rowsets import DAY_CATEGORIES, ROUND_FEN, count, total


def flow_days(flows: DataFrame) -> DataFrame:
    """Sums over the flows of each firm and day, from `rowsets.flows`."""
    e, c = F.col("e"), F.col("credit")
    is_round = (F.col("amt") >= ROUND_FEN) & (F.col("amt") % ROUND_FEN == 0)
    return flows.groupBy("firm_id", "biz_date").agg(
        total("amt", e & c).alias("in_amt"),
        total("amt", e & ~c).alias("out_amt"),
        total("amt", F.col("op_in")).alias("op_in_amt"),
        (total("amt", F.col("op_out")) - total("amt", F.col("refund"))).alias("op_out_amt"),
        count(e & c).alias("in_cnt"),
        count(e & ~c).alias("out_cnt"),
        count(F.col("op_in")).alias("op_in_cnt"),
        count(F.col("op_out")).alias("op_out_cnt"),
        count(e).alias("all_cnt"),
        count(e & is_round).alias("round_cnt"),
        count(e & F.col("night")).alias("night_cnt"),
        *(total("amt", F.col("sided") & (F.col("category") == k)).alias(f"cat_{k}_amt") for k in DAY_CATEGORIES),
    )


def firm_day(balances: DataFrame, days: DataFrame) -> DataFrame:
    """Measures of tile.firm_day from `balances.firm_balances` and `flow_days`.

    A covered day without flows has zeros. A day that is not covered keeps what is known of its flows, null without any:
    readers go by `covered`.
    """
    joined = balances.join(days.hint("shuffle_hash"), ["firm_id", "biz_date"], "full")
    known = F.coalesce(F.col("covered"), F.lit(0))

    def filled(name: str) -> Column:
        value = F.col(name)
        return (
            F.when(value.isNotNull(), value)
            .when((known == 1) | F.col("in_amt").isNotNull(), F.lit(0))
            .cast(dict(days.dtypes)[name])
            .alias(name)
        )

    sums = joined.select("firm_id", "biz_date", "close_bal", known.cast("int").alias("covered"), *(filled(c) for c in days.columns[2:]))
    return sums.select(
        "*",
        F.least("in_amt", "out_amt").alias("sameday_amt"),
        (F.col("all_cnt") > 0).cast("int").alias("active"),
    )

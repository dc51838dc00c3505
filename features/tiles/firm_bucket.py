"""tile.firm_bucket: three windows of 30 days back from the snapshot, from firm_day alone; day-clock indicators read them.

Bucket 0 is D-29 to D. A run without receipts is counted to the end of its bucket and may start in an earlier one, within
the 120 days of firm_day that are kept, so that a recomputed bucket equals the one of the night.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.firm_month import LOW_DAYS, LOW_MONTHS, half_up
from features.tiles.rowsets import DAY_CATEGORIES

BUCKET_DAYS = 30
BUCKETS = 3
KEPT_DAYS = 120
SUMS = ("in_amt", "out_amt", "op_in_amt", "op_out_amt", "sameday_amt")
COUNTS = ("all_cnt", "op_in_cnt", "op_out_cnt", "night_cnt", "round_cnt")


def outflow_limits(months: DataFrame) -> DataFrame:
    """firm_id, snapshot_date, limit: 7 days' average operating outflow of the 3 closed months of the snapshot.

    `months`: firm_month rows as known, with snapshot_date, `k` (0 = latest closed month) and is_covered.
    """
    rows = months.where(f"k < {LOW_MONTHS} AND is_covered").groupBy("firm_id", "snapshot_date")
    return rows.agg((LOW_DAYS * F.try_divide(F.sum("op_out_amt"), F.sum("days_covered"))).alias("limit"))


def firm_bucket(days: DataFrame, limits: DataFrame) -> DataFrame:
    """Measures of tile.firm_bucket. `days`: firm_day rows as known by each snapshot_date, D-119 to D; `limits` as above."""
    w = Window.partitionBy("firm_id", "snapshot_date").orderBy("biz_date").rowsBetween(Window.unboundedPreceding, 0)
    ends = (F.col("covered") == 0) | (F.col("op_in_cnt") > 0)
    run = F.datediff("biz_date", F.coalesce(F.max(F.when(ends, F.col("biz_date"))).over(w), F.date_sub(F.min("biz_date").over(w), 1)))
    bucket = F.floor(F.datediff("snapshot_date", "biz_date") / BUCKET_DAYS).cast("int")
    rows = days.select("*", run.alias("run"), bucket.alias("bucket")).where(f"bucket < {BUCKETS}")
    marked = rows.join(limits, ["firm_id", "snapshot_date"], "left")
    ok = F.col("covered") == 1
    return marked.groupBy("firm_id", "snapshot_date", "bucket").agg(
        F.lit(BUCKET_DAYS).alias("days_in_month"),
        F.sum("covered").alias("days_covered"),
        F.coalesce(F.sum("active"), F.lit(0)).alias("active_days"),
        *(F.coalesce(F.sum(c), F.lit(0)).alias(c) for c in (*SUMS, *COUNTS)),
        *(F.coalesce(F.sum(f"cat_{c}_amt"), F.lit(0)).alias(f"cat_{c}_amt") for c in DAY_CATEGORIES),
        half_up(F.sum(F.when(ok, F.col("close_bal"))), F.sum("covered")).alias("bal_avg"),
        F.min(F.when(ok, F.col("close_bal"))).alias("bal_min"),
        F.stddev_samp(F.when(ok, F.col("close_bal"))).alias("bal_std"),
        F.stddev_samp(F.when(ok, F.col("op_in_amt"))).alias("in_daily_std"),
        F.max("run").alias("in_gap_max"),
        F.sum(F.when(ok, (F.col("close_bal") < F.col("limit")).cast("int"))).alias("low_bal_days"),
    )

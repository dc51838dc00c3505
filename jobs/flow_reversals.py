"""The view reversal: tonight's reversals beside the originals they name, of tonight or of nights before (V19)."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import flow_earlier
from jobs.flow_night import Night
from jobs.flow_silver import ORIGINAL

SILVER = "silver.acct_txn"
REVERSAL_DAYS = 400
"""How far back the original of a reversal may lie (V19)."""
_SHAPE = ["bank_id", "account_id", "txn_no", "sub_no", "biz_date", "amt_minor"]


def within_reach(n: Night, day: date) -> DataFrame:
    """Transactions that nights before accepted and that a reversal of `day` may name. No row is accepted before its date, so
    that the partitions of older nights are left out."""
    first = F.lit(day - timedelta(days=REVERSAL_DAYS))
    return flow_earlier.before(n.lake, SILVER, n.as_of).where((F.col("as_of") >= first) & (F.col("biz_date") >= first))


def reversals(n: Night, txn: DataFrame) -> DataFrame:
    """One row per reversal of tonight (`txn`: rows in force): where it stands, orig_date and orig_amt_minor of the original it
    names (null: none found; amounts without sign), and reversed_minor, all reversals that name the same one.

    Originals are looked for tonight, parked ones too; what is not there is asked of the banks' earlier nights.
    """
    own = n.scratch.save(
        "reversal_row",
        txn.where("reversal_flag = 'R' AND op IS NULL AND parse_error IS NULL AND bad_fields = '' AND biz_date IS NOT NULL").select(
            "bank_id", "account_id", "biz_date", "file_type", "submission_id", "row_no", F.col("txn_no").alias("own_no"),
            F.col("sub_no").alias("own_sub"), F.col("orig_txn_no").alias("txn_no"), F.coalesce("orig_sub_no", F.lit("0")).alias("sub_no"),
            F.abs("amt_minor").alias("amt_minor"),
        ),
    )  # fmt: skip
    if not n.scratch.rows("reversal_row"):
        return _judged(own, n.lake.empty(SILVER), own)
    keys = own.select(*ORIGINAL).where("txn_no IS NOT NULL").distinct()
    here = txn.where("reversal_flag <> 'R' AND op IS NULL AND parse_error IS NULL AND biz_date IS NOT NULL").join(
        F.broadcast(keys), on=ORIGINAL, how="left_semi"
    )
    originals = n.scratch.save("reversal_original", here.select(*_SHAPE))
    others = own.select(*ORIGINAL, "amt_minor")
    missing = n.scratch.save("reversal_missing", keys.join(originals.select(*ORIGINAL), on=ORIGINAL, how="left_anti"))
    if n.scratch.rows("reversal_missing"):
        ends = own.agg(F.min("biz_date").alias("first")).collect()[0]
        banks = [r.bank_id for r in missing.select("bank_id").distinct().collect()]
        earlier = within_reach(n, ends.first).where(F.col("bank_id").isin(banks))
        originals = originals.unionByName(
            earlier.where("reversal_flag <> 'R'").join(F.broadcast(missing), on=ORIGINAL, how="left_semi").select(*_SHAPE)
        )
        others = others.unionByName(_earlier(earlier, missing, own))
    return n.scratch.save("reversal", _judged(own, originals, others))


def _earlier(earlier: DataFrame, missing: DataFrame, own: DataFrame) -> DataFrame:
    """Reversals that nights before accepted of the same originals, each once, without those that tonight sends again."""
    names = ["bank_id", "own_no", "own_sub", "biz_date"]
    rows = earlier.where("reversal_flag = 'R'").select(
        "bank_id", "account_id", "biz_date", F.col("txn_no").alias("own_no"), F.col("sub_no").alias("own_sub"), F.col("orig_txn_no").alias("txn_no"),
        F.coalesce("orig_sub_no", F.lit("0")).alias("sub_no"), F.abs("amt_minor").alias("amt_minor"), "row_version", "available_at",
    )  # fmt: skip
    mine = rows.join(F.broadcast(missing), on=ORIGINAL, how="left_semi").join(F.broadcast(own.select(*names)), on=names, how="left_anti")
    last = mine.groupBy(*names, "account_id", "txn_no", "sub_no").agg(
        F.max_by("amt_minor", F.struct("row_version", "available_at")).alias("amt_minor")
    )
    return last.select(*ORIGINAL, "amt_minor")


def _judged(own: DataFrame, originals: DataFrame, others: DataFrame) -> DataFrame:
    named = originals.select(*ORIGINAL, F.col("biz_date").alias("orig_date"), F.abs("amt_minor").alias("orig_amt_minor"))
    apart = F.date_diff("biz_date", "orig_date")
    kept = ["bank_id", "account_id", "biz_date", "file_type", "submission_id", "row_no", "txn_no", "sub_no"]
    last = F.max_by(F.struct("orig_date", "orig_amt_minor"), F.when(apart.between(0, REVERSAL_DAYS), F.col("orig_date"))).alias("o")
    found = own.join(F.broadcast(named), on=ORIGINAL, how="left").groupBy(*kept).agg(last)
    sums = others.groupBy(*ORIGINAL).agg(F.try_sum("amt_minor").alias("reversed_minor"))
    return found.join(sums, on=ORIGINAL, how="left").select(
        *kept, F.col("o.orig_date").alias("orig_date"), F.col("o.orig_amt_minor").alias("orig_amt_minor"), "reversed_minor"
    )

"""tile.firm_day: one row per firm and day from the firm's first balance row on: flows of the day and its closing total.

Every further value that a window of days needs is an addend here, so that firm_bucket and most of firm_month are sums.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles.balances import total_of
from features.tiles.rowsets import DAY_CATEGORIES, ROUND_FEN, count, total


def firm_day(accounts: DataFrame, flows: DataFrame) -> DataFrame:
    """Measures of tile.firm_day from `balances.run_days` and `rowsets.flows`, in one pass over both.

    covered: every open account is. close_bal, over DEMAND and NOTICE accounts, is null on a day that is not: part of a total
    is no total. A covered day without flows has zeros. A day that is not covered keeps what is known of its flows, null
    without any: readers go by `covered`.
    """
    names = ["firm_id", "biz_date", "amt", "e", "credit", "op_in", "op_out", "refund", "sided", "night", "category"]
    rows = accounts.unionByName(flows.select(*names, F.lit(1).alias("flow")), allowMissingColumns=True)
    e, c = F.col("e"), F.col("credit")
    is_round = (F.col("amt") >= ROUND_FEN) & (F.col("amt") % ROUND_FEN == 0)
    measures = {
        "in_amt": total("amt", e & c),
        "out_amt": total("amt", e & ~c),
        "op_in_amt": total("amt", F.col("op_in")),
        "op_out_amt": total("amt", F.col("op_out")) - total("amt", F.col("refund")),
        "in_cnt": count(e & c),
        "out_cnt": count(e & ~c),
        "op_in_cnt": count(F.col("op_in")),
        "op_out_cnt": count(F.col("op_out")),
        "all_cnt": count(e),
        "round_cnt": count(e & is_round),
        "night_cnt": count(e & F.col("night")),
        **{f"cat_{k}_amt": total("amt", F.col("sided") & (F.col("category") == k)) for k in DAY_CATEGORIES},
    }
    sums = rows.groupBy("firm_id", "biz_date").agg(
        F.coalesce(F.min("ok"), F.lit(0)).alias("covered"),
        total_of("DEMAND", "NOTICE").alias("close_bal"),
        F.count("flow").alias("n_flow"),
        *(value.alias(name) for name, value in measures.items()),
    )
    ok = F.col("covered") == 1
    known = ok | (F.col("n_flow") > 0)
    days = sums.select(
        "firm_id",
        "biz_date",
        "covered",
        F.when(ok, F.col("close_bal")).alias("close_bal"),
        *(F.when(known, F.col(n)).alias(n) for n in measures),
    )
    return days.select("*", F.least("in_amt", "out_amt").alias("sameday_amt"), (F.col("all_cnt") > 0).cast("int").alias("active"))

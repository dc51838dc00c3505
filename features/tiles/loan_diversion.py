"""loan_div_amt of firm_month: loan money that left for where it is not meant to go within 7 days (domain C).

For each loan_disbursement credit: the least of its amount and the outflow in the diversion categories after it, to the
7th day. Every fen of an outflow counts once: loans are served in the order they came, each by its earliest outflows.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.rowsets import DIVERSION
from lake.clock import CLOSE_AFTER_DAYS

WINDOW_DAYS = 7

_FOLD = f"""
aggregate(
  loans,
  named_struct('left', outs, 'taken', CAST(array() AS array<struct<month: date, whole: bigint, at_close: bigint>>)),
  (s, l) -> named_struct(
    'left', aggregate(
      s.left,
      named_struct('need', l.amt, 'kept', CAST(array() AS array<struct<day: date, ts: bigint, amt: bigint>>)),
      (a, o) -> named_struct(
        'need', a.need - IF(o.ts > l.ts AND o.day <= date_add(l.day, {WINDOW_DAYS}), least(a.need, o.amt), 0L),
        'kept', concat(a.kept, array(named_struct('day', o.day, 'ts', o.ts, 'amt',
                o.amt - IF(o.ts > l.ts AND o.day <= date_add(l.day, {WINDOW_DAYS}), least(a.need, o.amt), 0L))))
      ),
      a -> a.kept
    ),
    'taken', concat(s.taken, array(named_struct(
      'month', l.month,
      'whole', least(l.amt, aggregate(filter(s.left, o -> o.ts > l.ts AND o.day <= date_add(l.day, {WINDOW_DAYS})), 0L, (x, o) -> x + o.amt)),
      'at_close', least(l.amt, aggregate(
        filter(s.left, o -> o.ts > l.ts AND o.day <= least(date_add(l.day, {WINDOW_DAYS}), date_add(last_day(l.month), {CLOSE_AFTER_DAYS}))),
        0L, (x, o) -> x + o.amt))
    )))
  ),
  s -> s.taken
)
"""


def loan_diversion(flows: DataFrame) -> DataFrame:
    """firm_id, month, loan_div_amt with all flows given, and loan_div_at_close with those to the day the month closes."""
    loan = F.col("e") & F.col("credit") & (F.col("category") == "loan_disbursement")
    out = F.col("e") & ~F.col("credit") & F.col("category").isin(*DIVERSION)
    loans = flows.where(loan).select("firm_id", F.struct(F.col("ts"), F.col("biz_date").alias("day"), "amt", "month").alias("loan"))
    spans = loans.select("firm_id", F.col("loan.day").alias("d0"), F.date_add("loan.day", WINDOW_DAYS).alias("d1"))
    inside = (F.col("o.firm_id") == F.col("l.firm_id")) & F.col("o.biz_date").between(F.col("l.d0"), F.col("l.d1"))
    near = flows.where(out).alias("o").join(spans.alias("l"), inside, "left_semi")
    outs = near.groupBy("firm_id").agg(_sorted(F.struct(F.col("biz_date").alias("day"), "ts", "amt")).alias("outs"))
    folded = loans.groupBy("firm_id").agg(_sorted(F.col("loan")).alias("loans")).join(outs, "firm_id", "inner")
    taken = folded.select("firm_id", F.explode(F.expr(_FOLD)).alias("t"))
    return taken.groupBy("firm_id", F.col("t.month").alias("month")).agg(
        F.sum("t.whole").alias("loan_div_amt"), F.sum("t.at_close").alias("loan_div_at_close")
    )


def _sorted(item: Column) -> Column:
    return F.sort_array(F.collect_list(item))

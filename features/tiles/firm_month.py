"""tile.firm_month: one row per firm and month from the firm's first covered month on.

Made of parts that are each keyed by firm and month: sums over firm_day, sums over transactions (months.py), runs without
receipts, low-balance days, and the roll-up of the counterparty tile. A part that has no row for a month counts as 0;
medians, means and deviations have no value then.
"""

from __future__ import annotations

from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.rowsets import count, total
from lake.schemas.derived import tile_columns

HISTORY_CAP = 36
LOW_DAYS = 7
LOW_MONTHS = 3
ZERO_BALANCE_FEN = 100_000
PASS_MIN_FEN = 5_000_000
PASS_TOLERANCE = 0.05
TYPES = {r["column"]: r["type_unit"].split()[0] for r in tile_columns("firm_month")}
NULLABLE = [
    "med_in_amt",
    "max_in_amt",
    "max_out_amt",
    "basic_in_amt",
    "bal_avg",
    "bal_eom",
    "bal_min",
    "bal_max",
    "bal_std",
    "low_bal_days",
    "zero_bal_days",
    "in_gap_max",
    "in_daily_std",
    "in_dom_mean",
    "wage_dom",
    "hist_months",
]
"""Columns without a value where nothing was observed; every other column is 0 then."""
DEPOSITS = {"td_bal_avg": "td_sum", "margin_bal_avg": "margin_sum"}
GAP_CAP = 366
"""Longest run without receipts that is told apart; runs are looked for that far back."""


def is_covered() -> Column:
    """Whether a firm_month row counts as covered: 80 % of its days are."""
    return F.col("days_covered") * 10 >= F.col("days_in_month") * 8


def day_sums(days: DataFrame, holidays: DataFrame) -> DataFrame:
    """Everything that is a sum, extreme or deviation over the days of the month, from tile.firm_day.

    `holidays`: biz_date of the days that are no workdays (ref_calendar).
    """
    ok, dom = F.col("covered") == 1, F.dayofmonth("biz_date")
    last5 = F.datediff(F.last_day("biz_date"), "biz_date") < 5
    passed = (F.col("in_amt") >= PASS_MIN_FEN) & (F.abs(F.col("in_amt") - F.col("out_amt")) <= PASS_TOLERANCE * F.col("in_amt"))
    marked = days.join(F.broadcast(holidays.select("biz_date", F.lit(True).alias("holiday"))), "biz_date", "left")
    sums = ("in_amt", "out_amt", "op_in_amt", "op_out_amt", "sameday_amt")
    counts = ("in_cnt", "out_cnt", "all_cnt", "op_in_cnt", "op_out_cnt", "round_cnt", "night_cnt")
    return marked.groupBy("firm_id", F.trunc("biz_date", "month").alias("month")).agg(
        F.sum("covered").cast("int").alias("days_covered"),
        *(F.coalesce(F.sum(c), F.lit(0)).cast("bigint").alias(c) for c in sums),
        *(F.coalesce(F.sum(c), F.lit(0)).cast("int").alias(c) for c in counts),
        F.coalesce(F.sum("active"), F.lit(0)).cast("int").alias("active_days"),
        count(F.col("op_in_cnt") > 0).alias("in_days"),
        count(passed).alias("passthru_days"),
        F.coalesce(F.sum(F.when(F.col("holiday"), F.col("all_cnt"))), F.lit(0)).cast("int").alias("holiday_cnt"),
        total("op_in_amt", last5).alias("last5d_in_amt"),
        F.try_divide(F.sum(dom * F.col("op_in_amt")), F.sum("op_in_amt")).alias("in_dom_mean"),
        F.try_divide(F.sum(dom * F.col("cat_wage_amt")), F.sum("cat_wage_amt")).alias("wage_dom"),
        F.stddev_samp(F.when(ok, F.col("op_in_amt"))).alias("in_daily_std"),
        half_up(F.sum(F.when(ok, F.col("close_bal"))), F.sum("covered")).alias("bal_avg"),
        F.min(F.when(ok, F.col("close_bal"))).alias("bal_min"),
        F.max(F.when(ok, F.col("close_bal"))).alias("bal_max"),
        F.stddev_samp(F.when(ok, F.col("close_bal"))).alias("bal_std"),
        F.max(F.when(F.col("biz_date") == F.last_day("biz_date"), F.col("close_bal"))).alias("bal_eom"),
        F.sum(F.when(ok, (F.col("close_bal") < ZERO_BALANCE_FEN).cast("int"))).cast("int").alias("zero_bal_days"),
    )


def half_up(amount: Column, by: Column) -> Column:
    """amount / by rounded half up to whole fen, null when `by` is 0; exact (decimal)."""
    return F.round(F.try_divide(amount.cast("decimal(28,0)"), by.cast("decimal(10,0)")), 0).cast("bigint")


def receipt_gaps(days: DataFrame) -> DataFrame:
    """in_gap_max: longest run of covered days without operating receipts that lies in the month, counted to its end.

    A day that is not covered ends a run. `days` reach back before the months wanted, so that a run may start earlier.
    """
    w = Window.partitionBy("firm_id").orderBy("biz_date").rowsBetween(Window.unboundedPreceding, 0)
    ends = (F.col("covered") == 0) | (F.col("op_in_cnt") > 0)
    run = F.datediff("biz_date", F.coalesce(F.max(F.when(ends, F.col("biz_date"))).over(w), F.date_sub(F.min("biz_date").over(w), 1)))
    runs = days.select("firm_id", F.trunc("biz_date", "month").alias("month"), run.alias("run"))
    return runs.groupBy("firm_id", "month").agg(F.least(F.max("run"), F.lit(GAP_CAP)).cast("int").alias("in_gap_max"))


def low_balance_days(days: DataFrame, months: DataFrame) -> DataFrame:
    """low_bal_days: covered days with less than 7 days' average operating outflow of the 3 months before.

    `months`: firm_id, month, days_in_month, days_covered, op_out_amt, with those before. Null without a covered month before.
    """
    w = Window.partitionBy("firm_id").orderBy(month_index("month")).rangeBetween(-LOW_MONTHS, -1)
    out, n = (F.sum(F.when(is_covered(), F.col(c))).over(w) for c in ("op_out_amt", "days_covered"))
    limits = months.select("firm_id", "month", (LOW_DAYS * F.try_divide(out, n)).alias("_limit")).where("_limit IS NOT NULL")
    rows = days.where("covered = 1").select("firm_id", F.trunc("biz_date", "month").alias("month"), "close_bal")
    low = F.sum((F.col("close_bal") < F.col("_limit")).cast("int")).cast("int")
    return rows.join(limits, ["firm_id", "month"], "inner").groupBy("firm_id", "month").agg(low.alias("low_bal_days"))


def month_index(month: str | Column) -> Column:
    """Months since year 0: consecutive months differ by 1."""
    m = F.col(month) if isinstance(month, str) else month
    return F.year(m) * 12 + F.month(m)


def gathered(parts: list[DataFrame]) -> DataFrame:
    """Parts keyed by firm_id and month side by side: one shuffle instead of a join for each; no two parts share a measure."""
    rows = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)
    measures = [c for c in rows.columns if c not in ("firm_id", "month")]
    return rows.groupBy("firm_id", "month").agg(*(F.max(c).alias(c) for c in measures))


def firm_month(rows: DataFrame, before: DataFrame, *, last: date) -> DataFrame:
    """Measures of tile.firm_month from the gathered parts, up to month `last`.

    `before`: firm_id, `hist` = hist_months in `hist_month`, a month before the ones wanted (no row: none covered yet).
    Months before the firm's first covered month are no rows; hist_months counts from it, the month itself included.
    Beside the tile's columns: loan_div_at_close, what loan_div_amt was when the month closed.
    """
    days_in_month = F.dayofmonth(F.last_day("month"))
    so_far = Window.partitionBy("firm_id").orderBy("month").rowsBetween(Window.unboundedPreceding, 0)
    sized = rows.where(F.col("month") <= F.lit(last)).select("*", days_in_month.alias("days_in_month"))
    begun = sized.join(before, "firm_id", "left").select("*", F.min(F.when(is_covered(), F.col("month"))).over(so_far).alias("_first"))
    first_here = month_index("month") - month_index("_first") + 1
    carried = F.col("hist") + month_index("month") - month_index("hist_month")
    months = F.coalesce(carried, first_here)
    hist = F.when(months.isNotNull(), F.least(months, F.lit(HISTORY_CAP)))  # least() alone would take the cap for what is null
    kept = begun.select("*", hist.alias("hist_months")).where("hist_months IS NOT NULL")

    def value(name: str) -> Column:
        if name == "basic_in_amt":
            return F.when(F.col("has_basic") == 1, F.coalesce(F.col("basic_in_amt"), F.lit(0)))
        if name in DEPOSITS:
            return half_up(F.coalesce(F.col(DEPOSITS[name]), F.lit(0).cast("bigint")), F.col("days_covered"))
        return F.col(name) if name in NULLABLE else F.coalesce(F.col(name), F.lit(0))

    at_close = value("loan_div_at_close").cast("bigint").alias("loan_div_at_close")
    return kept.select("firm_id", "month", *(value(c).cast(t).alias(c) for c, t in TYPES.items()), at_close)

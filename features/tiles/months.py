"""Parts of firm_month that need single transactions or accounts, each keyed by firm_id and month; and the bank tile.

`flows` are the rows of `rowsets.flows` of whole months.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.rowsets import LARGE_FEN, count, total

NEAR_CASH_FEN = (4_500_000, 5_000_000)


def account_months(flows: DataFrame, accounts: DataFrame) -> DataFrame:
    """Sums per firm, month, bank and account; small, and rolled up twice: to the month and to the bank tile."""
    e, c, amt = F.col("e"), F.col("credit"), F.col("amt")
    sums = flows.groupBy("firm_id", "month", "bank_id", "account_id").agg(
        total("amt", e & c).alias("acct_in_amt"),
        count(e).alias("acct_cnt"),
        total("amt", F.col("op_in")).alias("acct_op_in_amt"),
        F.max(F.when(F.col("op_in"), amt)).alias("max_in_amt"),
        F.max(F.when(F.col("op_out"), amt)).alias("max_out_amt"),
        total("amt", e & c & (amt >= LARGE_FEN)).alias("large_in_amt"),
        count(e & c & (amt >= LARGE_FEN)).alias("large_in_cnt"),
        count(e & ~c & (amt >= LARGE_FEN)).alias("large_out_cnt"),
        total("amt", F.col("op_in") & F.col("foreign")).alias("fx_in_amt"),
        total("amt", F.col("op_in") & F.col("bill")).alias("bill_in_amt"),
        total("amt", e & c & F.col("cash")).alias("cash_in_amt"),
        total("amt", e & ~c & F.col("cash")).alias("cash_out_amt"),
        count(~c & F.col("returned")).alias("ret_out_cnt"),
    )
    return sums.join(accounts.select("account_id", "account_type"), "account_id", "left")


def month_sums(account_sums: DataFrame) -> DataFrame:
    """Roll-up of `account_months` to firm and month."""
    sums = ("large_in_amt", "fx_in_amt", "bill_in_amt", "cash_in_amt", "cash_out_amt")
    counts = ("large_in_cnt", "large_out_cnt", "ret_out_cnt")
    extremes = ("max_in_amt", "max_out_amt")
    basic = F.sum(F.when(F.col("account_type") == "BASIC", F.col("acct_in_amt")))
    banks = account_sums.groupBy("firm_id", "month", "bank_id").agg(
        *(F.sum(c).alias(c) for c in (*sums, *counts)),
        *(F.max(c).alias(c) for c in extremes),
        F.sum("acct_in_amt").alias("bank_in_amt"),
        count(F.col("acct_cnt") > 0).alias("n_acct"),
        basic.alias("basic_in_amt"),
    )
    return banks.groupBy("firm_id", "month").agg(
        *(F.sum(c).alias(c) for c in (*sums, "basic_in_amt")),
        *(F.sum(c).cast("int").alias(c) for c in counts),
        *(F.max(c).alias(c) for c in extremes),
        F.max("bank_in_amt").alias("main_bank_in_amt"),
        count(F.col("n_acct") > 0).alias("n_bank_active"),
        F.sum("n_acct").cast("int").alias("n_acct_active"),
    )


def median_receipt(flows: DataFrame) -> DataFrame:
    """med_in_amt: exact lower median of operating receipts (the middle one, of an even number the lower of the two)."""
    sorted_ = F.sort_array(F.collect_list("amt"))
    middle = F.element_at("amounts", F.floor((F.size("amounts") + 1) / 2).cast("int"))
    rows = flows.where("op_in").groupBy("firm_id", "month").agg(sorted_.alias("amounts"))
    return rows.select("firm_id", "month", middle.alias("med_in_amt"))


def near_threshold_cash(flows: DataFrame) -> DataFrame:
    """near_thr_cash_cnt: days whose cash in, or cash out, adds up to just under the reporting threshold of 50,000 CNY."""
    low, high = NEAR_CASH_FEN
    days = flows.where("e AND cash").groupBy("firm_id", "month", "biz_date", "credit").agg(F.sum("amt").alias("amt"))
    return days.groupBy("firm_id", "month").agg(count((F.col("amt") >= low) & (F.col("amt") < high)).alias("near_thr_cash_cnt"))


def wage_payees(flows: DataFrame) -> DataFrame:
    """wage_payee_cnt: distinct persons paid wages. Banks send one row per person of a batch."""
    rows = flows.where("e AND NOT credit AND category = 'wage'").groupBy("firm_id", "month")
    return rows.agg(F.count_distinct("cpty_id").cast("int").alias("wage_payee_cnt"))


def month_list(accounts: DataFrame, first: date, last: date) -> DataFrame:
    """`accounts` by the months from `first` to `last`: adds month and month_end."""
    months = F.explode(F.sequence(F.lit(first), F.lit(last), F.expr("INTERVAL 1 MONTH"))).alias("month")
    return accounts.select("*", months).select("*", F.last_day("month").alias("month_end"))


def open_accounts(accounts: DataFrame, first: date, last: date) -> DataFrame:
    """n_acct_open at the month end; has_basic: 1 when a BASIC account was open in the month."""
    rows = month_list(accounts, first, last).where("open_date <= month_end AND (close_date IS NULL OR close_date > month)")
    open_ = (F.col("close_date").isNull() | (F.col("close_date") > F.col("month_end"))) & F.col("product_type").isin("DEMAND", "NOTICE")
    return rows.groupBy("firm_id", "month").agg(
        count(open_).alias("n_acct_open"), F.max((F.col("account_type") == "BASIC").cast("int")).alias("has_basic")
    )


def deposit_sums(balances: DataFrame, days: DataFrame) -> DataFrame:
    """td_sum and margin_sum: TIME and MARGIN balances summed over the firm's covered days.

    `balances` from `balances.deposits`; `days`: tile.firm_day.
    """
    covered = days.where("covered = 1").select("firm_id", "biz_date")
    rows = balances.where("td_bal <> 0 OR margin_bal <> 0").join(covered, ["firm_id", "biz_date"], "left_semi")
    sums = rows.groupBy("firm_id", F.trunc("biz_date", "month").alias("month"))
    return sums.agg(F.sum("td_bal").alias("td_sum"), F.sum("margin_bal").alias("margin_sum"))


def frozen(days: DataFrame) -> DataFrame:
    """frozen_days from `balances.frozen_days`."""
    return days.groupBy("firm_id", F.trunc("biz_date", "month").alias("month")).agg(F.count("*").cast("int").alias("frozen_days"))


def bank_month(account_sums: DataFrame, accounts: DataFrame, uncovered: DataFrame, *, first: date, last: date) -> DataFrame:
    """Measures of tile.firm_bank_month for banks where the firm has an account open in the month.

    days_covered: days on which an account is open and every open one is covered; last_covered_date: the latest of them.
    `uncovered` from `balances.uncovered_days` over the same months.
    """
    inflow = account_sums.groupBy("firm_id", "bank_id", "month").agg(F.sum("acct_op_in_amt").alias("op_in_amt"))
    end = F.date_add("month_end", 1)
    spans = month_list(accounts, first, last).where("open_date <= month_end AND (close_date IS NULL OR close_date > month)")
    open_ = spans.groupBy("firm_id", "bank_id", "month").agg(
        F.min(F.greatest("open_date", "month")).alias("d0"), F.max(F.least(F.coalesce("close_date", end), end)).alias("d1")
    )
    gaps = uncovered.groupBy("firm_id", "bank_id", F.trunc("biz_date", "month").alias("month")).agg(
        F.sort_array(F.collect_set("biz_date")).alias("gaps")
    )
    keys = ["firm_id", "bank_id", "month"]
    rows = open_.join(gaps, keys, "left").join(inflow, keys, "left")
    no_gaps = F.array().cast("array<date>")
    days = F.filter(F.sequence("d0", F.date_sub("d1", 1)), lambda d: ~F.array_contains(F.coalesce("gaps", no_gaps), d))
    return rows.select(*keys, F.coalesce("op_in_amt", F.lit(0)).cast("bigint").alias("op_in_amt"), days.alias("days")).select(
        *keys, "op_in_amt", F.size("days").cast("int").alias("days_covered"), _last("days").alias("last_covered_date")
    )


def _last(array: str) -> Column:
    """Last element of an array, null when it is empty."""
    return F.try_element_at(F.col(array), F.lit(-1))

"""Account balances by day: sparse senders carried, coverage decided, totals per firm and day.

A day of an account is covered when the bank's row of that day was accepted, or when the row before still holds: the
bank sends rows only on days with movement and month ends (`sparse`), the next row opens with what the row before closed
with, and no month end lies between (gap of at most 31 days). Dormant accounts are carried without that limit. After
the last row a carry ends with the last day on which the bank sent any balance: a silent bank covers nothing.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

MAX_CARRY_DAYS = 31
"""Sparse senders send a row at each month end, so a longer gap is a missing file."""
ACCOUNT_COLUMNS = [
    "account_id",
    "firm_id",
    "bank_id",
    "account_type",
    "product_type",
    "open_date",
    "close_date",
    "status",
    "freeze_authority",
    "is_summary",
    "valid_from",
]
BALANCE_COLUMNS = [
    "bank_id",
    "account_id",
    "firm_id",
    "currency",
    "biz_date",
    "opening_minor",
    "closing_minor",
    "closing_cny_fen",
    "sparse",
]
FREEZERS = ("COURT", "TAX", "POLICE")


def account_states(accounts: DataFrame) -> DataFrame:
    """States of accounts with [`valid_from`, `state_to`): a state ends where the next one of the account begins.

    `accounts` are the current rows of silver.acct_account, one per account and valid_from. Accounts that repeat their
    children (is_summary) are left out of everything.
    """
    w = Window.partitionBy("account_id").orderBy("valid_from")
    return (
        accounts.where("NOT is_summary")
        .select(*ACCOUNT_COLUMNS, "valid_to")
        .select(*ACCOUNT_COLUMNS, F.least(F.lead("valid_from").over(w), F.col("valid_to")).alias("state_to"))
    )


def latest_states(states: DataFrame) -> DataFrame:
    """The last state of each account: open and close dates, type and product as known now, and whether it is dormant."""
    w = Window.partitionBy("account_id").orderBy(F.col("valid_from").desc())
    return states.select("*", F.row_number().over(w).alias("_n")).where("_n = 1").drop("_n")


def account_spans(balances: DataFrame) -> DataFrame:
    """firm_id, bank_id, account_id with first_row and last_row, the days of its first and last balance row; a small frame."""
    return balances.groupBy("firm_id", "bank_id", "account_id").agg(
        F.min("biz_date").alias("first_row"), F.max("biz_date").alias("last_row")
    )


def account_days(balances: DataFrame, accounts: DataFrame, spans: DataFrame, first: date, last: date) -> DataFrame:
    """Runs of days of every account open between `first` and `last`: firm_id, bank_id, product_type, `day_from`, `day_to`
    (exclusive), covered [`cov_from`, `cov_to`), and `before` and `after`, the balance in fen before and from `row_date` on.

    `balances` are the current balance rows, with those before `first` that the first days are carried from;
    `accounts` one row per account; `spans` from account_spans, of all firms: a bank is silent when it is for everybody. Days
    before a firm's first balance row are left out. The runs are laid out by firm.
    """
    a = accounts.select("account_id", "product_type", "open_date", "close_date", (F.col("status") == "DORMANT").alias("dormant"))
    firm_first = spans.groupBy("firm_id").agg(F.min("first_row").alias("firm_first"))
    bank_last = spans.groupBy("bank_id").agg(F.max("last_row").alias("bank_last"))
    b = by_firm(balances.select(*BALANCE_COLUMNS).join(F.broadcast(a), "account_id", "inner"))
    chain = Window.partitionBy("firm_id", "account_id", "currency").orderBy("biz_date")
    following = F.lead(F.struct(F.col("biz_date").alias("day"), "opening_minor", "sparse")).over(chain)
    rows = b.select("*", F.lag("biz_date").over(chain).alias("previous"), following.alias("next"))
    known = rows.join(F.broadcast(firm_first), "firm_id", "inner").join(F.broadcast(bank_last), "bank_id", "inner")
    silent = accounts.join(spans.select("account_id"), "account_id", "left_anti").join(firm_first, "firm_id", "inner")
    return _runs(known, first, last).unionByName(by_firm(_without_rows(silent, first, last)))


def by_firm(rows: DataFrame) -> DataFrame:
    """Rows laid out by firm, so that what follows by firm, account, day or month needs no further shuffle."""
    return rows.repartition(int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions", "8") or 8), "firm_id")


def _runs(rows: DataFrame, first: date, last: date) -> DataFrame:
    """One run per balance row: from it (the account's first row: from where a sparse sender's silence says as much) to the next."""
    end = F.date_add(F.lit(last), 1)
    stop = F.least(F.coalesce("close_date", end), end)
    until = F.coalesce(F.col("next.day"), stop)
    day_after = F.date_add("biz_date", 1)
    short = F.datediff("next.day", "biz_date") <= MAX_CARRY_DAYS
    whole = (F.col("next.opening_minor") == F.col("closing_minor")) & (
        F.col("dormant") | ((F.col("sparse") | F.col("next.sparse")) & short)
    )
    open_end = F.least(stop, F.date_add("bank_last", 1))
    limit = F.when(F.col("dormant"), open_end).otherwise(F.least(open_end, F.date_add("biz_date", MAX_CARRY_DAYS)))
    tail = F.when(F.col("dormant") | F.col("sparse"), F.greatest(limit, day_after)).otherwise(day_after)
    cov_to = F.when(F.col("next.day").isNull(), tail).when(whole, until).otherwise(day_after)
    # a sparse sender would have sent a row for any movement since the month began
    quiet = F.col("sparse") & (F.col("currency") == "CNY")
    head = F.greatest(F.col("open_date"), F.trunc("biz_date", "month"))
    begin = F.when(F.col("previous").isNull(), F.least("biz_date", F.greatest("open_date", F.trunc("firm_first", "month"))))
    return rows.select(
        "firm_id", "bank_id", "product_type",
        F.greatest(F.coalesce(begin, "biz_date"), F.lit(first)).alias("day_from"),
        F.least(until, stop).alias("day_to"),
        F.when(F.col("previous").isNull() & quiet, F.least(head, "biz_date")).otherwise(F.col("biz_date")).alias("cov_from"),
        F.least(cov_to, stop).alias("cov_to"),
        F.col("biz_date").alias("row_date"),
        F.col("opening_minor").alias("before"),
        F.col("closing_cny_fen").alias("after"),
    ).where("day_from < day_to")  # fmt: skip


def _without_rows(accounts: DataFrame, first: date, last: date) -> DataFrame:
    """Runs of accounts that never had a balance row, from their firm's first row on (firm_first): not covered."""
    end = F.date_add(F.lit(last), 1)
    nothing = F.lit(None)
    return accounts.select(
        "firm_id", "bank_id", "product_type",
        F.greatest("open_date", F.trunc("firm_first", "month"), F.lit(first)).alias("day_from"),
        F.least(F.coalesce("close_date", end), end).alias("day_to"),
        nothing.cast("date").alias("cov_from"), nothing.cast("date").alias("cov_to"), nothing.cast("date").alias("row_date"),
        nothing.cast("bigint").alias("before"), nothing.cast("bigint").alias("after"),
    ).where("day_from < day_to")  # fmt: skip


def covered(day: Column) -> Column:
    """Whether `day` of a run is covered."""
    return F.coalesce((day >= F.col("cov_from")) & (day < F.col("cov_to")), F.lit(False))


def run_days(runs: DataFrame) -> DataFrame:
    """Runs by day: firm_id, biz_date, product_type, ok (1: the account is covered, 0: it is not) and its balance in fen."""
    days = runs.select("*", F.explode(F.sequence("day_from", F.date_sub("day_to", 1))).alias("biz_date"))
    amount = F.when(F.col("biz_date") < F.col("row_date"), F.col("before")).otherwise(F.col("after"))
    return days.select("firm_id", "biz_date", "product_type", covered(F.col("biz_date")).cast("int").alias("ok"), amount.alias("balance"))


def total_of(*products: str) -> Column:
    """Sum of `balance` over accounts of these products."""
    return F.sum(F.when(F.col("product_type").isin(*products), F.col("balance")).otherwise(F.lit(0).cast("bigint")))


def deposits(runs: DataFrame) -> DataFrame:
    """firm_id, biz_date, td_bal and margin_bal (fen) of TIME and MARGIN accounts, on days on which all of these are covered."""
    rows = run_days(runs.where("product_type IN ('TIME', 'MARGIN')")).groupBy("firm_id", "biz_date")
    sums = rows.agg(F.min("ok").alias("ok"), total_of("TIME").alias("td_bal"), total_of("MARGIN").alias("margin_bal"))
    return sums.where("ok = 1").drop("ok")


def uncovered_days(runs: DataFrame) -> DataFrame:
    """firm_id, bank_id, biz_date: the days on which some account of the firm at the bank is not covered."""
    broken = runs.where("cov_from IS NULL OR cov_from > day_from OR cov_to < day_to")
    days = broken.select("*", F.explode(F.sequence("day_from", F.date_sub("day_to", 1))).alias("biz_date"))
    return days.where(~covered(F.col("biz_date"))).select("firm_id", "bank_id", "biz_date").distinct()


def frozen_days(states: DataFrame, first: date, last: date) -> DataFrame:
    """firm_id, biz_date: days on which a court, the tax office or the police held an account of the firm."""
    held = states.where(F.col("status").isin("FROZEN", "STOPPED") & F.col("freeze_authority").isin(*FREEZERS))
    end = F.date_add(F.lit(last), 1)
    spans = held.select(
        "firm_id",
        F.greatest("valid_from", F.lit(first)).alias("d0"),
        F.least(F.coalesce("state_to", end), F.coalesce("close_date", end), end).alias("d1"),
    ).where("d0 < d1")
    return spans.select("firm_id", F.explode(F.sequence("d0", F.date_sub("d1", 1))).alias("biz_date")).distinct()

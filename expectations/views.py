"""The views that rules read (documented in rules/README.md), built from typed rows in force. Pure: frames in, frames out."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

ODD_ROWS = [
    "bank_id", "file_type", "submission_id", "row_no", "from_date", "to_date", "as_of", "biz_date", "biz_date_sent", "currency",
    "currency_sent", "places", "no_parity", "finer", "too_large", "parse_error", "bad_fields", "account_id", "number_ok",
]  # fmt: skip
ACCOUNT_DAY = ["account_id", "bank_id", "currency", "biz_date"]  # the account first: sorts compare the first 8 bytes, and banks are few
GROUP = ["bank_id", "branch_id", "gl_subject", "currency", "biz_date"]
CELL = ["bank_id", "branch_id", "currency", "biz_date"]
LARGE_FEN = 10_000 * 100
"""From this amount on a transfer must name its counterparty (V18)."""
_OF_TYPE = {"biz_date": "date", "biz_date_sent": "string", "account_id": "string", "no_parity": "boolean", "number_ok": "boolean"}


def odd_rows(typed: dict[str, DataFrame]) -> DataFrame:
    """Rows of every file type of whose reading there is anything to tell; a column that a type does not have is null.

    The rules say which of it is a violation; here is only sorted out what no rule about single fields could mind.
    """
    parts = []
    for rows in typed.values():
        missing = {c: F.lit(False if c == "no_parity" else None).cast(t).alias(c) for c, t in _OF_TYPE.items() if c not in rows.columns}
        common = rows.select(*[missing.get(c, F.col(c)) for c in ODD_ROWS])
        dated = (
            F.col("biz_date").isNotNull()
            & F.col("biz_date").between(F.col("from_date"), F.col("to_date"))
            & (F.col("biz_date") <= F.col("as_of"))
        )
        read = F.col("parse_error").isNull() & (F.col("bad_fields") == "") & F.col("places").isNotNull() & ~F.col("no_parity")
        fits = ~F.col("finer") & ~F.col("too_large") & (F.col("currency") == F.col("currency_sent"))
        fits = fits & F.col("number_ok") if "number_ok" in rows.columns else fits
        plain = read & fits & (dated | F.col("biz_date_sent").isNull())
        parts.append(common.where(~F.coalesce(plain, F.lit(False))))
    return reduce(DataFrame.unionByName, parts)


def placed(rows: DataFrame) -> DataFrame:
    """Rows that can be put on an account-day: they parse, and account, date, currency and amounts are read."""
    amounts = [
        c
        for c in ("amt_minor", "balance_after_minor", "seq_no", "opening_minor", "credit_minor", "debit_minor", "closing_minor")
        if c in rows.columns
    ]
    whole = F.col("parse_error").isNull() & (F.col("bad_fields") == "")
    for c in ["account_id", "biz_date", "places", *amounts]:
        whole = whole & F.col(c).isNotNull()
    return rows.where(whole)


def account(acct_rows: DataFrame) -> DataFrame:
    """One row per account ever delivered, with its dates and the latest of its other attributes.

    Columns: bank_id, account_id, currency, firm_id, branch_id, open_date, close_date, overdraft_flag, is_summary,
    parent_account_id.
    """
    order = F.struct("to_date", "version", "row_no")
    latest = [
        F.max_by(c, order).alias(c)
        for c in ("currency", "firm_id", "branch_id", "overdraft_flag", "is_summary", "parent_account_id", "close_date")
    ]
    # a row that is parked for a bad field still tells that the account exists; what is parked with it is a cascade, not V16
    good = acct_rows.where("parse_error IS NULL AND account_id IS NOT NULL AND coalesce(op, '') <> 'X'")
    return good.groupBy("bank_id", "account_id").agg(F.min("open_date").alias("open_date"), *latest)


def repeated(rows: DataFrame) -> DataFrame:
    """`rows` that share their key_hash with another row; rows without one are left out."""
    keyed = rows.where("key_hash IS NOT NULL")
    several = keyed.groupBy("key_hash").count().where("count > 1").select("key_hash")
    return keyed.join(F.broadcast(several), on="key_hash", how="left_semi")


def key_copies(rows: DataFrame) -> DataFrame:
    """Of `repeated` rows with content_hash: copies, contents (different ones) and copy_no of each.

    copy_no counts the copies of the same content, 1 is the one to keep.
    """
    w = Window.partitionBy("key_hash")
    of_content = Window.partitionBy("key_hash", "content_hash").orderBy("submission_id", "row_no")
    return rows.select(
        "bank_id", F.coalesce("biz_date", "from_date").alias("biz_date"), "file_type", "submission_id", "row_no", "key_hash",
        F.count("*").over(w).alias("copies"), F.size(F.collect_set("content_hash").over(w)).cast("bigint").alias("contents"),
        F.row_number().over(of_content).alias("copy_no"),
    )  # fmt: skip


def day_totals(txn: DataFrame, allowed: Column) -> DataFrame:
    """Per account-day: counts and sums by side, balance before the first and after the last row, the first break of the chain.

    The movement of a row is +amount for C, -amount for D (red reversals are negative amounts); order is seq_no, never time. Balances
    that differ by no more than `allowed` (minor units, 0 but for foreign ledgers) follow each other.
    """
    move = F.when(F.col("dr_cr") == "C", F.col("amt_minor")).when(F.col("dr_cr") == "D", -F.col("amt_minor"))
    w = Window.partitionBy(*ACCOUNT_DAY).orderBy("seq_no", "row_no")
    before = F.lag("balance_after_minor").over(w)
    large = (F.col("instrument") == "TRANSFER") & (F.col("amt_cny_fen") >= LARGE_FEN)
    named = F.coalesce("cpty_account_token", "cpty_name_token").isNotNull()
    stepped = F.col("seq_no") - F.lag("seq_no").over(w) != 1
    chained = txn.select(
        *ACCOUNT_DAY, "dr_cr", "amt_minor", "seq_no", "balance_after_minor", move.alias("move"), before.alias("before"),
        F.lead("seq_no").over(w).isNull().alias("is_last"), stepped.alias("stepped"), large.alias("large"), (large & named).alias("named"),
    )  # fmt: skip
    after = F.try_add(F.col("before"), F.col("move"))
    apart = F.abs(F.try_subtract(F.col("balance_after_minor"), after))
    is_break = F.col("before").isNotNull() & F.coalesce(apart > allowed, F.lit(True))
    broken = F.when(is_break, F.struct("seq_no", after.alias("expected"), F.col("balance_after_minor").alias("actual")))
    sums = [
        agg
        for name, side in (("credit", "C"), ("debit", "D"))
        for agg in (
            F.count_if(F.col("dr_cr") == side).alias(f"txn_{name}_cnt"),
            F.try_sum(F.when(F.col("dr_cr") == side, F.col("amt_minor")).otherwise(0)).alias(f"txn_{name}_minor"),
        )
    ]
    return chained.groupBy(*ACCOUNT_DAY).agg(
        *sums,
        F.max(F.when(F.col("before").isNull(), F.try_subtract(F.col("balance_after_minor"), F.col("move")))).alias("first_before"),
        F.max(F.when(F.col("is_last"), F.col("balance_after_minor"))).alias("last_after"), F.min(broken).alias("first_break"),
        F.min("seq_no").alias("first_seq"), F.max("seq_no").alias("last_seq"), F.count_if("stepped").alias("seq_breaks"),
        F.count_if("large").alias("large_cnt"), F.count_if("named").alias("large_named_cnt"),
    )  # fmt: skip


def chained_balances(bal: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Balance rows with the previous one of their account and currency, and `chained`: the two must meet.

    They must when every day between them lies in a balance file in force, and either they are neighbours or one of them
    comes from a sparse sender (days left out are carried forward). A bare lag would compare across missing days.
    """
    days = bank_day.select("bank_id", "biz_date", "covered")
    w = Window.partitionBy("account_id", "bank_id", "currency").orderBy("biz_date", "version", "row_no")
    lagged = bal.join(F.broadcast(days), on=["bank_id", "biz_date"], how="left").withColumns({
        "prev_date": F.lag("biz_date").over(w), "prev_closing_minor": F.lag("closing_minor").over(w),
        "prev_sparse": F.lag("sparse").over(w), "prev_covered": F.lag("covered").over(w),
    })  # fmt: skip
    apart = F.date_diff("biz_date", "prev_date")
    meet = (F.col("covered") - F.col("prev_covered") == apart) & ((apart == 1) | F.col("sparse") | F.col("prev_sparse"))
    return lagged.withColumn("chained", F.coalesce(meet, F.lit(False))).drop("covered", "prev_covered", "prev_sparse")


def account_days(balances: DataFrame, totals: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Balance row and transactions of every account-day side by side; a side that is missing has has_bal / has_txn false."""
    both = balances.withColumn("has_bal", F.lit(True)).join(totals.withColumn("has_txn", F.lit(True)), on=ACCOUNT_DAY, how="full")
    days = bank_day.select(
        "bank_id", "biz_date", F.col("has_bal").alias("day_has_bal"), F.col("has_txn").alias("day_has_txn"),
        F.col("dense").alias("day_dense"), "fresh_bal", "fresh_txn",
    )  # fmt: skip
    sums = {c: F.when(F.col("has_txn"), F.col(c)).otherwise(0) for c in ("txn_credit_minor", "txn_debit_minor")}
    rows = both.fillna(False, ["has_bal", "has_txn"]).fillna(0, ["txn_credit_cnt", "txn_debit_cnt"]).withColumns(sums)
    return rows.join(F.broadcast(days), on=["bank_id", "biz_date"], how="left")


def gl_groups(account_day: DataFrame, gl: DataFrame, accounts: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Sums over the accounts of a subject beside the ledger's, where both files of the day are in force; a missing side is 0.

    Accounts that repeat their children (is_summary) are left out of the sums.
    """
    days = bank_day.where("has_bal AND has_gl AND (fresh_bal OR fresh_gl)").select("bank_id", "biz_date")
    ledger = gl.where("parse_error IS NULL AND bad_fields = ''").join(F.broadcast(days), on=["bank_id", "biz_date"], how="left_semi")
    ledger = ledger.select(
        *GROUP, F.col("submission_id").alias("gl_submission_id"), "account_cnt", "ne_cnt",
        *[F.col(f"{c}_minor") for c in ("open", "debit", "credit", "close", "ne_debit", "ne_credit", "ne_close")],
    )  # fmt: skip
    dates = ledger.select("bank_id", "biz_date").distinct()
    summaries = accounts.where("is_summary").select("bank_id", "account_id")
    sums = {"closing_minor": "closing_minor", "day_credit_minor": "credit_minor", "day_debit_minor": "debit_minor"}
    ours = (
        account_day.where("has_bal")
        .join(F.broadcast(dates), on=["bank_id", "biz_date"], how="left_semi")
        .join(F.broadcast(summaries), on=["bank_id", "account_id"], how="left_anti")
        .groupBy(*GROUP).agg(*[F.try_sum(c).alias(n) for n, c in sums.items()], F.count("*").alias("accounts"), F.lit(True).alias("has_ours"))
    )  # fmt: skip
    joined = ours.join(ledger.withColumn("has_gl", F.lit(True)), on=GROUP, how="full")
    mine = {c: F.when(F.col("has_ours"), F.col(c)).otherwise(0) for c in sums}
    theirs = {c: F.when(F.col("has_gl"), F.col(c)).otherwise(0) for c in ledger.columns if c.endswith("_minor")}
    return joined.withColumns({**mine, **theirs}).fillna(0, ["accounts", "account_cnt", "ne_cnt"]).drop("has_ours", "has_gl")


def gl_days(gl: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Ledger rows beside those of their group on the last date before them; `fresh_gl`: the file of the date came tonight."""
    w = Window.partitionBy(*GROUP[:-1]).orderBy("biz_date", "version", "row_no")
    before = {
        f"prev_{n}": F.lag(c).over(w)
        for n, c in (("date", "biz_date"), ("close_minor", "close_minor"), ("ne_close_minor", "ne_close_minor"))
    }
    days = F.broadcast(bank_day.select("bank_id", "biz_date", "fresh_gl"))
    rows = gl.where("parse_error IS NULL AND bad_fields = ''").withColumns(before).join(days, on=["bank_id", "biz_date"], how="inner")
    return rows.select(*GROUP, "submission_id", "fresh_gl", "close_minor", "ne_close_minor", *before)


def control_cells(account_day: DataFrame, ctl: DataFrame, accounts: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Received transactions per branch, currency, date and side beside the second channel's, on days it has reported."""
    days = F.broadcast(bank_day.where("has_ctl AND (fresh_ctl OR fresh_txn OR fresh_bal)").select("bank_id", "biz_date"))
    branches = accounts.select("bank_id", "account_id", F.col("branch_id").alias("account_branch"))
    cells = (
        account_day.where("has_txn").join(days, on=["bank_id", "biz_date"], how="left_semi")
        .join(branches, on=["bank_id", "account_id"], how="left")
        .groupBy("bank_id", F.coalesce("branch_id", "account_branch").alias("branch_id"), "currency", "biz_date")
        .agg(*[F.sum(f"txn_{n}_cnt").alias(f"{n}_cnt") for n in ("credit", "debit")],
             *[F.try_sum(f"txn_{n}_minor").alias(f"{n}_minor") for n in ("credit", "debit")])
    )  # fmt: skip
    sides = F.array(
        F.struct(F.lit("C").alias("dr_cr"), F.col("credit_cnt").alias("cnt"), F.col("credit_minor").alias("amt")),
        F.struct(F.lit("D").alias("dr_cr"), F.col("debit_cnt").alias("cnt"), F.col("debit_minor").alias("amt")),
    )
    ours = cells.select(*CELL, F.explode(sides).alias("side")).select(
        *CELL,
        "side.dr_cr",
        F.col("side.cnt").alias("received_cnt"),
        F.col("side.amt").alias("received_amt_minor"),
        F.lit(True).alias("ours"),
    )
    flow = ctl.where("kind = 'FLOW' AND parse_error IS NULL AND bad_fields = ''").join(days, on=["bank_id", "biz_date"], how="left_semi")
    stated = flow.select(
        *CELL, "dr_cr", F.col("cnt").alias("stated_cnt"), F.col("amount_minor").alias("stated_amt_minor"),
        F.col("submission_id").alias("ctl_submission_id"), F.lit(True).alias("theirs"),
    )  # fmt: skip
    both = ours.join(stated, on=[*CELL, "dr_cr"], how="full")
    return both.select(
        *CELL, "dr_cr", "ctl_submission_id",
        F.coalesce("received_cnt", F.lit(0)).alias("received_cnt"), F.coalesce("stated_cnt", F.lit(0)).alias("stated_cnt"),
        F.when(F.col("ours"), F.col("received_amt_minor")).otherwise(0).alias("received_amt_minor"),
        F.when(F.col("theirs"), F.col("stated_amt_minor")).otherwise(0).alias("stated_amt_minor"),
    )  # fmt: skip


def control_balances(account_day: DataFrame, ctl: DataFrame, accounts: DataFrame, bank_day: DataFrame) -> DataFrame:
    """Received balances per branch, currency and date beside the second channel's, on days with balances of every account.

    Accounts that repeat their children (is_summary) are left out; a missing side is 0.
    """
    days = F.broadcast(bank_day.where("has_ctl AND has_bal AND dense AND (fresh_ctl OR fresh_bal)").select("bank_id", "biz_date"))
    summaries = accounts.where("is_summary").select("bank_id", "account_id")
    ours = (
        account_day.where("has_bal").join(days, on=["bank_id", "biz_date"], how="left_semi")
        .join(F.broadcast(summaries), on=["bank_id", "account_id"], how="left_anti")
        .groupBy(*CELL).agg(F.count("*").alias("accounts"), F.try_sum("closing_minor").alias("closing_minor"), F.lit(True).alias("ours"))
    )  # fmt: skip
    stated = (
        ctl.where("kind = 'BALANCE' AND parse_error IS NULL AND bad_fields = ''").join(days, on=["bank_id", "biz_date"], how="left_semi")
        .select(*CELL, F.col("cnt").alias("stated_accounts"), F.col("amount_minor").alias("stated_closing_minor"),
                F.col("submission_id").alias("ctl_submission_id"), F.lit(True).alias("theirs"))
    )  # fmt: skip
    return ours.join(stated, on=CELL, how="full").select(
        *CELL, "ctl_submission_id",
        F.coalesce("accounts", F.lit(0)).alias("accounts"), F.coalesce("stated_accounts", F.lit(0)).alias("stated_accounts"),
        F.when(F.col("ours"), F.col("closing_minor")).otherwise(0).alias("closing_minor"),
        F.when(F.col("theirs"), F.col("stated_closing_minor")).otherwise(0).alias("stated_closing_minor"),
    )  # fmt: skip

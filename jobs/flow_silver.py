"""Accepted rows of bank files -> rows of the silver tables. Pure frames; the check writes them when the identity holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.categorize import PurposeRule, categorize
from jobs.flow_parties import Parties, with_party
from lake.clock import cut_off
from lake.tables import table

ORIGINAL = ["bank_id", "account_id", "txn_no", "sub_no"]
"""Key by which a reversal names its original."""


def known_when(event: Column, as_of: date, history: bool) -> Column:
    """`available_at`: the night's cut-off; in a history load the day after the event at 03:00."""
    if history:
        return F.date_add(event, 1).cast("timestamp") + F.expr("INTERVAL 3 HOURS")
    return F.lit(f"{cut_off(as_of):%Y-%m-%d %H:%M:%S}").cast("timestamp")


def _technical(event: Column, as_of: date, history: bool) -> dict[str, Column]:
    return {
        "row_version": F.col("version"), "ingested_at": F.col("sent_at"), "available_at": known_when(event, as_of, history),
        "is_history": F.lit(history), "as_of": F.lit(as_of),
    }  # fmt: skip


def shaped(name: str, df: DataFrame, columns: dict[str, Column]) -> DataFrame:
    """The registered columns of a table without its partition, some of them given, the others taken as they are."""
    t = table(name)
    return df.select(
        *[columns.get(c, F.col(c)).cast(next(x.type for x in t.columns if x.name == c)).alias(c) for c in t.names if c not in t.partition]
    )


def balances(account_day: DataFrame, owners: DataFrame, as_of: date, history: bool) -> DataFrame:
    """Rows of silver.acct_balance_daily from accepted rows of the view account_day."""
    owned = account_day.join(owners.select("account_id", "firm_id"), on="account_id", how="left")
    extra = {"chain_unverified": ~F.col("chained")}
    return shaped("silver.acct_balance_daily", owned, {**_technical(F.col("biz_date"), as_of, history), **extra})


def reversed_keys(accepted: DataFrame) -> DataFrame:
    """Keys of the originals that accepted reversals name: bank_id, account_id, txn_no, sub_no."""
    return (
        accepted.where("reversal_flag = 'R' AND orig_txn_no IS NOT NULL")
        .select("bank_id", "account_id", F.col("orig_txn_no").alias("txn_no"), F.coalesce("orig_sub_no", F.lit("0")).alias("sub_no"))
        .distinct()
    )


def runs_without_code(accepted: DataFrame, rules: Sequence[PurposeRule]) -> DataFrame:
    """Debits of a run of payments that no purpose code calls wages."""
    wage_codes = [c for r in rules if r.category == "wage" for c in r.codes]
    called = F.coalesce(F.col("purpose_code").isin(*wage_codes), F.lit(False))
    names = ["bank_id", "account_id", "biz_date", "batch_no", "cpty_account_token", "cpty_name_token", "cpty_name"]
    return accepted.where("batch_no IS NOT NULL AND dr_cr = 'D'").where(~called).select(*names)


def wage_batches(runs: DataFrame) -> DataFrame:
    """Of such runs (with cpty_kind) those to at least 3 persons: bank_id, account_id, biz_date, batch_no."""
    persons = F.count_distinct(F.coalesce("cpty_account_token", "cpty_name_token"))
    by_run = runs.where("cpty_kind = 'person'").groupBy("bank_id", "account_id", "biz_date", "batch_no")
    return by_run.agg(persons.alias("n")).where("n >= 3").drop("n")


def transactions(
    accepted: DataFrame,
    parties: Parties,
    originals: DataFrame | None,
    wages: DataFrame | None,
    rules: Sequence[PurposeRule],
    as_of: date,
    history: bool,
) -> DataFrame:
    """Rows of silver.acct_txn from accepted typed transactions.

    `originals` as made by `reversed_keys`, `wages` by `wage_batches`; None when there are none.
    """
    facts, none = with_party(accepted, parties), F.lit(False)
    if wages is not None:
        runs = F.broadcast(wages.withColumn("wage_batch", F.lit(True)))
        facts = facts.join(runs, on=["bank_id", "account_id", "biz_date", "batch_no"], how="left")
    if originals is not None:
        facts = facts.join(F.broadcast(originals.withColumn("is_original", F.lit(True))), on=ORIGINAL, how="left")
    facts = facts.withColumn("wage_batch", none if wages is None else F.coalesce("wage_batch", none))
    extra = {
        "txn_key": F.sha2(F.concat_ws("|", "bank_id", "txn_no", "sub_no", "biz_date"), 256),
        "is_reversed": (F.col("reversal_flag") == "R") | (none if originals is None else F.coalesce("is_original", none)),
        "returned_flag": F.col("returned_flag").isin("Y", "1"),
    }
    return shaped("silver.acct_txn", categorize(facts, rules), {**_technical(F.col("biz_date"), as_of, history), **extra})


def not_among(originals: DataFrame, tonight: DataFrame) -> DataFrame:
    """Originals that are no row of tonight."""
    return originals.join(tonight.select(*ORIGINAL), on=ORIGINAL, how="left_anti")


def restated_originals(earlier: DataFrame, originals: DataFrame, as_of: date) -> DataFrame:
    """Originals of nights before that tonight reverses: the same rows of silver.acct_txn again, marked, known from tonight."""
    w = Window.partitionBy("bank_id", "txn_no", "sub_no", "biz_date").orderBy(F.col("row_version").desc(), F.col("available_at").desc())
    hit = (
        earlier.join(F.broadcast(originals), on=ORIGINAL, how="left_semi")
        .withColumn("_n", F.row_number().over(w))
        .where("_n = 1 AND NOT is_reversed")
    )
    marks = {
        # the next version: readers take the highest, and with the same one twice the unmarked row would stay in the tiles
        "row_version": F.col("row_version") + 1, "is_reversed": F.lit(True),
        "available_at": known_when(F.col("biz_date"), as_of, False), "is_history": F.lit(False),
    }  # fmt: skip
    return shaped("silver.acct_txn", hit, marks)


def accounts(rows: DataFrame, before: DataFrame, as_of: date, history: bool) -> tuple[DataFrame, DataFrame]:
    """Rows of silver.acct_account from accepted ACCT rows, and earlier states closed by them.

    SCD2: the first state of an account is valid from its opening, a later one from the day it was sent for (a closure from
    the closing date). A state that a later one ends is written again with `valid_to`, known when the later one is known, so
    that a reader of the past still sees it open. `before` are the current open states of nights before. Rows carry no time
    of the change: inside one file an opening comes before a restriction, and both before a closure.
    """
    stage = F.when(F.col("status") == "NORMAL", 0).when(F.col("status") == "CLOSED", 2).otherwise(1)
    w = Window.partitionBy("account_id").orderBy("to_date", "version", stage, "row_no")
    known = before.select("account_id", F.lit(True).alias("was_known"))
    changed = F.when(F.col("status") == "CLOSED", F.least("close_date", "to_date")).otherwise(F.col("to_date"))
    first = (F.row_number().over(w) == 1) & F.col("was_known").isNull()
    states = (
        rows.where("op IS NULL")
        .join(known, on="account_id", how="left")
        .withColumn("valid_from", F.when(first, F.col("open_date")).otherwise(changed))
    )
    event = F.greatest("valid_from", "from_date")
    new = shaped("silver.acct_account", states, {**_technical(event, as_of, history), "valid_to": F.lit(None).cast("date")})
    following = Window.partitionBy("account_id").orderBy("valid_from", "available_at")
    both = before.select(*new.columns, F.lit(False).alias("is_new")).unionByName(new.withColumn("is_new", F.lit(True)))
    ended = both.withColumns({
        "next_from": F.lead("valid_from").over(following), "next_known": F.lead("available_at").over(following),
        "next_new": F.lead("is_new").over(following),
    }).where("next_new AND next_from > valid_from")  # fmt: skip
    return new, shaped("silver.acct_account", ended, {"valid_to": F.col("next_from"), "available_at": F.col("next_known")})


def ledger_rows(gl: DataFrame, as_of: date, history: bool) -> DataFrame:
    """Rows of silver.gl_control_total."""
    names = {"open": "open", "debit": "debit", "credit": "credit", "close": "close"}
    own = {f"{n}_minor": F.col(f"{c}_minor") for n, c in names.items()}
    others = {f"non_entrusted_{n}_minor": F.col(f"ne_{c}_minor") for n, c in names.items()}
    return shaped(
        "silver.gl_control_total",
        gl,
        {**_technical(F.col("biz_date"), as_of, history), **own, **others, "non_entrusted_cnt": F.col("ne_cnt")},
    )


def control_flows(ctl: DataFrame, as_of: date, history: bool) -> DataFrame:
    """Rows of silver.bank_control_flow from accepted CTL rows."""
    extra = {"txn_cnt": F.col("cnt"), "txn_amt_minor": F.col("amount_minor")}
    return shaped("silver.bank_control_flow", ctl.where("kind = 'FLOW'"), {**_technical(F.col("biz_date"), as_of, history), **extra})


def control_balances(ctl: DataFrame, as_of: date, history: bool) -> DataFrame:
    """Rows of silver.bank_control_balance from accepted CTL rows."""
    extra = {"closing_minor": F.col("amount_minor"), "open_account_cnt": F.col("cnt")}
    return shaped("silver.bank_control_balance", ctl.where("kind = 'BALANCE'"), {**_technical(F.col("biz_date"), as_of, history), **extra})

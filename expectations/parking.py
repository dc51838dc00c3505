"""From violations to parked rows: which row stays behind, under which violation, and what follows from it (cascades).

A row parked for itself parks its account-day with it (`cascade_of` = that violation); an account of which no ACCT row was
ever accepted has no known owner, so everything of it is parked. Cascades are no violations of their own. Pure: frames in,
frames out.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations.views import ACCOUNT_DAY

PARK = ("violation_id", "rule_id", "severity", "scope_kind", "scope_key", "cascade_of")


@dataclass(frozen=True)
class Parked:
    """What is parked, by the key it is found with; each frame has one row per key and a struct column of PARK."""

    files: DataFrame
    rows: DataFrame
    bank_days: DataFrame
    days: DataFrame
    accounts: DataFrame


def _park(cascade: bool) -> Column:
    of = F.col("violation_id") if cascade else F.lit(None).cast("string")
    return F.struct(*[F.col(c) for c in PARK[:-1]], of.alias("cascade_of"))


def _one(df: DataFrame, key: list[str], name: str) -> DataFrame:
    """One park per key: the lowest rank, then the lowest violation_id."""
    w = Window.partitionBy(*key).orderBy("rank", "park.violation_id")
    return df.withColumn("_n", F.row_number().over(w)).where("_n = 1").select(*key, F.col("park").alias(name))


def parked(violations: DataFrame, account_day: DataFrame, rows: DataFrame, owned: DataFrame, ownerless: DataFrame) -> Parked:
    """What the violations of severity block and quarantine park.

    `account_day` as in the view; `rows` are typed rows of files in force with submission_id, row_no, file_type and the
    columns of an account-day; `owned` (bank_id, account_id) are accounts accepted on nights before, `ownerless` (bank_id,
    account_id, park) accounts that nights before parked.
    """
    hard = violations.where("severity IN ('block', 'quarantine')")
    file_scope = hard.where("scope_kind = 'FILE'").select(F.col("scope_key").alias("submission_id"), _park(False).alias("park"), F.lit(0).alias("rank"))
    row_keys = hard.where("scope_kind = 'ROW'").select(
        "submission_id", F.element_at(F.split("scope_key", ":"), -1).cast("bigint").alias("row_no"),
        _park(False).alias("park"), _park(True).alias("cascade"), F.lit(0).alias("rank"),
    )  # fmt: skip
    days_of_banks = hard.where("scope_kind = 'BANK_DAY'").select("bank_id", "biz_date", _park(False).alias("park"), F.lit(0).alias("rank"))
    hit = rows.join(F.broadcast(row_keys), on=["submission_id", "row_no"], how="inner")
    of_acct = rows.where("file_type = 'ACCT' AND account_id IS NOT NULL")
    good = of_acct.join(F.broadcast(row_keys), on=["submission_id", "row_no"], how="left_anti").select("bank_id", "account_id")
    accounts = (
        hit.where("file_type = 'ACCT' AND account_id IS NOT NULL")
        .select("bank_id", "account_id", F.col("cascade").alias("park"), F.lit(3).alias("rank"))
        .unionByName(ownerless.select("bank_id", "account_id", "park", F.lit(4).alias("rank")))
        .join(owned.unionByName(good).distinct(), on=["bank_id", "account_id"], how="left_anti")
    )
    return Parked(
        files=_one(file_scope, ["submission_id"], "park_file"),
        rows=_one(row_keys, ["submission_id", "row_no"], "park_row"),
        bank_days=_one(days_of_banks, ["bank_id", "biz_date"], "park_bank_day"),
        days=_one(_days(hard, account_day, hit), ACCOUNT_DAY, "park_day"),
        accounts=_one(accounts, ["bank_id", "account_id"], "park_account"),
    )


def _days(hard: DataFrame, account_day: DataFrame, hit: DataFrame) -> DataFrame:
    """Account-days parked by their own rule, by a parked row of theirs, or by their ledger group."""
    parts = F.split("scope_key", "[|]")
    own = hard.where("scope_kind = 'ACCOUNT_DAY'").select(
        "bank_id", parts[0].alias("account_id"), parts[1].alias("currency"), "biz_date", _park(False).alias("park"), F.lit(0).alias("rank")
    )
    dated = hit.where("file_type IN ('BAL', 'TXN') AND account_id IS NOT NULL AND biz_date IS NOT NULL")
    by_row = dated.select(*ACCOUNT_DAY, F.col("cascade").alias("park"), F.lit(1).alias("rank"))
    groups = hard.where("scope_kind = 'GL_GROUP'").select(
        "bank_id", parts[0].alias("branch_id"), parts[1].alias("gl_subject"), parts[2].alias("currency"), "biz_date",
        _park(False).alias("park"), F.lit(2).alias("rank"),
    )  # fmt: skip
    on = ["bank_id", "branch_id", "gl_subject", "currency", "biz_date"]
    by_group = account_day.where("has_bal").select(*on, "account_id").join(F.broadcast(groups), on=on, how="inner")
    return own.unionByName(by_row).unionByName(by_group.select(*ACCOUNT_DAY, "park", "rank"))


def judged(rows: DataFrame, p: Parked) -> DataFrame:
    """`rows` with `park`: the struct of PARK that keeps a row back, null for an accepted one. No row is added or dropped."""
    df = rows.join(F.broadcast(p.files), on="submission_id", how="left").join(F.broadcast(p.rows), on=["submission_id", "row_no"], how="left")
    if "biz_date" in rows.columns and "account_id" in rows.columns:
        df = df.join(F.broadcast(p.days), on=ACCOUNT_DAY, how="left").join(F.broadcast(p.bank_days), on=["bank_id", "biz_date"], how="left")
        df = df.join(F.broadcast(p.accounts), on=["bank_id", "account_id"], how="left")
        found = F.coalesce("park_row", "park_file", "park_bank_day", "park_day", "park_account")
        return df.withColumn("park", found).drop("park_row", "park_file", "park_bank_day", "park_day", "park_account")
    return df.withColumn("park", F.coalesce("park_row", "park_file")).drop("park_row", "park_file")

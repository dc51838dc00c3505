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
PARK_TYPE = "struct<" + ",".join(f"{c}:string" for c in PARK) + ">"


@dataclass(frozen=True)
class Parked:
    """What is parked, by the key it is found with; each frame has one row per key and a struct column of PARK, None when
    nothing is parked that way (most nights, most of them: a join less for every row)."""

    files: DataFrame | None
    rows: DataFrame | None
    bank_days: DataFrame | None
    days: DataFrame | None
    accounts: DataFrame | None


def _park(cascade: bool) -> Column:
    of = F.col("violation_id") if cascade else F.lit(None).cast("string")
    return F.struct(*[F.col(c) for c in PARK[:-1]], of.alias("cascade_of"))


def _one(df: DataFrame, key: list[str], name: str) -> DataFrame:
    """One park per key: the lowest rank, then the lowest violation_id."""
    w = Window.partitionBy(*key).orderBy("rank", "park.violation_id")
    return df.withColumn("_n", F.row_number().over(w)).where("_n = 1").select(*key, F.col("park").alias(name))


def by_file(hard: DataFrame) -> DataFrame:
    """Refused files: submission_id, park_file."""
    found = hard.where("scope_kind = 'FILE'").select(
        F.col("scope_key").alias("submission_id"), _park(False).alias("park"), F.lit(0).alias("rank")
    )
    return _one(found, ["submission_id"], "park_file")


def by_bank_day(hard: DataFrame) -> DataFrame:
    """Refused bank-days: bank_id, biz_date, park_bank_day."""
    found = hard.where("scope_kind = 'BANK_DAY'").select("bank_id", "biz_date", _park(False).alias("park"), F.lit(0).alias("rank"))
    return _one(found, ["bank_id", "biz_date"], "park_bank_day")


def by_row(hard: DataFrame) -> DataFrame:
    """Rows parked for themselves: submission_id, row_no, park_row."""
    row_no = F.element_at(F.split("scope_key", ":"), -1).cast("bigint").alias("row_no")
    found = hard.where("scope_kind = 'ROW'").select("submission_id", row_no, _park(False).alias("park"), F.lit(0).alias("rank"))
    return _one(found, ["submission_id", "row_no"], "park_row")


def hit_rows(rows: DataFrame, parked_rows: DataFrame) -> DataFrame:
    """The rows of `rows` that are parked for themselves, with `cascade`, what they park in turn."""
    fields = [F.col(f"park_row.{c}").alias(c) for c in PARK[:-1]]
    keys = parked_rows.select(
        "submission_id", "row_no", F.struct(*fields, F.col("park_row.violation_id").alias("cascade_of")).alias("cascade")
    )
    return rows.join(F.broadcast(keys), on=["submission_id", "row_no"], how="inner")


def by_account(hit: DataFrame, acct_rows: DataFrame, owned: DataFrame, ownerless: DataFrame) -> DataFrame:
    """Accounts without a known owner: bank_id, account_id, park_account.

    `hit` as made by `hit_rows`, `acct_rows` ACCT rows in force, `owned` (bank_id, account_id) accounts accepted on nights
    before, `ownerless` (bank_id, account_id, park) accounts that nights before parked.
    """
    here = hit.where("file_type = 'ACCT' AND account_id IS NOT NULL")
    good = acct_rows.where("account_id IS NOT NULL").join(
        F.broadcast(here.select("submission_id", "row_no")), on=["submission_id", "row_no"], how="left_anti"
    )
    known = owned.select("bank_id", "account_id").unionByName(good.select("bank_id", "account_id"))
    found = here.select("bank_id", "account_id", F.col("cascade").alias("park"), F.lit(3).alias("rank")).unionByName(
        ownerless.select("bank_id", "account_id", "park", F.lit(4).alias("rank"))
    )
    return _one(found.join(known, on=["bank_id", "account_id"], how="left_anti"), ["bank_id", "account_id"], "park_account")


def by_day(hard: DataFrame, account_day: DataFrame, hit: DataFrame) -> DataFrame:
    """Account-days parked by their own rule, by a parked row of theirs, or by their ledger group: ACCOUNT_DAY, park_day."""
    parts = F.split("scope_key", "[|]")
    own = hard.where("scope_kind = 'ACCOUNT_DAY'").select(
        "bank_id", parts[0].alias("account_id"), parts[1].alias("currency"), "biz_date", _park(False).alias("park"), F.lit(0).alias("rank")
    )
    dated = hit.where("file_type IN ('BAL', 'TXN') AND account_id IS NOT NULL AND biz_date IS NOT NULL")
    of_row = dated.select(*ACCOUNT_DAY, F.col("cascade").alias("park"), F.lit(1).alias("rank"))
    groups = hard.where("scope_kind = 'GL_GROUP'").select(
        "bank_id", parts[0].alias("branch_id"), parts[1].alias("gl_subject"), parts[2].alias("currency"), "biz_date",
        _park(False).alias("park"), F.lit(2).alias("rank"),
    )  # fmt: skip
    on = ["bank_id", "branch_id", "gl_subject", "currency", "biz_date"]
    by_group = account_day.where("has_bal").select(*on, "account_id").join(F.broadcast(groups), on=on, how="inner")
    return _one(own.unionByName(of_row).unionByName(by_group.select(*ACCOUNT_DAY, "park", "rank")), ACCOUNT_DAY, "park_day")


def _look_ups(rows: DataFrame, p: Parked) -> list[tuple[DataFrame, list[str], str]]:
    """What may park a row of `rows`: the frame, its key, the name of its struct; the first that does names the rule."""
    found = [(p.rows, ["submission_id", "row_no"], "park_row"), (p.files, ["submission_id"], "park_file")]
    if "biz_date" in rows.columns and "account_id" in rows.columns:
        found += [
            (p.bank_days, ["bank_id", "biz_date"], "park_bank_day"), (p.days, ACCOUNT_DAY, "park_day"),
            (p.accounts, ["bank_id", "account_id"], "park_account"),
        ]  # fmt: skip
    return [(frame, key, name) for frame, key, name in found if frame is not None]


def judged(rows: DataFrame, p: Parked) -> DataFrame:
    """`rows` with `park`: the struct of PARK that keeps a row back, null for an accepted one. No row is added or dropped."""
    df, names = rows, []
    for frame, key, name in _look_ups(rows, p):
        df = df.join(F.broadcast(frame), on=key, how="left")
        names.append(name)
    return df.withColumn("park", F.coalesce(*names) if names else F.lit(None).cast(PARK_TYPE)).drop(*names)


def accepted(rows: DataFrame, p: Parked) -> DataFrame:
    """`rows` that nothing keeps back: those whose `park` is null in `judged`, found without carrying what parks the others."""
    for frame, key, _ in _look_ups(rows, p):
        rows = rows.join(F.broadcast(frame.select(*key)), on=key, how="left_anti")
    return rows

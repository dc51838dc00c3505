"""What nights before have left that tonight's check needs: files in force near tonight's dates, accounts, their owners."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs import flow_typed
from jobs.flow_night import Night
from jobs.submissions import IN_FORCE, LOOK_BACK, Submission
from lake import store
from lake.io import Lake, local_rows


def before(lake: Lake, name: str, as_of: date) -> DataFrame:
    """Rows of a table that nights before `as_of` wrote: a rerun of a night sees what its first run saw."""
    return lake.read(name).where(F.col("as_of") < F.lit(as_of))


def manifests(lake: Lake, as_of: date) -> list[dict[str, Any]]:
    """Submissions of nights before."""
    if not lake.exists("silver.sub_manifest"):
        return []
    names = ["bank_id", "biz_date", "to_date", "file_type", "version", "submission_id", "mode", "status", "as_of"]
    rows = store.read(lake.settings, "silver.sub_manifest", columns=names).to_pylist()
    return [r for r in rows if r["as_of"] < as_of]


def _bronze(n: Night, file_type: str, ids: list[str]) -> DataFrame:
    """Typed rows of submissions of nights before."""
    name = f"earlier_{file_type}"
    flow_typed.before(n.lake.settings, n.as_of, file_type, ids, n.refs, n.scratch.folder(name))
    return n.scratch.load(name)


def context(n: Night, old: list[Submission]) -> dict[str, DataFrame]:
    """Typed rows of nights before by file type; none for a type without any.

    Balances near tonight's dates (the previous closing balance, whether its row was accepted or parked) and the ledger of the
    day before, everything else only for bank-days that tonight's files cover too (a file that came later than its siblings).
    """
    tonight = [s for s in n.subs if s.status in IN_FORCE and s.first and s.last]
    found: dict[str, DataFrame] = {}
    for t in ("BAL", "TXN", "GL", "CTL"):
        near = [s for s in old if s.file_type == t and any(_overlap(s, x) for x in tonight)]
        near += _previous([s for s in old if s.file_type == t], [x for x in tonight if x.file_type == t]) if t in ("BAL", "GL") else []
        if near:
            found[t] = _bronze(n, t, sorted({s.submission_id for s in near}))
    return found


def _overlap(a: Submission, b: Submission, days: int = 0) -> bool:
    """Whether two submissions of a bank share a date, the second one begun `days` earlier."""
    if a.bank_id != b.bank_id or not (a.first and a.last and b.first and b.last):
        return False
    return a.first <= b.last and b.first - timedelta(days=days) <= a.last


def _previous(old: list[Submission], tonight: list[Submission]) -> list[Submission]:
    """Balance or ledger files that may hold the previous closing balance: the day before, and all near ones for a sparse sender.

    A sender is sparse tonight by its rows, and was sparse the day before when that day lies in a file of several days.
    """
    found: list[Submission] = []
    for new in tonight:
        day_before = [s for s in old if _overlap(s, new, 1)]
        long = new.sparse or any(s.first != s.last for s in day_before)
        found += [s for s in old if _overlap(s, new, LOOK_BACK)] if long else day_before
    return found


def account_rows(n: Night, known: list[dict[str, Any]]) -> DataFrame | None:
    """Typed ACCT rows of all nights before, whatever became of them; None when there are none."""
    ids = sorted({m["submission_id"] for m in known if m["file_type"] == "ACCT" and m["status"] in IN_FORCE})
    return _bronze(n, "ACCT", ids) if ids else None


def owned(n: Night) -> DataFrame:
    """Accounts accepted on nights before: bank_id, account_id, firm_id, one row each."""
    rows = before(n.lake, "silver.acct_account", n.as_of)
    return rows.groupBy("bank_id", "account_id").agg(
        F.max_by("firm_id", F.struct("valid_from", "row_version", "available_at")).alias("firm_id")
    )


def open_accounts(n: Night) -> DataFrame:
    """Current states of accounts without an end, as nights before left them: rows of silver.acct_account."""
    w = Window.partitionBy("account_id", "valid_from").orderBy(F.col("row_version").desc(), F.col("available_at").desc())
    ranked = before(n.lake, "silver.acct_account", n.as_of).withColumn("_n", F.row_number().over(w))
    return ranked.where("_n = 1 AND valid_to IS NULL").drop("_n")


def ownerless(n: Night, rows: DataFrame | None) -> DataFrame:
    """Accounts whose ACCT rows nights before have parked: bank_id, account_id, park."""
    empty = "bank_id string, account_id string, park struct<violation_id:string,rule_id:string,severity:string,scope_kind:string,scope_key:string,cascade_of:string>"
    if rows is None:
        return local_rows(n.lake.spark, [], empty)
    kept = before(n.lake, "dq.quarantine", n.as_of).where("source = 'flows' AND file_type = 'ACCT' AND status = 'OPEN'")
    park = F.struct("violation_id", "rule_id", "severity", "scope_kind", "scope_key", F.col("violation_id").alias("cascade_of"))
    held = rows.select("bank_id", "account_id", "submission_id", "row_no").join(
        kept.select("submission_id", "row_no", park.alias("park")), on=["submission_id", "row_no"], how="inner"
    )
    return held.where("account_id IS NOT NULL").groupBy("bank_id", "account_id").agg(F.min("park").alias("park"))

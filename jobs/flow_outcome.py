"""What became of every row: parked, accepted, settled; the silver rows on disk, counted back into the reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations import parking, references
from expectations.parking import PARK_TYPE, Parked, accepted, judged
from expectations.reconcile import amount_of, counted, reconciliation
from expectations.views import ACCOUNT_DAY
from expectations.violations import quarantine
from jobs import flow_earlier, flow_parties, flow_reversals, flow_silver
from jobs.categorize import purpose_rules
from jobs.flow_night import Night
from jobs.flow_rows import RowState
from lake.clock import cut_off
from lake.io import local_rows

SILVER = {
    "silver.acct_txn": ("txn", "txn_restated"), "silver.acct_balance_daily": ("bal",), "silver.acct_account": ("acct", "acct_ended"),
    "silver.gl_control_total": ("gl",), "silver.bank_control_flow": ("ctl_flow",), "silver.bank_control_balance": ("ctl_balance",),
}  # fmt: skip
"""Silver tables and the saved frames they are published from."""
COUNTED = {
    "txn": ("TXN", "amt_minor"), "bal": ("BAL", "closing_minor"), "acct": ("ACCT", None), "gl": ("GL", "close_minor"),
    "ctl_flow": ("CTL", "txn_amt_minor"), "ctl_balance": ("CTL", "closing_minor"),
}  # fmt: skip
"""Saved silver frames that hold tonight's rows, with file type and the amount that is reconciled."""
HIT = f"submission_id string, row_no bigint, file_type string, bank_id string, account_id string, currency string, biz_date date, cascade {PARK_TYPE}"


@dataclass(frozen=True)
class Outcome:
    """Saved frames: violations, quarantined rows, the reconciliation."""

    violations: DataFrame
    quarantined: DataFrame
    reconciliation: DataFrame


def outcome(n: Night, state: RowState, violations: DataFrame, body: DataFrame) -> Outcome:
    """Judge all rows, write silver to scratch, and count what became of what was received."""
    p = _parked(n, state, violations)
    verdicts = n.scratch.save("verdict", _verdicts(n, state, p))
    held = n.scratch.save("quarantine", quarantine(verdicts.where("park IS NOT NULL AND became IS NULL")))
    _silver(n, state, p)
    kept = [_accepted(n, name, *what) for name, what in COUNTED.items()]
    fate = F.coalesce("became", F.when(F.col("park").isNotNull(), "quarantined"))
    others = (
        verdicts.select("*", fate.alias("fate"))
        .where("fate IS NOT NULL")
        .groupBy("bank_id", "submission_id", "file_type", "biz_date", F.col("fate").alias("became"))
    )
    received = body.groupBy("bank_id", "submission_id", "file_type", "biz_date").agg(
        F.lit("received").alias("became"), F.sum("n").alias("n"), F.sum("abs_amount").alias("amount")
    )
    counts = [received, others.agg(F.count("*").alias("n"), F.sum("amount").alias("amount")), *kept, *_never_read(n)]
    return Outcome(violations, held, n.scratch.save("reconciliation", reconciliation(counts)))


def _parked(n: Night, state: RowState, violations: DataFrame) -> Parked:
    """What the violations park; kinds of scope that no violation has cost nothing."""
    save = n.scratch.save
    hard = save("hard", violations.where("severity IN ('block', 'quarantine')"))
    kinds = {r.scope_kind for r in hard.select("scope_kind").distinct().collect()}
    places = ["submission_id", "row_no", "file_type", "bank_id", "account_id", "currency", "biz_date"]
    undated = F.lit(None).cast("date").alias("biz_date")
    rows = save("park_row", parking.by_row(hard)) if "ROW" in kinds else None
    hit = local_rows(n.lake.spark, [], HIT)
    if rows is not None:
        every = state.rows["TXN"].select(*places).unionByName(state.rows["BAL"].select(*places))
        hit = save("hit", parking.hit_rows(every.unionByName(state.rows["ACCT"].select(*places[:-1], undated)), rows))
    days = save("park_day", parking.by_day(hard, state.account_day, hit)) if kinds - {"FILE", "BANK_DAY"} else None
    lost = rows is not None or bool(state.ownerless.take(1))
    accounts = save("park_account", parking.by_account(hit, state.rows["ACCT"], state.owned, state.ownerless)) if lost else None
    return Parked(
        files=save("park_file", parking.by_file(hard)) if "FILE" in kinds else None, rows=rows,
        bank_days=save("park_bank_day", parking.by_bank_day(hard)) if "BANK_DAY" in kinds else None,
        days=days if days is not None and n.scratch.rows("park_day") else None,
        accounts=accounts if accounts is not None and n.scratch.rows("park_account") else None,
    )  # fmt: skip


def _verdicts(n: Night, state: RowState, p: Parked) -> DataFrame:
    """Rows of the night that are not accepted: `park` holds a parked one back, `became` names the fate of a settled one."""
    voided = sorted(s.submission_id for s in n.subs if s.status == "SUPERSEDED")
    parts = []
    for t, rows in n.typed.items():
        day = F.coalesce(F.col("biz_date"), F.col("from_date")) if "biz_date" in rows.columns else F.col("from_date")
        told = judged(rows, p)
        if state.settled is None:
            told = told.withColumn("became", F.lit(None).cast("string"))
        else:
            told = told.join(F.broadcast(state.settled), on=["submission_id", "row_no"], how="left")
        if t in ("TXN", "BAL") and state.untrusted is not None:
            apart = F.broadcast(state.untrusted.select(*ACCOUNT_DAY, F.lit("rejected").alias("_apart")).distinct())
            told = told.join(apart, on=ACCOUNT_DAY, how="left").withColumn("became", F.coalesce("became", "_apart"))
        became = F.when(F.col("submission_id").isin(voided), "superseded").otherwise(F.col("became")) if voided else F.col("became")
        if t in ("TXN", "BAL", "ACCT"):
            # a deletion that found nothing to delete is still no row of silver
            became = F.coalesce(became, F.when(F.col("park").isNull() & (F.col("op") == "X"), "deleted"))
        keep = [F.col(c) for c in ("bank_id", "submission_id", "file_type", "row_no")]
        parts.append(told.select(*keep, day.alias("biz_date"), amount_of(t).alias("amount"), "park", became.alias("became")))
    out = parts[0]
    for part in parts[1:]:
        out = out.unionByName(part)
    return out.where("park IS NOT NULL OR became IS NOT NULL")


def _silver(n: Night, state: RowState, p: Parked) -> None:
    """Write the accepted rows in the shape of their silver tables."""
    save, when = n.scratch.save, (n.as_of, n.history)

    def good(rows: DataFrame) -> DataFrame:
        kept = accepted(rows, p)
        if state.untrusted is None or not set(ACCOUNT_DAY) <= set(rows.columns):
            return kept
        return kept.join(F.broadcast(state.untrusted.select(*ACCOUNT_DAY)), on=ACCOUNT_DAY, how="left_anti")

    own_rows = good(state.rows["ACCT"])
    told = (
        own_rows.where("op IS NULL")
        .groupBy("account_id")
        .agg(F.max_by("firm_id", F.struct("to_date", "version", "row_no")).alias("firm_id"))
    )
    before = state.owned.select("account_id", "firm_id").join(told.select("account_id"), on="account_id", how="left_anti")
    owners = save("owner", before.unionByName(told))
    with ThreadPoolExecutor(1) as pool:
        transactions = pool.submit(_transactions, n, state, good, owners)
        new, ended = flow_silver.accounts(own_rows, flow_earlier.open_accounts(n), *when)
        balances = good(state.account_day.where((F.col("has_bal")) & (F.col("as_of") == F.lit(n.as_of))))
        ctl = good(state.rows["CTL"])
        for name, rows in {
            "acct": new, "acct_ended": ended, "bal": flow_silver.balances(balances, owners, *when),
            "gl": flow_silver.ledger_rows(good(state.rows["GL"]), *when), "ctl_flow": flow_silver.control_flows(ctl, *when),
            "ctl_balance": flow_silver.control_balances(ctl, *when),
        }.items():  # fmt: skip
            save(name, rows)
        transactions.result()


def _transactions(n: Night, state: RowState, good: Callable[[DataFrame], DataFrame], owners: DataFrame) -> None:
    save, rules = n.scratch.save, purpose_rules(references.rows("ref_purpose_rule"))
    rows = good(state.rows["TXN"].where("op IS NULL"))
    parties = flow_parties.load(n.lake, n.scratch, owners, cut_off(n.as_of))
    originals = save("original", flow_silver.reversed_keys(rows))
    runs = save("run", flow_silver.runs_without_code(rows, rules))
    wages = save("wage", flow_silver.wage_batches(flow_parties.with_party(runs, parties))) if n.scratch.rows("run") else None
    reversed_here = originals if n.scratch.rows("original") else None
    tonight = save("txn", flow_silver.transactions(rows, parties, reversed_here, wages, rules, n.as_of, n.history))
    if reversed_here is None:
        return
    missing = save("original_missing", flow_silver.not_among(originals, tonight))
    if n.scratch.rows("original_missing"):
        earlier = flow_reversals.within_reach(n, n.as_of)
        save("txn_restated", flow_silver.restated_originals(earlier, missing, n.as_of))


def _accepted(n: Night, name: str, file_type: str, amount: str | None) -> DataFrame:
    """Counts of tonight's silver rows, read back from disk. ACCT rows have no date of their own: they count under the file's."""
    rows = n.lake.spark.read.parquet(*[str(x) for x in n.scratch.paths(name)])
    if amount is None:
        firsts = [(f["submission_id"], f["from_date"]) for f in n.files if f["readable"] and f["file_type"] == "ACCT"]
        dates = local_rows(n.lake.spark, firsts, "submission_id string, biz_date date")
        rows = rows.join(F.broadcast(dates), on="submission_id", how="left")
    value = F.lit(0).cast("decimal(20,0)") if amount is None else F.abs(F.col(amount).cast("decimal(20,0)"))
    return counted(rows.withColumn("file_type", F.lit(file_type)), "accepted", value)


def _never_read(n: Night) -> list[DataFrame]:
    """Rows of deliveries that were received before: counted as duplicates, not staged a second time."""
    copies = [
        (f["bank_id"], f["submission_id"], f["file_type"], f["from_date"], int(f["rows_manifest"] or 0))
        for f in n.files
        if f["duplicate_of"]
    ]
    if not copies:
        return []
    df = local_rows(n.lake.spark, copies, "bank_id string, submission_id string, file_type string, biz_date date, n bigint")
    zero = F.lit(0).cast("decimal(20,0)").alias("amount")
    return [
        df.select("bank_id", "submission_id", "file_type", "biz_date", F.lit(c).alias("became"), "n", zero)
        for c in ("received", "duplicate")
    ]

"""Rows in force, the views of the row rules, and what became of every row of the night."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from expectations import parse, references, views
from expectations.ledger import banks
from jobs import flow_earlier, flow_entrusted, flow_reversals, submissions
from jobs.flow_files import local
from jobs.flow_night import Night
from jobs.submissions import IN_FORCE
from lake import files
from lake.clock import cut_off
from lake.io import local_rows
from lake.tokens import Tokenizer, load_key

REGISTERED = "firm_id string, states array<struct<status:string,name_token:string,valid_from:date,valid_to:date>>"
COPIED = ("TXN", "BAL", "ACCT")
"""File types whose rows may be there twice; of the ledger's and the second channel's a group shows only its sum."""


@dataclass(frozen=True)
class RowState:
    """`rows`: the night's rows in force by type, without those in `settled` (submission_id, row_no, became: duplicate,
    superseded, deleted; None when there are none). `account_day` is saved; `accounts` are all accounts ever delivered, `untrusted`
    account-days that are not entrusted, None when there are none. `idle` are rules of which no row of the night can be the matter: their queries need not run."""

    rows: dict[str, DataFrame]
    settled: DataFrame | None
    account_day: DataFrame
    accounts: DataFrame
    owned: DataFrame
    ownerless: DataFrame
    idle: frozenset[str]
    untrusted: DataFrame | None


def without(rows: DataFrame, settled: DataFrame | None) -> DataFrame:
    """`rows` without the settled ones."""
    return rows if settled is None else rows.join(F.broadcast(settled), on=["submission_id", "row_no"], how="left_anti")


def row_views(n: Night) -> RowState:
    """Make the views of the row rules."""
    known = flow_earlier.manifests(n.lake, n.as_of)
    old = submissions.earlier(known, n.subs)
    force = {t: n.in_force(rows) for t, rows in n.typed.items()}
    copies = _copies(n, force)
    found = _settled(n, force, copies)
    settled = found if n.scratch.rows("settled") else None
    rows = {t: without(df, settled) for t, df in force.items()}
    bank_day = local(n, submissions.bank_days([*old, *n.subs]), submissions.BANK_DAY)
    context = flow_earlier.context(n, old)
    with_old = {t: df.unionByName(context[t].select(*df.columns)) if t in context else df for t, df in rows.items()}
    acct_before = flow_earlier.account_rows(n, known)
    acct = rows["ACCT"] if acct_before is None else rows["ACCT"].unionByName(acct_before)
    days = _account_day(with_old, bank_day, banks.allowed(n.refs.foreign))
    accounts, account_day = n.scratch.save_all({"account": views.account(acct), "account_day": days})
    bank_day.createOrReplaceTempView("bank_day")
    accounts.createOrReplaceTempView("account")
    account_day.createOrReplaceTempView("account_day")
    copies.createOrReplaceTempView("key_copy")
    for t, df in rows.items():
        df.createOrReplaceTempView(f"{t.lower()}_rows")
    for t in ("TXN", "GL", "CTL"):
        with_old[t].createOrReplaceTempView(f"{t.lower()}_known")
    odd = n.lake.spark.table("odd_rows")
    n.in_force(without(odd, settled)).createOrReplaceTempView("odd_rows")
    sums = {
        "gl_group": views.gl_groups(account_day, with_old["GL"], accounts, bank_day),
        "control_cell": views.control_cells(account_day, with_old["CTL"], accounts, bank_day),
        "control_balance": views.control_balances(account_day, with_old["CTL"], accounts, bank_day),
    }
    for name, saved in zip(sums, n.scratch.save_all(sums), strict=True):
        saved.createOrReplaceTempView(name)
    views.gl_days(with_old["GL"], bank_day).createOrReplaceTempView("gl_day")
    _known_codes(n).createOrReplaceTempView("uscc_known")
    _registered(n, rows["ACCT"]).createOrReplaceTempView("registered")
    untrusted = flow_entrusted.untrusted(n, account_day)
    if untrusted is not None:
        untrusted.createOrReplaceTempView("untrusted")
    flow_reversals.reversals(n, rows["TXN"]).createOrReplaceTempView("reversal")
    return RowState(
        rows, settled, account_day, accounts, flow_earlier.owned(n), flow_earlier.ownerless(n, acct_before), _idle(n), untrusted
    )


def _idle(n: Night) -> frozenset[str]:
    """Rules without anything to look at, by the footers of what is saved: reversals, parents that repeat their children, a registry."""
    summaries = files.column_stats(n.scratch.paths("account")).get("is_summary", {"rows": 0})
    found = {
        "V19": not n.scratch.rows("reversal_row"),
        "V20": not n.scratch.rows("untrusted"),
        "G4": not summaries["rows"] or summaries["max"] is False,
        "V08": not n.lake.exists("silver.reg_enterprise"),
    }
    return frozenset(rule for rule, idle in found.items() if idle)


def _account_day(rows: dict[str, DataFrame], bank_day: DataFrame, allowed: Column) -> DataFrame:
    drop = (
        "parse_error",
        "bad_fields",
        "finer",
        "too_large",
        "no_parity",
        "biz_date_sent",
        "currency_sent",
        "from_date",
        "to_date",
    )
    balances = views.chained_balances(views.placed(rows["BAL"]).where("op IS NULL").drop(*drop), bank_day)
    totals = views.day_totals(views.placed(rows["TXN"]).where("op IS NULL"), allowed)
    return views.account_days(balances, totals, bank_day).withColumn("tolerance_minor", allowed)


def _copies(n: Night, force: dict[str, DataFrame]) -> DataFrame:
    """The view key_copy over transactions, balances and accounts of one version; corrections of an earlier one are no copies."""
    delta = [s.submission_id for s in n.subs if s.mode == "DELTA"]
    parts = []
    for t in COPIED:
        rows = force[t].where(~F.col("submission_id").isin(delta)) if delta else force[t]
        day = F.col("biz_date") if "biz_date" in rows.columns else F.lit(None).cast("date")
        parts.append(rows.select("bank_id", "submission_id", "row_no", "file_type", "from_date", day.alias("biz_date"), "key_hash"))
    found = n.scratch.save("key_repeated", views.repeated(reduce(DataFrame.unionByName, parts)))
    # what the rows say is compared for repeated keys only: reading every field of every row again would cost more than the rest
    files = found.select("file_type", "submission_id").distinct().collect() if n.scratch.rows("key_repeated") else []
    same = [parse.contents(n.lake.empty("bronze.bank_acct"), "ACCT")]
    for t in COPIED:
        if ids := sorted(f.submission_id for f in files if f.file_type == t):
            same.append(parse.contents(n.raw(f"bank_{t.lower()}").where(F.col("submission_id").isin(ids)), t))
    content = reduce(DataFrame.unionByName, same)
    return n.scratch.save("key_copy", views.key_copies(content.join(F.broadcast(found), on=["submission_id", "row_no"], how="inner")))


def _settled(n: Night, force: dict[str, DataFrame], copies: DataFrame) -> DataFrame:
    """Rows whose fate needs no rule: identical copies, rows that a DELTA of the night replaces or deletes."""
    found = [copies.where("contents = 1 AND copy_no > 1").select("submission_id", "row_no", F.lit("duplicate").alias("became"))]
    for t, rows in force.items():
        delta = sorted(s.submission_id for s in n.subs if s.mode == "DELTA" and s.status in IN_FORCE and s.file_type == t)
        if not delta or "biz_date" not in rows.columns:
            continue
        op = F.col("op") if "op" in rows.columns else F.lit(None).cast("string")
        w = Window.partitionBy("key_hash").orderBy(F.col("version").desc(), F.col("row_no").desc())
        newest = (
            rows.where(F.col("submission_id").isin(delta) & F.col("key_hash").isNotNull())
            .withColumn("_n", F.row_number().over(w))
            .where("_n = 1")
        )
        newest = F.broadcast(newest.select("key_hash", F.col("version").alias("_version"), op.alias("_op")))
        hit = rows.join(newest, on="key_hash", how="inner").where("version < _version OR _op = 'X'")
        became = F.when(F.col("_op") == "X", "deleted").otherwise("superseded")
        found.append(hit.select("submission_id", "row_no", became.alias("became")))
    out = found[0]
    for f in found[1:]:
        out = out.unionByName(f)
    return n.scratch.save("settled", out.dropDuplicates(["submission_id", "row_no"]))


def _known_codes(n: Night) -> DataFrame:
    """Firms whose credit code is accepted though its check character is wrong: firm_id. Empty when no code asks for it."""
    if not n.typed["ACCT"].where("uscc_shape AND NOT uscc_ok").take(1):
        return local_rows(n.lake.spark, [], "firm_id string")
    tokens = Tokenizer(load_key(n.lake.settings), n.lake.settings.token_hash)
    listed = [(tokens.token("firm", r["uscc"]),) for r in references.rows("ref_uscc_exception")]
    registered = n.lake.read("silver.reg_enterprise").select("firm_id")
    return local_rows(n.lake.spark, listed, "firm_id string").unionByName(registered).distinct()


def _registered(n: Night, accounts: DataFrame) -> DataFrame:
    """Firms with an account row tonight: firm_id and `states`, what the registry says of them, null for a firm it does not know.

    Empty before the registry was loaded. Of a state that was sent again, ended, the last version counts.
    """
    if not n.lake.exists("silver.reg_enterprise"):
        return local_rows(n.lake.spark, [], REGISTERED)
    firms = accounts.where("firm_id IS NOT NULL").select("firm_id").distinct()
    known = n.lake.read("silver.reg_enterprise", known_by=cut_off(n.as_of)).join(F.broadcast(firms), on="firm_id", how="left_semi")
    state = F.struct("status", "name_token", "valid_from", "valid_to")
    last = known.groupBy("firm_id", "valid_from").agg(F.max_by(state, F.struct("row_version", "available_at")).alias("state"))
    return firms.join(last.groupBy("firm_id").agg(F.collect_list("state").alias("states")), on="firm_id", how="left")

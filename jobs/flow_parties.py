"""Who the other side of a transaction is: registered firms, known parties, related parties, by tokens only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations import references
from jobs.categorize import matches
from jobs.scratch import Scratch
from lake.io import Lake, local_rows
from lake.tokens import Tokenizer, load_key


@dataclass(frozen=True)
class Parties:
    """Look-up frames, saved, each with one row per key: `owners` (account_id, firm_id, firm_section), `accounts`
    (cpty_account_token, account_firm, listed_kind, is_risk), `names` (cpty_name_token, name_firm), `pairs` (firm_id,
    cpty_id, related, has_invoice). `kinds` are (kind, regex over the name), first match wins."""

    owners: DataFrame
    accounts: DataFrame
    names: DataFrame
    pairs: DataFrame
    kinds: tuple[tuple[str, str], ...]


def _listed(lake: Lake) -> DataFrame:
    """Accounts of parties that many firms deal with: cpty_account_token, listed_kind, is_risk."""
    tokens = Tokenizer(load_key(lake.settings), lake.settings.token_hash)
    found: dict[str, tuple[str | None, bool]] = {}
    for r in references.rows("ref_lender"):
        found[r["account_no"]] = ("fin", False)
    for r in references.rows("ref_party"):
        found[r["account_no"]] = (r["kind"], False)
    for r in references.rows("ref_risk_party"):
        found[r["account_no"]] = (found.get(r["account_no"], (None, False))[0], True)
    rows = [(tokens.token("account", no), kind, risk) for no, (kind, risk) in sorted(found.items())]
    return local_rows(lake.spark, rows, "cpty_account_token string, listed_kind string, is_risk boolean")


def load(lake: Lake, scratch: Scratch, owners: DataFrame, known_by: datetime) -> Parties:
    """Look-ups as known by a time (naive Shanghai). `owners`: account_id, firm_id of accepted accounts, one row each."""
    firms = lake.read("silver.reg_enterprise", known_by=known_by)
    newest = firms.groupBy("firm_id").agg(F.max_by(F.struct("name_token", "industry4"), F.struct("valid_from", "row_version")).alias("r"))
    newest = scratch.save("firm", newest.select("firm_id", "r.name_token", F.substring("r.industry4", 1, 1).alias("firm_section")))
    names = newest.groupBy("name_token").agg(F.min("firm_id").alias("name_firm"), F.count("*").alias("n")).where("n = 1")
    own = owners.select(F.col("account_id").alias("cpty_account_token"), F.col("firm_id").alias("account_firm"))
    accounts = own.join(F.broadcast(_listed(lake)), on="cpty_account_token", how="full").fillna(False, ["is_risk"])
    sections = newest.select("firm_id", "firm_section")
    return Parties(
        scratch.save("party_owner", owners.select("account_id", "firm_id").join(sections, on="firm_id", how="left")),
        scratch.save("party_account", accounts),
        scratch.save("party_name", names.select(F.col("name_token").alias("cpty_name_token"), "name_firm")),
        scratch.save("party_pair", _pairs(lake, known_by)), tuple((r["kind"], r["regex"]) for r in references.rows("ref_party_kind")),
    )  # fmt: skip


def _pairs(lake: Lake, known_by: datetime) -> DataFrame:
    """Related parties with the dates of their relation, and whether invoices ran between the two.

    An invoice decides only where the party is related: of the rest a firm is a trade partner anyway, and persons have none.
    """
    pairs = lake.current("silver.ref_related_party", known_by=known_by)
    related = pairs.groupBy("firm_id", F.col("party_id").alias("cpty_id")).agg(
        F.collect_list(F.struct("valid_from", "valid_to")).alias("related")
    )
    invoices = lake.read("silver.tax_invoice", known_by=known_by).select("firm_id", F.col("other_party_id").alias("cpty_id"))
    on = ["firm_id", "cpty_id"]
    invoiced = invoices.join(F.broadcast(related.select(*on)), on=on, how="left_semi").distinct()
    return related.join(invoiced.withColumn("has_invoice", F.lit(True)), on=on, how="left").fillna(False, ["has_invoice"])


def _kind_of_name(name: Column, kinds: tuple[tuple[str, str], ...]) -> Column:
    expression = F.when(name.isNull(), F.lit(None).cast("string"))
    for kind, pattern in kinds:
        expression = expression.when(F.lit(True) if pattern == "." else matches(name, pattern), F.lit(kind))
    return expression


def with_party(rows: DataFrame, p: Parties) -> DataFrame:
    """`rows` (account_id, biz_date, cpty_account_token, cpty_name_token, cpty_name) with their owner and who the other side is.

    Adds firm_id, firm_section, cpty_id (firm_id when the account or the unique name maps to a firm, else the account's or
    the name's token), cpty_kind, is_related, is_risk, has_invoice. No row is added or dropped.
    """
    df = (
        rows.join(F.broadcast(p.owners), on="account_id", how="left")
        .join(F.broadcast(p.accounts), on="cpty_account_token", how="left")
        .join(F.broadcast(p.names), on="cpty_name_token", how="left")
    )
    firm = F.coalesce("account_firm", F.when(F.col("listed_kind").isNull(), F.col("name_firm")))
    kind = F.when(firm == F.col("firm_id"), "own").when(F.col("listed_kind").isNotNull(), F.col("listed_kind"))
    kind = kind.when(firm.isNotNull(), "corp").otherwise(_kind_of_name(F.col("cpty_name"), p.kinds))
    keep = [c for c in df.columns if c not in ("account_firm", "name_firm", "listed_kind", "is_risk", "cpty_name")]
    df = df.select(
        *keep, F.coalesce(firm, "cpty_account_token", "cpty_name_token").alias("cpty_id"), kind.alias("cpty_kind"),
        F.coalesce("is_risk", F.lit(False)).alias("is_risk"),
    ).join(F.broadcast(p.pairs), on=["firm_id", "cpty_id"], how="left")  # fmt: skip
    valid = F.exists(
        "related", lambda r: (r["valid_from"] <= F.col("biz_date")) & (r["valid_to"].isNull() | (r["valid_to"] > F.col("biz_date")))
    )
    return df.withColumns({
        "is_related": F.coalesce(valid, F.lit(False)), "has_invoice": F.coalesce("has_invoice", F.lit(False)),
    }).drop("related")  # fmt: skip

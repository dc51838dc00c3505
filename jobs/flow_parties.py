"""Who the other side of a transaction is: registered firms, known parties, related parties, by tokens only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations import references
from jobs.categorize import matches
from lake.io import Lake
from lake.tokens import Tokenizer, load_key


@dataclass(frozen=True)
class Parties:
    """Look-up frames, each with one row per key. `kinds` are (kind, regex over the name), first match wins."""

    owners: DataFrame
    names: DataFrame
    listed: DataFrame
    related: DataFrame
    sections: DataFrame
    invoiced: DataFrame
    kinds: tuple[tuple[str, str], ...]


def _listed(lake: Lake) -> DataFrame:
    """Accounts of parties that many firms deal with: token, kind, is_risk."""
    tokens = Tokenizer(load_key(lake.settings), lake.settings.token_hash)
    found: dict[str, tuple[str | None, bool]] = {}
    for r in references.rows("ref_lender"):
        found[r["account_no"]] = ("fin", False)
    for r in references.rows("ref_party"):
        found[r["account_no"]] = (r["kind"], False)
    for r in references.rows("ref_risk_party"):
        found[r["account_no"]] = (found.get(r["account_no"], (None, False))[0], True)
    rows = [(tokens.token("account", no), kind, risk) for no, (kind, risk) in sorted(found.items())]
    return lake.spark.createDataFrame(rows, "listed_token string, listed_kind string, is_risk boolean")


def load(lake: Lake, owners: DataFrame, known_by: datetime | None) -> Parties:
    """Look-ups as known by a time (naive Shanghai; None: everything known now).

    `owners`: account_id, firm_id of accepted accounts.
    """
    firms = lake.current("silver.reg_enterprise", known_by=known_by)
    newest = firms.groupBy("firm_id").agg(F.max_by(F.struct("name_token", "industry4"), F.struct("valid_from", "row_version")).alias("r"))
    newest = newest.select("firm_id", "r.name_token", F.substring("r.industry4", 1, 1).alias("firm_section"))
    names = newest.groupBy("name_token").agg(F.min("firm_id").alias("name_firm"), F.count("*").alias("n")).where("n = 1").drop("n")
    pairs = lake.current("silver.ref_related_party", known_by=known_by)
    related = pairs.groupBy("firm_id", F.col("party_id").alias("cpty_id")).agg(F.collect_list(F.struct("valid_from", "valid_to")).alias("related"))
    # an invoice decides only where the party is related or a person; tax data names firms, so related firms are enough
    invoices = lake.read("silver.tax_invoice", known_by=known_by).select("firm_id", F.col("other_party_id").alias("cpty_id"))
    of_related = invoices.join(F.broadcast(related.select("firm_id", "cpty_id")), on=["firm_id", "cpty_id"], how="left_semi")
    invoiced = of_related.distinct().withColumn("has_invoice", F.lit(True))
    kinds = tuple((r["kind"], r["regex"]) for r in references.rows("ref_party_kind"))
    return Parties(
        owners.select(F.col("account_id").alias("cpty_account_token"), F.col("firm_id").alias("account_firm")).distinct(), names, _listed(lake),
        related, newest.select("firm_id", "firm_section"), invoiced, kinds,
    )  # fmt: skip


def _kind_of_name(name: Column, kinds: tuple[tuple[str, str], ...]) -> Column:
    expression = F.when(name.isNull(), F.lit(None).cast("string"))
    for kind, pattern in kinds:
        expression = expression.when(F.lit(True) if pattern == "." else matches(name, pattern), F.lit(kind))
    return expression


def with_party(rows: DataFrame, p: Parties) -> DataFrame:
    """`rows` (firm_id, biz_date, cpty_account_token, cpty_name_token, cpty_name) with who the counterparty is.

    Adds cpty_id (firm_id when the account or the unique name maps to a firm, else the account's or the name's token),
    cpty_kind, is_related, is_risk, has_invoice, firm_section. No row is added or dropped.
    """
    df = (
        rows.join(F.broadcast(p.owners), on="cpty_account_token", how="left")
        .join(F.broadcast(p.names), rows["cpty_name_token"] == p.names["name_token"], how="left")
        .join(F.broadcast(p.listed), rows["cpty_account_token"] == p.listed["listed_token"], how="left")
        .join(F.broadcast(p.sections), on="firm_id", how="left")
    )
    firm = F.coalesce(F.col("account_firm"), F.when(F.col("listed_token").isNull(), F.col("name_firm")))
    kind = F.when(firm == F.col("firm_id"), "own").when(F.col("listed_kind").isNotNull(), F.col("listed_kind"))
    kind = kind.when(firm.isNotNull(), "corp").otherwise(_kind_of_name(F.col("cpty_name"), p.kinds))
    keep = [c for c in df.columns if c not in ("account_firm", "name_token", "name_firm", "listed_token", "listed_kind", "is_risk", "cpty_name")]
    df = df.select(
        *keep, F.coalesce(firm, "cpty_account_token", "cpty_name_token").alias("cpty_id"), kind.alias("cpty_kind"),
        F.coalesce("is_risk", F.lit(False)).alias("is_risk"),
    )  # fmt: skip
    on = ["firm_id", "cpty_id"]
    df = df.join(F.broadcast(p.related), on=on, how="left").join(F.broadcast(p.invoiced), on=on, how="left")
    valid = F.exists("related", lambda r: (r["valid_from"] <= F.col("biz_date")) & (r["valid_to"].isNull() | (r["valid_to"] > F.col("biz_date"))))
    return df.withColumns({
        "is_related": F.coalesce(valid, F.lit(False)), "has_invoice": F.coalesce("has_invoice", F.lit(False)),
    }).drop("related")  # fmt: skip

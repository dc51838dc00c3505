"""tile.registration: what the registry says of each small firm on a snapshot date; its rows are the firms of the night."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.size_class import SizeRule, size_class
from features.tiles.snapshots import in_force, known_records, latest
from features.tiles.versions import night_of

IN_SCOPE = ("MICRO", "SMALL")
SOURCES: dict[str, tuple[str, ...]] = {
    "reg_enterprise": ("firm_id", "valid_from"),
    "reg_shareholder": ("firm_id", "party_id", "valid_from"),
    "reg_key_person": ("firm_id", "party_id", "role", "valid_from"),
    "reg_abnormal": ("event_id",),
    "tag_enterprise": ("firm_id", "tag_code", "valid_from"),
}
INNOVATION = tuple(f"{n:02}" for n in range(1, 13))
"""Codes of the key-enterprise tags of the innovation group (domain E)."""


def firms_with_accounts(accounts: DataFrame, dates: DataFrame) -> DataFrame:
    """firm_id, snapshot_date of firms with an account known by then (from a history load: opened by then)."""
    since = F.when(F.col("is_history"), F.least("open_date", "valid_from")).otherwise(F.greatest("open_date", night_of()))
    first = accounts.groupBy("firm_id").agg(F.min(since).alias("since"))
    return first.join(F.broadcast(dates), F.col("since") <= F.col("snapshot_date"), "inner").select("firm_id", "snapshot_date", "month0")


def registration(
    firms: DataFrame, records: dict[str, DataFrame], months: DataFrame, taxed: DataFrame, coverage: DataFrame, dates: DataFrame,
    *, rules: Sequence[SizeRule], without_registry: bool,
) -> DataFrame:  # fmt: skip
    """Measures of tile.registration for every snapshot in `dates`.

    `firms` from firms_with_accounts; `records` from versions.intervals, by table; `months` from snapshots.closed_months;
    `taxed`: firm_id, since = first night with a tax record; `coverage`: snapshot_date and tax, court, loan, registry
    (BOOLEAN). `without_registry`: no registry ever delivered to this lake, every firm with an account is taken.
    """
    firm = latest(
        known_records(records["reg_enterprise"], dates).where(in_force("valid_from", "valid_to")),
        "firm_id",
        "snapshot_date",
        order="valid_from",
    )
    # for the size the inflow that is known counts, also of few months: unknown inflow would leave the staff alone to decide
    inflow = months.where("k < 12").groupBy("firm_id", "snapshot_date").agg(F.sum("op_in_amt").alias("inflow"))
    keys = ["firm_id", "snapshot_date"]
    size = size_class(rules, F.col("industry4"), F.col("employees"), F.col("inflow"))
    rows = (
        firms.join(firm.drop("month0"), keys, "left" if without_registry else "inner")
        .join(inflow, keys, "left")
        .join(_holders(known_records(records["reg_shareholder"], dates)), keys, "left")
        .join(_representative(known_records(records["reg_key_person"], dates)), keys, "left")
        .join(_abnormal(known_records(records["reg_abnormal"], dates)), keys, "left")
        .join(_tags(known_records(records["tag_enterprise"], dates)), keys, "left")
        .join(_listed_since(records["tag_enterprise"], dates), "snapshot_date", "left")
        .join(taxed, "firm_id", "left")
        .join(F.broadcast(coverage), "snapshot_date", "inner")
        .select("*", F.when(F.col("industry4").isNotNull(), size).alias("size_class"))
    )
    return rows.where(F.col("size_class").isin(*IN_SCOPE) | F.col("size_class").isNull()).select(
        "firm_id", "snapshot_date", "status", "size_class",
        _months_since("established_date").alias("age_months"),
        F.col("reg_capital_cny_fen").alias("reg_capital"),
        F.col("paid_in_capital_cny_fen").alias("paid_in_capital"),
        "n_shareholder", "top1_holder_pct", "natural_holder_pct",
        F.coalesce("abnormal", F.when(F.col("industry4").isNotNull(), 0)).alias("abnormal_active"),
        _months_since("rep_since").alias("rep_tenure_months"),
        F.coalesce("tags", F.when(F.col("listed"), 0)).alias("n_tag_innov"),
        F.substring("industry4", 1, 1).alias("industry_section"),
        (F.col("tax") & (F.coalesce("since", F.date_add("snapshot_date", 1)) <= F.col("snapshot_date"))).alias("tax_covered"),
        F.col("court").alias("court_covered"),
        F.col("loan").alias("loan_covered"),
        F.col("registry").alias("registry_covered"),
    )  # fmt: skip


def _months_since(day: str) -> Column:
    return F.floor(F.months_between("snapshot_date", day)).cast("int")


def _holders(rows: DataFrame) -> DataFrame:
    share = F.col("holding_pct").cast("double")
    return rows.where(in_force("valid_from", "valid_to")).groupBy("firm_id", "snapshot_date").agg(
        F.count_distinct("party_id").cast("int").alias("n_shareholder"),
        F.max(share).alias("top1_holder_pct"),
        F.coalesce(F.sum(F.when(F.col("party_kind") == "PERSON", F.col("holding_pct"))).cast("double"), F.lit(0.0)).alias("natural_holder_pct"),
    )  # fmt: skip


def _representative(rows: DataFrame) -> DataFrame:
    reps = rows.where((F.col("role") == "LEGAL_REP") & in_force("valid_from", "valid_to"))
    return reps.groupBy("firm_id", "snapshot_date").agg(F.max("valid_from").alias("rep_since"))


def _abnormal(rows: DataFrame) -> DataFrame:
    return rows.where(in_force("event_date", "end_date")).groupBy("firm_id", "snapshot_date").agg(F.lit(1).alias("abnormal"))


def _tags(rows: DataFrame) -> DataFrame:
    """Innovation tags in force, each once though a second term may have begun before the first ended."""
    mine = rows.where(F.col("tag_code").isin(*INNOVATION) & in_force("valid_from", "valid_to"))
    return mine.groupBy("firm_id", "snapshot_date").agg(F.count_distinct("tag_code").cast("int").alias("tags"))


def _listed_since(tags: DataFrame, dates: DataFrame) -> DataFrame:
    """snapshot_date, listed: whether any list was known by then; before that a firm without a tag has null, not 0."""
    since = tags.agg(F.min("known_from").alias("since"))
    return F.broadcast(
        dates.crossJoin(F.broadcast(since)).select("snapshot_date", (F.col("since") <= F.col("snapshot_date")).alias("listed"))
    )

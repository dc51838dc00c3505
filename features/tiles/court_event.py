"""tile.court_event: court records of firms, and of the persons behind them (via = rep), one row per version of a record.

event_id is a digest of table, record and firm, so every version of a record is one event.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.versions import OPEN, intervals

HOLDER_SHARE = 0.25
SEIZURE_MONTHS = 60
"""How long an enforcement ended for want of assets stays in force."""
SOURCES: dict[str, tuple[str, ...]] = {
    "court_case": ("case_no", "party_id", "role"),
    "court_enforcement": ("case_no", "party_id"),
    "court_dishonest": ("case_no", "party_id"),
    "court_restriction": ("order_no", "party_id"),
    "court_equity_freeze": ("notice_no", "party_id"),
    "reg_key_person": ("firm_id", "party_id", "role", "valid_from"),
    "reg_shareholder": ("firm_id", "party_id", "valid_from"),
}
OF_PERSONS = ("enforcement", "dishonest", "restriction")


def court_events(tables: dict[str, DataFrame], firms: DataFrame) -> DataFrame:
    """Measures of tile.court_event with the `night` each version was learnt; tables hold all versions, by name.

    `firms`: firm_id of the firms wanted; other parties have no tile.
    """
    v = {name: intervals(df, SOURCES[name]) for name, df in tables.items()}
    records = _records(v)
    own = records.select(
        F.col("party_id").alias("firm_id"), *_facts(), F.lit("firm").alias("via"), F.lit(None).cast("date").alias("rep_from"),
        F.lit(None).cast("date").alias("rep_to"), F.col("known_from").alias("night"), "record",
    )  # fmt: skip
    held = (
        records.where(F.col("event_type").isin(*OF_PERSONS))
        .alias("r")
        .join(_terms(v["reg_key_person"], v["reg_shareholder"]).alias("t"), F.col("r.party_id") == F.col("t.person"), "inner")
    )
    night = F.greatest("r.known_from", "t.known_from")
    of_person = held.where((night < F.col("r.known_to")) & (night < F.col("t.known_to"))).select(
        F.col("t.firm_id").alias("firm_id"), *_facts("r."), F.lit("rep").alias("via"), "rep_from", "rep_to", night.alias("night"), "record"
    )
    event_id = F.sha2(F.concat_ws("|", "event_type", "record", "firm_id", "via"), 256)
    rows = own.unionByName(of_person).join(firms, "firm_id", "left_semi")
    return rows.select(event_id.alias("event_id"), "*").drop("record")


def _facts(prefix: str = "") -> list[Column]:
    names = ("event_type", "cause_group", "publish_date", "start_date", "end_date", "amount")
    return [F.col(f"{prefix}{n}").alias(n) for n in names]


def _records(v: dict[str, DataFrame]) -> DataFrame:
    """All record versions in one shape: party_id, record, known_from, known_to and the facts of the event."""
    case, lost = v["court_case"], v["court_case"].where("judged_payable_fen > 0 AND judgment_publish_date IS NOT NULL")
    role = F.when(F.col("role") == "DEFENDANT", "case_def").otherwise("case_pla")
    key = F.concat_ws("|", "case_no", "party_id", "role")
    none = F.lit(None).cast("date")
    seized = (F.col("end_kind") == "TERMINATED_NO_ASSETS") & (F.col("performed_fen") < F.col("target_fen"))
    enforcement_end = F.when(seized, F.add_months("end_date", SEIZURE_MONTHS)).otherwise(F.col("end_date"))
    case_end = F.when(F.col("status").isin("WITHDRAWN", "CLOSED"), F.col("judged_date"))
    shapes = [
        _shape(case, role, key, F.col("publish_date"), F.col("filed_date"), case_end, F.col("claim_fen"), F.col("cause_group")),
        _shape(lost, F.lit("judgment_lost"), key, F.col("judgment_publish_date"), F.col("judged_date"), none, F.col("judged_payable_fen"), F.col("cause_group")),
        _shape(
            v["court_enforcement"], F.lit("enforcement"), F.concat_ws("|", "case_no", "party_id"), F.col("publish_date"), F.col("filed_date"),
            enforcement_end, F.greatest(F.col("target_fen") - F.col("performed_fen"), F.lit(0).cast("bigint")),
        ),
        _shape(v["court_dishonest"], F.lit("dishonest"), F.concat_ws("|", "case_no", "party_id"), F.col("publish_date"), F.col("publish_date"), F.col("end_date")),
        _shape(v["court_restriction"], F.lit("restriction"), F.concat_ws("|", "order_no", "party_id"), F.col("publish_date"), F.col("publish_date"), F.col("end_date")),
        *_freezes(v["court_equity_freeze"]),
    ]  # fmt: skip
    rows = shapes[0]
    for other in shapes[1:]:
        rows = rows.unionByName(other)
    return rows.where("publish_date IS NOT NULL")


def _freezes(rows: DataFrame) -> list[DataFrame]:
    """A freeze concerns the holder and the firm whose equity is frozen; one event when they are the same."""
    key = F.concat_ws("|", "notice_no", "party_id")
    facts = (F.lit("freeze"), key, F.col("publish_date"), F.col("start_date"), F.col("end_date"), F.col("amount_fen"))
    target = rows.where("target_firm_id <> party_id").select("*", F.col("target_firm_id").alias("_target"))
    return [_shape(rows, *facts), _shape(target, *facts, party=F.col("_target"))]


def _shape(
    rows: DataFrame, event: Column, record: Column, publish: Column, start: Column, end: Column, amount: Column | None = None,
    cause: Column | None = None, party: Column | None = None,
) -> DataFrame:  # fmt: skip
    return rows.select(
        (F.col("party_id") if party is None else party).alias("party_id"), record.alias("record"), "known_from", "known_to",
        event.alias("event_type"), (F.lit(None).cast("string") if cause is None else cause).alias("cause_group"),
        publish.alias("publish_date"), start.alias("start_date"), end.alias("end_date"),
        (F.lit(None).cast("bigint") if amount is None else amount).alias("amount"),
    )  # fmt: skip


def _terms(persons: DataFrame, holders: DataFrame) -> DataFrame:
    """Terms of legal representatives and holders of 25 %, one per firm and person: from the first to the last known then."""
    reps = persons.where("role = 'LEGAL_REP'")
    big = holders.where((F.col("party_kind") == "PERSON") & (F.col("holding_pct") >= HOLDER_SHARE))
    until = F.coalesce("valid_to", F.lit(OPEN)).alias("until")
    names = [F.col("firm_id"), F.col("party_id").alias("person"), F.col("valid_from"), until, F.col("known_from"), F.col("known_to")]
    terms = reps.select(*names).unionByName(big.select(*names))
    nights = terms.select("firm_id", "person", F.col("known_from").alias("at")).distinct()
    here = (F.col("n.firm_id") == F.col("t.firm_id")) & (F.col("n.person") == F.col("t.person"))
    known = (F.col("t.known_from") <= F.col("n.at")) & (F.col("n.at") < F.col("t.known_to"))
    spans = (
        nights.alias("n")
        .join(terms.alias("t"), here & known, "inner")
        .groupBy("n.firm_id", "n.person", "n.at")
        .agg(F.min("valid_from").alias("rep_from"), F.max("until").alias("until"))
    )
    w = Window.partitionBy("firm_id", "person").orderBy("at")
    return spans.select(
        "firm_id", "person", "rep_from", F.when(F.col("until") < F.lit(OPEN), F.col("until")).alias("rep_to"),
        F.col("at").alias("known_from"), F.coalesce(F.lead("at").over(w), F.lit(OPEN)).alias("known_to"),
    )  # fmt: skip

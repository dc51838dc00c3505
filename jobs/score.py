"""Score: feature tables of D, facts of the firms and their own past -> `score.firm_score` and `score.warning` of D.

Reads `feature.*`, `tile.registration`, `tile.firm_state`, `tile.firm_month` (a year-earlier base) and its own history before D.
One row per firm of tile.registration; a rerun replaces partition D. The look-up tables of
the model are worked out once in the driver and sent to the Python processes, which score Arrow batches.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from features import catalogue
from jobs import model_store
from jobs.runner import Report
from lake.clock import SHANGHAI, add_months, known_at, latest_closed_month
from lake.io import Lake
from lake.tables import table
from models import nightly, warnings
from models.batches import Batches
from models.build import scorer
from models.bundle import Bundle, check_columns
from models.scorecard import GRADES

log = logging.getLogger(__name__)
WARNINGS = "array<struct<rule_id:string,level:string,value:double,threshold:double>>"
WARNING_DAYS, LIMIT_DAYS = 30, 365
MODEL_COLUMNS = tuple(
    c
    for c in table("score.firm_score").names
    if c not in ("firm_id", "snapshot_date", "stale_since", "event_timestamp", "created_timestamp")
)


def run(lake: Lake, as_of: date) -> Report:
    """Score every firm of the night with the champion. Raises ConfigError without one, ContractBroken when inputs are missing."""
    bundle = model_store.champion(lake.settings)
    check_columns(bundle, [i.name for i in catalogue.load()])
    rate = lake.settings.model.contract_rate_bp / 10_000
    rows = inputs(lake, as_of, bundle)
    types = {c.name: c.type for c in table("score.firm_score").columns}
    schema = ", ".join(["firm_id string", *[f"{c} {types[c]}" for c in MODEL_COLUMNS], f"warnings {WARNINGS}"])
    # read twice (scores, warnings) but computed once
    scored = rows.mapInArrow(Batches(scorer(bundle), packed(bundle), ("firm_id", *MODEL_COLUMNS, "warnings"), rate), schema).persist(
        StorageLevel.MEMORY_AND_DISK
    )
    try:
        lake.overwrite_partition("score.firm_score", firm_scores(scored, as_of), snapshot_date=as_of)
        lake.overwrite_partition("score.warning", fired_warnings(scored, as_of), snapshot_date=as_of)
        return summary(scored, bundle)
    finally:
        scored.unpersist()


def inputs(lake: Lake, as_of: date, bundle: Bundle) -> DataFrame:
    """One row per firm with everything a batch reads (models.nightly)."""
    known = known_at(as_of)
    today = F.col("snapshot_date") == F.lit(as_of)
    firms = lake.current("tile.registration", known_by=None, where=today).select("firm_id", "industry_section", "size_class")
    state = latest_written(lake.read("tile.firm_state").where(today), "firm_id").select("firm_id", *nightly.STATE)
    joined = firms.join(state, "firm_id", how="left")
    for dimension, names in packed(bundle).items():
        # one array a table: joins and Arrow carry 11 columns instead of 370
        values = F.array(*[F.col(n).cast("double") for n in names]).alias(dimension)
        joined = joined.join(lake.read(f"feature.{dimension}").where(today).select("firm_id", values), "firm_id", how="left")
    base = year_before(lake.current("tile.firm_month", known_by=known, where=month_between(as_of, 12, 18)), as_of)
    return joined.join(base, "firm_id", how="left").join(past(lake, as_of), "firm_id", how="left")


def packed(bundle: Bundle) -> dict[str, list[str]]:
    """Indicators a night reads, by dimension, in the order of the packed arrays."""
    wanted = {*bundle.names, *nightly.indicators_read({i.name for i in catalogue.load()})}
    found = {d: [i.name for i in catalogue.load() if i.dimension == d and i.name in wanted] for d in catalogue.dimensions()}
    return {d: names for d, names in found.items() if names}


def latest_written(df: DataFrame, *key: str) -> DataFrame:
    """One row per key: the one the latest night wrote."""
    newest = Window.partitionBy(*key).orderBy(F.col("as_of").desc())
    return df.select("*", F.row_number().over(newest).alias("_rank")).where("_rank = 1").drop("_rank")


def month_between(as_of: date, newest: int, oldest: int) -> Column:
    """Condition on `month`: month index `newest` to `oldest` of a snapshot (0 = latest closed month)."""
    closed = latest_closed_month(as_of)
    return F.col("month").between(F.lit(add_months(closed, -oldest)), F.lit(add_months(closed, -newest)))


def year_before(firm_month: DataFrame, as_of: date) -> DataFrame:
    """inflow_latest_vs_avg_6m as it was twelve months ago, from covered months 12 to 18; null unless all are covered."""
    last = add_months(latest_closed_month(as_of), -12)
    covered = F.when(F.col("days_covered") >= 0.8 * F.col("days_in_month"), F.col("op_in_amt"))
    then = F.max(F.when(F.col("month") == F.lit(last), covered))
    before = F.when(F.col("month") < F.lit(last), covered)
    mean = F.when((F.count(before) == 6) & (F.avg(before) > 0), F.avg(before))
    growth = (then / mean - 1).cast("double")
    return firm_month.groupBy("firm_id").agg(growth.alias("inflow_latest_vs_avg_6m_year_before"))


def past(lake: Lake, as_of: date) -> DataFrame:
    """Per firm: highest limit of 12 months, best score and grade of 30 days, and the level reported per rule in 30 days."""
    day = F.col("snapshot_date")
    recent = day >= F.lit(as_of - timedelta(days=WARNING_DAYS))
    scores = lake.read("score.firm_score").where((day < F.lit(as_of)) & (day >= F.lit(as_of - timedelta(days=LIMIT_DAYS))))
    grade = F.array_position(F.lit(list(GRADES)), F.col("grade_model")) - 1
    best = scores.groupBy("firm_id").agg(
        F.max("limit_fen").alias("highest_limit"),
        F.max(F.when(recent, F.col("score"))).alias("score_peak"),
        F.min(F.when(recent, grade)).alias("grade_peak"),
    )
    level = F.array_position(F.lit(list(warnings.LEVELS)), F.col("level")) - 1
    reported = lake.read("score.warning").where((day < F.lit(as_of)) & recent)
    levels = [F.max(F.when(F.col("rule_id") == rule, level)).alias(column) for rule, column in nightly.RECENT.items()]
    return best.join(reported.groupBy("firm_id").agg(*levels), "firm_id", how="full")


def _known(as_of: date) -> Column:
    return F.lit(known_at(as_of).replace(tzinfo=SHANGHAI))


def firm_scores(scored: DataFrame, as_of: date) -> DataFrame:
    """Rows of score.firm_score."""
    return scored.select(
        "firm_id", F.lit(as_of).alias("snapshot_date"), *MODEL_COLUMNS, F.lit(None).cast("date").alias("stale_since"),
        _known(as_of).alias("event_timestamp"), _known(as_of).alias("created_timestamp"),
    )  # fmt: skip


def fired_warnings(scored: DataFrame, as_of: date) -> DataFrame:
    """Rows of score.warning."""
    each = scored.select("firm_id", F.explode("warnings").alias("w"))
    return each.select("firm_id", F.lit(as_of).alias("snapshot_date"), "w.rule_id", "w.level", "w.value", "w.threshold")


def summary(scored: DataFrame, bundle: Bundle) -> Report:
    """Counts for the night's summary."""
    found = scored.groupBy("unscored_reason", "grade").agg(F.count("*").alias("n"), F.sum(F.size("warnings")).alias("w")).collect()
    unscored = Counter({r["unscored_reason"]: 0 for r in found if r["unscored_reason"]})
    grades: Counter[str] = Counter()
    for r in found:
        (unscored if r["unscored_reason"] else grades)[r["unscored_reason"] or r["grade"]] += r["n"]
    oot = bundle.metrics["oot"]
    detail = {
        "firms_in_scope": sum(r["n"] for r in found), "firms_scored": sum(grades.values()), "firms_unscored": dict(unscored),
        "grades": {g: grades[g] for g in GRADES if grades[g]}, "warnings": sum(r["w"] for r in found),
        "model": {"id": bundle.model_id, "auc_oot": oot["auc"]["value"], "ks_oot": oot["ks"]["value"]},
    }  # fmt: skip
    return Report(rows=detail["firms_in_scope"], detail=detail)

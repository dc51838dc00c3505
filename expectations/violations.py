"""Running rules: their SQL over the views of the session, once, into rows of dq.violation; and parked rows of dq.quarantine."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from expectations.rules import COLUMNS, Rule, union
from lake.tables import table

WIDTH = 200
"""Longest text kept of what was expected and found."""


def evaluate(spark: SparkSession, rules: Sequence[Rule], source: str = "flows") -> DataFrame:
    """Rows of dq.violation without as_of, one per rule and scope; of several findings in one scope the first by text stays."""
    return violation_rows(spark.sql(union(tuple(rules))), source)


def violation_rows(found: DataFrame, source: str) -> DataFrame:
    """Findings in the columns of the rules as rows of dq.violation without its partition."""
    identity = F.concat_ws("|", "rule_id", "bank_id", F.coalesce(F.col("biz_date").cast("string"), F.lit("-")), "scope_kind", "scope_key")
    texts = {c: F.substring(c, 1, WIDTH) for c in ("expected", "actual")}
    prefixed = F.sha2(F.concat_ws("|", F.lit(source), identity), 256)
    rows = found.select(prefixed.alias("violation_id"), *[texts.get(c, F.col(c)).alias(c) for c in COLUMNS])
    order = F.when(F.col("severity") == "block", 0).when(F.col("severity") == "quarantine", 1).otherwise(2)
    w = Window.partitionBy("violation_id").orderBy(order, "expected", "actual")
    first = rows.withColumn("_n", F.row_number().over(w)).where("_n = 1")
    return first.select(*[c for c in table("dq.violation").names if c not in ("as_of", "source")])


def quarantine(parked_rows: DataFrame) -> DataFrame:
    """Rows of dq.quarantine without its partition from rows with a struct `park` (expectations.parking)."""
    columns = {
        "rule_id": F.col("park.rule_id"), "violation_id": F.col("park.violation_id"),
        "cascade_of": F.col("park.cascade_of"), "scope_kind": F.col("park.scope_kind"), "scope_key": F.col("park.scope_key"),
        "severity": F.col("park.severity"), "status": F.lit("OPEN"),
        "q_id": F.sha2(F.concat_ws("|", "park.violation_id", "submission_id", "row_no"), 256),
    }  # fmt: skip
    names = [c for c in table("dq.quarantine").names if c not in ("as_of", "source")]
    return parked_rows.select(*[columns.get(c, F.col(c)).alias(c) for c in names])

"""Check of tax, court, registry and loan records: bronze as sent, rows that cannot be parked, silver versions as sent.

Every staged row is one version of one record. Rules: records that did not read (V04), values outside their set (V13), and
versions sent twice (V17); of the registry also the rules of stage records (V09, V10). Silver is written to disk first, counted, and published when the identity holds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations import references
from expectations.contract import SETS
from expectations.reconcile import CLASSES, reconciliation
from expectations.rules import Rule, load_rules
from expectations.views import key_copies, repeated
from expectations.violations import evaluate, quarantine, violation_rows
from jobs.dq_publish import Findings
from jobs.flow_silver import known_when
from jobs.ingest import staging
from jobs.runner import Report
from jobs.scratch import Scratch
from lake import files
from lake.arrow import arrow_schema
from lake.io import Lake, local_rows
from lake.schemas.outside import OUTSIDE
from lake.tables import table

THREADS = 4
RULES = ("V04", "V13", "V17")
ENTERPRISE = "reg_enterprise"
REFERENCES = {
    "ref_industry": "industry4 string", "ref_industry_section": "section string, first string, last string",
    "ref_region": "region6 string, valid_from date, valid_to date, successor string",
}  # fmt: skip
"""Reference tables that rules of stage records read, and the columns they read."""
OWN = ("provider_id", "submission_id", "row_version", "ingested_at", "available_at", "is_history", "as_of")


@dataclass(frozen=True)
class Pulled:
    """One source on one night. `staged` are its tables that have a file, `counts` what the pull says it wrote."""

    lake: Lake
    source: str
    as_of: date
    history: bool
    scratch: Scratch
    staged: dict[str, Path]
    bad: dict[str, Path]
    counts: dict[str, int]

    def rows(self, name: str) -> DataFrame:
        """Staged rows of a table, with the positions and hashes that rules use."""
        keys = OUTSIDE[name][1].split()
        rows = self.lake.spark.read.parquet(str(self.staged[name]))
        return rows.select(
            "*", F.lit(self.source).alias("bank_id"), F.lit(name).alias("file_type"), F.col("pull_id").alias("submission_id"),
            F.col("record_no").alias("row_no"), F.lit(None).cast("date").alias("biz_date"), F.lit(None).cast("date").alias("from_date"),
            F.xxhash64(F.lit(name), *keys, "row_version").alias("key_hash"), F.xxhash64(*columns(name), "row_version").alias("content_hash"),
        )  # fmt: skip


def columns(name: str) -> list[str]:
    """Columns of a silver table that come from the source."""
    return [c for c in table(f"silver.{name}").names if c not in OWN]


def run(lake: Lake, source: str, as_of: date, *, history: bool = False) -> Report:
    """Check the records of one source; see the module. Raises GateFailed when rows got lost, before silver is touched."""
    folder = staging.night_folder(lake.settings, source, as_of)
    facts = staging.done(folder)
    if facts is None:
        return Report(nothing=True)
    names = [n for n, (owner, _, _) in OUTSIDE.items() if owner == source]
    staged = {n: folder / f"{n}.parquet" for n in names if facts["rows"].get(n)}
    bad = {n: folder / f"{n}.bad.parquet" for n in names if facts["rows"].get(f"{n}.bad")}
    if not staged and not bad:
        return Report(nothing=True)
    scratch = Scratch(lake.spark, lake.settings.folder("staging") / source / f".check-{as_of.isoformat()}")
    p = Pulled(lake, source, as_of, history, scratch, staged, bad, facts["rows"])
    report = _check(p, names)
    scratch.drop()
    return report


def _check(p: Pulled, names: list[str]) -> Report:
    found = Findings(p.lake, p.scratch, p.source, p.as_of)
    rows = {n: p.rows(n) for n in p.staged}
    copies = p.scratch.save("key_copy", _copies(p, rows))
    violations = p.scratch.save("violation", _violations(p, rows, copies))
    held_by = p.scratch.save("held", _held(violations))
    dropped = F.broadcast(copies.where("contents = 1 AND copy_no > 1").select("file_type", "row_no"))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda n: _write(p, n, rows[n], held_by, dropped), p.staged))
    parked = [_parked_rows(p, rows[n], held_by) for n in p.staged] + [_bad_rows(p, n, violations) for n in p.bad]
    held = p.scratch.save(
        "quarantine", reduce(DataFrame.unionByName, parked) if parked else p.lake.empty("dq.quarantine").drop("as_of", "source")
    )
    counts = p.scratch.save("reconciliation", reconciliation([_counts(p, held, copies)]))
    found.publish("dq.violation", p.scratch.paths("violation"))
    found.publish("dq.quarantine", p.scratch.paths("quarantine"))
    found.publish("dq.reconciliation", p.scratch.paths("reconciliation"))
    found.issues(violations, held)
    written = {f"silver.{n}": p.scratch.paths(n) for n in p.staged}
    found.judge(_rules(p.source), violations, counts, written)
    found.publish("bronze.record", p.scratch.paths(*(f"record_{n}" for n in (*p.staged, *(f"{b}.bad" for b in p.bad)))))
    for n in names:
        if n in p.staged or p.lake.exists(f"silver.{n}"):
            files.publish(p.lake.settings, f"silver.{n}", p.scratch.paths(n), as_of=p.as_of)
    totals = counts.agg(*[F.coalesce(F.sum(c), F.lit(0)).cast("bigint").alias(c) for c in ("received", *CLASSES)]).collect()[0].asDict()
    by_rule = {r.rule_id: r.n for r in violations.groupBy("rule_id").agg(F.count("*").alias("n")).orderBy("rule_id").collect()}
    by_table = {n: p.scratch.rows(n) for n in p.staged}
    return Report(totals["accepted"], {"rows": totals, "violations": by_rule, "tables": by_table}, nothing=not totals["received"])


def _rules(source: str) -> tuple[Rule, ...]:
    return tuple(r for r in load_rules() if r.id in RULES or (r.stage == "records" and source == "registry"))


def _copies(p: Pulled, rows: dict[str, DataFrame]) -> DataFrame:
    """Versions of a record that came more than once."""
    keep = ["bank_id", "submission_id", "row_no", "file_type", "biz_date", "from_date", "key_hash", "content_hash"]
    ddl = "bank_id string, submission_id string, row_no bigint, file_type string, biz_date date, from_date date, key_hash bigint, content_hash bigint"
    every = [r.select(*keep) for r in rows.values()] or [local_rows(p.lake.spark, [], ddl)]
    return key_copies(repeated(reduce(DataFrame.unionByName, every)))


def _outside_set(name: str) -> Column:
    """Names of the columns of a row that hold a value outside their set, '' for none."""
    sets = SETS.get(f"silver.{name}", {})
    return F.concat_ws(",", *[F.when(~F.col(c).isin(*sorted(values)), F.lit(c)) for c, values in sets.items()])


def _violations(p: Pulled, rows: dict[str, DataFrame], copies: DataFrame) -> DataFrame:
    """What broke a rule, in the columns of the rules (expectations.rules)."""

    def found(df: DataFrame, rule: str, expected: str, actual: Column, severity: Column) -> DataFrame:
        return df.select(
            F.lit(rule).alias("rule_id"), F.lit(p.source).alias("bank_id"), F.lit(None).cast("date").alias("biz_date"), "file_type", "submission_id",
            F.lit("ROW").alias("scope_kind"), F.concat_ws(":", "file_type", "row_no").alias("scope_key"), F.lit(expected).alias("expected"),
            actual.alias("actual"), F.lit(None).cast("bigint").alias("diff"), severity.alias("severity"),
        )  # fmt: skip

    hard, soft = F.lit("quarantine"), F.lit("warn")
    repeated = copies.where("contents > 1 OR copy_no > 1")
    parts = [
        found(
            repeated, "V17", "1 row of the version", F.concat("copies", F.lit(" rows")), F.when(F.col("contents") > 1, hard).otherwise(soft)
        )
    ]
    for n, df in rows.items():
        if f"silver.{n}" in SETS:
            wrong = df.withColumn("_outside", _outside_set(n)).where("_outside <> ''")
            parts.append(found(wrong, "V13", "a value of the set", F.col("_outside"), hard))
    for n, path in p.bad.items():
        raw = p.lake.spark.read.parquet(str(path)).select(
            F.lit(n).alias("file_type"), F.col("pull_id").alias("submission_id"), F.col("record_no").alias("row_no"), "reason"
        )
        parts.append(found(raw, "V04", "a record that reads", F.col("reason"), hard))
    every = violation_rows(reduce(DataFrame.unionByName, parts), p.source)
    if ENTERPRISE not in rows:
        return every
    record_views(rows[ENTERPRISE])
    return every.unionByName(evaluate(p.lake.spark, [r for r in load_rules() if r.stage == "records"], p.source))


def record_views(enterprises: DataFrame) -> None:
    """Make the views of the rules of stage records."""
    spark = enterprises.sparkSession
    enterprises.createOrReplaceTempView("enterprise_rows")
    for name, ddl in REFERENCES.items():
        names = [c.split()[0] for c in ddl.split(", ")]
        held = [[_value(r[c], c) for c in names] for r in references.rows(name)]
        local_rows(spark, held, ddl).createOrReplaceTempView(name)


def _value(text: str, column: str) -> str | date | None:
    return None if not text else date.fromisoformat(text) if column.startswith("valid_") else text


def _held(violations: DataFrame) -> DataFrame:
    """What parks a record: file_type, row_no and the struct `park`, one row per record."""
    parts = F.split("scope_key", ":")
    park = F.struct("violation_id", "rule_id", "severity", "scope_kind", "scope_key", F.lit(None).cast("string").alias("cascade_of"))
    hard = violations.where("severity = 'quarantine'")
    return hard.groupBy(parts[0].alias("file_type"), parts[1].cast("bigint").alias("row_no")).agg(F.min(park).alias("park"))


def _write(p: Pulled, name: str, rows: DataFrame, held_by: DataFrame, dropped: DataFrame) -> None:
    """Write the accepted rows of one table in the shape of silver, and all of them as sent for bronze."""
    here = F.broadcast(held_by.where(F.col("file_type") == name).select("row_no"))
    good = rows.join(here, on="row_no", how="left_anti").join(dropped, on=["file_type", "row_no"], how="left_anti")
    updated = F.col("updated_at")
    known = updated + F.expr("INTERVAL 1 DAY") if p.history else known_when(updated, p.as_of, False)
    p.scratch.save(name, good.select(
        *columns(name), F.col("bank_id").alias("provider_id"), "submission_id", "row_version", updated.alias("ingested_at"),
        known.alias("available_at"), F.lit(p.history).alias("is_history"),
    ))  # fmt: skip
    payload = F.to_json(F.struct(*columns(name), "row_version", "updated_at"))
    p.scratch.save(f"record_{name}", rows.select(
        F.lit(name).alias("table_name"), "pull_id", "record_no", payload.alias("payload"), "updated_at", F.lit(p.history).alias("is_history")
    ))  # fmt: skip


def _parked_rows(p: Pulled, rows: DataFrame, held_by: DataFrame) -> DataFrame:
    return quarantine(rows.join(F.broadcast(held_by), on=["file_type", "row_no"], how="inner"))


def _bad_rows(p: Pulled, name: str, violations: DataFrame) -> DataFrame:
    """Records that did not read: parked under their violation, and kept in bronze as sent."""
    raw = p.lake.spark.read.parquet(str(p.bad[name]))
    # the source does not always say when it changed such a record; then it counts as changed at the end of the night
    stated = F.coalesce("updated_at", known_when(F.col("updated_at"), p.as_of, False))
    kept = [c for c in arrow_schema(table("bronze.record")).names if c not in ("as_of", "source")]
    p.scratch.save(f"record_{name}.bad", raw.withColumn("updated_at", stated).select(*kept))
    placed = raw.select(
        F.lit(name).alias("file_type"), F.col("record_no").alias("row_no"), F.col("pull_id").alias("submission_id"), F.lit(p.source).alias("bank_id"),
        F.lit(None).cast("date").alias("biz_date"),
    )  # fmt: skip
    return quarantine(placed.join(F.broadcast(_held(violations)), on=["file_type", "row_no"], how="inner"))


def _counts(p: Pulled, held: DataFrame, copies: DataFrame) -> DataFrame:
    """Rows received by the pull's own count, and what became of them: silver files, parked rows, copies."""
    parked = {r.file_type: r["count"] for r in held.groupBy("file_type").count().collect()}
    twice = copies.where("contents = 1 AND copy_no > 1").join(
        held.select("file_type", "row_no"), on=["file_type", "row_no"], how="left_anti"
    )
    doubled = {r.file_type: r["count"] for r in twice.groupBy("file_type").count().collect()}
    rows = []
    for n in sorted({*p.staged, *p.bad}):
        fates = {
            "received": p.counts.get(n, 0) + p.counts.get(f"{n}.bad", 0), "accepted": p.scratch.rows(n), "quarantined": parked.get(n, 0),
            "duplicate": doubled.get(n, 0),
        }  # fmt: skip
        rows += [(p.source, f"{p.source}-{p.as_of}", n, None, became, count, Decimal(0)) for became, count in fates.items()]
    ddl = "bank_id string, submission_id string, file_type string, biz_date date, became string, n bigint, amount decimal(20,0)"
    return local_rows(p.lake.spark, rows, ddl)

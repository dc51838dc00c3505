"""Writing what a check found: dq.violation, dq.quarantine, dq.reconciliation, dq.issue, dq.gate, dq.contract, Data Docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from expectations import gate, references
from expectations.contract import contract_rows
from expectations.reconcile import CLASSES, broken, refuse
from expectations.rules import Rule
from jobs.scratch import Scratch
from lake import files, store
from lake.errors import GateFailed
from lake.io import Lake
from lake.tables import table

WORKDAYS_DUE = {"block": 1, "quarantine": 3, "warn": 10}


class Findings:
    """Publishes what the check of one source found on one night; every table is replaced for exactly that night and source."""

    def __init__(self, lake: Lake, scratch: Scratch, source: str, as_of: date) -> None:
        self._lake, self._scratch, self.source, self.as_of = lake, scratch, source, as_of

    def put(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Publish rows held in memory."""
        path = self._scratch.file(f"{name}.parquet")
        pq.write_table(store.rows_of(name, list(rows)), path)
        self.publish(name, [path])

    def publish(self, name: str, paths: Sequence[Path]) -> None:
        """Publish files already written."""
        files.publish(self._lake.settings, name, paths, as_of=self.as_of, source=self.source)

    def issues(self, violations: DataFrame, quarantined: DataFrame) -> None:
        """Violations grouped for the bank: one issue per bank, rule and date, due by its hardest severity."""
        keys = ["bank_id", "rule_id", "biz_date"]
        rank = F.when(F.col("severity") == "block", 0).when(F.col("severity") == "quarantine", 1).otherwise(2)
        parked = quarantined.groupBy("violation_id").agg(F.count("*").alias("parked"))
        # parked rows are counted by violation: the date of an issue may be null, which would match nothing in a join
        found = (
            violations.join(parked, on="violation_id", how="left")
            .groupBy(*keys)
            .agg(F.min_by("severity", rank).alias("severity"), F.count("*").alias("violations"), F.sum("parked").alias("rows_parked"))
        )
        rows = [r.asDict() for r in found.orderBy(*keys).collect()]
        due = due_dates(self.as_of)
        self.put("dq.issue", [
            {**r, "rows_parked": r["rows_parked"] or 0, "source": self.source, "status": "OPEN", "opened_on": self.as_of, "as_of": self.as_of,
             "issue_id": f"{r['bank_id']}-{r['rule_id']}-{r['biz_date'] or 'undated'}", "due_on": due[r["severity"]]} for r in rows
        ])  # fmt: skip

    def judge(self, rules: Sequence[Rule], violations: DataFrame, reconciliation: DataFrame, written: Mapping[str, Sequence[Path]]) -> None:
        """Contracts of what is to be published, the gate over them, the violations and the identity. Raises GateFailed when
        the gate stops the run; what it found is published all the same."""
        contracts = [r for name, paths in written.items() if paths for r in contract_rows(name, paths, self.source, self.as_of)]
        self.put("dq.contract", contracts)
        counts = {(r.rule_id, r.severity): r.n for r in violations.groupBy("rule_id", "severity").agg(F.count("*").alias("n")).collect()}
        folder = self._lake.settings.folder("reports") / self.as_of.isoformat() / "dq" / self.source
        verdict = gate.judge(
            folder, self.source, self.as_of, rules, counts, examples(violations), _forbidden(contracts), _gaps(reconciliation)
        )
        self.put("dq.gate", verdict.rows)
        if verdict.stop:
            refuse([r.asDict() for r in broken(reconciliation).orderBy("submission_id", "biz_date").limit(5).collect()], self.as_of)
            raise GateFailed(
                f"the gate stopped the check of {self.source} for {self.as_of}: {'; '.join(verdict.stop)}. See {folder}/index.html."
            )


def due_dates(as_of: date) -> dict[str, date]:
    """Day by which an issue of each severity is due, in workdays after the night."""
    return {severity: references.workdays_after(as_of, n) for severity, n in WORKDAYS_DUE.items()}


def examples(violations: DataFrame) -> pd.DataFrame:
    """At most gate.EXAMPLES violations of each rule and severity, in a fixed order."""
    w = Window.partitionBy("rule_id", "severity").orderBy("bank_id", "biz_date", "scope_key")
    few = violations.withColumn("_n", F.row_number().over(w)).where(F.col("_n") <= gate.EXAMPLES)
    shown = [F.coalesce(F.col(c).cast("string"), F.lit("-")).alias(c) for c in gate.SHOWN]
    return (
        few.select(F.concat_ws(" ", "rule_id", "severity").alias("finding"), *shown)
        .orderBy("finding", "bank_id", "biz_date", "scope_key")
        .toPandas()
    )


def _forbidden(contracts: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The contract as the gate sees it: nulls where none may be, values outside their set."""
    required = {(c, col.name) for c in {r["table_name"] for r in contracts} for col in table(c).columns if not col.nullable}
    rows = [
        {"table_name": r["table_name"], "column_name": r["column_name"], "out_of_set": r["out_of_set"] or 0,
         "forbidden_nulls": r["nulls"] if (r["table_name"], r["column_name"]) in required else 0} for r in contracts
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["table_name", "column_name", "out_of_set", "forbidden_nulls"])


def _gaps(reconciliation: DataFrame) -> pd.DataFrame:
    """The identity by bank and file type; gaps are counted per submission and date, so that they cannot cancel out."""
    total = sum((F.col(c) for c in CLASSES), F.lit(0))
    gap, money = F.abs(F.col("received") - total), F.abs(F.col("received_amt_minor") - F.col("accounted_amt_minor"))
    return reconciliation.groupBy("bank_id", "file_type").agg(
        F.sum("received").alias("received"), F.sum(gap).alias("gap"), F.sum(F.coalesce(money, F.lit(1)).cast("double")).alias("amount_gap")
    ).orderBy("bank_id", "file_type").toPandas()  # fmt: skip

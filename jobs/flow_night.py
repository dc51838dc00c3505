"""The state one check of bank files works on: the night, its files, its typed rows, and scratch space."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.parse import References
from jobs.ingest import staging
from jobs.scratch import Scratch
from jobs.submissions import IN_FORCE, Submission
from lake.io import Lake
from lake.tables import table


@dataclass
class Night:
    """One night of one check. `typed` are all staged rows by file type, `subs` the night's files as judged."""

    lake: Lake
    as_of: date
    history: bool
    scratch: Scratch
    refs: References
    files: list[dict[str, Any]]
    typed: dict[str, DataFrame] = field(default_factory=dict)
    subs: list[Submission] = field(default_factory=list)

    def raw(self, name: str) -> DataFrame:
        """Staged rows of a bronze table, as sent."""
        paths = [str(p) for p in staging.staged(self.lake.settings, "flows", self.as_of, name)]
        return self.lake.spark.read.schema(table(f"bronze.{name}").ddl).parquet(*paths) if paths else self.lake.empty(f"bronze.{name}")

    @property
    def out_of_force(self) -> list[str]:
        """Submissions of the night whose rows do not count: blocked or voided by a later version."""
        kept = {s.submission_id for s in self.subs if s.status in IN_FORCE}
        return sorted({s.submission_id for s in self.subs if s.status not in IN_FORCE} - kept)

    def in_force(self, rows: DataFrame) -> DataFrame:
        """`rows` without those of submissions out of force."""
        out = self.out_of_force
        return rows.where(~F.col("submission_id").isin(out)) if out else rows

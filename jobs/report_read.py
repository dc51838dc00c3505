"""One night's rows of the lake as DuckDB views, read without Spark. A table that was never written is empty."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import TableNotFoundError

from lake import store
from lake.arrow import arrow_schema
from lake.settings import Settings
from lake.tables import table

Row = dict[str, Any]

NIGHT_TABLES: dict[str, list[str] | None] = {
    "ops.pull": None, "ops.run": None, "ops.night": None,
    "bronze.bank_file": ["bank_id", "submission_id", "file_name", "file_type", "manifest_status", "read_error", "duplicate_of", "size_bytes"],
    "silver.sub_manifest": ["bank_id", "submission_id", "file_name", "status"],
    "dq.violation": ["source", "rule_id", "bank_id", "biz_date", "file_type", "scope_kind", "scope_key", "expected", "actual", "severity"],
    "dq.quarantine": ["source", "rule_id", "bank_id", "file_type", "cascade_of", "severity", "status"],
    "dq.explanation": ["bank_id", "rule_id", "scope_key", "kind", "suspects"], "dq.issue": None, "dq.gate": None, "dq.reconciliation": None,
    "score.warning": None,
}  # fmt: skip
"""Tables of the report -> columns it needs (None: all)."""

SCORE_COLUMNS = [
    "firm_id", "snapshot_date", "model_id", "segment", "confidence", "stale_since", "unscored_reason", "pd", "score", "grade_model", "grade",
    "override_rule", "limit_fen", "limit_binding", "credit_invisible",
]  # fmt: skip


def night_rows(settings: Settings, name: str, night: date, columns: list[str] | None = None) -> pa.Table:
    """Rows of the one partition that night D wrote; empty with the registry's schema when there is none."""
    t = table(name)
    partition = "as_of" if "as_of" in t.partition else "snapshot_date"
    try:
        dt = store.open_table(store.uri(settings, name))
    except TableNotFoundError:
        return arrow_schema(t).empty_table().select(columns or t.names)
    return dt.to_pyarrow_table(columns=columns, filters=[(partition, "=", night)])


def nights(settings: Settings, name: str) -> list[date]:
    """Nights that have a partition in the table, ascending."""
    partition = "as_of" if "as_of" in table(name).partition else "snapshot_date"
    try:
        dt = store.open_table(store.uri(settings, name))
    except TableNotFoundError:
        return []
    return sorted({date.fromisoformat(str(p[partition])) for p in dt.partitions()})


class NightViews:
    """Views over one night: `pull`, `run`, `night`, `bank_file`, `violation`, …, `score`, and `before` (the night before, if any)."""

    def __init__(self, settings: Settings, as_of: date) -> None:
        self._con = duckdb.connect()
        self._con.execute("set timezone = 'Asia/Shanghai'")
        for name, columns in NIGHT_TABLES.items():
            self._con.register(name.split(".")[1], night_rows(settings, name, as_of, columns))
        earlier = [n for n in nights(settings, "score.firm_score") if n < as_of]
        self.before: date | None = earlier[-1] if earlier else None
        self._con.register("score", night_rows(settings, "score.firm_score", as_of, SCORE_COLUMNS))
        self._con.register("before", night_rows(settings, "score.firm_score", self.before or date.min, SCORE_COLUMNS))

    def rows(self, query: str) -> list[Row]:
        """Rows of a query as dicts."""
        found = self._con.execute(query)
        names = [d[0] for d in found.description or []]
        return [dict(zip(names, r, strict=True)) for r in found.fetchall()]

    def one(self, query: str) -> Row:
        """The single row of an aggregate."""
        return self.rows(query)[0]

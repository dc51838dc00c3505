"""The table registry: every table of the lake, once. Paths, schemas, keys and partitions are taken from here.

Each table is partitioned by the night that wrote it (`as_of`, or `snapshot_date` for features and scores; and by
`source` where the checks of several sources write the same table), so that a rerun replaces exactly what it wrote. Standard library only: DAG files import it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lake.schemas import bank, derived, outside


@dataclass(frozen=True)
class Column:
    """One column: Spark SQL type, nullability and what it means (with unit)."""

    name: str
    type: str
    nullable: bool
    meaning: str


@dataclass(frozen=True)
class Table:
    """One Delta table. `name` is `layer.table`; `key` identifies a row in the current view; `text` yields its schema."""

    name: str
    key: tuple[str, ...]
    partition: tuple[str, ...]
    meaning: str
    text: Callable[[], str]

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    @property
    def path(self) -> str:
        """Path below the lake's root."""
        return self.name.replace(".", "/")

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns in storage order."""
        return parse_columns(self.text())

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    @property
    def ddl(self) -> str:
        """Spark DDL of the schema, nullability included."""
        return ", ".join(f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'}" for c in self.columns)


def parse_columns(text: str) -> tuple[Column, ...]:
    """Columns of a schema block: one `name type[!] meaning` a line."""
    columns = []
    for line in filter(None, (x.strip() for x in text.splitlines())):
        name, type_, *meaning = line.split(None, 2)
        columns.append(Column(name, type_.rstrip("!"), not type_.endswith("!"), meaning[0] if meaning else ""))
    return tuple(columns)


TABLES: dict[str, Table] = {}


def _add(name: str, key: str, meaning: str, text: str | Callable[[], str], partition: str = "as_of") -> None:
    TABLES[name] = Table(name, tuple(key.split()), tuple(partition.split()), meaning, text if callable(text) else partial(str, text))


for _t in bank.FILE_FIELDS:
    _add(f"bronze.bank_{_t.lower()}", "submission_id row_no as_of", f"{_t} rows as sent", partial(bank.bronze_rows, _t))
_add("bronze.bank_file", "file_name digest_actual as_of", "one row per file received", bank.BANK_FILE)
_add(
    "bronze.bank_file_total", "submission_id stated_by currency dr_cr as_of", "totals stated by trailer and manifest", bank.BANK_FILE_TOTAL
)
_add("bronze.record", "pull_id table_name record_no", "records of tax, court, registry and loans as sent", outside.RECORD, "as_of source")

_add("silver.acct_account", "account_id valid_from", "accounts, SCD2", bank.ACCT_ACCOUNT)
_add("silver.acct_balance_daily", "account_id currency biz_date", "daily balances", bank.ACCT_BALANCE_DAILY)
_add("silver.acct_txn", "bank_id txn_no sub_no biz_date", "account transactions", bank.ACCT_TXN)
_add("silver.sub_manifest", "bank_id biz_date file_type version", "submissions", bank.SUB_MANIFEST)
_add("silver.gl_control_total", "bank_id branch_id gl_subject currency biz_date", "general ledger totals", bank.GL_CONTROL_TOTAL)
_add("silver.bank_control_flow", "bank_id branch_id currency biz_date dr_cr", "flow totals by the second channel", bank.BANK_CONTROL_FLOW)
_add(
    "silver.bank_control_balance", "bank_id branch_id currency biz_date", "balance totals by the second channel", bank.BANK_CONTROL_BALANCE
)
for _n, (_source, _key, _text) in outside.OUTSIDE.items():
    _add(f"silver.{_n}", _key, f"{_n} ({_source})", _text + "\n" + outside.TECH)

_add("dq.violation", "violation_id as_of", "rows that broke a rule", derived.VIOLATION, "as_of source")
_add("dq.quarantine", "q_id as_of", "parked rows", derived.QUARANTINE, "as_of source")
_add("dq.explanation", "violation_id part as_of", "what explains a broken total", derived.EXPLANATION, "as_of source")
_add("dq.issue", "issue_id as_of", "violations grouped for the bank", derived.ISSUE, "as_of source")
_add("dq.gate", "checkpoint expectation as_of", "what the gate decided", derived.GATE, "as_of source")
_add("dq.contract", "table_name column_name as_of", "column contracts of the night", derived.CONTRACT, "as_of source")
_add(
    "dq.reconciliation",
    "submission_id file_type biz_date as_of",
    "received against what became of it",
    derived.RECONCILIATION,
    "as_of source",
)

_add("dq.quality", "bank_id month as_of", "quality, grade and rank of the banks by month", derived.QUALITY, "as_of month")
_add("dq.sample_seed", "month", "single-transaction sampling: what was promised before the month closed", derived.SAMPLE_SEED)
_add("dq.sample", "bank_id month", "samples drawn, by bank and month", derived.SAMPLE, "as_of month")
_add("dq.sample_item", "bank_id month txn_key", "transactions drawn", derived.SAMPLE_ITEM, "as_of month")
_add("dq.sample_answer", "bank_id month txn_key", "what the vouchers said", derived.SAMPLE_ANSWER, "as_of month")
_add("dq.sample_result", "bank_id month as_of", "what the samples proved", derived.SAMPLE_RESULT, "as_of month")

_TILE_KEYS = {
    "firm_month": "firm_id month", "firm_day": "firm_id biz_date", "firm_bucket": "firm_id snapshot_date bucket",
    "firm_counterparty_month": "firm_id cpty_id month", "firm_category_month": "firm_id category month", "tax_month": "firm_id month",
    "court_event": "event_id", "registration": "firm_id snapshot_date", "registration_event": "event_id", "loan": "firm_id month",
    "network": "firm_id month", "firm_bank_month": "firm_id bank_id month", "firm_state": "firm_id snapshot_date",
}  # fmt: skip
for _n, _key in _TILE_KEYS.items():
    _add(f"tile.{_n}", _key, f"tile {_n}", partial(derived.tile_schema, _n))

DIMENSIONS = (
    "fund_scale", "economic_benefit", "customer_dispersion", "flow_stability", "supply_chain_stability", "fund_usage",
    "tax", "judicial", "registration", "credit_debt", "network_anomaly",
)  # fmt: skip
for _n in DIMENSIONS:
    _add(f"feature.{_n}", "firm_id snapshot_date", f"indicators of {_n}", partial(derived.feature_schema, _n), "snapshot_date")

_add("score.firm_score", "firm_id snapshot_date", "scores", derived.FIRM_SCORE, "snapshot_date")
_add("score.warning", "firm_id snapshot_date rule_id", "early warnings", derived.WARNING, "snapshot_date")
_add("sample.frame", "release_id firm_id snapshot_date sample_kind", "sample library: observations", derived.SAMPLE_FRAME, "release_id")
_add("sample.label", "release_id firm_id snapshot_date sample_kind", "sample library: outcomes", derived.SAMPLE_LABEL, "release_id")
_add("ops.pull", "pull_id unit", "what was pulled, and up to when", derived.PULL)
_add("ops.run", "run_id", "job runs", derived.RUN)
_add("ops.night", "as_of", "published nights", derived.NIGHT)


def table(name: str) -> Table:
    """The registered table `layer.table`; a KeyError names the close ones."""
    if name not in TABLES:
        raise KeyError(f"no table {name!r} in the registry; known: {', '.join(sorted(TABLES))}")
    return TABLES[name]

"""Outcomes of observation dates, read from the loan tables in Delta (rules: models.label). No Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from lake import store
from lake.arrow import arrow_schema
from lake.settings import Settings
from lake.tables import table
from models import label

CONTRACT = ["lender_id", "loan_no", "firm_id", "granted_date", "maturity_date", "principal_fen", "row_version", "available_at"]
PERFORMANCE = [
    "lender_id", "loan_no", "firm_id", "month_end", "balance_fen", "overdue_fen", "dpd", "class5", "written_off", "restructured",
    "row_version", "available_at",
]  # fmt: skip
FIRM = ["firm_id", "snapshot_date", "status", "covered_months", "has_loan_before"]


def snapshot_rows(settings: Settings, name: str, dates: Sequence[date], columns: Sequence[str]) -> pa.Table:
    """Rows of a table with a snapshot_date among `dates`; empty when the table was never created."""
    if not store.exists(settings, name):
        schema = arrow_schema(table(name))
        return pa.schema([schema.field(c) for c in columns]).empty_table()
    wanted = pc.field("snapshot_date").isin(pa.array(dates, pa.date32()))
    return store.open_table(store.uri(settings, name)).to_pyarrow_dataset().to_table(filter=wanted, columns=list(columns))


def latest_rows(rows: pa.Table) -> pa.Table:
    """One row per firm and snapshot: the one of the latest night (`as_of`)."""
    ordered = rows.sort_by([("firm_id", "ascending"), ("snapshot_date", "ascending"), ("as_of", "descending")])
    first = ordered.group_by(["firm_id", "snapshot_date"], use_threads=False).aggregate(
        [(c, "first") for c in FIRM[2:] if c in rows.column_names]
    )
    return first.rename_columns([c.removesuffix("_first") for c in first.column_names])


def observations(settings: Settings, dates: Sequence[date], released_at: date) -> pa.Table:
    """Candidates of the observation dates with their outcome or the reason they are left out (models.label.observations)."""
    firms = latest_rows(snapshot_rows(settings, "tile.firm_state", dates, [*FIRM, "as_of"])).select(FIRM)
    sources = label.Sources(
        contract=store.read(settings, "silver.loan_contract", columns=CONTRACT),
        performance=store.read(settings, "silver.loan_performance", columns=PERFORMANCE),
        firms=firms,
    )
    return label.observations(sources, list(dates), released_at)

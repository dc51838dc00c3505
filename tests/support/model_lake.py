"""A lake filled just enough to label, train and score: snapshot tiles, features and loans of firms with one hidden quality."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from lake import store
from lake.arrow import arrow_schema
from lake.clock import SHANGHAI, known_at, month_end
from lake.schemas.derived import catalogue, dimensions
from lake.settings import Settings
from lake.tables import table
from models.label import add_months

NULL_IN_FEATURES = {"circular_flow_amt_share_6m", "circular_flow_cnt_12m", "mirror_txn_cnt_6m"}


def firm_ids(firms: int) -> list[str]:
    return [f"FIRM{k:06d}" for k in range(firms)]


def quality(firms: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).normal(size=firms)


def write(settings: Settings, name: str, columns: dict[str, Any], rows: int, predicate: str | None = None) -> None:
    """Write columns of a registered table; what is not given is null."""
    schema = arrow_schema(table(name))
    arrays = [pa.array(columns[f.name], f.type, from_pandas=True) if f.name in columns else pa.nulls(rows, f.type) for f in schema]
    store.replace(settings, name, pa.Table.from_arrays(arrays, schema=pa.schema([pa.field(f.name, f.type) for f in schema])), predicate)


def snapshot(settings: Settings, day: date, firms: int, seed: int = 5, strength: float = 0.5) -> None:
    """tile.registration, tile.firm_state and the 11 feature tables of one date."""
    rng = np.random.default_rng([seed, day.toordinal()])
    ids, q = firm_ids(firms), quality(firms, seed) + 0.3 * rng.normal(size=firms)
    inflow = np.exp(16 + rng.normal(size=firms)).astype(np.int64)
    months = np.where(np.arange(firms) % 20 == 0, 4, np.where(np.arange(firms) % 10 == 1, 8, 24))
    common = {"firm_id": ids, "snapshot_date": [day] * firms, "as_of": [day] * firms}
    sections = np.array(["A", "C", "F"])[np.arange(firms) % 3]
    write(settings, "tile.registration", common | {"industry_section": sections, "size_class": ["SMALL"] * firms, "status": ["ACTIVE"] * firms,
          "tile_version": [1] * firms}, firms)  # fmt: skip
    state = {
        "status": np.where(np.arange(firms) % 50 == 7, "REVOKED", "ACTIVE"), "covered_months": months, "coverage_share": np.full(firms, 0.99),
        "op_in_12m": inflow * 12, "op_in_6m": inflow * 6, "op_in_3m": inflow * 3, "op_in_3m_year_before": inflow * 3, "op_in_12m_year_before": inflow * 12,
        "low_quality_inflow_share": np.zeros(firms), "class5_now": [None] * firms, "dpd_now": np.where(np.arange(firms) % 40 == 3, 95, 0),
        "court_freeze_now": [False] * firms, "rep_dishonest_active": [False] * firms, "months_without_wages": [0] * firms, "sso_missed_3m": [0] * firms,
        "new_sales_cases_30d": [0] * firms, "new_loan_cases_30d": np.where(np.arange(firms) % 30 == 9, 1, 0), "debt_service_12m": inflow // 10,
        "unsecured_balance": inflow // 20, "has_loan_before": np.arange(firms) % 4 != 0, "data_gap": [False] * firms, "tax_covered": [True] * firms,
        "court_covered": [True] * firms, "loan_covered": [True] * firms, "registry_covered": [True] * firms,
    }  # fmt: skip
    write(settings, "tile.firm_state", common | state, firms)
    known = [known_at(day).replace(tzinfo=SHANGHAI).astimezone(UTC)] * firms
    for dimension in dimensions():
        columns: dict[str, Any] = {"event_timestamp": known, "created_timestamp": known}
        for r in (r for r in catalogue() if r["dimension"] == dimension):
            columns[r["name"]] = _feature(rng, r, q, inflow / 100, strength)
        write(settings, f"feature.{dimension}", common | columns, firms)


def _feature(rng: np.random.Generator, r: dict[str, str], q: np.ndarray, inflow: np.ndarray, strength: float) -> Any:
    if r["name"] in NULL_IN_FEATURES:
        return [None] * len(q)
    z = rng.normal(size=len(q)) - strength * int(r["monotone"]) * q
    if r["unit"] == "CNY":
        return inflow * np.exp(0.2 * z)
    if r["dtype"] == "int":
        return np.maximum(np.round(z - 2), 0).astype(np.int64) if r["monotone"] == "1" else np.round(5 + z).astype(np.int64)
    values = 0.3 + 0.1 * z
    values[rng.random(len(q)) < 0.03] = np.nan
    return values


def loans(settings: Settings, first: date, last: date, firms: int, seed: int = 5) -> None:
    """One loan a firm from before `first`, a month-end row to `last`; worse firms fall 90 days overdue and are cured later."""
    rng = np.random.default_rng([seed, 2])
    q = quality(firms, seed)
    hazard = 1 / (1 + np.exp(4.6 + 1.3 * q))
    contracts, rows = [], []
    for k, firm in enumerate(firm_ids(firms)):
        base = {"lender_id": "L1", "loan_no": f"N{k}", "firm_id": firm}
        granted = first - timedelta(days=60)
        contracts.append(base | _tech(granted) | {
            "lender_type": "BANK", "product": "flow", "guarantee_type": "CREDIT", "granted_date": granted, "maturity_date": add_months(last, 12),
            "principal_fen": 10_000_000, "limit_fen": 10_000_000, "rate_bp": 500, "rollover_flag": False,
        })  # fmt: skip
        overdue, day = 0, month_end(first)
        while day <= last:
            overdue = overdue + 1 if overdue else int(rng.random() < hazard[k])
            overdue = 0 if overdue > 6 else overdue
            rows.append(base | _tech(day) | {
                "month_end": day, "balance_fen": 5_000_000, "due_principal_fen": 0, "due_interest_fen": 0, "paid_fen": 0,
                "overdue_fen": 1_000_000 if overdue else 0, "dpd": 30 * overdue, "class5": 1, "written_off": False, "restructured": False,
            })  # fmt: skip
            day = month_end(day + timedelta(days=1))
    store.replace(settings, "silver.loan_contract", store.rows_of("silver.loan_contract", contracts), None)
    store.replace(settings, "silver.loan_performance", store.rows_of("silver.loan_performance", rows), None)


def _tech(day: date) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return {
        "provider_id": "loans", "submission_id": "s", "row_version": 0, "ingested_at": at, "available_at": at + timedelta(days=1), "is_history": True,
        "as_of": day,
    }  # fmt: skip


def flows_from(settings: Settings, first: date) -> None:
    """A single row of tile.firm_month: how far back flows reach."""
    write(settings, "tile.firm_month", {"firm_id": ["FIRM000000"], "month": [first], "as_of": [first], "tile_version": [1]}, 1)


def fill(settings: Settings, dates: Sequence[date], night: date, firms: int = 600) -> None:
    """Everything for samples, train and score of `night`."""
    first = add_months(min(dates), -12).replace(day=1)
    flows_from(settings, add_months(min(dates), -8).replace(day=1))
    loans(settings, first, night, firms)
    for day in [*dates, night]:
        snapshot(settings, day, firms)

"""Outcomes of past observations, from the loan tables only: bad, good, indeterminate, or why a firm is not observed.

An observation is a firm on a date D (5th day after a quarter end). Eligibility reads what was known on D; the outcome
window is read as known when the release is made. The rules are SQL over Arrow tables, run in memory.

Two samples: `behaviour` (a loan is open at D; the 12 months run from D) and `origination` (a loan is granted in
(D, D + 3 months]; the 12 months run from the grant). Outcomes are the firm's, over all its loans.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources

import duckdb
import pyarrow as pa

from lake.clock import SHANGHAI, closed_on, known_at, month_end

OUTCOME_MONTHS, MATURITY_MONTHS, ORIGINATION_MONTHS = 12, 14, 3
BAD_DPD, BAD_OVERDUE_FEN, BAD_OVERDUE_SHARE, BAD_CLASS = 90, 100_000, 0.01, 3
GOOD_DPD = 30
MIN_COVERED_MONTHS, STANDARD_MONTHS = 6, 12

BAD_REASON = f"""CASE
  WHEN dpd >= {BAD_DPD} AND overdue_fen >= {BAD_OVERDUE_FEN} AND overdue_fen >= {BAD_OVERDUE_SHARE} * balance_fen THEN 'dpd90'
  WHEN written_off THEN 'written_off'
  WHEN class5 >= {BAD_CLASS} THEN 'class5'
  WHEN restructured THEN 'restructured'
END"""
"""Why a month-end row of a loan is bad; null when it is not. The only place where bad is defined."""


@dataclass(frozen=True)
class Sources:
    """The loan tables with every version of every row, and the firms of the observation dates.

    contract and performance: the silver columns. firms: firm_id, snapshot_date, status, covered_months, has_loan_before.
    """

    contract: pa.Table
    performance: pa.Table
    firms: pa.Table


def add_months(day: date, k: int) -> date:
    """The same day `k` months later, clamped to the end of a shorter month."""
    index = day.year * 12 + day.month - 1 + k
    first = date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(day.day, month_end(first).day))


def observation_dates(first_month: date, as_of: date) -> list[date]:
    """Observation dates with 6 closed months since `first_month` and an outcome matured by `as_of` (D + 14 months <= as_of)."""
    found, month = [], date(first_month.year, (first_month.month - 1) // 3 * 3 + 3, 1)
    while add_months(closed_on(month), MATURITY_MONTHS) <= as_of:
        if add_months(first_month.replace(day=1), MIN_COVERED_MONTHS - 1) <= month:
            found.append(closed_on(month))
        month = add_months(month, 3)
    return found


def _instant(naive: datetime) -> datetime:
    """A Shanghai time as a naive UTC instant, as the tables are compared below."""
    return naive.replace(tzinfo=SHANGHAI).astimezone(UTC).replace(tzinfo=None)


def _naive(table: pa.Table) -> pa.Table:
    """available_at as a naive UTC timestamp."""
    place = table.schema.get_field_index("available_at")
    return table.set_column(place, "available_at", table.column(place).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")))


def observations(sources: Sources, dates: list[date], released_at: date) -> pa.Table:
    """One row per candidate (firm_id, snapshot_date, sample_kind) of `dates`.

    Columns: segment, credit_invisible, outcome (bad, good, indeterminate or null), label (1, 0, null), bad_reason, bad_date,
    max_dpd, and `excluded`: null, or not_active, too_few_months, bad_before, not_matured or not_seen. `released_at` is the
    night up to which outcomes are known.
    """
    text = resources.files("models").joinpath("label.sql").read_text(encoding="utf-8").replace("{BAD_REASON}", BAD_REASON)
    parts = []
    with duckdb.connect() as db:
        db.register("contract_version", _naive(sources.contract))
        db.register("performance_version", _naive(sources.performance))
        db.register("firm", sources.firms)
        for d in dates:
            values = {
                "d": d, "known": _instant(known_at(d)), "released": _instant(known_at(released_at)), "good_dpd": GOOD_DPD,
                "last_grant": add_months(d, ORIGINATION_MONTHS), "recent": add_months(d, -3),
                "year_before": add_months(d, -12), "half_before": add_months(d, -6), "min_months": MIN_COVERED_MONTHS,
                "standard_months": STANDARD_MONTHS, "origination_mature": add_months(d, ORIGINATION_MONTHS + MATURITY_MONTHS) <= released_at,
            }  # fmt: skip
            parts.append(db.execute(text, values).to_arrow_table())
    return pa.concat_tables(parts)

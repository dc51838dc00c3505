"""All records of the other sources, and the truth about firms."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from simulator import outside_court, outside_invoices, outside_loans, outside_registry, outside_tax
from simulator.calendar_sql import date_sql
from simulator.database import keep
from simulator.params import Params
from simulator.records import Records


def all_records(con: DuckDBPyConnection, p: Params) -> list[Records]:
    """Every table of tax, court, registry and loans; what several of them read is computed into tables of this cursor."""
    keep(con, "taxed", outside_tax.months_of(p), own=True)
    keep(con, "sold", outside_invoices.sold(p), own=True)
    keep(con, "known", outside_registry.known_firms(p), own=True)
    return [
        outside_tax.vat_returns(p),
        outside_tax.payments(p),
        outside_tax.arrears(p),
        outside_tax.income_returns(p),
        outside_tax.social_insurance(p),
        outside_tax.ratings(p),
        outside_invoices.invoices(p),
        outside_court.cases(p),
        *outside_court.after_default(p),
        outside_registry.enterprises(p),
        *outside_registry.persons(p),
        *outside_registry.events(p),
        outside_registry.tags(p),
        outside_loans.contracts(p),
        outside_loans.schedule(p),
        outside_loans.performance(p),
        outside_loans.queries(p),
        outside_loans.guarantees(p),
    ]


def truth_defaults() -> str:
    """uscc, n, first_missed, tau (90 days later), ramp_months, cure_months, ends of every default in or near the history."""
    missed = f"{date_sql('miss_m', '1')} + 19"
    return f"SELECT uscc, n, {missed} AS first_missed, {missed} + 90 AS tau, ramp AS ramp_months, cure_m AS cure_months, ends FROM defaulted JOIN identity USING (f) ORDER BY uscc, n"


def truth_quality() -> str:
    """uscc, month, quality q and distress d of every firm-month."""
    return f"SELECT uscc, {date_sql('m', '1')} AS month, q, d FROM state JOIN identity USING (f) ORDER BY uscc, month"

"""All records of the other sources, and the truth about firms."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame, SparkSession

from simulator import outside_court, outside_invoices, outside_loans, outside_registry, outside_tax, parties, trade
from simulator.params import Params
from simulator.province import Province
from simulator.records import Records
from simulator.session import per_firm


def all_records(spark: SparkSession, g: Province, identity: DataFrame) -> Iterator[Records]:
    """Every table of tax, court, registry and loans, one after the other."""
    p: Params = g.p
    month = outside_tax.months_of(g.state, identity, p)
    yield outside_tax.vat_returns(month, p)
    yield from outside_tax.payments(month, p)
    yield outside_tax.income_returns(month, p)
    yield outside_tax.social_insurance(month, p)
    yield outside_tax.ratings(g.state, identity, p)
    yield outside_invoices.invoices(g.state, trade.grid(g.firm, p), identity, parties.outside_companies(spark, p), p)
    yield outside_court.cases(g.state, identity, p)
    yield from outside_court.after_default(g.default, g.firm, identity, p)
    known = per_firm(outside_registry.known_firms(g.firm, g.default, identity, p))
    yield outside_registry.enterprises(known, p)
    yield from outside_registry.persons(known, p)
    yield from outside_registry.events(g.state, known, p)
    yield outside_loans.contracts(g.contract, identity, p)
    yield outside_loans.schedule(g.due, identity, p)
    yield outside_loans.performance(g.contract, g.state, identity, p)
    yield outside_loans.queries(g.state, g.contract, identity, p)
    yield outside_loans.guarantees(g.firm, identity, p)


def truth_defaults(g: Province, identity: DataFrame) -> DataFrame:
    """uscc, n, first_missed, tau (90 days later), ramp_months, cure_months, ends of every default in or near the history."""
    return g.default.join(identity.selectExpr("f", "uscc"), "f", "inner").selectExpr(
        "uscc", "n", "date_add(add_months(DATE'2000-01-01', miss_m), 19) AS first_missed", "date_add(add_months(DATE'2000-01-01', miss_m), 109) AS tau",
        "ramp AS ramp_months", "cure_m AS cure_months", "ends",
    ).repartition(1).sortWithinPartitions("uscc", "n")  # fmt: skip


def truth_quality(g: Province, identity: DataFrame) -> DataFrame:
    """uscc, month, quality q and distress d of every firm-month."""
    return g.state.join(identity.selectExpr("f", "uscc"), "f", "inner").selectExpr(
        "uscc", "add_months(DATE'2000-01-01', m) AS month", "q", "d"
    )

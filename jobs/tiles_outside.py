"""Tiles of outside evidence: tax, loans, court and registry events; a night touches only what it learnt something about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles import court_event, loan, registration_event, tax_month
from features.tiles.facts import changed_only, month_of, months_between
from features.tiles.versions import stamp
from jobs.tiles_read import Night, only, partitions
from lake.clock import add_months, latest_closed_month, month_start


def write_tax(night: Night) -> list[str]:
    """tile.tax_month of months learnt about, and of those that become readable tonight."""
    name = "tile.tax_month"
    tables = _silver(night, tax_month.SOURCES)
    facts = tax_month.tax_facts(tables, night.as_of)
    if night.since is not None:
        months = _touched_months(night, tables)
        if not months and not _rerun(night, name):
            return []
        facts = facts.where(F.col("month").isin(months) if months else F.lit(False))
    elif not _any_rows(night, tax_month.SOURCES):
        return []
    facts = facts.persist()
    keys = tax_month.tax_keys(facts, tax_month.readable_from(facts), night.as_of).where(night.learnt("night"))
    rows = tax_month.tax_month(_tonight(night, keys), facts)
    try:
        return _write(night, name, changed_only(rows) if night.history else rows)
    finally:
        facts.unpersist()


def _touched_months(night: Night, tables: dict[str, DataFrame]) -> list[date]:
    """Months of the tax records accepted since the last tiles night, and of the deadlines that passed since."""
    fresh = tax_month.tax_facts({k: v.where(night.new) for k, v in tables.items()}, night.as_of).select("month")
    due = F.date_add("due_date", tax_month.READABLE_DAYS).alias("night")
    returns = tables["tax_vat_return"].select(month_of("period").alias("month"), "filing_cycle", due).where(night.learnt("night"))
    quarter = F.when(F.col("filing_cycle") == "Q", F.add_months("month", -2)).otherwise(F.col("month"))
    ready = returns.select(F.explode(months_between(quarter, F.col("month"))).alias("month"))
    limit = F.date_add("due_date", tax_month.UNPAID_DAYS).alias("night")
    unpaid = (
        tables["tax_social_insurance"].select(F.trunc("month", "month").alias("month"), limit).where(night.learnt("night")).select("month")
    )
    months = {r[0] for r in fresh.unionByName(ready).unionByName(unpaid).distinct().collect()}
    month = month_start(night.as_of)
    for k in range(3):  # months without any return have a readable day of their own
        candidate = add_months(month, -k)
        day = tax_month.without_return(candidate)
        if night.since is not None and night.since < day <= night.as_of:
            months.add(candidate)
    return sorted(months)


def write_loans(night: Night, first: date | None) -> list[str]:
    """tile.loan of newly closed months for every firm, and of closed months learnt about; `first`: first month of history."""
    name = "tile.loan"
    months = [] if first is None and night.since is None else _closed_since(night, first)
    if night.since is not None and not months and not _any_rows(night, loan.SOURCES) and not _rerun(night, name):
        return []
    if night.since is None and not _any_rows(night, loan.SOURCES):
        return []
    if first is None:
        first = month_start(only(night.known("silver.loan_contract").agg(F.min("granted_date"))) or night.last_month)
        months = _closed_since(night, first)
    facts = loan.loan_facts(_silver(night, loan.SOURCES), night.last_month).persist()
    keys = loan.later_nights(facts, first, night.as_of).where(night.learnt("night"))
    if months:
        firms = night.known("silver.acct_account").select("firm_id").distinct()
        keys = keys.unionByName(loan.close_nights(firms, months))
    try:
        return _write(night, name, loan.loan(_tonight(night, keys), facts))
    finally:
        facts.unpersist()


def _closed_since(night: Night, first: date | None) -> list[date]:
    """Months that closed after the last tiles night, from `first` on when there was none."""
    begin = add_months(latest_closed_month(night.since), 1) if night.since else first
    months = []
    while begin is not None and begin <= night.last_month:
        months.append(begin)
        begin = add_months(begin, 1)
    return months


def write_court(night: Night) -> list[str]:
    """tile.court_event of records learnt."""
    name = "tile.court_event"
    if not _any_rows(night, court_event.SOURCES) and not _rerun(night, name):
        return []
    parts = [night.known(f"silver.{n}").select("firm_id") for n in ("acct_account", "reg_enterprise")]
    firms = parts[0].unionByName(parts[1]).distinct()
    return _write(night, name, _last_of_night(night, court_event.court_events(_silver(night, court_event.SOURCES), firms)))


def write_registration_events(night: Night) -> list[str]:
    """tile.registration_event of records learnt."""
    name = "tile.registration_event"
    if not _any_rows(night, registration_event.SOURCES) and not _rerun(night, name):
        return []
    return _write(night, name, _last_of_night(night, registration_event.registration_events(_silver(night, registration_event.SOURCES))))


def _silver(night: Night, names: Iterable[str]) -> dict[str, DataFrame]:
    return {name: night.known(f"silver.{name}") for name in names}


def _any_rows(night: Night, names: Iterable[str]) -> bool:
    """Whether a night since the last tiles night wrote any of the silver tables; told by their logs, without reading."""
    return any((night.since is None or d > night.since) and d <= night.as_of for n in names for d in partitions(night.lake, f"silver.{n}"))


def _rerun(night: Night, name: str) -> bool:
    """Whether this night wrote the tile before, so that what it wrote must be replaced even by nothing."""
    return night.as_of in partitions(night.lake, name)


def _tonight(night: Night, keys: DataFrame) -> DataFrame:
    """Keys of a history load as they are; a night writes one version of a month, its own."""
    return keys if night.history else keys.groupBy("firm_id", "month").agg(F.lit(night.as_of).alias("night"))


def _last_of_night(night: Night, events: DataFrame) -> DataFrame:
    """Versions of events learnt in this run; of one event a night writes only the last."""
    learnt = events.where(night.learnt("night"))
    if night.history:
        return learnt
    names = [c for c in events.columns if c not in ("event_id", "night")]
    last = learnt.groupBy("event_id").agg(F.max_by(F.struct(*names), "night").alias("e"))
    return last.select("event_id", "e.*", F.lit(night.as_of).alias("night"))


def _write(night: Night, name: str, rows: DataFrame) -> list[str]:
    night.lake.overwrite_partition(name, stamp(name, rows, F.col("night"), as_of=night.as_of), as_of=night.as_of)
    return [name]

"""Job `tiles`: silver of the night (or of the history) into the tiles.

Reads silver.* and the tiles of earlier nights; writes tile.*, partition as_of. A night D writes the days accepted since the
last tiles night, the months that closed since then or were restated, tax, court, registry and loan tiles of firms with new
records, and the snapshot tiles of D. A history load H writes the same tables as the nights before it would have, each row
with the knowledge time of its night, without the snapshot tiles (`snapshots` makes those for chosen dates). A rerun of
D replaces what it wrote with the same rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles import court_event, loan, registration_event, tax_month
from features.tiles.facts import changed_only
from features.tiles.versions import stamp
from jobs.runner import Report
from jobs.tiles_days import touched_days, wanted_months, write_days
from jobs.tiles_months import write_months
from jobs.tiles_read import Night, first_month, only, rows_written, this_night
from jobs.tiles_snapshots import write_snapshots
from lake.clock import add_months, latest_closed_month, month_start
from lake.io import Lake

log = logging.getLogger(__name__)
WRITERS = 3
"""Tables written at a time: commits wait for the disk while another table computes."""


def run(lake: Lake, as_of: date, *, history: bool = False) -> Report:
    """Build the tiles of night `as_of`, or of the whole history up to it. Report.rows counts the tile rows written."""
    night = this_night(lake, as_of, history=history)
    started = time.monotonic()
    first = first_month(night)
    written: list[str] = []
    tasks: list[Callable[[], list[str]]] = [
        lambda: _write_loans(night, first),
        lambda: _write_tax(night),
        lambda: _write_court(night) + _write_registration_events(night),
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        outside = [pool.submit(task) for task in tasks]
        if first is not None:
            written += _write_flows(night, first)
        written += [name for task in outside for name in task.result()]
    log.info("phase=tiles as_of=%s seconds=%.1f", as_of, time.monotonic() - started)
    if not history:
        written += write_snapshots(lake, [as_of])
    counts = {name: rows_written(lake, name, [as_of]) for name in written}
    return Report(rows=sum(counts.values()), detail={"rows": counts, "seconds": round(time.monotonic() - started, 1)})


def snapshots(lake: Lake, dates: list[date]) -> Report:
    """Build registration, firm_bucket and firm_state of past snapshot dates, one commit per table; partition as_of = D."""
    written = write_snapshots(lake, sorted(set(dates)))
    counts = {name: rows_written(lake, name, dates) for name in written}
    return Report(rows=sum(counts.values()), detail={"rows": counts, "dates": [d.isoformat() for d in sorted(set(dates))]})


def _write_flows(night: Night, first: date) -> list[str]:
    touched = touched_days(night)
    touched = touched.persist() if touched is not None else None
    written = write_days(night, touched, first)
    firms = wanted_months(night, touched, first).persist()
    written += write_months(night, firms, everything=touched is None)
    firms.unpersist()
    if touched is not None:
        touched.unpersist()
    return written


def _write(night: Night, name: str, rows: DataFrame) -> list[str]:
    """Stamp `rows` (measures and `night`) and replace the night's partition."""
    learnt = rows if night.history else rows.drop("night").select("*", F.lit(night.as_of).alias("night"))
    night.lake.overwrite_partition(name, stamp(name, learnt, F.col("night"), as_of=night.as_of), as_of=night.as_of)
    return [name]


def _silver(night: Night, names: tuple[str, ...] | dict[str, tuple[str, ...]]) -> dict[str, DataFrame]:
    return {name: night.known(f"silver.{name}") for name in names}


def _firms(night: Night) -> DataFrame:
    """Every firm with an account or in the registry."""
    names = ("silver.acct_account", "silver.reg_enterprise")
    parts = [night.known(name).select("firm_id") for name in names]
    return parts[0].unionByName(parts[1]).distinct()


def _write_tax(night: Night) -> list[str]:
    name = "tile.tax_month"
    if not any(night.lake.exists(f"silver.{t}") for t in tax_month.SOURCES):
        return []
    facts = tax_month.tax_facts(_silver(night, tax_month.SOURCES), night.as_of).persist()
    keys = tax_month.tax_keys(facts, tax_month.readable_from(facts), night.as_of).where(night.learnt("night"))
    if not night.history:
        keys = keys.groupBy("firm_id", "month").agg(F.lit(night.as_of).alias("night"))
    rows = tax_month.tax_month(keys, facts)
    try:
        return _write(night, name, changed_only(rows) if night.history else rows)
    finally:
        facts.unpersist()


def _write_loans(night: Night, first: date | None) -> list[str]:
    name = "tile.loan"
    if not night.lake.exists("silver.loan_contract"):
        return []
    if first is None:
        first = month_start(only(night.known("silver.loan_contract").agg(F.min("granted_date"))))
    facts = loan.loan_facts(_silver(night, loan.SOURCES), night.last_month).persist()
    keys = loan.later_nights(facts, first, night.as_of).where(night.learnt("night"))
    months = closed_since(night, first)
    if months:
        firms = night.known("silver.acct_account").select("firm_id").distinct()
        keys = keys.unionByName(loan.close_nights(firms, months))
    if not night.history:
        keys = keys.groupBy("firm_id", "month").agg(F.lit(night.as_of).alias("night"))
    try:
        return _write(night, name, loan.loan(keys, facts))
    finally:
        facts.unpersist()


def closed_since(night: Night, first: date) -> list[date]:
    """Months that closed after the last tiles night, from `first` on."""
    begin = first if night.since is None else add_months(latest_closed_month(night.since), 1)
    months = []
    while begin <= night.last_month:
        months.append(begin)
        begin = add_months(begin, 1)
    return months


def _write_court(night: Night) -> list[str]:
    name = "tile.court_event"
    if not any(night.lake.exists(f"silver.{t}") for t in court_event.SOURCES if t.startswith("court_")):
        return []
    events = court_event.court_events(_silver(night, court_event.SOURCES), _firms(night))
    return _write(night, name, _last_of_night(night, events))


def _write_registration_events(night: Night) -> list[str]:
    name = "tile.registration_event"
    if not any(night.lake.exists(f"silver.{t}") for t in registration_event.SOURCES):
        return []
    return _write(night, name, _last_of_night(night, registration_event.registration_events(_silver(night, registration_event.SOURCES))))


def _last_of_night(night: Night, events: DataFrame) -> DataFrame:
    """Versions of events learnt in this run; of one event a night writes only the last."""
    learnt = events.where(night.learnt("night"))
    if night.history:
        return learnt
    names = [c for c in events.columns if c not in ("event_id", "night")]
    last = learnt.groupBy("event_id").agg(F.max_by(F.struct(*names), "night").alias("e"))
    return last.select("event_id", "e.*", F.lit(night.as_of).alias("night"))



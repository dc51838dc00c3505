"""Check of the bank files of a night: bronze, rules, parked rows, the identity of received rows, silver.

Reads what pull staged and the state of the nights before; replaces the night's own partitions only, so that a rerun writes
the same rows. Silver is written to disk first, counted, and published when the identity holds and the gate lets it pass.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow.parquet as pq

from expectations import gate, parse
from expectations.ledger import banks
from expectations.rules import load_rules
from expectations.violations import evaluate
from jobs import flow_publish, flow_typed, submissions
from jobs.flow_files import file_views
from jobs.flow_night import Night
from jobs.flow_outcome import outcome
from jobs.flow_rows import row_views
from jobs.ingest import staging
from jobs.runner import Report
from jobs.scratch import Scratch
from lake import files
from lake.io import Lake
from lake.schemas.bank import FILE_FIELDS

log = logging.getLogger(__name__)
TYPES = tuple(FILE_FIELDS)
BRONZE = (*(f"bank_{t.lower()}" for t in TYPES), "bank_file", "bank_file_total")


def run(lake: Lake, as_of: date, *, history: bool = False) -> Report:
    """Check the night's bank files; see the module. Raises GateFailed when rows got lost, before silver is touched."""
    staged = staging.staged(lake.settings, "flows", as_of, "bank_file")
    rows = [r for p in staged for r in pq.ParquetFile(p).read().to_pylist()]
    if not rows:
        return Report(nothing=True)
    scratch = Scratch(lake.spark, staging.night_folder(lake.settings, "flows", as_of) / ".check")
    n = Night(
        lake,
        as_of,
        history,
        scratch,
        parse.References.load(banks.foreign_banks(lake.settings.home)),
        submissions.received(rows),
    )
    with ThreadPoolExecutor(2) as pool:
        # neither needs Spark: importing Great Expectations takes seconds, and bronze is published by linking files
        warm = pool.submit(gate.warm_up)
        bronze = pool.submit(_bronze, lake, as_of)
        report = _check(n)
        bronze.result()
        warm.result()
    scratch.drop()
    return report


def _bronze(lake: Lake, as_of: date) -> None:
    for name in BRONZE:
        files.publish(lake.settings, f"bronze.{name}", staging.staged(lake.settings, "flows", as_of, name), as_of=as_of)


def _check(n: Night) -> Report:
    spark = n.lake.spark
    for t in TYPES:
        flow_typed.tonight(n.lake.settings, n.as_of, t, n.refs, n.scratch.folder(t))
        n.typed[t] = n.scratch.load(t)
    body = file_views(n)
    by_file = n.scratch.save(
        "violation_file", banks.applicable(evaluate(spark, [r for r in load_rules() if r.stage == "files"]), n.refs.foreign)
    )
    hard = by_file.where("scope_kind = 'FILE' AND severity = 'block'").select("scope_key").distinct().collect()
    n.subs = submissions.judge(n.files, {r.scope_key for r in hard}, {f["file_key"] for f in n.files if f["is_sparse"]})
    state = row_views(n)
    asked = [r for r in load_rules() if r.stage == "rows" and r.id not in state.idle]
    by_row = n.scratch.save("violation_row", banks.applicable(evaluate(spark, asked), n.refs.foreign))
    result = outcome(n, state, by_file.unionByName(by_row), body)
    return flow_publish.publish(n, result)

"""One run of the simulator: generate, write lines, bank files, records of the other sources and truth below a home."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from simulator import bank_rows, control_rows, files, outside, parties, province, records, write_files
from simulator.faults import Faults
from simulator.freezes import freezes
from simulator.params import Params

log = logging.getLogger(__name__)


class Clock:
    """Seconds per step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Book the time since the last lap under `name`."""
        now = time.monotonic()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        log.info("step=%s seconds=%.1f", name, now - self._last)
        self._last = now


def _save(df: DataFrame, path: Path, single: bool = False) -> None:
    (df.coalesce(1) if single else df).write.mode("overwrite").option("compression", "none").option(
        "parquet.enable.dictionary", "false"
    ).parquet(str(path))


def bank_lines(spark: SparkSession, g: province.Province, identity: DataFrame, lines: Path, clock: Clock) -> None:
    """Write the line tables of all five file types."""
    freeze = freezes(g.default, g.p).cache()
    g.booked.count()
    clock.lap("booked")
    _save(bank_rows.transactions(g, parties.counterparties(spark, g.account, identity, g.p)), lines / "TXN")
    clock.lap("txn lines")
    balance = bank_rows.balances(g).cache()
    _save(bank_rows.balance_lines(g, balance, freeze), lines / "BAL")
    clock.lap("bal lines")
    totals = control_rows.ledger_totals(g, balance).cache()
    _save(control_rows.ledger_lines(totals, g.p), lines / "GL", single=True)
    _save(control_rows.control_lines(g, totals), lines / "CTL", single=True)
    _save(control_rows.account_lines(spark, g, identity, freeze), lines / "ACCT", single=True)
    clock.lap("control lines")
    for df in (balance, totals):
        df.unpersist()


def truth_tables(faults: Faults, folder: Path) -> None:
    """truth.fault and truth.consequence; scope keys as a check writes them, with raw account numbers in place of tokens."""
    fault = pa.schema(
        [
            ("fault_id", pa.string()),
            ("kind", pa.string()),
            ("bank_id", pa.string()),
            ("biz_date", pa.date32()),
            ("fixed_in_version", pa.int32()),
        ]
    )
    names = ("fault_id", "rule_id", "scope_kind", "scope_key", "bank_id", "biz_date")
    consequence = pa.schema([*((n, pa.string()) for n in names), ("primary", pa.bool_())])
    pq.write_table(pa.Table.from_pylist(faults.truth, schema=fault), folder / "fault.parquet")
    pq.write_table(pa.Table.from_pylist(faults.consequence, schema=consequence), folder / "consequence.parquet")


def build(spark: SparkSession, p: Params, home: Path) -> dict[str, float]:
    """Build the province of `p` below `home`; returns seconds per step."""
    clock = Clock()
    work, landing = home / "source" / "work", home / "landing" / "banks"
    for folder in (work, landing, home / "source" / "records", home / "source" / "truth"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    g = province.generate(spark, p)
    clock.lap("plan")
    identity = parties.identities(g.firm, g.p).cache()
    bank_lines(spark, g, identity, work / "lines", clock)
    for found in outside.all_records(spark, g, identity):
        records.save(found, home / "source" / "records")
    clock.lap("records")
    for name, truth in (("default", outside.truth_defaults(g, identity)), ("quality", outside.truth_quality(g, identity))):
        pq.write_table(truth.toArrow(), home / "source" / "truth" / f"{name}.parquet")
    clock.lap("truth")
    named = g.account.select("account_no", "branch", "subject").toArrow().to_pydict()
    branches = {a: (b, c) for a, b, c in zip(named["account_no"], named["branch"], named["subject"], strict=True)}
    faults = Faults(p, files.plan(p, bank_rows.bank_ids(p), p.seed), branches)
    sent = write_files.write_all(p, work / "lines", landing, faults)
    truth_tables(faults, home / "source" / "truth")
    clock.lap("bank files")
    log.info("files=%s rows=%s bytes=%s by_type=%s", sent.files, sent.rows, sent.bytes, sent.by_type)
    shutil.rmtree(work)
    return clock.seconds

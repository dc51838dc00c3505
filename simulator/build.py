"""One run of the simulator: generate, write lines, bank files, records of the other sources and truth below a home."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from simulator import bank_rows, control_rows, files, parties, province, write_files
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
    (df.coalesce(1) if single else df).write.mode("overwrite").option("compression", "none").option("parquet.enable.dictionary", "false").parquet(str(path))


def bank_lines(spark: SparkSession, g: province.Province, lines: Path, clock: Clock) -> None:
    """Write the line tables of all five file types."""
    identity = parties.identities(g.firm, g.p).cache()
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


def build(spark: SparkSession, p: Params, home: Path) -> dict[str, float]:
    """Build the province of `p` below `home`; returns seconds per step."""
    clock = Clock()
    work, landing = home / "source" / "work", home / "landing" / "banks"
    for folder in (work, landing, home / "source" / "records", home / "source" / "truth"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    g = province.generate(spark, p)
    clock.lap("plan")
    bank_lines(spark, g, work / "lines", clock)
    faults = Faults(files.plan(p, bank_rows.bank_ids(p), p.seed))
    sent = write_files.write_all(p, work / "lines", landing, faults)
    clock.lap("bank files")
    log.info("files=%s rows=%s bytes=%s by_type=%s", sent.files, sent.rows, sent.bytes, sent.by_type)
    shutil.rmtree(work)
    return clock.seconds

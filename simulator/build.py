"""One run of the simulator: generate, write lines, bank files, records of the other sources and truth below a home."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from simulator import bank_rows, control_rows, files, outside, parties, province, records, write_files
from simulator.faults import Faults
from simulator.freezes import freezes
from simulator.params import Params
from simulator.session import per_firm

log = logging.getLogger(__name__)


SIDE_BY_SIDE = 3
"""Spark jobs at a time: while one is planned or waits for the disk, the others compute."""


class Clock:
    """Seconds per step; steps may overlap."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Book the time inside under `name`."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
        log.info("step=%s seconds=%.1f", name, self.seconds[name])


def _save(df: DataFrame, path: Path, single: bool = False) -> None:
    """Write lines; `single`: one file in the order of files and lines, else the rows are in order already."""
    # by one partition and not by orderBy, which computes everything twice: once to find the ranges
    rows = df.repartition(1).sortWithinPartitions("file_id", "line") if single else df
    # read once and deleted: nothing that helps later readers
    plain = {
        "compression": "none",
        "parquet.enable.dictionary": "false",
        "parquet.column.statistics.enabled": "false",
        "parquet.page.write-checksum.enabled": "false",
    }
    rows.write.mode("overwrite").options(**plain).parquet(str(path))


def _transactions(spark: SparkSession, g: province.Province, identity: DataFrame, lines: Path, clock: Clock) -> None:
    with clock.step("txn lines"):
        _save(bank_rows.transactions(g, parties.counterparties(spark, g.account, identity, g.p)), lines / "TXN")


def _balances(g: province.Province, freeze: DataFrame, lines: Path, clock: Clock) -> None:
    with clock.step("bal lines"):
        balance = bank_rows.balances(g).localCheckpoint()
        _save(bank_rows.balance_lines(g, balance, freeze), lines / "BAL")
    with clock.step("control lines"):
        totals = control_rows.ledger_totals(g, balance).localCheckpoint()
        _save(control_rows.ledger_lines(totals, g.p), lines / "GL", single=True)
        _save(control_rows.control_lines(g, balance, totals), lines / "CTL", single=True)


def _accounts(spark: SparkSession, g: province.Province, identity: DataFrame, freeze: DataFrame, lines: Path) -> None:
    _save(control_rows.account_lines(spark, g, identity, freeze), lines / "ACCT", single=True)


def tables(spark: SparkSession, g: province.Province, home: Path, lines: Path, clock: Clock) -> None:
    """Write the line tables of all five file types, the records of the other sources and the truth about firms."""
    identity = per_firm(parties.identities(g.firm, g.p))
    freeze = per_firm(freezes(g.default, g.p))
    truth = {"default": outside.truth_defaults(g, identity), "quality": outside.truth_quality(g, identity)}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        with clock.step("booked"):
            booked = pool.submit(g.booked.localCheckpoint)
            jobs: list[Future[None]] = [
                pool.submit(records.save, found, home / "source" / "records") for found in outside.all_records(spark, g, identity)
            ]
            g = replace(g, booked=booked.result())
        with clock.step("lines and records"):
            jobs += [
                pool.submit(_transactions, spark, g, identity, lines, clock),
                pool.submit(_balances, g, freeze, lines, clock),
                pool.submit(_accounts, spark, g, identity, freeze, lines),
            ]
            for name, rows in truth.items():
                pq.write_table(rows.toArrow(), home / "source" / "truth" / f"{name}.parquet")
            for job in jobs:
                job.result()


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
    with clock.step("plan"):
        g = province.generate(spark, p)
    tables(spark, g, home, work / "lines", clock)
    with clock.step("bank files"):
        named = g.account.select("account_no", "branch", "subject").toArrow().to_pydict()
        branches = {a: (b, c) for a, b, c in zip(named["account_no"], named["branch"], named["subject"], strict=True)}
        faults = Faults(p, files.plan(p, bank_rows.bank_ids(p), p.seed), branches)
        sent = write_files.write_all(p, work / "lines", landing, faults)
        truth_tables(faults, home / "source" / "truth")
    log.info("files=%s rows=%s bytes=%s by_type=%s", sent.files, sent.rows, sent.bytes, sent.by_type)
    shutil.rmtree(work)
    return clock.seconds

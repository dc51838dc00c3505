"""One run of the simulator: generate, write bank files block by block, records of the other sources and truth below a home."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from simulator import bank_rows, control_rows, files, outside, parties, province, records
from simulator.database import MEMORY, THREADS, connect, keep, rows, save
from simulator.faults import Faults
from simulator.params import Params
from simulator.write_files import Writer, totals_of

log = logging.getLogger(__name__)


class Clock:
    """Seconds per step; steps may overlap and come several times."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Book the time inside under `name`."""
        started = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started
        log.info("step=%s seconds=%.1f", name, time.monotonic() - started)


def _block(con: DuckDBPyConnection, p: Params, months: tuple[int, int], writer: Writer) -> None:
    """Book the rows of a block, write their transactions and balances, add up what the control files state of them."""
    with con.cursor() as cursor:
        province.book(cursor, p, *months)
        keep(cursor, "balance", bank_rows.balances(), own=True)
        cursor.execute(f"INSERT INTO ledger BY NAME {control_rows.ledger_totals(p)}")
        cursor.execute(f"INSERT INTO flow BY NAME {control_rows.flow_totals()}")
        for file_type, lines, totals in (
            ("TXN", bank_rows.transactions, bank_rows.transaction_totals),
            ("BAL", bank_rows.balance_lines, bank_rows.balance_totals),
        ):
            stated = totals_of(rows(cursor, totals(p)), file_type)
            for bank in range(p.banks):
                writer.take(file_type, rows(cursor, lines(p, bank)), stated)


def _rest(con: DuckDBPyConnection, p: Params, writer: Writer) -> None:
    """Write the other files and those that were held for their faults: what a ledger states follows the faults of the balances."""
    queries = {
        "ACCT": control_rows.account_lines(p),
        "GL": control_rows.ledger_lines(p),
        "CTL": control_rows.control_lines(p),
    }
    for file_type in files.FILE_TYPES:
        if file_type in queries:
            keep(con, "lines", queries[file_type])
            stated = totals_of(rows(con, bank_rows.totals("SELECT * FROM lines")), file_type)
            writer.take(file_type, rows(con, "SELECT file_id, line FROM lines ORDER BY file_id, line"), stated)
        writer.plant(file_type)


def _records(con: DuckDBPyConnection, p: Params, home: Path) -> None:
    """Write the records of the other sources and the truth about firms."""
    with con.cursor() as cursor:
        for found in outside.all_records(cursor, p):
            records.write(cursor, found, home / "source" / "records")
        for name, query in (("default", outside.truth_defaults()), ("quality", outside.truth_quality())):
            save(cursor, query, home / "source" / "truth" / f"{name}.parquet")


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


def build(p: Params, home: Path, memory: str | None = None, threads: int = THREADS) -> dict[str, float]:
    """Build the province of `p` below `home`; returns seconds per step."""
    clock = Clock()
    work, landing = home / "source" / "work", home / "landing" / "banks"
    for folder in (work, landing, home / "source" / "records", home / "source" / "truth"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with connect(work, memory or MEMORY) as con:
        with clock.step("firms"):
            province.generate(con, p)
            keep(con, "counterparty", parties.counterparties(p))
            named = rows(con, "SELECT account_no, branch, subject, open_date FROM account ORDER BY acct").to_pydict()
            branches = {a: (b, c) for a, b, c in zip(named["account_no"], named["branch"], named["subject"], strict=True)}
            opened = {a: d for a, d in zip(named["account_no"], named["open_date"], strict=True) if p.first_day < d <= p.end}
            faults = Faults(p, files.plan(p, bank_rows.bank_ids(p), p.seed), branches, opened)
            writer = Writer(p, landing, faults)
            control_rows.prepare(con)
        with clock.step("rows and files"), ThreadPoolExecutor(threads) as pool:
            jobs = [pool.submit(_records, con, p, home)]
            jobs += [pool.submit(_block, con, p, months, writer) for months in province.blocks(p)]
            for job in jobs:
                job.result()
        with clock.step("control files"):
            _rest(con, p, writer)
            sent = writer.finish()
            files.write_keys(home, p.seed, bank_rows.bank_ids(p))
            files.write_entrusted(home, branches, faults.bank.ended)
            truth_tables(faults, home / "source" / "truth")
    log.info("files=%s rows=%s bytes=%s by_type=%s", sent.files, sent.rows, sent.bytes, sent.by_type)
    shutil.rmtree(work)
    return clock.seconds

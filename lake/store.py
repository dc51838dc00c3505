"""Reading and writing without Spark (delta-rs): creating tables, the small ledgers `ops.*`, and readers' SQL (DuckDB).

A Spark session costs 8 s; the processes that pull, publish, report and answer people do without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError
from filelock import FileLock, Timeout
from pyarrow import fs

from lake.arrow import arrow_schema
from lake.clock import SHANGHAI
from lake.errors import ConfigError, ContractBroken
from lake.settings import Settings
from lake.tables import Table, table

LOCK_SECONDS = 600


def uri(settings: Settings, name: str) -> str:
    """Location of a registered table."""
    return f"{settings.lake_uri.rstrip('/')}/{table(name).path}"


@contextmanager
def lock(settings: Settings, name: str, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock `name` of this home; another holder is waited for `seconds`, then refused with ConfigError.

    Local file systems do not make Delta commits safe for concurrent writers, so writers of one table take turns.
    """
    path = settings.folder("run") / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=seconds):
            yield
    except Timeout as e:
        raise ConfigError(f"another process holds {path}. Let it end (see `liushui status`), then start again.") from e
    except OSError as e:
        raise ConfigError(f"cannot lock {path}: {e.strerror}. Give LIUSHUI_HOME a folder that this user may write to.") from e


class _LocalTable(DeltaTable):
    """A Delta table on this machine's disk, read by Arrow's own file system.

    delta-rs offers one of its own, which Arrow's threads call through Python: a process that ends right after reading with it
    aborts in one case of two ("terminate called without an active exception").
    """

    def to_pyarrow_dataset(self, *args: Any, **options: Any) -> Any:
        root = fs.SubTreeFileSystem(self.table_uri.removeprefix("file://").rstrip("/"), fs.LocalFileSystem())
        if len(args) < 2:  # the second argument is the file system
            options["filesystem"] = options.get("filesystem") or root
        return super().to_pyarrow_dataset(*args, **options)


def open_table(location: str, version: int | None = None) -> DeltaTable:
    """A Delta table to read from; raises deltalake's TableNotFoundError when there is none."""
    return (DeltaTable if "://" in location else _LocalTable)(location, version=version)


def exists(settings: Settings, name: str) -> bool:
    """Whether the table was ever created."""
    return DeltaTable.is_deltatable(uri(settings, name))


def create(settings: Settings, name: str) -> None:
    """Create the table from the registry unless it is there: portable protocol (reader 1, writer 2), partitioned by night."""
    if exists(settings, name):
        return
    t = table(name)
    try:
        DeltaTable.create(uri(settings, name), arrow_schema(t), mode="ignore", partition_by=list(t.partition))
    except OSError as e:
        raise ConfigError(f"cannot create table {name} at {uri(settings, name)}: {e}. The lake must be writable.") from e


def version(settings: Settings, name: str) -> int | None:
    """Latest Delta version, or None when the table was never created."""
    try:
        return int(DeltaTable(uri(settings, name)).version())
    except TableNotFoundError:
        return None


def _checked(t: Table, rows: pa.Table) -> pa.Table:
    schema = arrow_schema(t)
    if sorted(rows.column_names) != sorted(schema.names):
        missing, extra = set(schema.names) - set(rows.column_names), set(rows.column_names) - set(schema.names)
        raise ContractBroken(f"{t.name}: columns differ from the registry: missing {sorted(missing)}, not registered {sorted(extra)}")
    return rows.select(schema.names).cast(schema)


def replace(settings: Settings, name: str, rows: pa.Table, predicate: str | None) -> int:
    """Write `rows`, replacing those that `predicate` selects (None: append); returns the new version."""
    t = table(name)
    rows = _checked(t, rows)
    with lock(settings, name):
        create(settings, name)
        if predicate is None:
            write_deltalake(uri(settings, name), rows, mode="append")
        else:
            write_deltalake(uri(settings, name), rows, mode="overwrite", predicate=predicate)
    return int(DeltaTable(uri(settings, name)).version())


def rows_of(name: str, records: list[dict[str, Any]]) -> pa.Table:
    """Arrow rows of a registered table from dicts (naive datetimes are Shanghai business time)."""
    schema = arrow_schema(table(name))
    return pa.Table.from_pylist([{k: _instant(v) for k, v in r.items()} for r in records], schema=schema)


def _instant(value: Any) -> Any:
    """Arrow would take a datetime without a zone for UTC."""
    return value.replace(tzinfo=SHANGHAI) if isinstance(value, datetime) and value.tzinfo is None else value


def read(settings: Settings, name: str, at: int | None = None, columns: list[str] | None = None) -> pa.Table:
    """The whole table as Arrow at version `at` (default latest); empty with the registry's schema when never created."""
    try:
        dt = open_table(uri(settings, name), at)
    except TableNotFoundError:
        schema = arrow_schema(table(name))
        return schema.empty_table().select(columns or schema.names)
    return dt.to_pyarrow_table(columns=columns)


def home_exists(settings: Settings) -> bool:
    """Whether anything was ever written below this home."""
    return Path(settings.home, "lake").is_dir()

"""Committing Parquet files that are already written: the files are linked into the table and named by one Delta commit.

A step writes its rows once, counts what it wrote, and publishes it only when the count is right (write, audit, publish).
Publishing costs milliseconds however many rows there are, and a step killed before it leaves nothing a reader can see.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from lake import store
from lake.arrow import arrow_schema
from lake.errors import ContractBroken
from lake.settings import Settings
from lake.tables import Table, table

STAT_COLUMNS = 32
"""Statistics of so many leading columns go into the commit, as Delta itself does."""
LONGEST = 64


def _stat(value: Any, *, upper: bool) -> Any:
    """A footer's minimum or maximum as Delta's JSON wants it; None when it cannot be stated safely."""
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if upper and utc.microsecond % 1000:
            utc += timedelta(milliseconds=1)  # the JSON holds milliseconds; an upper bound must not be cut down
        return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        return value if len(value) <= LONGEST else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def column_stats(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Per column over all files: rows, nulls, min and max (None when a footer does not state them)."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        meta = pq.read_metadata(path)
        for g in range(meta.num_row_groups):
            group = meta.row_group(g)
            for c in range(group.num_columns):
                column = group.column(c)
                if "." in column.path_in_schema:
                    continue
                s = found.setdefault(column.path_in_schema, {"rows": 0, "nulls": 0, "min": None, "max": None})
                s["rows"] += group.num_rows
                stats = column.statistics
                if stats is None:
                    s["nulls"] = None
                    continue
                s["nulls"] = None if s["nulls"] is None or not stats.has_null_count else s["nulls"] + stats.null_count
                if stats.has_min_max:
                    s["min"] = stats.min if s["min"] is None else min(s["min"], stats.min)
                    s["max"] = stats.max if s["max"] is None else max(s["max"], stats.max)
    return found


def row_count(paths: Iterable[Path]) -> int:
    """Rows in the files, by their footers."""
    return sum(pq.read_metadata(p).num_rows for p in paths)


def _check(t: Table, path: Path, partition: dict[str, object]) -> dict[str, dict[str, Any]]:
    """Hold a file to the registry: columns, types, no null where none may be. Returns its statistics."""
    want = {f.name: f for f in arrow_schema(t) if f.name not in partition}
    have = {f.name: f.type for f in pq.read_schema(path) if f.name not in partition}
    wrong = {n: f"expected {f.type}, found {have.get(n)}" for n, f in want.items() if have.get(n) != f.type}
    if wrong or set(have) - set(want):
        raise ContractBroken(f"{t.name}: {path} does not fit the registry: {wrong}; not registered: {sorted(set(have) - set(want))}")
    stats = column_stats([path])
    empty = [n for n, f in want.items() if not f.nullable and stats.get(n, {}).get("nulls")]
    if empty:
        raise ContractBroken(f"{t.name}: {path} has nulls in {empty}, where the registry allows none")
    return stats


def _delta_stats(t: Table, path: Path, stats: dict[str, dict[str, Any]]) -> str:
    lead = [c.name for c in t.columns[:STAT_COLUMNS] if c.name in stats and not isinstance(arrow_schema(t).field(c.name).type, pa.ListType)]
    low = {n: v for n in lead if (v := _stat(stats[n]["min"], upper=False)) is not None}
    high = {n: v for n in lead if n in low and (v := _stat(stats[n]["max"], upper=True)) is not None}
    low = {n: v for n, v in low.items() if n in high}
    nulls = {n: stats[n]["nulls"] for n in lead if stats[n]["nulls"] is not None}
    return json.dumps({"numRecords": row_count([path]), "minValues": low, "maxValues": high, "nullCount": nulls})


def _place(source: Path, target: str) -> None:
    """Put a file at its place in the table: a hard link where the file system has them, else a copy or an upload."""
    fs, to = fsspec.core.url_to_fs(target)
    if "file" not in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        fs.put_file(str(source), to)
        return
    Path(to).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)


def publish(settings: Settings, name: str, paths: Sequence[Path], **partition: object) -> int:
    """Replace one partition (`as_of=D`, …) of the table by the rows of `paths`, in one commit; returns the Delta version.

    Files may carry the partition columns or leave them out. Raises ContractBroken when a file does not fit the registry.
    """
    t = table(name)
    if set(partition) != set(t.partition):
        raise ContractBroken(f"{name} is partitioned by {t.partition}, not by {tuple(partition)}")
    values: dict[str, str | None] = {k: v.isoformat() if isinstance(v, date) else str(v) for k, v in partition.items()}
    folder = "/".join(f"{k}={quote(str(values[k]))}" for k in t.partition)
    with store.lock(settings, name):
        store.create(settings, name)
        actions: list[AddAction | RemoveAction] = []
        for i, path in enumerate(paths):
            if not row_count([path]):
                continue
            relative = f"{folder}/part-{i:05d}-{uuid.uuid4()}.parquet"
            stats = _delta_stats(t, path, _check(t, path, partition))
            _place(path, f"{store.uri(settings, name)}/{relative}")
            actions.append(AddAction(relative, path.stat().st_size, values, int(time.time() * 1000), True, stats))
        dt = DeltaTable(store.uri(settings, name))
        dt.create_write_transaction(
            actions, mode="overwrite", schema=dt.schema(), partition_by=list(t.partition),
            partition_filters=[(k, "=", str(v)) for k, v in values.items()],
        )  # fmt: skip
    return int(DeltaTable(store.uri(settings, name)).version())

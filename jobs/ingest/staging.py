"""Staging: the hand-over between pull and check. A folder is there whole, with `_DONE.json`, or not at all.

    staging/flows/as_of=2026-09-14/B0007/{bank_acct,bank_bal,bank_txn,bank_gl,bank_ctl,bank_file,bank_file_total}.parquet
    staging/tax/as_of=2026-09-14/{tax_invoice,…}.parquet and, where records do not read, {tax_invoice,…}.bad.parquet

A pull writes into a hidden folder beside its target and renames it at the end; a pull that dies leaves only the hidden one,
which the next pull of the same target removes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lake import store
from lake.errors import ConfigError
from lake.settings import Settings

DONE = "_DONE.json"
GROUP_ROWS = 250_000
"""Rows of a Parquet row group: large enough for Spark to read well, small enough to hold in memory."""
LOCK_SECONDS = 5


def night_folder(settings: Settings, source: str, as_of: date) -> Path:
    """Folder of what night `as_of` staged from `source`."""
    return settings.home / "staging" / source / f"as_of={as_of.isoformat()}"


def bank_folder(settings: Settings, as_of: date, folder: str) -> Path:
    """Folder of what night `as_of` staged from one bank's files."""
    return night_folder(settings, "flows", as_of) / folder


def staged(settings: Settings, source: str, as_of: date, name: str) -> list[Path]:
    """Parquet files of table `name` (`bank_txn`, `tax_invoice`, …) in the finished folders of the night, sorted."""
    night = night_folder(settings, source, as_of)
    folders = sorted(p for p in night.glob("*") if p.is_dir() and not p.name.startswith(".")) if source == "flows" else [night]
    return [f / f"{name}.parquet" for f in folders if (f / DONE).is_file() and (f / f"{name}.parquet").is_file()]


def done(folder: Path) -> dict[str, Any] | None:
    """What the finished pull of a folder says of itself; None when it is not finished."""
    file = folder / DONE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk says while writing into the error a person reads."""
    try:
        yield
    except OSError as e:
        reason = e.strerror or str(e)
        raise ConfigError(f"cannot write {path}: {reason}. Free space there or give LIUSHUI_HOME another folder, then start again.") from e


class TableWriter:
    """Writes one staged table as a Parquet file of a few large row groups; an empty one when nothing came."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._path = path
        with writing(path):
            self._writer = pq.ParquetWriter(path, schema, compression="snappy")
        self._held: list[pa.Table] = []
        self._held_rows = 0

    def write(self, rows: pa.Table) -> None:
        """Add rows of exactly the table's schema."""
        if rows.num_rows == 0:
            return
        self.rows += rows.num_rows
        self._held.append(rows)
        self._held_rows += rows.num_rows
        if self._held_rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            with writing(self._path):
                self._writer.write_table(pa.concat_tables(self._held), row_group_size=self._held_rows)
        self._held, self._held_rows = [], 0

    def close(self) -> None:
        """Write what is held and the footer."""
        self._flush()
        with writing(self._path):
            self._writer.close()


class Stage:
    """The tables of one folder while it is being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, TableWriter] = {}

    def table(self, name: str, schema: pa.Schema) -> TableWriter:
        """The writer of table `name`, opened on first use."""
        if name not in self._writers:
            self._writers[name] = TableWriter(self.folder / f"{name}.parquet", schema)
        return self._writers[name]

    def rows(self) -> dict[str, int]:
        """Rows written so far, by table."""
        return {name: w.rows for name, w in sorted(self._writers.items())}

    def close(self, facts: dict[str, Any]) -> None:
        """Finish every file, then say so in `_DONE.json`."""
        for writer in self._writers.values():
            writer.close()
        text = json.dumps({**facts, "rows": self.rows()}, ensure_ascii=False, default=str, sort_keys=True)
        with writing(self.folder / DONE):
            (self.folder / DONE).write_text(text, encoding="utf-8")


@contextmanager
def stage(settings: Settings, target: Path) -> Iterator[Stage]:
    """A stage that becomes `target` when the block ends well and leaves nothing when it does not.

    Two pulls of the same target take turns: the second is refused with ConfigError. The same error tells of a disk that
    is full or not writable; what was staged before stays.
    """
    name = "-".join(target.relative_to(settings.home).parts)
    partial, old = (target.with_name(f".{target.name}.{kind}") for kind in ("partial", "old"))
    with store.lock(settings, name, seconds=LOCK_SECONDS):
        try:
            with writing(partial):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            yield Stage(partial)
            if not (partial / DONE).is_file():
                raise AssertionError(f"the stage of {target} was left without close()")
            with writing(target):
                shutil.rmtree(old, ignore_errors=True)
                if target.exists():
                    target.rename(old)
                partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)

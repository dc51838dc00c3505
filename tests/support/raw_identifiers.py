"""Finding raw identifiers (credit codes, account numbers, persons, names) in anything a home holds: tables, logs, reports, pages."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

RAW = ("landing", "source", "keys", "vault", "lake/bronze", "run/staging", "staging")
"""Where raw identifiers may be: what sources sent and serve, payloads of bronze, the vault."""
_RUN = re.compile(r"[0-9A-Za-z]{6,}|[^\x00-\x7f]{2,}[^\x00-\x1f\x22<>,;|]*")
_WORD = re.compile(r"[0-9A-Za-z]{6,}")


def of_landing(home: Path) -> set[str]:
    """The raw identifiers a home's bronze payloads of bank files hold, and those of the registry's records."""
    found: set[str] = set()
    with duckdb.connect() as con:
        for name, columns in {
            "bank_acct": ("account_no", "uscc", "firm_name", "parent_account_no"), "bank_bal": ("account_no",),
            "bank_txn": ("account_no", "cpty_account", "cpty_name"),
        }.items():  # fmt: skip
            for path in (home / "lake" / "bronze" / name).rglob("*.parquet"):
                for column in columns:
                    found |= {v for (v,) in con.execute(f"SELECT DISTINCT {column} FROM read_parquet('{path}')").fetchall()}
        registry = home / "source" / "records" / "registry"
        for path, columns in (
            (registry / "reg_enterprise.parquet", ("uscc", "name", "legal_rep", "address")),
            (registry / "reg_key_person.parquet", ("party_id",)),
        ):
            if path.exists():
                for column in columns:
                    found |= {v for (v,) in con.execute(f"SELECT DISTINCT {column} FROM read_parquet('{path}')").fetchall()}
    return {v for v in found if v and len(v) >= 4}


class Finder:
    """Looks for a set of identifiers in texts, in time that does not depend on how many there are."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self.identifiers = frozenset(identifiers)
        self._lengths = sorted({len(i) for i in self.identifiers if not i.isascii()})

    def within(self, text: str) -> Iterator[str]:
        """Identifiers that stand in the text: codes and numbers as whole words, names as parts of anything."""
        yield from (w for w in _WORD.findall(text) if w in self.identifiers)
        for m in _RUN.finditer(text):
            run = m[0]
            if run.isascii():
                continue
            for n in self._lengths:
                yield from (run[i : i + n] for i in range(len(run) - n + 1) if run[i : i + n] in self.identifiers)

    def leaks(self, home: Path) -> dict[str, set[str]]:
        """Identifiers found by file of the home, outside the places where they belong."""
        found = {}
        for path in sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink()):
            name = path.relative_to(home).as_posix()
            if name.startswith(tuple(f"{r}/" for r in RAW)):
                continue
            hits = {h for text in [name, *texts(path)] for h in self.within(text)}
            if hits:
                found[name] = hits
        return found


def texts(path: Path) -> Iterator[str]:
    """Everything a file says, as text: distinct values of a Parquet file's columns, cells of a database, else the whole file."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        for field in file.schema_arrow:
            column = file.read(columns=[field.name]).column(0).combine_chunks()
            if pa.types.is_nested(column.type):
                column = pa.array([str(v) for v in column.to_pylist()], pa.string())
            if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
                yield from (str(v) for v in column.unique().to_pylist() if v is not None)
    elif path.read_bytes()[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as con:
            for (table,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                yield from (str(row) for row in con.execute(f'SELECT * FROM "{table}"'))
    else:
        yield path.read_bytes().decode("utf-8", "replace")

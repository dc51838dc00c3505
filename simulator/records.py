"""Records of the other sources: every row is one version of a record, with the columns of the silver table and raw identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from lake.schemas.outside import OUTSIDE
from lake.tables import parse_columns
from simulator.database import save
from simulator.draws import Draws, select, union
from simulator.params import Params

RENAMED = {
    "uscc_token": "uscc",
    "name_token": "name",
    "legal_rep_token": "legal_rep",
    "address_token": "address",
    "related_person_token": "related_person",
}
TYPES = {"string": "VARCHAR"}


@dataclass(frozen=True)
class Records:
    """Versions of one table's records."""

    source: str
    table: str
    query: str


def columns(table: str) -> dict[str, str]:
    """Column -> type of the records of a table; times are Shanghai times without zone."""
    own = {RENAMED.get(c.name, c.name): TYPES.get(c.type, c.type) for c in parse_columns(OUTSIDE[table][2])}
    return {**own, "row_version": "int", "updated_at": "timestamp"}


def key(table: str) -> list[str]:
    """Columns that identify a record."""
    return [RENAMED.get(k, k) for k in OUTSIDE[table][1].split()]


def records(table: str, rows: str, p: Params) -> Records:
    """`rows` as records of `table`: columns and types of the registry, only what was known at the end, in the order of changes."""
    typed = select(rows, *(f"CAST({c} AS {t}) AS {c}" for c, t in columns(table).items()))
    kept = select(typed, "*", where=f"updated_at < TIMESTAMP '{p.end.isoformat()} 23:59:59'")
    return Records(OUTSIDE[table][0], table, f"{kept} ORDER BY {', '.join(('updated_at', *key(table), 'row_version'))}")


def at(d: Draws, day: str, stream: str, *keys: str) -> str:
    """Time of a change: an evening second of `day`."""
    return f"({day})::TIMESTAMP + to_seconds(64800 + {d.pick('at ' + stream, 18000, *keys)})"


def versions(rows: str, *steps: tuple[str, dict[str, str]]) -> str:
    """Query of the versions of records: for each step the `rows` that its condition holds for, with the fields of the step added."""
    found = (select("base", "*", *(f"{sql} AS {name}" for name, sql in fields.items()), where=when) for when, fields in steps)
    return f"WITH base AS MATERIALIZED ({rows}) {union(*found)}"


def write(con: DuckDBPyConnection, found: Records, folder: Path) -> None:
    """One Parquet file per table."""
    path = folder / found.source / f"{found.table}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    save(con, found.query, path)

"""Records of the other sources: every row is one version of a record, with the columns of the silver table and raw identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake.schemas.outside import OUTSIDE
from lake.tables import parse_columns
from simulator.draws import Draws
from simulator.params import Params

RENAMED = {
    "uscc_token": "uscc",
    "name_token": "name",
    "legal_rep_token": "legal_rep",
    "address_token": "address",
    "related_person_token": "related_person",
}
TYPES = {"timestamp": "timestamp_ntz"}


@dataclass(frozen=True)
class Records:
    """Versions of one table's records."""

    source: str
    table: str
    rows: DataFrame


def columns(table: str) -> dict[str, str]:
    """Column -> Spark type of the records of a table; times are Shanghai times without zone."""
    own = {RENAMED.get(c.name, c.name): TYPES.get(c.type, c.type) for c in parse_columns(OUTSIDE[table][2])}
    return {**own, "row_version": "int", "updated_at": "timestamp_ntz"}


def key(table: str) -> list[str]:
    """Columns that identify a record."""
    return [RENAMED.get(k, k) for k in OUTSIDE[table][1].split()]


def records(table: str, rows: DataFrame, p: Params) -> Records:
    """`rows` as records of `table`: columns and types of the registry, only what was known at the end."""
    wanted = columns(table)
    typed: list[Column] = [F.col(c).cast(t).alias(c) for c, t in wanted.items()]
    kept = rows.select(*typed).where(f"updated_at < TIMESTAMP_NTZ'{p.end.isoformat()} 23:59:59'")
    return Records(OUTSIDE[table][0], table, kept)


def at(d: Draws, day: str, stream: str, *keys: str) -> str:
    """Time of a change: an evening second of `day`."""
    return f"timestampadd(SECOND, 64800 + {d.pick('at ' + stream, 18000, *keys)}, CAST({day} AS TIMESTAMP_NTZ))"


def versions(*steps: str) -> str:
    """SQL that explodes to the versions of a record: each step is `condition => fields struct`.

    A null step gives a row without `updated_at`, which `records` leaves out; filtering the array would be interpreted.
    """
    return f"inline(array({', '.join(steps)}))"


def save(found: Records, folder: Path) -> None:
    """One Parquet file per table, in the order of changes."""
    path = folder / found.source / f"{found.table}.dir"
    ordered = found.rows.repartition(1).sortWithinPartitions("updated_at", *key(found.table), "row_version")
    ordered.write.mode("overwrite").parquet(str(path))
    part = next(path.glob("part-*.parquet"))
    part.rename(folder / found.source / f"{found.table}.parquet")
    for rest in path.iterdir():
        rest.unlink()
    path.rmdir()

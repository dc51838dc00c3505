"""The job `indicators` in tests: its worker functions called in this process instead of by Spark, tiles written, features read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest
import random_tiles

from features import compiled
from jobs import indicators
from lake import store
from lake.settings import Settings


class Frame:
    """The little of a DataFrame that the job uses."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def repartition(self, n: int) -> Frame:
        return self

    def select(self, *columns: Any) -> Frame:
        return Frame(self.table.rename_columns(["bucket"]))

    def mapInArrow(self, f: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: str) -> Frame:
        return Frame(pa.Table.from_batches(list(f(iter(self.table.to_batches())))))

    def collect(self) -> list[tuple[Any, ...]]:
        return [tuple(r.values()) for r in self.table.to_pylist()]


class Session:
    """Spark as the job sees it, on two cores."""

    sparkContext = SimpleNamespace(defaultParallelism=2)

    def createDataFrame(self, rows: list[tuple[Any, ...]], schema: str) -> Frame:
        names = [c.split()[0] for c in schema.split(",")]
        return Frame(pa.Table.from_pylist([dict(zip(names, r)) for r in rows]))

    def range(self, start: int, end: int, step: int, parts: int) -> Frame:
        return Frame(pa.table({"id": list(range(start, end, step))}))


def plain_lake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A lake whose Spark is this process."""
    monkeypatch.setattr(indicators, "F", SimpleNamespace(col=lambda c: SimpleNamespace(cast=lambda t: SimpleNamespace(alias=lambda n: n))))
    return SimpleNamespace(spark=Session(), settings=settings)


def write(settings: Settings, rows: dict[str, list[dict[str, Any]]], skip: tuple[str, ...] = ()) -> None:
    for name, table in random_tiles.tables(rows).items():
        if name not in skip:
            store.replace(settings, f"tile.{name}", table, None)


def features(settings: Settings, as_of: date) -> dict[str, pa.Table]:
    """Rows of a snapshot per dimension, by firm."""
    names = dict.fromkeys(c.indicator.dimension for c in compiled.load())
    tables = {n: store.read(settings, f"feature.{n}") for n in names}
    return {n: t.filter(pa.compute.equal(t["snapshot_date"], pa.scalar(as_of))).sort_by("firm_id") for n, t in tables.items()}


def values(settings: Settings, as_of: date) -> dict[str, dict[str, Any]]:
    """All indicators per firm as committed for a snapshot."""
    found: dict[str, dict[str, Any]] = {}
    for table in features(settings, as_of).values():
        for r in table.to_pylist():
            found.setdefault(r["firm_id"], {}).update(r)
    return found

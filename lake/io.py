"""Reading and writing Delta tables with Spark. Few verbs; every write checks the schema and touches named partitions only."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lake import store
from lake.arrow import arrow_fields, arrow_schema
from lake.clock import SHANGHAI
from lake.errors import ContractBroken
from lake.settings import Settings
from lake.tables import Table, table

log = logging.getLogger(__name__)


def literal(value: object) -> str:
    """A partition value as SQL text."""
    if isinstance(value, date):
        return f"DATE'{value.isoformat()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def local_rows(spark: SparkSession, rows: Iterable[Sequence[object] | Mapping[str, object]], ddl: str) -> DataFrame:
    """A frame of rows held in memory, in the columns of `ddl` ("firm_id string, n bigint").

    They go through Arrow: a frame made of a Python list starts Python workers in every query that reads it.
    """
    schema = arrow_fields(ddl)
    records = [dict(r) if isinstance(r, Mapping) else dict(zip(schema.names, r, strict=True)) for r in rows]
    return spark.createDataFrame(pa.Table.from_pylist(records, schema=schema))


class Lake:
    """The tables of one home, read and written in one Spark session."""

    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self.spark = spark
        self.settings = settings

    def uri(self, name: str) -> str:
        """Location of a registered table."""
        return store.uri(self.settings, name)

    def exists(self, name: str) -> bool:
        """Whether the table was ever created."""
        return store.exists(self.settings, name)

    def version(self, name: str) -> int | None:
        """Latest version, None when never created."""
        return store.version(self.settings, name)

    def empty(self, name: str) -> DataFrame:
        """No rows, with the registry's schema."""
        return self.spark.createDataFrame(arrow_schema(table(name)).empty_table())

    def read(self, name: str, *, version: int | None = None, known_by: datetime | None = None) -> DataFrame:
        """All rows, at a Delta version if given; `known_by` (naive Shanghai time) keeps rows with available_at <= it.

        A table never written reads as empty, so that a first night needs no special case. The files that the Delta log names
        are read as Parquet: delta-rs reads the log in milliseconds, where Spark's Delta source starts jobs of its own for
        every table and query. The portable profile (no deletion vectors, no column mapping) makes the two the same rows.
        """
        paths = self._paths(name, version) if self.exists(name) else []
        if not paths:
            return self.empty(name)
        df = self.spark.read.schema(table(name).ddl).option("basePath", self.uri(name)).parquet(*paths)
        if known_by is None:
            return df
        # a literal without a zone would be read in the zone of the machine, 8 hours late on one that runs in UTC
        return df.where(F.col("available_at") <= F.lit(known_by.replace(tzinfo=SHANGHAI)))

    def _paths(self, name: str, version: int | None) -> list[str]:
        found = pa.table(DeltaTable(self.uri(name), version=version).get_add_actions()).column("path").to_pylist()
        parts = table(name).partition
        odd = [p for p in found if parts and not p.startswith(f"{parts[0]}=")]
        if odd:
            raise ContractBroken(f"{name}: file {odd[0]} lies outside the folders of its partitions {parts}")
        return [f"{self.uri(name)}/{p}" for p in sorted(found)]

    def current(self, name: str, *, known_by: datetime | None = None, where: Column | None = None) -> DataFrame:
        """One row per key: the highest version known by `known_by` (None: everything known now).

        `where` restricts the rows before versions are compared; it may only name key columns.
        """
        t = table(name)
        df = self.read(name, known_by=known_by)
        df = df if where is None else df.where(where)
        order = [F.col("row_version").desc()] if "row_version" in t.names else [F.col("tile_version").desc_nulls_last()]
        w = Window.partitionBy(*t.key).orderBy(*order, F.col("available_at").desc_nulls_last())
        return df.withColumn("_rank", F.row_number().over(w)).where("_rank = 1").drop("_rank")

    def overwrite_partition(self, name: str, df: DataFrame, **partition: object) -> int:
        """Replace the one partition given by keyword (`as_of=D`, `snapshot_date=D`, and `source=…` where it is one)."""
        return self.overwrite_partitions(name, df, [partition])

    def overwrite_partitions(self, name: str, df: DataFrame, partitions: Iterable[dict[str, object]]) -> int:
        """Replace exactly the given partitions with `df`, in one commit; returns the Delta version.

        Raises ContractBroken when columns, types or partition values differ from the registry.
        """
        t = table(name)
        values = list(partitions)
        for p in values:
            if set(p) - set(t.partition) or not p:
                raise ContractBroken(f"{name} is partitioned by {t.partition}, not by {tuple(p)}")
        predicate = " OR ".join("(" + " AND ".join(f"{k} = {literal(v)}" for k, v in p.items()) + ")" for p in values)
        return self._write(t, df, {"replaceWhere": predicate})

    def append(self, name: str, df: DataFrame) -> int:
        """Add rows; for tables whose rows never change (sample library)."""
        return self._write(table(name), df, None)

    def _write(self, t: Table, df: DataFrame, options: dict[str, str] | None) -> int:
        df = conform(t, df)
        started = time.monotonic()
        with store.lock(self.settings, t.name):
            store.create(self.settings, t.name)
            writer = df.write.format("delta").mode("overwrite" if options else "append")
            for key, value in (options or {}).items():
                writer = writer.option(key, value)
            writer.save(self.uri(t.name))
        version = self.version(t.name)
        log.info("written table=%s version=%s seconds=%.1f", t.name, version, time.monotonic() - started)
        assert version is not None
        return version


def conform(t: Table, df: DataFrame) -> DataFrame:
    """`df` with the registry's columns in its order; raises ContractBroken with both schemas when they differ.

    Types must already be right: nothing is coerced on the way into a table.
    """
    have = {f.name: f.dataType.simpleString() for f in df.schema.fields}
    want = {c.name: c.type.replace(" ", "") for c in t.columns}
    if have != want:
        missing, extra = sorted(set(want) - set(have)), sorted(set(have) - set(want))
        types = {k: f"expected {want[k]}, found {have[k]}" for k in want if k in have and want[k] != have[k]}
        raise ContractBroken(f"{t.name}: rows do not fit the registry. Missing: {missing}. Not registered: {extra}. Types: {types}")
    return df.select(*want)

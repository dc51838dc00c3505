"""The lake as the tiles job uses it: the files a Delta log names read as Parquet, rows published by linking (lake.files).

A night reads a dozen small tables about a hundred times. Spark's Delta source starts Spark jobs of its own for every read, and
plans every query twice when it writes; of a night with two firms that was most of the time. delta-rs reads the same log in
milliseconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.scratch import Scratch
from lake import files
from lake.clock import SHANGHAI
from lake.errors import ContractBroken
from lake.io import Lake, conform
from lake.tables import table

log = logging.getLogger(__name__)
SETTINGS = {
    # a join by firm and day may use rows laid out by firm; the job keeps its large rows so, and firms are many
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    # the plans are deep and their stages many and short: planning the rest again after each of them took a quarter of a night
    "spark.sql.adaptive.enabled": "false",
    # kept frames are read two to ten times and given back; choosing an encoding for every column costs more than it saves, and the
    # small first map of an aggregate overflows at once where almost every row is a group (152 s of processor time against 120 s)
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    "spark.sql.codegen.aggregate.map.twolevel.enabled": "false",
    # one file a night and table: looking at a thousand of them is no work for a Spark job
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
}


NIGHT_SHARE = 4
"""A night is so much smaller than a history that a quarter of the session's shuffle partitions, and of the files, does."""


class TileLake(Lake):
    """A Lake whose reads and single partitions take the short way; `most_files` bounds the files of a partition (None: one a task)."""

    def __init__(self, lake: Lake, most_files: int | None) -> None:
        super().__init__(lake.spark, lake.settings)
        self.most_files = most_files

    def read(self, name: str, *, version: int | None = None, known_by: datetime | None = None) -> DataFrame:
        """As Lake.read."""
        paths = self._paths(name, version) if self.exists(name) else []
        if not paths:
            return self.empty(name)
        rows = self.spark.read.schema(table(name).ddl).option("basePath", self.uri(name)).parquet(*paths)
        # a literal without a zone would be read in the zone of the machine, 8 hours late on one that runs in UTC
        return rows if known_by is None else rows.where(F.col("available_at") <= F.lit(known_by.replace(tzinfo=SHANGHAI)))

    def _paths(self, name: str, version: int | None) -> list[str]:
        found = pa.table(DeltaTable(self.uri(name), version=version).get_add_actions()).column("path").to_pylist()
        odd = [p for p in found if not p.startswith(f"{table(name).partition[0]}=")]
        if odd:
            raise ContractBroken(f"{name}: file {odd[0]} lies outside the folders of its partitions {table(name).partition}")
        return [f"{self.uri(name)}/{p}" for p in sorted(found)]

    def overwrite_partitions(self, name: str, df: DataFrame, partitions: Iterable[dict[str, object]]) -> int:
        """As Lake.overwrite_partitions; the rows of a single partition are written once, then linked into the table by one commit."""
        values = list(partitions)
        if len(values) != 1:
            return super().overwrite_partitions(name, df, values)
        started = time.monotonic()
        t = table(name)
        rows = conform(t, df).drop(*t.partition)
        scratch = Scratch(self.spark, self.settings.folder("staging") / "tiles" / name)
        scratch.save("rows", rows if self.most_files is None else rows.coalesce(self.most_files))
        version = files.publish(self.settings, name, scratch.paths("rows"), **values[0])
        scratch.drop()
        log.info("written table=%s version=%s seconds=%.1f", name, version, time.monotonic() - started)
        return version


@contextmanager
def tile_lake(lake: Lake, *, small: bool) -> Iterator[TileLake]:
    """`lake` for the tiles job, with the session's settings as the job wants them; `small`: one night."""
    partitions = max(1, int(lake.spark.conf.get("spark.sql.shuffle.partitions", "8") or 8) // (NIGHT_SHARE if small else 1))
    settings = {**SETTINGS, "spark.sql.shuffle.partitions": str(partitions)}
    before = {key: lake.spark.conf.get(key, None) for key in settings}
    for key, value in settings.items():
        lake.spark.conf.set(key, value)
    try:
        yield TileLake(lake, partitions if small else None)
    finally:
        for key, earlier in before.items():
            if earlier is None:
                lake.spark.conf.unset(key)
            else:
                lake.spark.conf.set(key, earlier)

"""The lake as the tiles job uses it: rows published by linking (lake.files), and settings for many short stages.

Spark's Delta writer starts Spark jobs of its own and plans every query twice; of a night with two firms that was most of the
time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame

from jobs.scratch import Scratch
from lake import files
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
    """A Lake that links single partitions; `most_files` bounds the files of a partition (None: one a task)."""

    def __init__(self, lake: Lake, most_files: int | None) -> None:
        super().__init__(lake.spark, lake.settings)
        self.most_files = most_files

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

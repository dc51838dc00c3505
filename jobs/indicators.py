"""Job `indicators`: tiles -> the eleven tables `feature.<dimension>`, partition snapshot_date.

Reads tile.* as known at D + 1 day 06:00 (tiles without available_at count as known); the firms of a night are the rows of
tile.registration for D. Every row carries event_timestamp = created_timestamp = D + 1 day 06:00. A rerun of D replaces the
same rows. Indicators whose tile was never written are null, and the report counts them as not computed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from features import catalogue, compiled, intake
from features.compute import GROUP, read_values, scratch, worker
from features.engine import needs
from features.peers import peer_ranks
from features.series import Ints
from jobs.runner import Report
from lake import store
from lake.clock import SHANGHAI, known_at
from lake.errors import ContractBroken
from lake.io import Lake
from lake.settings import Settings
from lake.tables import table

log = logging.getLogger(__name__)

ROWS_PER_BUCKET = 4_000
COMMITTERS = 4
"""Tables committed at a time: a commit waits for the disk while another table is encoded."""


def run(lake: Lake, as_of: date, *, snapshots: Sequence[date] | None = None) -> Report:
    """Compute the indicators of night `as_of`, or of the past `snapshots` instead, one commit per table.

    Report.rows counts firms times snapshots; detail has the seconds per phase and the indicators computed and not computed.
    """
    dates = sorted(set(snapshots)) if snapshots is not None else [as_of]
    indicators = compiled.load()
    started = time.monotonic()
    found = {t: intake.tile_files(lake.settings, t, dates, indicators) for t in intake.TILES}
    tiles = {t: files for t, files in found.items() if files is not None}
    absent = frozenset(intake.TILES) - set(tiles)
    seconds: dict[str, float] = {}
    with scratch(f"{lake.settings.lake_uri}/_scratch/indicators") as folder:
        firms = intake.count_firms(tiles["registration"], folder) if "registration" in tiles else 0
        if not firms:
            raise ContractBroken(
                f"tile.registration has no firm for {', '.join(map(str, dates))}. Run `liushui tiles` for that night first."
            )
        buckets = max(lake.spark.sparkContext.defaultParallelism, -(-firms // ROWS_PER_BUCKET))
        _gather(lake, folder, buckets, tiles)
        seconds["gather"] = _lap(started, seconds)
        rows = _compute(lake, folder, buckets, dates, sorted(tiles))
        seconds["compute"] = _lap(started, seconds)
        _commit(lake.settings, folder, dates)
        seconds["commit"] = _lap(started, seconds)
    missing = [c.indicator.id for c in indicators if needs(c) & absent]
    counts = {"indicators": len(indicators) - len(missing), "not_computed": missing, "firms": rows, "snapshots": len(dates)}
    log.info("job=indicators as_of=%s rows=%s computed=%s of %s seconds=%s", as_of, rows, counts["indicators"], len(indicators), seconds)
    return Report(rows=rows, detail=counts | {"seconds": seconds})


def _gather(lake: Lake, folder: str, buckets: int, tiles: dict[str, intake.TileFiles]) -> None:
    """Spread the tiles over the buckets, one task per piece."""
    work = intake.tasks(tiles)
    df = lake.spark.createDataFrame(work, "tile string, piece int, spec string").repartition(len(work))
    df.mapInArrow(intake.gatherer(folder, buckets), "piece int").collect()


def _lap(started: float, seconds: dict[str, float]) -> float:
    return round(time.monotonic() - started - sum(seconds.values()), 1)


def _compute(lake: Lake, folder: str, buckets: int, dates: Sequence[date], present: Sequence[str]) -> int:
    """Evaluate all buckets in the workers; returns the rows written."""
    numbers = lake.spark.range(0, buckets, 1, buckets).select(F.col("id").cast("int").alias("bucket"))
    done = numbers.mapInArrow(worker(folder, dates, present), "bucket int, rows bigint")
    counted = done.agg(F.sum("rows")).collect()[0][0]
    return int(counted or 0)


def _commit(settings: Settings, folder: str, dates: Sequence[date]) -> None:
    """Write the eleven tables, each in one commit that replaces exactly the partitions of `dates`.

    By delta-rs: the values are Arrow already, and a Spark commit costs over a second where this costs a tenth.
    """
    keys = read_values(folder, ["firm_id", "snapshot_date", *GROUP])
    group = _groups(keys)
    known = pa.array([known_at(d).replace(tzinfo=SHANGHAI) for d in dates], pa.timestamp("us", "UTC"))
    moment = known.take(pc.index_in(keys.column("snapshot_date"), value_set=pa.array(dates, pa.date32())).combine_chunks())
    head = {
        "firm_id": keys.column("firm_id"),
        "snapshot_date": keys.column("snapshot_date"),
        "event_timestamp": moment,
        "created_timestamp": moment,
    }
    predicate = " OR ".join(f"snapshot_date = '{d.isoformat()}'" for d in dates)

    def one(dimension: str) -> None:
        members = [c for c in compiled.load() if c.indicator.dimension == dimension]
        values = read_values(folder, [c.indicator.name for c in members])
        ranks = {c.indicator.name: _ranked(group, values.column(c.indicator.name)) for c in members if c.peers}
        columns = {c: head[c] if c in head else ranks[c] if c in ranks else values.column(c) for c in table(f"feature.{dimension}").names}
        store.replace(settings, f"feature.{dimension}", pa.table(columns), predicate)

    with ThreadPoolExecutor(COMMITTERS) as pool:
        for done in [pool.submit(one, d) for d in catalogue.dimensions()]:
            done.result()


def _groups(keys: pa.Table) -> Ints:
    """Number of the peer group of each row: snapshot, section and size; -1 where section or size is null."""
    number = np.zeros(keys.num_rows, dtype=np.int64)
    known = np.ones(keys.num_rows, dtype=bool)
    for name in ("snapshot_date", *GROUP):
        codes = pc.dictionary_encode(keys.column(name).combine_chunks())
        place = pc.fill_null(codes.indices, -1).to_numpy().astype(np.int64)
        number = number * (len(codes.dictionary) + 1) + place
        known &= place >= 0
    return np.where(known, number, -1)


def _ranked(group: Ints, values: pa.ChunkedArray) -> pa.Array:
    ranks = peer_ranks(group, values.to_numpy())
    return pa.array(ranks, mask=np.isnan(ranks))

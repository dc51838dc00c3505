"""Job `indicators`: tiles -> the eleven tables `feature.<dimension>`, partition snapshot_date.

Reads tile.* as known at D + 1 day 06:00 (tiles without available_at count as known); the firms of a night are the rows of
tile.registration for D. Every row carries event_timestamp = created_timestamp = D + 1 day 06:00. A rerun of D replaces the
same rows. Indicators whose tile was never written are null, and the report counts them as not computed.

A night computes for every firm what moves every night, and carries the other indicators over from the night before for firms
of which nothing moved (jobs.indicators_plan); a hundredth of the firms is computed wholly and compared before anything is written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as F

from features import compiled, intake
from features.compiled import Compiled
from features.compute import filesystem, scratch, worker
from features.engine import needs
from features.intake import Pass, TileFiles
from jobs import indicators_plan as planning
from jobs.indicators_plan import Plan
from jobs.indicators_tables import Tables, write
from jobs.runner import Report
from lake.errors import ContractBroken
from lake.io import Lake
from lake.settings import Settings

log = logging.getLogger(__name__)

ROWS_PER_BUCKET = 4_000


@dataclass
class Laps:
    """Seconds per phase."""

    last: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def end(self, phase: str) -> None:
        """The phase that began with the end of the one before ends now."""
        now = time.monotonic()
        self.seconds[phase], self.last = round(now - self.last, 1), now


def run(lake: Lake, as_of: date, *, snapshots: Sequence[date] | None = None, full: bool = False) -> Report:
    """Compute the indicators of night `as_of`, or of the past `snapshots` instead, one commit per table.

    `full` computes every indicator of every firm; so do past snapshots, and a night that has nothing to build on. GateFailed when
    a value carried over differs from the one computed anew. Report.rows counts firms times snapshots; detail has the seconds per
    phase, the indicators computed and not computed, what was carried over from which night, and the basis for the next one.
    """
    dates = tuple(sorted(set(snapshots))) if snapshots is not None else (as_of,)
    indicators = compiled.load()
    laps = Laps()
    found = {t: intake.tile_files(lake.settings, t, dates, indicators) for t in intake.TILES}
    tiles = {t: files for t, files in found.items() if files is not None}
    absent = frozenset(intake.TILES) - set(tiles)
    with scratch(f"{lake.settings.lake_uri}/_scratch/indicators") as folder:
        firms = intake.count_firms(tiles["registration"], folder) if "registration" in tiles else 0
        if not firms:
            raise ContractBroken(
                f"tile.registration has no firm for {', '.join(map(str, dates))}. Run `liushui tiles` for that night first."
            )
        plan = _plan(lake.settings, as_of, tiles, indicators, past=snapshots is not None, asked=full)
        log.info("job=indicators as_of=%s pass=%s why=%s", as_of, "incremental" if plan.base else "full", plan.why)
        laps.end("plan")
        passes = _passes(lake, f"{folder}/", dates, tiles, plan, firms)
        _gather(lake, passes)
        laps.end("gather")
        _compute(lake, passes)
        laps.end("compute")
        rows = write(lake.settings, dates, Tables(lake.settings, plan, passes[0], passes[1] if plan.base else None))
        laps.end("commit")
    missing = [c.indicator.id for c in indicators if needs(c) & absent]
    counts = {"indicators": len(indicators) - len(missing), "not_computed": missing, "firms": rows, "snapshots": len(dates)}
    log.info(
        "job=indicators as_of=%s rows=%s computed=%s of %s seconds=%s", as_of, rows, counts["indicators"], len(indicators), laps.seconds
    )
    done = {
        "pass": "incremental" if plan.base else "full",
        "why": plan.why,
        "built_on": plan.base,
        "indicators_for_all": len(plan.everyone),
    }
    whole = len(plan.firms) if plan.base else rows
    done |= {"firms_whole": whole, "firms_carried": rows - whole, "firms_checked": len(plan.checked)}
    basis = {"basis": planning.basis(lake.settings, as_of, tiles)} if snapshots is None else {}
    return Report(rows=rows, detail=counts | done | {"seconds": laps.seconds} | basis)


def _plan(settings: Settings, as_of: date, tiles: dict[str, TileFiles], indicators: Sequence[Compiled], *, past: bool, asked: bool) -> Plan:
    if past:
        return planning.full(indicators, "past snapshots")
    return planning.full(indicators, "asked for by --full") if asked else planning.make(settings, as_of, tiles, indicators)


def _passes(lake: Lake, folder: str, dates: tuple[date, ...], tiles: dict[str, TileFiles], plan: Plan, firms: int) -> list[Pass]:
    """The pass over every firm, and, when something is carried over, the one over the firms computed wholly or checked."""
    absent = frozenset(intake.TILES) - set(tiles)
    cores = lake.spark.sparkContext.defaultParallelism

    files, path = filesystem(folder)

    def one(name: str, read: dict[str, TileFiles], members: Sequence[Compiled], rows: int) -> Pass:
        files.create_dir(f"{path}{name}", recursive=True)
        names = tuple(c.indicator.name for c in members)
        return Pass(f"{folder}{name}", max(cores, -(-rows // ROWS_PER_BUCKET)), read, absent, names, dates)

    needed = frozenset({"registration"}).union(*(needs(c) for c in plan.everyone)) - absent
    if plan.base is None:
        return [one("everyone", {t: tiles[t] for t in tiles if t in needed}, plan.everyone, firms)]
    read = {t: intake.tile_files(lake.settings, t, dates, plan.everyone) for t in tiles if t in needed}
    some = pa.table({"firm_id": pa.array(sorted({*plan.firms.to_pylist(), *plan.checked.to_pylist()}), pa.string())})
    pq.write_table(some, f"{path}firms.parquet", filesystem=files)
    chosen = {t: f.of_firms(f"{folder}firms.parquet") for t, f in tiles.items()}
    return [
        one("everyone", {t: f for t, f in read.items() if f is not None}, plan.everyone, firms),
        one("some", chosen, compiled.load(), some.num_rows),
    ]


def _gather(lake: Lake, passes: Sequence[Pass]) -> None:
    """Spread the tiles over the buckets, one task per piece."""
    work = intake.tasks(passes)
    df = lake.spark.createDataFrame(work, "piece int, spec string").repartition(len(work))
    df.mapInArrow(intake.gather, "piece int").collect()


def _compute(lake: Lake, passes: Sequence[Pass]) -> None:
    """Evaluate all buckets in the workers."""
    buckets = sum(p.buckets for p in passes)
    numbers = lake.spark.range(0, buckets, 1, buckets).select(F.col("id").cast("int").alias("bucket"))
    numbers.mapInArrow(worker(passes), "bucket int, rows bigint").collect()

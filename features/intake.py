"""Tiles on their way to the engine: each bucket of firms gets its own Parquet folder per tile, written by Spark.

Only the columns that formulas read and the rows that may be known travel. Versions are resolved later, per snapshot, in the
arrays: so ten snapshots cost one pass over the tiles, and no window function runs over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features import formula
from features.batch import TAX_BACK
from features.compiled import COVERAGE_OF, Compiled
from features.kernels_events import DAYS
from features.series import MONTHS
from lake.clock import SHANGHAI, add_months, known_at, latest_closed_month
from lake.errors import ContractBroken

BUCKET = "_bucket"
WRITERS = 4
FEW_BUCKETS = 8
TILES = (
    "firm_month", "firm_category_month", "firm_counterparty_month", "firm_bucket", "firm_day", "tax_month", "loan", "network",
    "court_event", "registration", "registration_event",
)  # fmt: skip
_KEYS: dict[str, tuple[str, ...]] = {
    "firm_month": ("month", "days_in_month", "days_covered", "hist_months", "op_in_amt"), "network": ("month",), "loan": ("month",),
    "tax_month": ("month", "due_date"), "firm_day": ("biz_date",),
    "registration": ("snapshot_date", "industry_section", "size_class", *COVERAGE_OF.values()),
}  # fmt: skip
_WHOLE = {
    "firm_category_month": ("month", "category", "amt", "cnt"),
    "firm_counterparty_month": (
        "cpty_id", "month", "in_amt", "in_cnt", "out_amt", "out_cnt", "cpty_kind", "is_related", "region4", "industry2", "out_province",
        "first_in_month", "first_out_month",
    ),
    "court_event": ("event_id", "event_type", "cause_group", "via", "rep_from", "rep_to", "publish_date", "start_date", "end_date", "amount"),
    "registration_event": ("event_id", "kind", "event_date"),
}  # fmt: skip
_ALIAS = {"firm_month": "fm", "network": "nw", "loan": "ln", "tax_month": "tm", "firm_day": "fd", "registration": "rg"}
_VERSION = ("available_at", "tile_version")


def columns_read(tile: str, indicators: Iterable[Compiled]) -> list[str]:
    """Columns of a tile that the indicators need, keys included."""
    compiled = list(indicators)
    if tile in _WHOLE:
        return ["firm_id", *_WHOLE[tile]]
    if tile == "firm_bucket":
        reads = {r for c in compiled if c.calendar == "day" for r in formula.columns(c.tree)}
        measures = {name for alias, name in reads if alias == "fm"} | {f"cat_{name}_amt" for alias, name in reads if alias == "fcat"}
        return ["firm_id", "snapshot_date", "bucket", *sorted(measures | {"days_covered"})]
    reads = {r for c in compiled for r in formula.columns(c.tree)}
    measures = {name for alias, name in reads if alias == _ALIAS[tile]}
    return ["firm_id", *dict.fromkeys((*_KEYS[tile], *sorted(measures)))]


def _rows(tile: str, dates: Sequence[date]) -> Column:
    """Rows of a tile that a snapshot of `dates` may read, by their business time."""
    first, last = latest_closed_month(min(dates)), latest_closed_month(max(dates))
    match tile:
        case "firm_month" | "firm_category_month" | "firm_counterparty_month" | "network" | "loan":
            return F.col("month").between(F.lit(add_months(first, 1 - MONTHS)), F.lit(last))
        case "tax_month":
            return F.col("month").between(F.lit(add_months(first, 2 - MONTHS - TAX_BACK)), F.lit(last))
        case "firm_day":
            spans = [F.col("biz_date").between(F.lit(d - timedelta(days=DAYS - 1)), F.lit(d)) for d in dates]
            return reduce(lambda a, b: a | b, spans)
        case "firm_bucket" | "registration":
            return F.col("snapshot_date").isin([F.lit(d) for d in dates])
    return F.lit(True)


def select(tile: str, df: DataFrame, dates: Sequence[date], indicators: Iterable[Compiled]) -> DataFrame:
    """The part of a tile that is read for the snapshots `dates`; ContractBroken when a needed column is missing."""
    names = columns_read(tile, indicators)
    if missing := [n for n in names if n not in df.columns]:
        raise ContractBroken(
            f"tile.{tile}: formulas read {', '.join(missing)}, which the table does not have. Write the tile with all columns of the registry."
        )
    rows = df.where(_rows(tile, dates))
    if "available_at" in df.columns:
        known = F.col("available_at").isNull() | (F.col("available_at") <= F.lit(known_at(max(dates)).replace(tzinfo=SHANGHAI)))
        rows = rows.where(known)
    return rows.select(*names, *(c for c in _VERSION if c in df.columns))


def write(tiles: dict[str, DataFrame], folder: str, buckets: int) -> None:
    """Write each tile as Parquet partitioned by bucket, `folder/<tile>/_bucket=<n>`; several tiles at a time."""

    def one(name: str, df: DataFrame) -> Callable[[], None]:
        numbered = df.select("*", F.pmod(F.xxhash64("firm_id"), F.lit(buckets)).cast("int").alias(BUCKET))
        # a shuffle gives one file per bucket; with few buckets as many files as tasks are cheaper than the shuffle
        spread = numbered.repartition(buckets, BUCKET) if buckets > FEW_BUCKETS else numbered
        return lambda: spread.write.mode("overwrite").partitionBy(BUCKET).parquet(f"{folder}/{name}")

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(one(name, df)) for name, df in tiles.items()]:
            done.result()

"""Tiles on their way to the engine: each bucket of firms gets its own Parquet folder per tile.

Spark spreads the data files of the tile tables over its workers; inside a worker DuckDB reads them and writes the buckets,
at a quarter of the cost of the same rows going through the JVM. Only the columns that formulas read and the rows that may
be known travel. Versions are resolved later, per snapshot, in the arrays: so ten snapshots cost one pass over the tiles, and
no window function runs over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import fsspec
import pyarrow as pa
from deltalake import DeltaTable

from features import formula
from features.batch import TAX_BACK
from features.compiled import COVERAGE_OF, Compiled
from features.kernels_events import DAYS
from features.series import MONTHS
from lake import store
from lake.clock import SHANGHAI, add_months, known_at, latest_closed_month
from lake.errors import ContractBroken
from lake.settings import Settings

BUCKET = "_bucket"
NIGHT = "as_of"
PIECE_BYTES = 200_000_000
"""Data files read by one task; fewer tasks leave fewer files per bucket."""
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


@dataclass(frozen=True)
class TileFiles:
    """The data files of a tile table as they are now, and the query that reads what is needed of them."""

    tile: str
    files: tuple[tuple[str, int], ...]
    columns: str
    where: str
    versioned: bool
    """Whether rows say when they became known (`available_at`) and which night wrote them (`as_of`, a folder)."""

    @property
    def query(self) -> str:
        """SQL with the place of the files left open as {files}."""
        return f"SELECT {self.columns} FROM {{files}} WHERE {self.where}"

    def of_firms(self, file: str) -> TileFiles:
        """The same rows of the firms that a Parquet file lists (column firm_id)."""
        return replace(self, where=f"{self.where} AND firm_id IN (SELECT firm_id FROM {source([file])})")

    def pieces(self) -> list[list[str]]:
        """Files in groups of about PIECE_BYTES."""
        groups: list[list[str]] = []
        room = 0
        for path, size in self.files:
            if room < size or not groups:
                groups.append([])
                room = PIECE_BYTES
            groups[-1].append(path)
            room -= size
        return groups


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


def rows_read(tile: str, dates: Sequence[date]) -> str:
    """SQL condition: rows of a tile that a snapshot of `dates` may read, by their business time."""
    first, last = latest_closed_month(min(dates)), latest_closed_month(max(dates))
    match tile:
        case "firm_month" | "firm_category_month" | "firm_counterparty_month" | "network" | "loan":
            return f"month BETWEEN DATE '{add_months(first, 1 - MONTHS)}' AND DATE '{last}'"
        case "tax_month":
            return f"month BETWEEN DATE '{add_months(first, 2 - MONTHS - TAX_BACK)}' AND DATE '{last}'"
        case "firm_day":
            spans = (f"biz_date BETWEEN DATE '{d - timedelta(days=DAYS - 1)}' AND DATE '{d}'" for d in dates)
            return f"({' OR '.join(spans)})"
        case "firm_bucket" | "registration":
            listed = ", ".join(f"DATE '{d}'" for d in dates)
            return f"snapshot_date IN ({listed})"
    return "TRUE"


def tile_files(settings: Settings, tile: str, dates: Sequence[date], indicators: Iterable[Compiled]) -> TileFiles | None:
    """Files and query of a tile, None when the table was never written; ContractBroken when a needed column is missing."""
    name = f"tile.{tile}"
    if not store.exists(settings, name):
        return None
    table = DeltaTable(store.uri(settings, name))
    have = {f.name for f in table.schema().fields}
    names = columns_read(tile, indicators)
    if missing := [n for n in names if n not in have]:
        raise ContractBroken(
            f"{name}: formulas read {', '.join(missing)}, which the table does not have. Write the tile with all columns of the registry."
        )
    where = rows_read(tile, dates)
    if "available_at" in have:
        limit = int(known_at(max(dates)).replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)
        where += f" AND (available_at IS NULL OR epoch_us(available_at) <= {limit})"
    columns = ", ".join(f'"{c}"' for c in (*names, *(c for c in _VERSION if c in have)))
    sizes = pa.table(table.get_add_actions(flatten=True)).select(["path", "size_bytes"]).to_pydict()
    files = tuple(zip((f"{table.table_uri.rstrip('/')}/{p}" for p in sizes["path"]), sizes["size_bytes"]))
    partition = table.metadata().partition_columns
    return TileFiles(tile, files, columns, where, "available_at" in have and partition == [NIGHT])


def connect(folder: str, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """DuckDB on one thread (Spark runs one task per core), able to reach the file system of `folder`."""
    con = duckdb.connect(config={"threads": threads})
    if "://" in folder:
        con.register_filesystem(fsspec.core.url_to_fs(folder.replace("s3a://", "s3://"))[0])
    return con


def source(files: Sequence[str]) -> str:
    """DuckDB table function over data files; columns that older files lack are null, partition columns come from the path."""
    listed = ", ".join("'" + f.removeprefix("file://").replace("'", "''") + "'" for f in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true)"


def count_firms(registration: TileFiles, folder: str) -> int:
    """Rows of tile.registration for the snapshots (each version of a row counts)."""
    if not registration.files:
        return 0
    query = registration.query.replace("{files}", source([f for f, _ in registration.files]))
    row = connect(folder).execute(f"SELECT count(*) FROM ({query})").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Pass:
    """Some indicators (by name) of some firms, evaluated together: their tiles are spread over `buckets` below `folder`."""

    folder: str
    buckets: int
    tiles: dict[str, TileFiles]
    absent: frozenset[str]
    indicators: tuple[str, ...]
    dates: tuple[date, ...]


def tasks(passes: Sequence[Pass]) -> list[tuple[int, str]]:
    """(number, JSON of what to read and where to write it) of every piece of every tile of every pass, largest tiles first."""
    parts = [(p, t) for p in passes for t in p.tiles.values()]
    parts.sort(key=lambda part: -sum(size for _, size in part[1].files))
    specs = [
        {"files": files, "query": t.query, "folder": f"{p.folder}/{t.tile}", "buckets": p.buckets} for p, t in parts for files in t.pieces()
    ]
    return [(i, json.dumps(spec)) for i, spec in enumerate(specs)]


def gather(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Function for mapInArrow over `tasks`: writes `folder/<tile>/_bucket=<n>/p<piece>_*.parquet`, yields the piece done."""
    for batch in batches:
        for task in batch.to_pylist():
            spec = json.loads(task["spec"])
            query = spec["query"].replace("{files}", source(spec["files"]))
            numbered = f"SELECT *, (hash(firm_id) % {spec['buckets']})::INT AS {BUCKET} FROM ({query})"
            options = (
                f"FORMAT parquet, COMPRESSION lz4, PARTITION_BY ({BUCKET}), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'p{task['piece']}_{{i}}'"
            )
            connect(spec["folder"]).execute(f"COPY ({numbered}) TO '{spec['folder']}' ({options})")
            yield pa.RecordBatch.from_pylist([{"piece": task["piece"]}], schema=pa.schema([("piece", pa.int32())]))

"""One bucket of firms: read its tiles, evaluate every snapshot, write the values. Runs in a Spark worker.

Results go to Parquet beside the buckets (one file a bucket), so that 370 columns cross into the JVM once, when they are
committed. Values of peer ranks are still the values to be ranked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from features import compiled
from features.batch import Batch, Bucket
from features.compiled import Compiled
from features.engine import evaluate, to_arrow
from features.intake import BUCKET, Pass, columns_read
from lake.arrow import arrow_schema
from lake.tables import table

RESULT = "_values"
GROUP = ("industry_section", "size_class")
COUNTS = pa.schema([("bucket", pa.int32()), ("rows", pa.int64())])


def filesystem(folder: str) -> tuple[pafs.FileSystem, str]:
    """File system and path of a folder given as path or URI."""
    if "://" not in folder:
        return pafs.LocalFileSystem(), folder
    found, path = pafs.FileSystem.from_uri(folder.replace("s3a://", "s3://"))
    return found, path


def read_bucket(work: Pass, bucket: int, indicators: Sequence[Compiled]) -> dict[str, pa.Table]:
    """The bucket's rows per tile of the pass; a tile without rows for it is empty."""
    files, path = filesystem(work.folder)
    found: dict[str, pa.Table] = {}
    for tile in work.tiles:
        place = f"{path}/{tile}/{BUCKET}={bucket}"
        if files.get_file_info(place).type == pafs.FileType.Directory:
            found[tile] = pq.read_table(place, filesystem=files, partitioning=None, read_dictionary=["firm_id"])
        else:
            schema = arrow_schema(table(f"tile.{tile}"))
            found[tile] = schema.empty_table().select(columns_read(tile, indicators))
    return found


def snapshot(bucket: Bucket, as_of: date, indicators: Sequence[Compiled], absent: frozenset[str]) -> pa.Table:
    """Values of one snapshot: firm_id, snapshot_date, peer group and every indicator."""
    batch = Batch(bucket, as_of)
    values = to_arrow(evaluate(batch, indicators, absent), indicators)
    keys = {"firm_id": batch.firms, "snapshot_date": pa.array([as_of] * batch.n, pa.date32())}
    groups = {g: pa.array([t or None for t in batch.registration_text(g)], pa.string()) for g in GROUP}
    return pa.table(keys | groups | values)


def compute_bucket(work: Pass, bucket: int) -> int:
    """Evaluate one bucket and write `folder/_values/<bucket>.parquet`; returns its rows."""
    names = set(work.indicators)
    indicators = [c for c in compiled.load() if c.indicator.name in names]
    tables = read_bucket(work, bucket, indicators)
    if not tables["registration"].num_rows:
        return 0
    rows = Bucket.of(tables)
    result = pa.concat_tables([snapshot(rows, d, indicators, work.absent) for d in work.dates])
    files, path = filesystem(work.folder)
    files.create_dir(f"{path}/{RESULT}", recursive=True)
    pq.write_table(result, f"{path}/{RESULT}/{bucket}.parquet", filesystem=files, compression="lz4")
    return result.num_rows


def worker(passes: Sequence[Pass]):  # type: ignore[no-untyped-def]
    """Function for mapInArrow over the numbers of all buckets of all passes: (bucket) -> (bucket, rows)."""
    places = [(work, bucket) for work in passes for bucket in range(work.buckets)]

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield pa.RecordBatch.from_pylist([{"bucket": number, "rows": compute_bucket(*places[number])}], schema=COUNTS)

    return run


def read_values(work: Pass, columns: Sequence[str]) -> pa.Table:
    """Columns of the computed values of all buckets of a pass."""
    files, path = filesystem(work.folder)
    return pq.read_table(f"{path}/{RESULT}", filesystem=files, columns=list(columns))


@contextlib.contextmanager
def scratch(folder: str) -> Iterator[str]:
    """An empty folder for the buckets, removed afterwards; what a killed run left there is removed first."""
    files, path = filesystem(folder)
    _remove(files, path)
    files.create_dir(path, recursive=True)
    try:
        yield folder
    finally:
        _remove(files, path)


def _remove(files: pafs.FileSystem, path: str) -> None:
    if files.get_file_info(path).type == pafs.FileType.Directory:
        files.delete_dir(path)

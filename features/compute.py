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
from features.intake import BUCKET, TILES, columns_read
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


def read_bucket(folder: str, bucket: int, present: Sequence[str], indicators: Sequence[Compiled]) -> dict[str, pa.Table]:
    """The bucket's rows per tile; a tile of `present` without rows for it is empty, tiles never written are left out."""
    files, path = filesystem(folder)
    found: dict[str, pa.Table] = {}
    for tile in present:
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


def compute_bucket(folder: str, bucket: int, dates: Sequence[date], present: Sequence[str]) -> int:
    """Evaluate one bucket and write `folder/_values/<bucket>.parquet`; returns its rows."""
    indicators = compiled.load()
    tables = read_bucket(folder, bucket, present, indicators)
    if not tables["registration"].num_rows:
        return 0
    rows, absent = Bucket.of(tables), frozenset(TILES) - set(present)
    result = pa.concat_tables([snapshot(rows, d, indicators, absent) for d in dates])
    files, path = filesystem(folder)
    files.create_dir(f"{path}/{RESULT}", recursive=True)
    pq.write_table(result, f"{path}/{RESULT}/{bucket}.parquet", filesystem=files, compression="lz4")
    return result.num_rows


def worker(folder: str, dates: Sequence[date], present: Sequence[str]):  # type: ignore[no-untyped-def]
    """Function for mapInArrow over bucket numbers: (bucket) -> (bucket, rows)."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for bucket in batch.column(0).to_pylist():
                yield pa.RecordBatch.from_pylist(
                    [{"bucket": bucket, "rows": compute_bucket(folder, bucket, dates, present)}], schema=COUNTS
                )

    return run


def read_values(folder: str, columns: Sequence[str]) -> pa.Table:
    """Columns of the computed values of all buckets."""
    files, path = filesystem(folder)
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

"""From tables of lines (Parquet, written by Spark) to bank files: whole Arrow buffers are cut, packed and digested."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator import files
from simulator.bank_rows import FILE_BANK, bank_ids
from simulator.faults import Faults, Written
from simulator.files import Sent, Submission, Totals
from simulator.params import Params

THREADS = 2


def _pieces(part: Path) -> Iterator[tuple[int, pa.Table]]:
    """(file_id, its rows) of one Parquet file; rows keep their order."""
    table = pq.read_table(part).combine_chunks()
    if not table.num_rows:
        return
    ids = table.column("file_id").to_numpy()
    if np.any(np.diff(ids) < 0):
        order = np.argsort(ids, kind="stable")
        table, ids = table.take(pa.array(order)).combine_chunks(), ids[order]
    starts = np.flatnonzero(np.r_[True, np.diff(ids) != 0])
    for start, end in zip(starts, np.r_[starts[1:], len(ids)]):
        yield int(ids[start]), table.slice(start, end - start)


def text_of(rows: pa.Table) -> bytes | memoryview:
    """The lines of a slice as one piece of text, without copying where the slice is one chunk."""
    column = rows.column("line")
    if column.num_chunks != 1:
        return b"".join(x.encode() for x in column.to_pylist())
    array = column.chunk(0)
    wide = pa.types.is_large_string(array.type)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])]


def totals_of(rows: pa.Table, file_type: str) -> Totals:
    """Totals a file states: per currency and side; for TXN both sides of every currency."""
    grouped = rows.group_by(["cur", "side"]).aggregate([("amount", "sum"), ("amount", "count")])
    out = {(r["cur"], r["side"]): (r["amount_count"], r["amount_sum"]) for r in grouped.to_pylist()}
    if file_type == "TXN":
        for currency in {c for c, _s in out}:
            for side in "CD":
                out.setdefault((currency, side), (0, 0))
    return out


def write_all(p: Params, lines: Path, landing: Path, faults: Faults) -> Sent:
    """Write every file of every bank below `landing`; faults change the files they name."""
    sent = Sent()
    ids = bank_ids(p)
    left = dict(faults.plan)
    with ThreadPoolExecutor(THREADS) as pool:
        for file_type in files.FILE_TYPES:
            held: list[Written] = []
            for part in sorted((lines / file_type).glob("*.parquet")):
                running: list[Future[tuple[Submission, int, int]]] = []
                for file_id, rows in _pieces(part):
                    s = left.pop((ids[file_id // FILE_BANK], file_type, file_id % FILE_BANK))
                    if faults.touches(s):
                        held.append((s, bytes(text_of(rows)), rows.num_rows, totals_of(rows, file_type)))
                    else:
                        running.append(pool.submit(_one, landing, s, rows))
                for done in running:  # one part at a time in memory
                    sent.add(*done.result())
            # the order in which faults are planted must not depend on parts or threads; the last day comes first
            for w in sorted(held, key=lambda w: (w[0].last != p.end, w[0].submission_id)):
                for changed in faults.apply(*w):
                    sent.add(changed[0], changed[2], files.write(landing, *changed))
    for s in left.values():
        sent.add(s, 0, files.write(landing, files.empty(s), b"", 0, {}))
    return sent


def _one(landing: Path, s: Submission, rows: pa.Table) -> tuple[Submission, int, int]:
    return s, rows.num_rows, files.write(landing, s, text_of(rows), rows.num_rows, totals_of(rows, s.file_type))

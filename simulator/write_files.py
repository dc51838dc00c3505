"""From lines to bank files: the text of a file is cut from whole Arrow buffers, packed and digested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa

from simulator import files
from simulator.bank_rows import FILE_BANK, bank_ids
from simulator.database import numbers
from simulator.faults import Faults, Written
from simulator.files import Sent, Totals
from simulator.params import Params


def text_of(lines: pa.Table) -> bytes | memoryview:
    """The lines of a slice as one piece of text, without copying where the slice is one chunk."""
    chunks = lines.column("line").chunks
    if len(chunks) != 1:
        return b"".join(text_of(pa.table({"line": c})) for c in chunks)
    array = chunks[0]
    wide = pa.types.is_large_string(array.type)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])]


def totals_of(stated: pa.Table, file_type: str) -> dict[int, Totals]:
    """Totals each file states (rows file_id, cur, side, n, amount): per currency and side; for TXN both sides of every currency."""
    out: dict[int, Totals] = defaultdict(dict)
    for r in stated.to_pylist():
        out[r["file_id"]][r["cur"], r["side"]] = (r["n"], r["amount"])
        if file_type == "TXN":
            for side in "CD":
                out[r["file_id"]].setdefault((r["cur"], side), (0, 0))
    return out


def _pieces(lines: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(file_id, its lines); lines are ordered by file."""
    ids = numbers(lines, "file_id")
    if not len(ids):
        return
    starts = np.flatnonzero(np.r_[True, np.diff(ids) != 0])
    for start, end in zip(starts, np.r_[starts[1:], len(ids)]):
        yield int(ids[start]), lines.slice(start, end - start)


class Writer:
    """Writes every file of every bank below `landing`, from several threads; faults change the files they name.

    A file that a fault may touch is held until all files of the types before it are known, because the order in which faults are planted
    must not depend on blocks or threads.
    """

    def __init__(self, p: Params, landing: Path, faults: Faults) -> None:
        self.p, self.landing, self.faults = p, landing, faults
        self.sent, self._lock = Sent(), Lock()
        self._ids = bank_ids(p)
        self._keys = {bank: files.bank_key(p.seed, bank) for bank in self._ids}
        self._left = dict(faults.plan)
        self._held: dict[str, list[Written]] = defaultdict(list)

    def take(self, file_type: str, lines: pa.Table, totals: dict[int, Totals]) -> None:
        """Write the files that `lines` (file_id, line; in the order of the files) hold in full."""
        for file_id, rows in _pieces(lines):
            with self._lock:
                s = self._left.pop((self._ids[file_id // FILE_BANK], file_type, file_id % FILE_BANK))
            if self.faults.touches(s):
                with self._lock:
                    self._held[file_type].append((s, bytes(text_of(rows)), rows.num_rows, totals[file_id]))
                continue
            size = files.write(self.landing, s, text_of(rows), rows.num_rows, totals[file_id], self._keys[s.bank])
            with self._lock:
                self.sent.add(s, rows.num_rows, size)

    def plant(self, file_type: str) -> None:
        """Plant the faults of the held files of a type, the last day first, and write them."""
        for w in sorted(self._held.pop(file_type, []), key=lambda w: (w[0].last != self.p.end, w[0].submission_id)):
            for changed in self.faults.apply(*w):
                self.sent.add(changed[0], changed[2], files.write(self.landing, *changed, key=self._keys[changed[0].bank]))

    def finish(self) -> Sent:
        """Write the files that have nothing to report; returns the counts of all."""
        for s in self._left.values():
            self.sent.add(s, 0, files.write(self.landing, files.empty(s), b"", 0, {}, self._keys[s.bank]))
        return self.sent

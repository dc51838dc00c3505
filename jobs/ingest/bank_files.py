"""Reading one bank file: header, D rows as Arrow batches, trailer. Nothing is judged; what does not parse is kept as sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
from pyarrow import csv

from jobs.ingest.gunzip import Unreadable
from jobs.ingest.header import Header, Trailer, parse_header, parse_trailer
from jobs.ingest.lines import Encoding, Split, blocks, readable, split
from lake.schemas.bank import FILE_FIELDS

SPARE = ("row_no", "raw", "parse_error")


@dataclass
class Body:
    """What was counted while the rows were read. Every line between header and trailer is a row, blank ones excepted."""

    rows: int = 0
    bad: int = 0
    encoding: str = "utf-8"


class BankFile:
    """An unpacked bank file of a known type: header and trailer are read at once, `batches` fills `body`.

    Raises Unreadable when header or trailer are missing or cannot be read.
    """

    def __init__(self, content: IO[bytes], file_type: str, max_line: int) -> None:
        self.body = Body()
        self._fields = FILE_FIELDS[file_type]
        self._max_line = max_line
        content.seek(0)
        first = content.readline(max_line)
        if not first.strip():
            raise Unreadable("the file is empty" if not first else "header: the first line is blank")
        self.header: Header = parse_header(first)
        self.trailer: Trailer
        self.trailer, end = _find_trailer(content, max_line)
        content.seek(len(first))
        self._blocks = blocks(content, max(end - len(first), 0), max_line)

    def batches(self) -> Iterator[pa.Table]:
        """Rows in batches: the fields as text (empty = null), `row_no` (header = 1), `raw` and `parse_error` of bad ones."""
        encoding, number = Encoding(), 2
        for block in self._blocks:
            part, lines = split(block, number, encoding.decide(block), self._max_line)
            number += lines
            batch = self._parse(part)
            if batch.num_rows:
                yield batch
        self.body.encoding = encoding.name or "utf-8"

    def _parse(self, part: Split) -> pa.Table:
        """Good lines as columns, then the bad ones."""
        wrong: list[tuple[int, int, str]] = []

        def skip(row: csv.InvalidRow) -> str:
            wrong.append((row.number - 1, row.actual_columns, row.text))
            return "skip"

        table = self._columns(part.good, skip) if part.good else None
        keep = np.ones(len(part.numbers), bool)
        keep[[i for i, _, _ in wrong]] = False
        bad = [(n, readable(line), reason) for n, line, reason in part.odd]
        expected = len(self._fields)
        bad += [(int(part.numbers[i]), text, f"field count: {expected} expected, {n - 1} found") for i, n, text in wrong]
        bad.sort()
        good_rows = int(keep.sum())
        if (table.num_rows if table is not None else 0) != good_rows:
            raise AssertionError(f"{good_rows} lines should parse, {table and table.num_rows} did")
        self.body.rows += good_rows + len(bad)
        self.body.bad += len(bad)
        empty = pa.nulls(len(bad), pa.string())
        good_text = pa.nulls(good_rows, pa.string())
        columns = {
            name: pa.chunked_array([*(table[name].chunks if table is not None else []), empty], pa.string()) for name in self._fields
        }
        columns["row_no"] = pa.chunked_array([pa.array(part.numbers[keep], pa.int64()), pa.array([n for n, _, _ in bad], pa.int64())])
        columns["raw"] = pa.chunked_array([good_text, pa.array([text for _, text, _ in bad], pa.string())])
        columns["parse_error"] = pa.chunked_array([good_text, pa.array([reason for _, _, reason in bad], pa.string())])
        return pa.table(columns)

    def _columns(self, text: bytes, skip: object) -> pa.Table:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, column_names=["_", *self._fields], block_size=len(text) + 1),
            csv.ParseOptions(
                delimiter="|", quote_char=False, double_quote=False, escape_char="\\", newlines_in_values=False,
                ignore_empty_lines=False, invalid_row_handler=skip,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(self._fields, pa.string()), include_columns=list(self._fields), null_values=[""],
                strings_can_be_null=True, check_utf8=False,
            ),
        )  # fmt: skip


def _find_trailer(content: IO[bytes], max_line: int) -> tuple[Trailer, int]:
    """The trailer, and where it starts in the file."""
    size = content.seek(0, 2)
    start = max(size - 2 * max_line, 0)
    content.seek(start)
    tail = content.read().rstrip()
    at = tail.rfind(b"\n") + 1
    if not tail[at:].startswith(b"T|"):
        raise Unreadable("no trailer: the file ends before its last line, or something follows it")
    return parse_trailer(tail[at:]), start + at

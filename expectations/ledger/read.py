"""A ledger's files to arrays, sorted by account and date. Files are streamed; a row keeps a few integers, not its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from expectations.ledger.mapping import ColumnRef, FileFormat, Mapping
from expectations.ledger.parse import EPOCH, Block, parse
from expectations.ledger.text import Recoder, opened, split_line
from lake.errors import ConfigError, ContractBroken

BLOCK_BYTES = 8 << 20
SHOWN = 5


@dataclass
class Ledger:
    """Rows sorted by (account, date, position in the files). Money is in minor units, days count from 1970-01-01.

    `account` holds positions in `accounts`; `kept` the text columns asked for, in the same order as the rows.
    """

    mapping: Mapping
    accounts: list[str]
    account: np.ndarray
    day: np.ndarray
    signed: np.ndarray
    balance: np.ndarray
    order: np.ndarray | None
    kept: pa.Table

    def __len__(self) -> int:
        return len(self.day)

    def date_of(self, day: int) -> date:
        """A day number as a date."""
        return (EPOCH + np.timedelta64(int(day), "D")).astype(date)


@dataclass
class _Gathered:
    """Blocks read so far and the rows that do not parse."""

    blocks: list[Block] = field(default_factory=list)
    accounts: list[pa.Array] = field(default_factory=list)
    kept: list[pa.Table] = field(default_factory=list)
    bad: int = 0
    shown: list[str] = field(default_factory=list)

    def refuse(self, url: str, line: int, why: str) -> None:
        self.bad += 1
        self.shown.append(f"{url} line {line}: {why}")


def read_ledger(mapping: Mapping, files: Sequence[str], *, until: date | None = None, keep: Sequence[str] = ()) -> Ledger:
    """Read and parse `files` (paths or fsspec URLs) as one ledger, rows after `until` left out.

    Raises ConfigError when a column is absent, ContractBroken (exit code 13) when a file is empty or damaged or when
    rows do not parse, naming the first of them: a sum over the rest would say nothing about the ledger.
    """
    got = _Gathered()
    for url in files:
        _read_file(mapping, url, keep, got)
    if got.bad:
        first = "\n  ".join(got.shown[:SHOWN])
        raise ContractBroken(f"{got.bad} rows of the ledger do not parse; nothing was checked. The first:\n  {first}")
    return _sorted(mapping, got, until)


def _columns_of(mapping: Mapping, names: list[str], keep: Sequence[str], url: str) -> dict[ColumnRef, int]:
    """Position of every column needed."""
    needed: list[ColumnRef] = [*mapping.columns.named(), *keep]
    places: dict[ColumnRef, int] = {}
    for ref in dict.fromkeys(needed):
        found = [ref - 1] if isinstance(ref, int) and ref <= len(names) else [i for i, n in enumerate(names) if n == ref]
        if len(found) != 1:
            problem = "is absent" if not found else f"appears {len(found)} times"
            have = ", ".join(names) if mapping.file.header else f"{len(names)} columns without a header"
            raise ConfigError(f"{url}: column {ref!r} of the mapping {mapping.bank_id} {problem}. Columns found: {have}.")
        places[ref] = found[0]
    return places


def _read_file(mapping: Mapping, url: str, keep: Sequence[str], got: _Gathered) -> None:
    with opened(url, mapping.file.encoding) as text:
        first = text.first_line()
        if not first.strip():
            raise ContractBroken(f"the ledger {url} is empty: expected {'a header and ' if mapping.file.header else ''}rows")
        names = split_line(first, mapping.file)
        places = _columns_of(mapping, names, keep, url)
        ragged: list[tuple[int, str]] = []
        rows, offset = 0, 2 if mapping.file.header else 1
        bad: list[tuple[int, str]] = []
        for batch in _batches(text, mapping.file, len(names), sorted(set(places.values())), ragged, url):
            block = parse({ref: batch.column(f"c{i}") for ref, i in places.items()}, mapping)
            bad += [(rows + i, why) for i, why in sorted(block.bad.items())]
            rows += batch.num_rows
            _gather(got, block, batch, places, mapping, keep)
        if not rows and not ragged:
            raise ContractBroken(f"the ledger {url} has a header and no rows")
        lines = sorted(n for n, _ in ragged)
        problems = dict(ragged) | {_line(i + offset, lines): why for i, why in bad}
        problems |= dict.fromkeys(text.garbage, f"not valid {mapping.file.encoding}")
        for line, why in sorted(problems.items()):
            got.refuse(url, line, why)


def _line(line: int, skipped: list[int]) -> int:
    """Line of the file when the lines `skipped` (ascending) were left out of the count."""
    for other in skipped:
        if other <= line:
            line += 1
    return line


def _batches(
    text: Recoder, form: FileFormat, width: int, places: list[int], ragged: list[tuple[int, str]], url: str
) -> Iterator[pa.RecordBatch]:
    """Blocks of rows, all columns as text; rows with another number of fields go to `ragged`."""

    def other_width(row: pacsv.InvalidRow) -> str:
        ragged.append((row.number, f"{row.actual_columns} fields, expected {row.expected_columns}"))
        return "skip"

    names = [f"c{i}" for i in range(width)]
    wanted = [names[i] for i in places]
    try:
        reader = pacsv.open_csv(
            pa.PythonFile(text, mode="r"),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=int(form.header)),
            parse_options=pacsv.ParseOptions(
                delimiter=form.delimiter, quote_char=form.quote, ignore_empty_lines=False, invalid_row_handler=other_width
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted,
                column_types={n: pa.string() for n in wanted},
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
        yield from reader
    except pa.ArrowInvalid as e:
        if "Empty CSV" not in str(e):
            raise ContractBroken(f"the ledger {url} cannot be split into rows and fields: {e}") from e


def _gather(
    got: _Gathered, block: Block, batch: pa.RecordBatch, places: dict[ColumnRef, int], mapping: Mapping, keep: Sequence[str]
) -> None:
    parts = [batch.column(f"c{places[ref]}") for ref in mapping.columns.account]
    account = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")
    if block.blank.any():
        use = ~block.blank
        for name in ("day", "signed", "balance", "order"):
            values = getattr(block, name)
            setattr(block, name, None if values is None else values[use])
        account, batch = account.filter(pa.array(use)), batch.filter(pa.array(use))
    got.blocks.append(block)
    got.accounts.append(account.dictionary_encode())
    got.kept.append(pa.table({name: batch.column(f"c{places[name]}") for name in keep}))


def _sorted(mapping: Mapping, got: _Gathered, until: date | None) -> Ledger:
    whole = pa.chunked_array(got.accounts).unify_dictionaries().combine_chunks()
    coded = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    names = coded.dictionary.to_pylist()
    rank = np.empty(len(names), dtype=np.int32)
    ordered = sorted(range(len(names)), key=lambda i: (len(names[i]) if names[i].isdigit() else 1 << 30, names[i]))
    rank[ordered] = np.arange(len(names), dtype=np.int32)
    account = rank[coded.indices.to_numpy(zero_copy_only=False)]
    day, signed, balance = (np.concatenate([getattr(b, x) for b in got.blocks]) for x in ("day", "signed", "balance"))
    order = np.concatenate([b.order for b in got.blocks if b.order is not None]) if mapping.columns.order is not None else None
    rows = np.lexsort((np.arange(len(day)), *(() if order is None else (order,)), day, account))
    if until is not None:
        rows = rows[day[rows] <= (np.datetime64(until, "D") - EPOCH).astype(int)]
    kept = pa.concat_tables(got.kept).take(pa.array(rows)) if got.kept and got.kept[0].num_columns else pa.table({})
    return Ledger(
        mapping, [names[i] for i in ordered], account[rows], day[rows], signed[rows], balance[rows],
        None if order is None else order[rows], kept,
    )  # fmt: skip

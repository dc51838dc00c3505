"""What the pulls of tax, court, registry and loans share: the window of changes, staging, bad records, the ledger."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest import ledger, staging, typed
from jobs.ingest.entry import party
from jobs.ingest.outside import PARTY, UPDATED, Outside, bad_schema, tables_of
from jobs.runner import Report
from lake import vault
from lake.clock import SHANGHAI, cut_off
from lake.errors import ContractBroken, SourceUnavailable
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """Changes asked for: after `since` (None: from the beginning), up to and including `until`; naive Shanghai times."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class Page:
    """Some records of one table: columns by the source's names, how many, and the bytes they took."""

    columns: dict[str, typed.Values]
    rows: int
    bytes: int


Reader = Callable[[Outside, Window], Iterator[Page]]


def pull_source(settings: Settings, source: str, as_of: date, history: bool, read: Reader) -> Report:
    """Stage everything a source has changed in the window of night `as_of`, table by table; all of it or nothing.

    A source that does not answer, or not as agreed, is recorded as FAILED and raised: the watermark stays where it was.
    """
    window = Window(None if history else ledger.watermark(settings, source, source, as_of), cut_off(as_of))
    target = staging.night_folder(settings, source, as_of)
    writer = _Writer(settings, source, as_of, history, window)
    try:
        with staging.stage(settings, target) as stage:
            units = [writer.table(stage, spec, read(spec, window)) for spec in tables_of(source)]
            vault.keep(settings, writer.tokenizer, source, as_of)
            stage.close({"source": source, "as_of": as_of, "is_history": history, "since": window.since, "until": window.until})
    except (SourceUnavailable, ContractBroken) as e:
        failed = [ledger.Unit(spec.name, "FAILED", message=str(e)) for spec in tables_of(source)]
        ledger.record(settings, [ledger.Pull(source, source, as_of, history, window.since, tuple(failed), "")])
        raise
    folder = str(target.relative_to(settings.home))
    ledger.record(settings, [ledger.Pull(source, source, as_of, history, window.since, tuple(units), folder)])
    rows = {u.name: u.rows for u in units}
    return Report(sum(rows.values()), {"rows": rows, "bad_records": writer.bad, "since": window.since}, nothing=not any(rows.values()))


class _Writer:
    """Writes the pages of each table, numbering records through."""

    def __init__(self, settings: Settings, source: str, as_of: date, history: bool, window: Window) -> None:
        self.bad = 0
        self._as_of, self._history, self._window = as_of, history, window
        self._pull_id = ledger.pull_id(source, source, as_of)
        self.tokenizer = Tokenizer(load_key(settings), settings.token_hash)

    def table(self, stage: staging.Stage, spec: Outside, pages: Iterator[Page]) -> ledger.Unit:
        """Stage the pages of one table; returns its line of the ledger."""
        out = stage.table(spec.name, spec.schema)
        size = count = number = bad_rows = 0
        for page in pages:
            columns, bad = typed.page(page.columns, spec, self.tokenizer)
            self._in_window(columns[UPDATED], spec)
            numbers = np.arange(number + 1, number + page.rows + 1)
            keep = np.ones(page.rows, bool)
            keep[list(bad)] = False
            columns["pull_id"] = pa.repeat(self._pull_id, page.rows)
            columns["record_no"] = pa.array(numbers, pa.int64())
            rows = pa.RecordBatch.from_arrays([columns[n] for n in spec.schema.names], names=spec.schema.names)
            kept = rows.filter(pa.array(keep)) if bad else rows
            out.write(pa.Table.from_batches([kept]).cast(spec.schema))
            if bad:
                broken = [self._broken(spec, page, i, reason, columns, int(numbers[i])) for i, reason in sorted(bad.items())]
                stage.table(f"{spec.name}.bad", bad_schema()).write(pa.Table.from_pylist(broken, bad_schema()))
            size, count, number, bad_rows = size + page.bytes, count + 1, number + page.rows, bad_rows + len(bad)
        self.bad += bad_rows
        note = f"{bad_rows} records do not read, see {spec.name}.bad" if bad_rows else None
        return ledger.Unit(spec.name, "DONE" if number else "NOTHING", out.rows, count, size, note)

    def _in_window(self, updated: pa.Array, spec: Outside) -> None:
        """What was not asked for would be known too early; a source that sends it does not keep to the window."""
        if updated.null_count == len(updated):
            return
        bounds = pc.min_max(updated).as_py()
        low, high = (bounds[k].astimezone(SHANGHAI).replace(tzinfo=None) for k in ("min", "max"))
        since, until = self._window.since, self._window.until
        if high > until or (since is not None and low <= since):
            raise ContractBroken(
                f"{spec.source} table {spec.name}: changes after {since} up to {until} were asked for, changes of {low} to {high} came. "
                f"The source does not keep to updated_since and updated_until."
            )

    def _broken(self, spec: Outside, page: Page, i: int, reason: str, columns: dict[str, pa.Array], number: int) -> dict[str, Any]:
        record = {}
        for field in spec.fields:
            values = page.columns[field.raw]
            value = values[i].as_py() if isinstance(values, pa.Array) else values[i]
            if field.token is not None and value is not None:
                text = str(value)
                value = self.tokenizer.token(party(text) if field.token == PARTY else field.token, text)
            record[field.name] = value
        return {
            "source": spec.source, "table_name": spec.name, "pull_id": self._pull_id, "record_no": number,
            "payload": json.dumps(record, ensure_ascii=True, default=str), "updated_at": columns[UPDATED][i].as_py(),
            "is_history": self._history, "as_of": self._as_of, "reason": reason,
        }  # fmt: skip

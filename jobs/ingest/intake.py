"""Taking one delivery after the other: fetch, verify, unpack, read, stage. A bad one becomes a row that says why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pyarrow as pa

from jobs.ingest.bank_files import BankFile
from jobs.ingest.deliveries import Delivery, Seen, already
from jobs.ingest.entry import with_tokens
from jobs.ingest.gunzip import Unreadable, gunzip
from jobs.ingest.header import check_header
from jobs.ingest.landing import IN_MEMORY, Landing
from jobs.ingest.ledger import instant
from jobs.ingest.manifest import DIGESTS, Total
from jobs.ingest.names import SUFFIX, submission_id
from jobs.ingest.staging import Stage, writing
from lake.arrow import arrow_schema
from lake.schemas.bank import FILE_FIELDS
from lake.settings import LimitSettings
from lake.tables import table
from lake.tokens import Tokenizer

SCHEMAS = {t: arrow_schema(table(f"bronze.bank_{t.lower()}")) for t in FILE_FIELDS}
FILE_SCHEMA = arrow_schema(table("bronze.bank_file"))
TOTAL_SCHEMA = arrow_schema(table("bronze.bank_file_total"))
ROW_FACTS = (
    "bank_id", "submission_id", "file_name", "file_type", "from_date", "to_date", "version", "mode", "sent_at", "is_history", "as_of",
)  # fmt: skip
UNKNOWN_TYPE = "UNKNOWN"


@dataclass(frozen=True)
class Sender:
    """Whose folder is read, for which night. `known` is False for a folder of no bank in the reference table."""

    bank: str
    as_of: date
    history: bool
    known: bool


class Intake:
    """Takes the deliveries of one bank and remembers them, so that a second copy is known as one."""

    def __init__(
        self, sender: Sender, limits: LimitSettings, landing: Landing, stage: Stage, seen: list[Seen], tokenizer: Tokenizer
    ) -> None:
        self.files: list[dict[str, Any]] = []
        self._sender, self._limits, self._landing, self._stage = sender, limits, landing, stage
        self._before, self._seen, self._tokenizer = tuple(seen), list(seen), tokenizer

    def take(self, delivery: Delivery) -> None:
        """Fetch a delivery, read it if it may be read, and keep its facts."""
        m, found = delivery.manifest, delivery.found
        algorithm = DIGESTS[m.digest_alg] if m else "sha256"
        spool, digest = self._landing.fetch(found, algorithm, self._limits.max_file_bytes, self._stage.folder)
        try:
            if already(digest, delivery, self._before):
                return
            facts = self._facts(delivery, digest)
            may_read = facts["duplicate_of"] is None and m is not None and digest == m.digest
            if facts["duplicate_of"] is None:
                facts["read_error"] = self._refusal(delivery, facts)
            if may_read and facts["read_error"] is None:
                facts["read_error"] = "larger than a file may be" if spool is None else self._read(delivery, spool, facts)
        finally:
            if spool is not None:
                spool.close()
        self.files.append(facts)
        good = may_read and facts["read_error"] is None
        sent_at = m.sent_at if m else None
        self._seen.append(
            Seen(found.name, facts["submission_id"], delivery.manifest_status, facts["digest_expected"], digest, found.size, sent_at, good)
        )

    def _facts(self, delivery: Delivery, digest: str) -> dict[str, Any]:
        """The row of `bronze.bank_file` before the content is looked at: what name and manifest say."""
        name, m, sender = delivery.name, delivery.manifest, self._sender
        first = m.first if m else name.first if name else None
        copies = [s.submission_id for s in self._seen if s.good and s.digest_actual == digest]
        identity = delivery.found.base.removesuffix(SUFFIX)[:120]
        if name is not None and first is not None:
            identity = submission_id(name.bank, name.file_type, first, name.version)
        return {
            "bank_id": sender.bank, "submission_id": identity, "file_name": delivery.found.name,
            "file_type": name.file_type if name else UNKNOWN_TYPE, "from_date": first,
            "to_date": m.last if m else name.last if name else None, "version": name.version if name else None,
            "mode": m.mode if m else None, "sent_at": instant(m.sent_at) if m else None,
            "manifest_status": delivery.manifest_status, "read_error": None, "digest_alg": m.digest_alg if m else None,
            "digest_expected": m.digest if m else None, "digest_actual": digest, "duplicate_of": copies[0] if copies else None,
            "size_bytes": delivery.found.size, "rows_body": None, "rows_bad": None, "rows_trailer": None,
            "rows_manifest": m.rows if m else None, "encoding": None, "signer": m.signer if m else None, "manifest": m.text if m else None,
             "is_history": sender.history, "as_of": sender.as_of,
        }  # fmt: skip

    def _refusal(self, delivery: Delivery, facts: dict[str, Any]) -> str | None:
        """Why the content is not even opened."""
        if not self._sender.known:
            return "unknown bank: the folder's name is not in the reference table of banks"
        if delivery.problem is not None:
            return delivery.problem
        if any(s.good and s.submission_id == facts["submission_id"] for s in self._seen):
            return "version: this version was received before with other content; a correction is the next version"
        return None

    def _read(self, delivery: Delivery, spool: IO[bytes], facts: dict[str, Any]) -> str | None:
        """Unpack and stage the rows; the reason when the content cannot be read, and then none of it is staged."""
        assert delivery.name is not None and delivery.manifest is not None
        file_type = delivery.name.file_type
        with SpooledTemporaryFile(IN_MEMORY, dir=str(self._stage.folder)) as content:
            try:
                with writing(self._stage.folder):
                    gunzip(spool, content, max_bytes=self._limits.max_file_bytes, max_ratio=self._limits.max_ratio)
                file = BankFile(content, file_type, self._limits.max_line_bytes)
                check_header(file.header, delivery.name, delivery.manifest)
            except Unreadable as e:
                return str(e)
            writer = self._stage.table(f"bank_{file_type.lower()}", SCHEMAS[file_type])
            for rows in file.batches():
                writer.write(self._complete(rows, file_type, facts))
        self._totals(facts, "TRAILER", file.trailer.totals)
        self._totals(facts, "MANIFEST", delivery.manifest.totals)
        body = file.body
        facts |= {"rows_body": body.rows, "rows_bad": body.bad, "rows_trailer": file.trailer.rows, "encoding": body.encoding}
        return None

    def _complete(self, rows: pa.Table, file_type: str, facts: dict[str, Any]) -> pa.Table:
        """Rows as read, with tokens and with the facts of their file, in the schema of the bronze table."""
        schema = SCHEMAS[file_type]
        added: dict[str, Any] = dict(zip(rows.column_names, rows.columns)) | with_tokens(rows, file_type, self._tokenizer)
        for name in ROW_FACTS:
            added[name] = pa.repeat(pa.scalar(facts[name], schema.field(name).type), rows.num_rows)
        return pa.table([added[name] for name in schema.names], schema=schema)

    def _totals(self, facts: dict[str, Any], stated_by: str, totals: Iterable[Total]) -> None:
        rows = [
            {
                "submission_id": facts["submission_id"], "bank_id": facts["bank_id"], "stated_by": stated_by, "currency": t.currency,
                "dr_cr": t.dr_cr, "row_cnt": t.rows, "amount": t.amount, "as_of": facts["as_of"],
            }
            for t in totals
        ]  # fmt: skip
        self._stage.table("bank_file_total", TOTAL_SCHEMA).write(pa.Table.from_pylist(rows, TOTAL_SCHEMA))

"""A checked ledger into staging: what the pull of a bank's monthly history files would have left there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from expectations import references
from expectations.ledger import derive
from expectations.ledger.continuity import Continuity
from expectations.ledger.read import Ledger
from expectations.ledger.text import opened_raw
from jobs.ingest import staging
from jobs.ingest.bank import target_folder
from jobs.ingest.entry import with_tokens
from jobs.ingest.intake import FILE_SCHEMA, ROW_FACTS, SCHEMAS, TOTAL_SCHEMA
from jobs.ingest.ledger import instant
from lake import vault
from lake.clock import month_end
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

SENT_AT = time(2)
"""A month's file counts as sent at 02:00 of the day after its last day."""


def stage_ledger(settings: Settings, ledger: Ledger, found: Continuity, files: Sequence[str], as_of: date) -> dict[str, int]:
    """Write the bank's staging folder for night `as_of`; returns rows by file type."""
    load, bank = ledger.mapping.load, ledger.mapping.bank_id
    assert load is not None
    sources = {
        "ACCT": derive.accounts(ledger, found, load),
        "BAL": derive.balances(ledger, found, load, as_of),
        "TXN": derive.transactions(ledger, found, load, purpose_codes()),
    }
    tokenizer, digest = Tokenizer(load_key(settings), settings.token_hash), source_digest(files)
    with staging.stage(settings, target_folder(settings, bank, as_of)) as stage:
        for file_type, schema in SCHEMAS.items():
            stage.table(f"bank_{file_type.lower()}", schema)
        names = []
        for file_type, (rows, months) in sources.items():
            for month, part in derive.by_month(rows, months):
                facts = _facts(bank, file_type, month, as_of, part.num_rows, digest)
                stage.table(f"bank_{file_type.lower()}", SCHEMAS[file_type]).write(_complete(part, file_type, facts, tokenizer))
                stage.table("bank_file", FILE_SCHEMA).write(pa.Table.from_pylist([facts], FILE_SCHEMA))
                stage.table("bank_file_total", TOTAL_SCHEMA).write(
                    pa.Table.from_pylist(list(_totals(part, file_type, facts)), TOTAL_SCHEMA)
                )
                names.append(facts["file_name"])
        vault.keep(settings, tokenizer, f"flows-{target_folder(settings, bank, as_of).name}", as_of)
        stage.close({"source": "flows", "bank": bank, "as_of": as_of, "is_history": True, "files": names})
    return {t: rows.num_rows for t, (rows, _) in sources.items()}


def purpose_codes() -> derive.Codes:
    """(category, side) -> the first purpose code of conf/ref/ref_purpose_rule.csv that says it."""
    codes: derive.Codes = {}
    for rule in references.rows("ref_purpose_rule"):
        if rule["codes"] and not rule["kind"]:
            codes.setdefault((rule["category"], rule["side"]), rule["codes"].split(";")[0])
    return codes


def source_digest(files: Sequence[str]) -> str:
    """SHA-256 over the bytes of the ledger's files, in order."""
    digest = sha256()
    for url in files:
        with opened_raw(url) as raw:
            while block := raw.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _facts(bank: str, file_type: str, month: date, as_of: date, rows: int, digest: str) -> dict[str, Any]:
    """The row of `bronze.bank_file` of one month: there was no manifest and no trailer, so what they would state is what was found."""
    last = min(month_end(month), as_of)
    submission = f"{bank}_{file_type}_{month:%Y%m}_v00"
    own = sha256(f"{digest} {submission}".encode()).hexdigest()
    return {
        "bank_id": bank, "submission_id": submission, "file_name": f"{submission} of {digest[:12]}", "file_type": file_type,
        "from_date": month, "to_date": last, "version": 0, "mode": "FULL",
        "sent_at": instant(datetime.combine(last + timedelta(days=1), SENT_AT)), "manifest_status": "OK", "read_error": None,
        "digest_alg": "SHA-256", "digest_expected": own, "digest_actual": own, "duplicate_of": None, "size_bytes": 0, "rows_body": rows,
        "rows_bad": 0, "rows_trailer": rows, "rows_manifest": rows, "encoding": "utf-8", "is_history": True, "as_of": as_of,
    }  # fmt: skip


def _complete(rows: pa.Table, file_type: str, facts: dict[str, Any], tokenizer: Tokenizer) -> pa.Table:
    """Rows in the schema of the bronze table, with tokens and the facts of their file."""
    schema = SCHEMAS[file_type]
    columns: dict[str, Any] = dict(zip(rows.column_names, rows.columns, strict=True)) | with_tokens(rows, file_type, tokenizer)
    for name in ROW_FACTS:
        columns[name] = pa.repeat(pa.scalar(facts[name], schema.field(name).type), rows.num_rows)
    columns["row_no"] = pa.array(range(2, rows.num_rows + 2), pa.int64())
    for name in ("raw", "parse_error"):
        columns[name] = pa.nulls(rows.num_rows, pa.string())
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _totals(rows: pa.Table, file_type: str, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Count and sum per side, as trailer and manifest would state them."""
    sides = rows["dr_cr"] if file_type == "TXN" else pa.repeat(pa.scalar("C"), rows.num_rows)
    amounts = {"TXN": "amount", "BAL": "closing"}
    for side in ("C", "D") if file_type == "TXN" else ("C",):
        chosen = rows.filter(pc.equal(sides, side))
        exact = chosen[amounts[file_type]].cast(pa.decimal128(38, 4)) if file_type in amounts else None
        total = Decimal(0) if exact is None else pc.sum(exact).as_py() or Decimal(0)
        for stated_by in ("TRAILER", "MANIFEST"):
            yield {
                "submission_id": facts["submission_id"], "bank_id": facts["bank_id"], "stated_by": stated_by, "currency": rows["currency"][0].as_py(),
                "dr_cr": side, "row_cnt": chosen.num_rows, "amount": str(total), "as_of": facts["as_of"],
            }  # fmt: skip

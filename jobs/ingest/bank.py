"""Pulling one bank's files of a night into its staging folder. Runs in a process of its own; imports no Spark."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.ingest import staging
from jobs.ingest.deliveries import Delivery, Seen
from jobs.ingest.intake import FILE_SCHEMA, SCHEMAS, TOTAL_SCHEMA, Intake, Sender
from jobs.ingest.landing import Landing
from lake import vault
from lake.settings import Settings
from lake.tokens import Tokenizer


@dataclass(frozen=True)
class BankJob:
    """One bank's pull: who, which night, what it takes, what was received before, and the token key."""

    settings: Settings
    sender: Sender
    deliveries: tuple[Delivery, ...]
    remarks: tuple[str, ...]
    seen: tuple[Seen, ...]
    key: bytes = field(repr=False)

    @property
    def bytes(self) -> int:
        return sum(d.found.size for d in self.deliveries)


@dataclass
class BankPull:
    """What one bank's pull staged: its files' rows of `bronze.bank_file`, rows by table, remarks for the operator."""

    bank: str
    folder: str
    files: list[dict[str, Any]]
    rows: dict[str, int]
    remarks: tuple[str, ...]


def safe_folder(bank: str) -> str:
    """Name of a bank's staging folder: the bank's code, or a digest of what a stranger called his folder."""
    plain = bank.isascii() and bank.replace("_", "").replace("-", "").isalnum() and len(bank) <= 32
    return bank if plain else "x" + sha256(bank.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def target_folder(settings: Settings, bank: str, as_of: date) -> Path:
    """Staging folder of a bank's night."""
    return staging.bank_folder(settings, as_of, safe_folder(bank))


def pull_bank(job: BankJob) -> BankPull:
    """Fetch, verify, read and stage what the bank has sent; files that cannot be read become rows that say why.

    Raises SourceUnavailable when the folder cannot be reached, ConfigError when staging cannot be written.
    """
    sender, settings = job.sender, job.settings
    landing = Landing(settings)
    target = target_folder(settings, sender.bank, sender.as_of)
    with staging.stage(settings, target) as stage:
        for file_type, schema in SCHEMAS.items():
            stage.table(f"bank_{file_type.lower()}", schema)
        stage.table("bank_file_total", TOTAL_SCHEMA)
        tokenizer = Tokenizer(job.key, settings.token_hash)
        intake = Intake(sender, settings.limits, landing, stage, list(job.seen), tokenizer)
        for delivery in job.deliveries:
            intake.take(delivery)
        stage.table("bank_file", FILE_SCHEMA).write(pa.Table.from_pylist(intake.files, FILE_SCHEMA))
        vault.keep(settings, tokenizer, f"flows-{target.name}", sender.as_of)
        names = [f["file_name"] for f in intake.files]
        stage.close({"source": "flows", "bank": sender.bank, "as_of": sender.as_of, "is_history": sender.history, "files": names})
    return BankPull(sender.bank, target.name, intake.files, stage.rows(), job.remarks)

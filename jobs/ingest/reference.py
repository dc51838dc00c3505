"""The two reference tables a pull needs: which banks there are, and what each must send."""

from __future__ import annotations

import csv
from pathlib import Path

from lake import settings as conf
from lake.errors import ConfigError

DAILY = ("D", "DAILY")


def known_banks() -> frozenset[str]:
    """Banks of `conf/ref/ref_bank.csv`."""
    return frozenset(r["bank_id"] for r in _rows(conf.ref_path("ref_bank"), "bank_id"))


def due_daily() -> dict[str, frozenset[str]]:
    """File types each bank owes for every day, by `conf/ref/ref_submission_plan.csv`; empty without that table."""
    path = conf.CONF / "ref" / "ref_submission_plan.csv"
    due: dict[str, set[str]] = {}
    for row in _rows(path, "bank_id", "file_type", "frequency") if path.is_file() else []:
        if row["frequency"].upper() in DAILY:
            due.setdefault(row["bank_id"], set()).add(row["file_type"])
    return {bank: frozenset(types) for bank, types in due.items()}


def _rows(path: Path, *needed: str) -> list[dict[str, str]]:
    """Rows of a reference table; lines that start with # name its source."""
    with path.open(encoding="utf-8-sig", newline="") as f:
        reader = csv.DictReader(line for line in f if not line.startswith("#"))
        missing = set(needed) - set(reader.fieldnames or ())
        if missing:
            raise ConfigError(f"{path}: column {', '.join(sorted(missing))} is missing; found {', '.join(reader.fieldnames or ())}")
        return list(reader)

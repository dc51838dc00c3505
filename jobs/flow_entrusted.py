"""Account-days of accounts that are not entrusted to the platform (V20): their rows are counted and kept out, not parked."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.references import FAR
from jobs.flow_night import Night
from lake.errors import ConfigError
from lake.io import local_rows
from lake.settings import ROOT
from lake.tokens import Tokenizer, load_key

COLUMNS = ("account_no", "consent_no", "valid_from", "valid_to")
"""Columns of a list: the account, the consent by which it is entrusted, and the dates from and up to (not including) which it is."""


def untrusted(n: Night, account_day: DataFrame) -> DataFrame | None:
    """The view untrusted: rows of `account_day` that came tonight of accounts that their bank's list does not entrust on the day.

    None when there are no such rows. A bank without a list in `sources.entrusted` may deliver every account. Raises ConfigError for a list that does not read.
    """
    folder = ROOT / n.lake.settings.sources.entrusted
    lists = {bank: folder / f"{bank}.csv" for bank in sorted({f["bank_id"] for f in n.files}) if (folder / f"{bank}.csv").is_file()}
    if not lists:
        return None
    tokens = Tokenizer(load_key(n.lake.settings), n.lake.settings.token_hash)
    held = [(bank, *row) for bank, path in lists.items() for row in _entrusted(path, tokens)]
    entrusted = local_rows(n.lake.spark, held, "bank_id string, account_id string, valid_from date, valid_to date").alias("e")
    of_lists = account_day.where(F.col("bank_id").isin(*lists)).where("(has_bal AND fresh_bal) OR (has_txn AND fresh_txn)").alias("d")
    on = "d.bank_id = e.bank_id AND d.account_id = e.account_id AND d.biz_date >= e.valid_from AND d.biz_date < e.valid_to"
    found = of_lists.join(F.broadcast(entrusted), F.expr(on), how="left_anti")
    saved = n.scratch.save("untrusted", found)
    return saved if n.scratch.rows("untrusted") else None


def _entrusted(path: Path, tokens: Tokenizer) -> Iterable[tuple[str, date, date]]:
    """Token, first day and end of every row of a list."""
    with path.open(encoding="utf-8", newline="") as f:
        reader = csv.DictReader(line for line in f if not line.startswith("#"))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ConfigError(f"{path}: expected the columns {', '.join(COLUMNS)}; found {', '.join(reader.fieldnames or ['nothing'])}")
        rows = list(reader)
    spans = []
    for k, r in enumerate(rows, 1):
        try:
            spans.append((date.fromisoformat(r["valid_from"]), date.fromisoformat(r["valid_to"]) if r["valid_to"] else FAR))
        except (TypeError, ValueError):
            raise ConfigError(f"{path}, row {k}: expected dates as 2026-09-14 in valid_from and valid_to (empty: without end)") from None
    ids = tokens.tokens("account", [r["account_no"] for r in rows])
    return [(account, *span) for account, span in zip(ids, spans, strict=True)]

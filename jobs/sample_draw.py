"""`sample commit` and `sample draw`: promise a seed before a month closes; draw every bank's sample after it, and export it.

The seed stays in `keys/` (readable by its owner) until the draw publishes it. What a bank is sent names its transactions and
no value of ours: it answers from its vouchers, not from our file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import secrets
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from expectations import sampling
from expectations.sampling import Frame
from jobs.dq_known import known
from jobs.runner import Report
from lake import signatures, store
from lake.clock import closed_on, month_end
from lake.errors import ConfigError, UsageError
from lake.settings import Settings

Row = dict[str, Any]
EXPORT = ("position", "txn_no", "sub_no", "biz_date")
SEED_BYTES = 32


def seed_file(settings: Settings, month: date) -> Path:
    """Where the seed of a month is kept until it is drawn."""
    return settings.home / "keys" / f"sample-{month:%Y-%m}.seed"


def folder(settings: Settings, bank: str) -> Path:
    """Where a bank finds its samples."""
    return settings.folder("samples") / bank


def rows_of(settings: Settings, name: str, month: date, night: date) -> list[Row]:
    """Rows of a sample table about `month` that nights up to `night` wrote, oldest first."""
    rows = store.read(settings, name).to_pylist()
    return sorted((r for r in rows if r["month"] == month and r["as_of"] <= night), key=lambda r: r["as_of"])


def commit(settings: Settings, month: date, as_of: date) -> Report:
    """Make the month's seed and publish its sha256; the promise of a month is made once. UsageError once the month is closed."""
    if rows_of(settings, "dq.sample_seed", month, date.max):
        return Report(nothing=True)
    if as_of >= closed_on(month):
        raise UsageError(f"month {month:%Y-%m} closed on {closed_on(month)}: a seed must be promised before, {as_of} is too late.")
    file = seed_file(settings, month)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_hex(SEED_BYTES))
    except FileExistsError:
        pass  # made before, by a run that was stopped before it could publish
    row = {"month": month, "commitment": sampling.commitment(_seed(settings, month)), "as_of": as_of}
    store.replace(settings, "dq.sample_seed", store.rows_of("dq.sample_seed", [row]), None)
    return Report(1, {"commitment": row["commitment"]})


def _seed(settings: Settings, month: date) -> bytes:
    file = seed_file(settings, month)
    if not file.is_file():
        raise ConfigError(f"{file} is missing: the sample of {month:%Y-%m} was promised with it. Restore it from the backup of keys/.")
    try:
        seed = bytes.fromhex(file.read_text().strip())
    except ValueError as e:
        raise ConfigError(f"{file} is not hexadecimal text; expected the seed of {SEED_BYTES} bytes") from e
    if len(seed) != SEED_BYTES:
        raise ConfigError(f"{file} has {len(seed)} bytes; expected {SEED_BYTES}. Restore it from the backup of keys/.")
    return seed


def draw(settings: Settings, month: date, as_of: date) -> Report:
    """Draw the month's sample of every bank; a month is drawn once. UsageError before it is closed or without a promise."""
    if as_of < closed_on(month):
        raise UsageError(f"month {month:%Y-%m} closes on {closed_on(month)}; a sample is drawn from then on, not on {as_of}.")
    if any(r["as_of"] != as_of for r in rows_of(settings, "dq.sample", month, date.max)):
        return Report(nothing=True)
    promised = rows_of(settings, "dq.sample_seed", month, as_of)
    if not promised:
        raise UsageError(f"no seed was promised for {month:%Y-%m}: run `liushui sample commit --month <next>` before a month closes.")
    seed = _seed(settings, month)
    if sampling.commitment(seed) != promised[0]["commitment"]:
        raise ConfigError(f"{seed_file(settings, month)} is not the seed that was promised (sha256 {promised[0]['commitment']}).")
    samples, items = [], []
    for bank, rows in frames(settings, month, as_of).items():
        tight = sampling.tightened(_decisions(settings, bank, month, as_of))
        found = sampling.draw(seed, (Frame(r["txn_key"], abs(r["amt_cny_fen"]), r["reversal_flag"] == "R") for r in rows.values()),
                              sampling.TIGHT if tight else sampling.NORMAL)  # fmt: skip
        chosen = [{"position": k, **rows[key], "stratum": stratum} for k, (key, stratum) in enumerate(found.items, 1)]
        sample = {
            "bank_id": bank, "month": month, "plan": "TIGHT" if tight else "NORMAL", "allowed": sampling.ALLOWED, "frame_rows": len(rows),
            "population": found.population, "random_rows": found.random, "sampled": len(chosen), "commitment": promised[0]["commitment"],
            "seed": seed.hex(), "as_of": as_of,
        }  # fmt: skip
        sample["export_digest"] = export(settings, sample, chosen)
        samples.append(sample)
        items += [{n: r[n] for n in ("position", "txn_key", "stratum")} | {"bank_id": bank, "month": month, "as_of": as_of} for r in chosen]
    if not samples:
        return Report(nothing=True)
    where = f"as_of = DATE '{as_of}' AND month = DATE '{month}'"
    store.replace(settings, "dq.sample_item", store.rows_of("dq.sample_item", items), where)
    store.replace(settings, "dq.sample", store.rows_of("dq.sample", samples), where)
    return Report(len(items), {"sampled": {s["bank_id"]: s["sampled"] for s in samples}, "folder": str(settings.home / "samples")})


def frames(
    settings: Settings, month: date, night: date, columns: str = "amt_cny_fen, reversal_flag", bank: str | None = None
) -> dict[str, dict[str, Row]]:
    """bank (or one) -> txn_key -> accepted transaction of the month as known on `night`."""
    con = duckdb.connect()
    known(con, settings, "silver.acct_txn", night)
    only = "" if bank is None else "AND bank_id = $bank"
    cursor = con.execute(
        f"""SELECT bank_id, txn_key, txn_no, sub_no, biz_date, {columns} FROM acct_txn_known
            WHERE biz_date BETWEEN DATE '{month}' AND DATE '{month_end(month)}' {only}
            QUALIFY row_number() OVER (PARTITION BY txn_key ORDER BY row_version DESC, available_at DESC) = 1 ORDER BY bank_id, txn_key""",
        {} if bank is None else {"bank": bank},
    )
    names = [d[0] for d in cursor.description or []]
    found: dict[str, dict[str, Row]] = {}
    while part := cursor.fetchmany(10_000):
        for values in part:
            row = dict(zip(names, values, strict=True))
            found.setdefault(row["bank_id"], {})[row["txn_key"]] = row
    return found


def _decisions(settings: Settings, bank: str, month: date, night: date) -> list[str]:
    last: dict[date, str] = {}
    for r in sorted(store.read(settings, "dq.sample_result").to_pylist(), key=lambda r: r["as_of"]):
        if r["bank_id"] == bank and r["month"] < month and r["as_of"] <= night:
            last[r["month"]] = r["decision"]
    return [last[m] for m in sorted(last)]


def export(settings: Settings, sample: Row, chosen: list[Row]) -> str:
    """Write `<bank>/sample_<yyyymm>.csv` (UTF-8, LF, in the order of the seed) and its signed statement `.json`; returns the digest."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(EXPORT)
    out.writerows([r["position"], r["txn_no"], r["sub_no"], r["biz_date"].isoformat()] for r in chosen)
    body = text.getvalue().encode()
    digest = hashlib.sha256(body).hexdigest()
    file = folder(settings, sample["bank_id"]) / f"sample_{sample['month']:%Y%m}.csv"
    statement = {k: str(v) if isinstance(v, date) else v for k, v in sample.items()} | {"file": file.name, "export_digest": digest}
    key_id, key = signatures.platform_key(settings)
    statement = signatures.sign(key, statement | {"key": key_id})
    _write(file, body)
    _write(file.with_suffix(".json"), (json.dumps(statement, sort_keys=True, indent=1) + "\n").encode())
    return digest


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(body)
    draft.replace(path)

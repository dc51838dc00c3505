"""Signed receipts: for every delivery of a night what was received and what became of it, written back for the bank.

`<home>/feedback/<bank>/<night>/receipts/<file>.json`, signed with the platform's key (lake.signatures). No clock is read: the
night is the time, so that a rerun of the check writes the same bytes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jobs.ingest import bank_keys
from jobs.ingest.bank import safe_folder
from lake.clock import SHANGHAI
from lake.errors import ContractBroken, UsageError
from lake.settings import Settings
from lake.signatures import SIGNATURE, platform_key, public_key, sign, verify

FORM = 1
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,150}", re.ASCII)
_KEY_ID = re.compile(r"platform-[1-9][0-9]{0,5}", re.ASCII)
MAX_BYTES = 16_000_000


def folder(settings: Settings, bank: str, as_of: date) -> Path:
    """Where the receipts of a bank's night lie."""
    return settings.home / "feedback" / safe_folder(bank) / as_of.isoformat() / "receipts"


def receipt(f: dict[str, Any], verdict: str, rows: dict[str, int], refusals: list[dict[str, str]], as_of: date) -> dict[str, Any]:
    """The unsigned receipt of one row of bronze.bank_file.

    `rows` counts what became of its rows, `refusals` are the rules that refused the file whole.
    """
    sent = f["sent_at"].astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S") if f["sent_at"] else None
    return {
        "receipt": FORM, "bank_id": _text(f["bank_id"]), "file_name": _text(f["file_name"]), "submission_id": _text(f["submission_id"]),
        "sent_at": sent,
        "received_in_night": as_of.isoformat(), "size_bytes": f["size_bytes"], "digest_alg": f["digest_alg"] or "SHA-256",
        "digest": f["digest_actual"], "digest_stated": f["digest_expected"], "verdict": verdict,
        "refused_by": [{k: _text(v) for k, v in r.items()} for r in refusals], "duplicate_of": f["duplicate_of"], "rows": rows, "signer": f["signer"], "manifest": json.loads(f["manifest"]) if f["manifest"] else None,
    }  # fmt: skip


def _text(text: str) -> str:
    """Text of strangers as text that has a canonical form."""
    return text.replace("\x7f", "\\x7f")


def refusals(violations: list[Path]) -> dict[str, list[dict[str, str]]]:
    """Rules that refused a file whole, by file_key, read from the saved violations about files."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path in violations:
        for r in pq.read_table(path, columns=["rule_id", "scope_kind", "scope_key", "severity", "expected", "actual"]).to_pylist():
            if r["scope_kind"] == "FILE" and r["severity"] == "block":
                found[r["scope_key"]].append(
                    {k: r[s] or "" for k, s in (("rule", "rule_id"), ("expected", "expected"), ("found", "actual"))}
                )
    return {key: sorted(rules, key=lambda r: (r["rule"], r["found"])) for key, rules in found.items()}


def write(settings: Settings, as_of: date, receipts: list[dict[str, Any]]) -> None:
    """Sign and write the receipts of a night; what an earlier run of the same night wrote is replaced."""
    name, key = platform_key(settings)
    by_bank: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for r in receipts:
        by_bank[r["bank_id"]].append(r)
    for bank, own in by_bank.items():
        target = folder(settings, bank, as_of)
        fresh = target.with_name(".receipts.partial")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for r in own:
            text = json.dumps(sign(key, {**r, "key_id": name}), ensure_ascii=False, sort_keys=True, indent=1)
            (fresh / f"{_file_name(r)}.json").write_text(text + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def _file_name(r: dict[str, Any]) -> str:
    """The delivery's own name where it is a plain one, else a digest of it: strangers choose names."""
    given = str(r["file_name"])
    return given if _PLAIN.fullmatch(given) else "x" + sha256(f"{given}\0{r['digest']}".encode()).hexdigest()[:32]


def check(settings: Settings, path: Path, key_file: Path | None = None) -> dict[str, Any]:
    """The receipt in `path`, verified with `key_file` (PEM) or with the home's public key that it names.

    Raises UsageError when there is no such file or key, ContractBroken when the receipt is not what we signed.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file; expected a receipt, feedback/<bank>/<night>/receipts/<file>.json")
    try:
        values = json.loads(path.read_bytes() if path.stat().st_size <= MAX_BYTES else b"")
    except (ValueError, RecursionError) as e:
        raise ContractBroken(f"{path} is no receipt: not JSON in UTF-8") from e
    name = values.get("key_id") if isinstance(values, dict) else None
    if not isinstance(name, str) or not _KEY_ID.fullmatch(name):
        raise ContractBroken(f"{path} is no receipt: it names no key of the platform")
    pem = key_file or settings.home / "keys" / f"{name}.pub.pem"
    if not pem.is_file():
        raise UsageError(f"{pem} does not exist; expected the public key {name} that the receipt names. Give it with --key.")
    try:
        key = public_key(pem.read_text(encoding="utf-8", errors="replace"))
    except ValueError as e:
        raise UsageError(f"{pem} is {e}") from e
    wrong = verify(key, values)
    if wrong:
        raise ContractBroken(f"{path}: the signature of {name} is {wrong}. Do not rely on this receipt.")
    return dict(values)


def sender_signed(settings: Settings, values: dict[str, Any]) -> bool:
    """Whether a verified receipt holds a manifest that a key of the bank, as configured today, has signed."""
    keys = bank_keys.load(settings).get(str(values.get("bank_id")))
    manifest = values.get("manifest")
    return keys is not None and isinstance(manifest, dict) and SIGNATURE in manifest and keys.fault(manifest) is None

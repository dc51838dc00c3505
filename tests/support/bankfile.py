"""Writes small bank files with trailer and manifest, as a bank would; tests break them afterwards."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lake.schemas.bank import FILE_FIELDS

ACCOUNTS = ("6214000000981", "6214000000982")
USCC = "91450100123456788F"


def escape(value: object) -> str:
    """A field as text: backslash and bar escaped, None empty."""
    return "" if value is None else str(value).replace("\\", "\\\\").replace("|", "\\|")


def line(file_type: str, **values: object) -> str:
    """A D row; fields not given are empty."""
    unknown = set(values) - set(FILE_FIELDS[file_type])
    assert not unknown, unknown
    return "D|" + "|".join(escape(values.get(f)) for f in FILE_FIELDS[file_type])


def txn(n: int, day: str = "20260914", **values: object) -> str:
    """A plausible TXN row number `n`."""
    row: dict[str, object] = {
        "txn_no": f"{day}{n:09d}", "sub_no": "0", "account_no": ACCOUNTS[n % 2], "biz_date": day, "time": "101502", "seq_no": n,
        "dr_cr": "CD"[n % 2], "currency": "CNY", "amount": f"{100 + n}.00", "balance_after": f"{5000 + n}.25",
        "cpty_account": f"6222{n % 7:09d}", "cpty_name": f"某材料{n % 7}有限公司", "cpty_bank_no": "102611000018", "instrument": "TRANSFER",
        "cash_flag": "TRANSFER", "channel": "NET", "purpose_code": "0501", "summary": f"货款 {n}", "value_date": day, "reversal_flag": "N",
        "returned_flag": "N",
    }  # fmt: skip
    return line("TXN", **(row | values))


def acct(n: int = 0, **values: object) -> str:
    """A plausible ACCT row."""
    row: dict[str, object] = {
        "account_no": ACCOUNTS[n % 2], "uscc": USCC, "firm_name": "某贸易有限公司", "branch_id": "BR01", "account_type": "BASIC",
        "product_type": "DEMAND", "is_summary": "N", "currency": "CNY", "gl_subject": "2011", "open_date": "20200101",
        "status": "NORMAL", "overdraft_flag": "N",
    }  # fmt: skip
    return line("ACCT", **(row | values))


def totals(file_type: str, rows: list[str]) -> list[tuple[str, str, int, str]]:
    """Totals by currency and side of TXN rows; one line of zero for other types."""
    if file_type != "TXN":
        return [("CNY", "C", len(rows), "0.00")]
    fields = FILE_FIELDS["TXN"]
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for row in rows:
        v = dict(zip(fields, row.split("|")[1:], strict=False))
        if "amount" in v:
            sums[(v["currency"], v["dr_cr"])].append(Decimal(v["amount"]))
    return [(c, s, len(x), str(sum(x))) for (c, s), x in sorted(sums.items())]


def content(
    bank: str, file_type: str, day: str, rows: list[str], *, version: int = 0, mode: str = "FULL", sent_at: str | None = None,
    to_day: str | None = None, stated: list[tuple[str, str, int, str]] | None = None,
) -> str:  # fmt: skip
    """The text of a file: header, rows, trailer."""
    sent = sent_at or sent_after(day)
    parts = stated if stated is not None else totals(file_type, rows)
    head = f"H|1|{bank}|{file_type}|{day}|{to_day or day}|{version:02d}|{mode}|{sent}"
    tail = "|".join(["T", str(len(rows)), *(str(x) for part in parts for x in part)])
    return "\n".join([head, *rows, tail]) + "\n"


def sent_after(day: str) -> str:
    """01:35 of the next day, for days that are not the last of a month."""
    return f"{int(day) + 1}013500"


def manifest(text: str, data: bytes, name: str, *, alg: str = "SHA-256", **changed: Any) -> dict[str, Any]:
    """The manifest that fits a file's text and bytes, with `changed` keys on top."""
    head, tail = text.split("\n")[0].split("|"), text.rstrip("\n").split("\n")[-1].split("|")
    groups = [tail[i : i + 4] for i in range(2, len(tail), 4)]
    digest = hashlib.new({"SHA-256": "sha256", "SM3": "sm3"}[alg], data).hexdigest()
    return {
        "bank_id": head[2], "file_type": head[3], "from_date": head[4], "to_date": head[5], "version": int(head[6]), "mode": head[7],
        "prev_version": None, "file_name": name, "row_cnt": int(tail[1]),
        "totals": [{"currency": c, "dr_cr": s, "row_cnt": int(n), "amount": a} for c, s, n, a in groups],
        "digest_alg": alg, "digest": digest, "sent_at": head[8], "signer": "test",
    } | changed  # fmt: skip


def signed(values: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A manifest with its signature, made without the code under test."""
    text = json.dumps({k: v for k, v in values.items() if k != "signature"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return values | {"signature": base64.b64encode(key.sign(text.encode())).decode()}


def trust(home: Path, bank: str, **keys: Ed25519PrivateKey) -> None:
    """Give a home the public keys of a bank, by key id; only this bank signs then."""
    lines = [f"{bank}:"]
    for name, key in keys.items():
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        lines.append(f"  - {{id: {name}, algorithm: Ed25519, public_key: {base64.b64encode(public).decode()}}}")
    (home / "keys").mkdir(parents=True, exist_ok=True)
    (home / "keys" / "banks.yaml").write_text("\n".join(lines))


def put(
    root: Path, text: str, *, data: bytes | None = None, name: str | None = None, folder: str | None = None, alg: str = "SHA-256",
    ok: dict[str, Any] | bool | None = None, encoding: str = "utf-8", key: Ed25519PrivateKey | None = None,
) -> Path:  # fmt: skip
    """Drop a file and its manifest into `root`/bank. `data` replaces the compressed bytes, `ok` changes manifest keys
    (False: no manifest), `key` signs it."""
    head = text.split("\n")[0].split("|")
    packed = gzip.compress(text.encode(encoding), 1, mtime=0) if data is None else data
    name = name or f"{head[2]}_{head[3]}_{head[4] if head[4] == head[5] else head[4][:6]}_v{head[6]}.dat.gz"
    place = root / (folder or head[2])
    place.mkdir(parents=True, exist_ok=True)
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(packed)
    if ok is not False:
        changed = ok if isinstance(ok, dict) else {}
        values = manifest(text, packed, name, alg=alg, **changed)
        if key is not None:
            values = signed(values, key)
        (place / f"{name}.ok").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    return place / name

"""Deliveries made to do harm: bombs, names that point elsewhere, oversized fields, text that others might execute."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import bankfile
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pulled import NIGHT, files, one, rows

from jobs import pull
from jobs.audit import cell
from jobs.ingest.manifest import MAX_BYTES
from lake.settings import Settings

DAY = "20260914"
NASTY = [
    "'; DROP TABLE bronze.bank_txn; --", '" OR 1=1 --', "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "{{7*7}}", "${jndi:ldap://x}", "$(touch /tmp/x)",
    "<script>alert(1)</script>", "../../etc/passwd", "%s%n", "\u202egnp.exe", "\ufeff",
]  # fmt: skip


@pytest.fixture
def root(settings: Settings) -> Path:
    """Folder of the banks."""
    path = settings.home / "landing" / "banks"
    path.mkdir(parents=True)
    return path


def tree(home: Path) -> set[str]:
    return {str(p.relative_to(home)) for p in home.rglob("*")}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"\0" * 50_000_000), "content of more than 200 times the compressed size"),
        (gzip.compress(b"H|1|B0001\n" + b"D|" * 20_000_000), "content of more than 200 times the compressed size"),
        (gzip.compress(gzip.compress(b"\0" * 50_000_000)), "header"),
        (gzip.compress(b"", mtime=0) * 90_000, "1001 gzip members with 0 bytes of content"),
        (gzip.compress(bytes(b & 1 for b in os.urandom(5_000_000)), 1), "more than 2000000 bytes of content"),
        (os.urandom(2_500_000), "larger than a file may be"),
        (os.urandom(3000), "not a gzip file"),
        (b"PK\x03\x04" + bytes(3000), "not a gzip file"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(settings: Settings, root: Path, data: bytes, reason: str) -> None:
    small = settings.model_copy(update={"limits": settings.limits.model_copy(update={"max_file_bytes": 2_000_000})})
    home = settings if reason.startswith("content") else small
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, []), data=data)
    started = time.process_time()
    assert one(home)["read_error"].startswith(reason)
    assert time.process_time() - started < 3


def test_a_hundred_thousand_real_members_are_read(settings: Settings, root: Path) -> None:
    text = bankfile.content("B0001", "TXN", DAY, [bankfile.txn(i) for i in range(20_000)]).encode()
    parts = [text[i : i + 4096] for i in range(0, len(text), 4096)]
    bankfile.put(root, text.decode(), data=b"".join(gzip.compress(p, 1, mtime=0) for p in parts))
    assert len(parts) > 800 and one(settings)["rows_body"] == 20_000


@pytest.mark.parametrize(
    "name",
    [
        "a\\..\\..\\evil.dat.gz", "B0001_TXN_20260914_v00.dat.gz;x", "$(touch x).dat.gz", "B0001_TXN_20260914_v00.dat.gz\n", "n" * 240, "=1+1.dat.gz", "🦊.dat.gz",
        "B0001_TXN_20260914_v0\u0660.dat.gz", "B0001_TXN_20269914_v00.dat.gz", "b0001_txn_20260914_v00.dat.gz",
        "'; DROP TABLE x; --", "B0001_TXN_20260914_v00.dat.gz.exe", "%2e%2e%2f", "*", "?.dat.gz", "[a].dat.gz",
    ],
)  # fmt: skip
def test_a_file_name_cannot_leave_its_folder(settings: Settings, root: Path, name: str) -> None:
    text = bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1)])
    (root / "B0001").mkdir()
    path = root / "B0001" / name
    path.write_bytes(gzip.compress(text.encode()))
    path.with_name(path.name + ".ok").write_text(json.dumps(bankfile.manifest(text, path.read_bytes(), name)))
    elsewhere = tree(settings.home.parent) - {f"home/{x}" for x in tree(settings.home)}
    pull.run(settings, "flows", NIGHT)
    assert [f["read_error"].split(":")[0] for f in files(settings)] == ["file name" if name.isprintable() else "manifest"]
    assert rows(settings).num_rows == 0
    assert tree(settings.home.parent) - {f"home/{x}" for x in tree(settings.home)} == elsewhere


@pytest.mark.parametrize(
    "key", ["bank_id", "file_type", "file_name", "mode", "digest", "digest_alg", "sent_at", "from_date", "version", "row_cnt"]
)
def test_a_manifest_field_that_is_no_such_thing(settings: Settings, root: Path, key: str) -> None:
    values = ["../../x", "x" * 1000, "a\0b", "'; DROP TABLE x; --", 2**70, -1, 1e308, [], {}, None, True, "٣"]
    for n, value in enumerate(values):
        bankfile.put(root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1)], version=n), ok={key: value})
    pull.run(settings, "flows", NIGHT, bank="B0001")
    found = {repr(values[int(f["file_name"][-9:-7])]): (f["read_error"] is not None, f["rows_body"]) for f in files(settings)}
    assert found == {repr(v): (True, None) for v in values} and rows(settings).num_rows == 0


def test_a_manifest_of_megabytes(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, bankfile.content("B0001", "TXN", DAY, []))
    ok = path.with_name(path.name + ".ok")
    ok.write_bytes(ok.read_bytes() + b" " * MAX_BYTES)
    assert one(settings)["read_error"] == f"manifest: more than {MAX_BYTES} bytes"


def test_oversized_fields_are_bad_rows_and_the_others_are_read(settings: Settings, root: Path) -> None:
    lines = [bankfile.txn(1), bankfile.txn(2, summary="x" * 100_000), bankfile.txn(3, cpty_name="长" * 60_000), bankfile.txn(4)]
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, lines))
    file = one(settings)
    assert (file["read_error"], file["rows_body"], file["rows_bad"]) == (None, 4, 2)
    assert {r["row_no"]: r["parse_error"] is None for r in rows(settings).to_pylist()} == {2: True, 3: False, 4: False, 5: True}


@pytest.mark.parametrize("text", NASTY)
def test_text_that_others_might_execute_is_only_text(settings: Settings, root: Path, text: str) -> None:
    fields = dict.fromkeys(("txn_no", "account_no", "cpty_name", "summary", "amount", "biz_date"), text)
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1, **fields)], stated=[]))
    assert one(settings)["rows_bad"] == 0
    (row,) = rows(settings).to_pylist()
    assert {k: row[k] for k in fields} == fields
    assert row["account_id"].isalnum() and row["cpty_name_token"].isalnum()
    assert cell(text)[0] not in "=+-@\t\r"


def test_a_stranger_cannot_replace_a_signed_delivery(settings: Settings, root: Path) -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    bankfile.trust(settings.home, "B0001", k=key)
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1)]), ok={"signer": "k"}, key=key)
    bankfile.put(
        root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(9)], version=1, mode="REPLACE"), ok={"signer": "k"}, key=stranger
    )
    pull.run(settings, "flows", NIGHT)
    assert {f["version"]: f["manifest_status"] for f in files(settings)} == {0: "OK", 1: "UNSIGNED"}
    assert rows(settings).column("txn_no").to_pylist() == ["20260914000000001"]

"""Deliveries that are not read: manifests, names, content and senders that cannot be trusted."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import bankfile
import pytest
from pulled import NIGHT, TEXT, commit, files, ledger, one

from jobs import pull
from lake.errors import UsageError
from lake.settings import Settings


@pytest.fixture
def root(settings: Settings) -> Path:
    """Folder of the banks."""
    path = settings.home / "landing" / "banks"
    path.mkdir(parents=True)
    return path


def test_a_wrong_digest_keeps_the_file_out(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT, ok={"digest": "0" * 64})
    file = one(settings)
    assert file["digest_expected"] != file["digest_actual"] and file["rows_body"] is None and file["manifest_status"] == "OK"
    assert "digest" in ledger(settings)["B0001", "TXN"]["message"]


def test_a_missing_manifest_keeps_the_file_out_until_it_comes(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT, ok=False)
    file = one(settings)
    assert (file["manifest_status"], file["digest_expected"], file["rows_body"]) == ("MISSING", None, None)
    commit(settings)
    night = date(2026, 9, 15)
    assert pull.run(settings, "flows", night, bank="B0001").nothing
    ok = bankfile.manifest(TEXT, path.read_bytes(), path.name)
    path.with_name(path.name + ".ok").write_text(json.dumps(ok))
    assert pull.run(settings, "flows", night, bank="B0001").rows == 10


@pytest.mark.parametrize(
    ("ok", "reason"),
    [
        ({"digest_alg": "MD5"}, "manifest: digest_alg"),
        ({"digest": "xyz"}, "manifest: digest is"),
        ({"row_cnt": "many"}, "manifest: row_cnt"),
        ({"row_cnt": True}, "manifest: row_cnt"),
        ({"sent_at": "yesterday"}, "manifest: sent_at"),
        ({"totals": {}}, "manifest: totals"),
        ({"totals": [{"currency": "CNY"}]}, "manifest: dr_cr"),
        ({"file_name": None}, "manifest: file_name"),
        ({"mode": "MAYBE"}, "manifest: mode"),
        ({"bank_id": "B\u0000"}, "manifest: bank_id"),
    ],
)
def test_a_manifest_that_cannot_be_read_names_the_key(settings: Settings, root: Path, ok: dict[str, Any], reason: str) -> None:
    bankfile.put(root, TEXT, ok=ok)
    file = one(settings)
    assert file["manifest_status"] == "UNREADABLE" and file["read_error"].startswith(reason)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object(settings: Settings, root: Path, text: bytes) -> None:
    path = bankfile.put(root, TEXT)
    path.with_name(path.name + ".ok").write_bytes(text)
    assert one(settings)["manifest_status"] == "UNREADABLE"


@pytest.mark.parametrize(
    ("ok", "reason"),
    [
        ({"file_name": "../../etc/passwd"}, "manifest: is for a file of another name"),
        ({"bank_id": "B0002"}, "header and manifest differ in bank"),
        ({"from_date": "20260913"}, "header and manifest differ in from date"),
        ({"version": 1}, "header and manifest differ in version"),
        ({"mode": "DELTA"}, "header and manifest differ in mode"),
        ({"sent_at": "20260915013501"}, "header and manifest differ in time of sending"),
    ],
)
def test_header_manifest_and_name_must_speak_of_the_same_submission(
    settings: Settings, root: Path, ok: dict[str, Any], reason: str
) -> None:
    bankfile.put(root, TEXT, ok=ok)
    assert one(settings)["read_error"].startswith(reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("B0001_TXN_20260913_v00.dat.gz", "header covers"),
        ("B0001_BAL_20260914_v00.dat.gz", "header and file name differ in type"),
        ("B0001_TXN_20260914_v01.dat.gz", "header and file name differ in version"),
        ("B0002_TXN_20260914_v00.dat.gz", "file name: says bank B0002"),
        ("B0001_TXN_20260230_v00.dat.gz", "file name: {bank}"),
        ("B0001_TXN_20260914_v00.dat", "file name: {bank}"),
        ("B0001_TXN_20260914_v00;rm -rf.dat.gz", "file name: {bank}"),
        ("%2e%2e%2fetc.dat.gz", "file name: {bank}"),
        ("流水\n.dat.gz", "manifest: file_name"),
        ("sub/dir/B0001_ACCT_20260914_v00.dat.gz", "header and file name differ in type"),
    ],
)
def test_names_that_do_not_fit(settings: Settings, root: Path, name: str, reason: str) -> None:
    path = bankfile.put(root, TEXT)
    target = path.parent / name
    target.parent.mkdir(parents=True, exist_ok=True)
    ok = bankfile.manifest(TEXT, path.read_bytes(), target.name)
    path.with_name(path.name + ".ok").unlink()
    path.rename(target)
    target.with_name(target.name + ".ok").write_text(json.dumps(ok))
    file = one(settings)
    assert file["read_error"].startswith(reason) and file["file_name"] == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (gzip.compress(TEXT.encode())[:-9], "truncated gzip"),
        (b"\x00garbage" * 50, "not a gzip file"),
        (gzip.compress(b"\0" * 60_000_000), "content of more than 200 times"),
        (gzip.compress(TEXT.encode()[:-80]), "no trailer"),
    ],
)
def test_content_that_cannot_be_read(settings: Settings, root: Path, data: bytes, reason: str) -> None:
    bankfile.put(root, TEXT, data=data)
    assert one(settings)["read_error"].startswith(reason)


def test_a_file_larger_than_allowed_is_not_unpacked(settings: Settings, root: Path) -> None:
    small = settings.model_copy(update={"limits": settings.limits.model_copy(update={"max_file_bytes": 100})})
    bankfile.put(root, TEXT)
    assert one(small)["read_error"] == "larger than a file may be"


def test_a_folder_of_no_known_bank(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT.replace("B0001", "B9999"))
    bankfile.put(root, TEXT, folder="..weird name")
    pull.run(settings, "flows", NIGHT)
    got = {f["bank_id"]: f["read_error"] for f in files(settings)}
    assert got["B9999"].startswith("unknown bank") and got["..weird name" if "..weird name" in got else "B9999"]
    with pytest.raises(UsageError, match="no bank '../../etc'"):
        pull.run(settings, "flows", NIGHT, bank="../../etc")


def test_links_are_not_followed(settings: Settings, root: Path, tmp_path: Path) -> None:
    bankfile.put(root, TEXT)
    secret = tmp_path / "secret"
    secret.write_text("x")
    (root / "B0001" / "B0001_GL_20260914_v00.dat.gz").symlink_to(secret)
    assert one(settings)["file_type"] == "TXN"
    assert "B0001_GL_20260914_v00.dat.gz is no plain file" in ledger(settings)["B0001", "TXN"]["message"]

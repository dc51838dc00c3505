"""Signed receipts: the same bytes again, verifiable by us and with openssl, worthless when one character was changed."""

from __future__ import annotations

import base64
import json
import shutil
import stat
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs import receipts
from jobs.cli import app
from lake import signatures
from lake.errors import ConfigError, ContractBroken, UsageError
from lake.settings import Settings

NIGHT = date(2026, 9, 14)
NAME = "B0001_TXN_20260914_v00.dat.gz"


def file(**changed: Any) -> dict[str, Any]:
    """A row of bronze.bank_file, as far as a receipt goes."""
    return {
        "bank_id": "B0001", "file_name": NAME, "submission_id": "B0001_TXN_20260914_v00", "sent_at": datetime(2026, 9, 14, 17, 35, tzinfo=UTC),
        "size_bytes": 812, "digest_alg": "SM3", "digest_actual": "ab" * 32, "digest_expected": "ab" * 32, "duplicate_of": None, "signer": None,
        "manifest": None,
    } | changed  # fmt: skip


def written(settings: Settings, *files: dict[str, Any]) -> Path:
    """The folder with receipts of the files."""
    refused = [{"rule": "V01", "expected": "a readable file", "found": "the file is empty"}]
    receipts.write(settings, NIGHT, [receipts.receipt(f, "BLOCKED", {"received": 0}, refused, NIGHT) for f in files])
    return settings.home / "feedback" / "B0001" / "2026-09-14" / "receipts"


def test_a_receipt_says_what_was_received_and_is_the_same_again(settings: Settings) -> None:
    path = written(settings, file()) / f"{NAME}.json"
    first = path.read_bytes()
    found = receipts.check(settings, path)
    assert (found["verdict"], found["digest"], found["digest_alg"], found["size_bytes"], found["sent_at"], found["received_in_night"]) == (
        "BLOCKED", "ab" * 32, "SM3", 812, "2026-09-15T01:35:00", "2026-09-14",
    )  # fmt: skip
    assert found["refused_by"] == [{"rule": "V01", "expected": "a readable file", "found": "the file is empty"}]
    assert written(settings, file()) / f"{NAME}.json" == path and path.read_bytes() == first


def test_receipts_of_files_that_a_rerun_does_not_see_are_gone(settings: Settings) -> None:
    folder = written(settings, file(), file(file_name="other.dat.gz"))
    assert len(list(folder.iterdir())) == 2
    assert [p.name for p in written(settings, file()).iterdir()] == [f"{NAME}.json"]


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "a/b", ".hidden", "x" * 300, "名", "a\nb", "", "=cmd|'/c calc'!A1"])
def test_a_name_that_a_stranger_chose_stays_in_the_folder(settings: Settings, name: str) -> None:
    (path,) = written(settings, file(file_name=name)).iterdir()
    assert path.name.startswith("x") and len(path.name) == 38
    assert receipts.check(settings, path)["file_name"] == name


def test_a_name_without_canonical_form_is_spelt_out(settings: Settings) -> None:
    (path,) = written(settings, file(file_name="a\x7fb", bank_id="B0001")).iterdir()
    assert receipts.check(settings, path)["file_name"] == "a\\x7fb"


def test_a_changed_receipt_is_refused(settings: Settings) -> None:
    path = written(settings, file()) / f"{NAME}.json"
    values = json.loads(path.read_text())
    for changed in ({"verdict": "ACCEPTED"}, {"digest": "cd" * 32}, {"more": 1}, {"signature": "AAAA"}):
        path.write_text(json.dumps(values | changed))
        with pytest.raises(ContractBroken, match="the signature of platform-1 is wrong"):
            receipts.check(settings, path)
    for text in ("", "[]", "{}", '{"key_id": "../token"}', "[" * 10_000):
        path.write_text(text)
        with pytest.raises(ContractBroken, match="is no receipt"):
            receipts.check(settings, path)
    with pytest.raises(UsageError):
        receipts.check(settings, path.with_name("none"))


def test_the_private_key_is_for_its_owner_alone_and_versions_go_on(settings: Settings) -> None:
    old = written(settings, file()) / f"{NAME}.json"
    keys = settings.home / "keys"
    assert stat.S_IMODE((keys / "platform-1.pem").stat().st_mode) == 0o600
    kept = old.with_name("kept.json")
    shutil.copy(old, kept)
    before = kept.read_bytes()
    assert signatures.new_platform_key(settings) == 2
    new = json.loads((written(settings, file()) / f"{NAME}.json").read_text())
    assert new["key_id"] == "platform-2"
    kept.write_bytes(before)
    assert receipts.check(settings, kept)["key_id"] == "platform-1", "old receipts are verified with the old public key"
    (keys / "platform-2.pem").chmod(0o644)
    with pytest.raises(ConfigError, match="expected mode 0600"):
        written(settings, file())


def test_the_command_verifies_with_the_home_or_a_key_file(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = written(settings, file()) / f"{NAME}.json"
    monkeypatch.setenv("LIUSHUI_HOME", str(settings.home))
    shown = CliRunner().invoke(app, ["verify-receipt", str(path)])
    assert shown.exit_code == 0 and "good signature of platform-1" in shown.output and "verdict BLOCKED, V01" in shown.output
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path / "bank"))
    public = settings.home / "keys" / "platform-1.pub.pem"
    assert CliRunner().invoke(app, ["verify-receipt", str(path), "--key", str(public)]).exit_code == 0
    assert CliRunner().invoke(app, ["verify-receipt", str(path)]).exit_code != 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_a_bank_verifies_with_openssl(settings: Settings, tmp_path: Path) -> None:
    path = written(settings, file(file_name="报表.dat.gz")).iterdir().__next__()
    values = json.loads(path.read_text())
    signature = values.pop("signature")
    (tmp_path / "sig").write_bytes(base64.b64decode(signature))
    form = tmp_path / "form"
    if shutil.which("jq"):
        form.write_bytes(subprocess.run(["jq", "-jcS", "del(.signature)", str(path)], check=True, capture_output=True).stdout)
    else:
        form.write_text(json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    public = settings.home / "keys" / "platform-1.pub.pem"
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        str(public),
        "-rawin",
        "-in",
        str(form),
        "-sigfile",
        str(tmp_path / "sig"),
    ]
    assert subprocess.run(command, capture_output=True).returncode == 0
    form.write_bytes(form.read_bytes().replace(b"BLOCKED", b"BLOCKEd"))
    assert subprocess.run(command, capture_output=True).returncode != 0

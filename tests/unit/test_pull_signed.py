"""Signed manifests: where a bank has a key, its signature is required and verified before anything else is read."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import bankfile
import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pulled import NIGHT, TEXT, commit, files, one, rows

from expectations.rules import load_rules
from jobs import pull
from jobs.ingest import bank_keys
from lake import signatures
from lake.errors import ConfigError
from lake.settings import Settings, load_settings

KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
NEXT = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
SIGNED = {"signer": "old"}


@pytest.fixture
def root(settings: Settings) -> Path:
    """Folder of the banks; B0001 signs with the keys `old` and `new`."""
    path = settings.home / "landing" / "banks"
    path.mkdir(parents=True)
    bankfile.trust(settings.home, "B0001", old=KEY, new=NEXT)
    return path


@pytest.mark.parametrize(("signer", "key"), [("old", KEY), ("new", NEXT)])
def test_a_signed_delivery_is_read_and_its_manifest_kept(settings: Settings, root: Path, signer: str, key: Ed25519PrivateKey) -> None:
    bankfile.put(root, TEXT, ok={"signer": signer, "note": "备注 </é\u0001>"}, key=key)
    file = one(settings)
    assert (file["manifest_status"], file["read_error"], file["rows_body"], file["signer"]) == ("OK", None, 10, signer)
    kept = json.loads(file["manifest"])
    assert signatures.verify(key.public_key(), kept) is None
    assert signatures.verify(key.public_key(), kept | {"row_cnt": 11}) is not None


def changed(root: Path, **values: Any) -> None:
    (ok,) = root.glob("*/*.ok")
    ok.write_text(json.dumps(json.loads(ok.read_text()) | values))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"signature": ""}, "signature: missing"),
        ({"signature": "AAAA"}, "signature: wrong"),
        ({"signature": "no base64!"}, "signature: not base64"),
        ({"signature": "非"}, "signature: cannot be checked"),
        ({"signature": 7}, "signature: missing"),
        ({"signer": "stranger"}, "signature: the signer is none of the bank's keys; bank B0001 signs with new, old"),
        ({"signer": "new"}, "signature: wrong"),
        ({"signer": ["old"]}, "signature: the signer is none"),
        ({"row_cnt": 11}, "signature: wrong"),
        ({"digest": "0" * 64}, "signature: wrong"),
        ({"sent_at": "29990101000000"}, "signature: wrong"),
        ({"row_cnt": 1.5}, "signature: cannot be checked: a number is not whole"),
        ({"x": 2**60}, "signature: cannot be checked: a number is above"),
        ({"note": "\u007f"}, "signature: cannot be checked: a text holds the character DEL"),
        ({"note": "\ud800"}, "signature: not base64, or the object holds text that is no Unicode"),
    ],
)
def test_a_manifest_that_was_changed_or_signed_by_another_parks_the_file(
    settings: Settings, root: Path, values: dict[str, Any], reason: str
) -> None:
    bankfile.put(root, TEXT, ok=SIGNED, key=KEY)
    changed(root, **values)
    file = one(settings)
    assert file["manifest_status"] == "UNSIGNED" and file["read_error"].startswith(reason)
    assert (file["rows_body"], file["signer"], file["manifest"], file["digest_expected"], file["sent_at"]) == (None,) * 5


def test_an_unsigned_manifest_is_refused_before_its_keys_are_looked_at(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT, ok={"digest_alg": "MD5", "totals": {}})
    assert one(settings)["read_error"].startswith("signature: missing; bank B0001 signs with new, old")


def test_a_manifest_nested_deeply_or_with_a_key_twice(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT, ok=SIGNED, key=KEY)
    ok = path.with_name(path.name + ".ok")
    text = ok.read_text()
    ok.write_text(text[:-1] + ', "x": ' + "[" * 900 + "]" * 900 + "}")
    assert one(settings)["manifest_status"] in ("UNSIGNED", "UNREADABLE")
    ok.write_text('{"row_cnt": 99, ' + text[1:])
    assert one(settings)["read_error"] == "manifest: not JSON in UTF-8 with every key once"


def test_a_file_parked_for_its_signature_is_read_when_it_comes_signed(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT)
    assert one(settings)["manifest_status"] == "UNSIGNED"
    commit(settings)
    again = date(2026, 9, 15)
    assert pull.run(settings, "flows", again, bank="B0001").nothing
    bankfile.put(root, TEXT, ok=SIGNED, key=KEY)
    assert pull.run(settings, "flows", again, bank="B0001").rows == 10


def test_a_bank_without_key_sends_as_before(settings: Settings, root: Path) -> None:
    text = bankfile.content("B0002", "TXN", "20260914", [bankfile.txn(1)])
    bankfile.put(root, text, ok={"signature": "anything"})
    assert pull.run(settings, "flows", NIGHT, bank="B0002").rows == 1
    (file,) = files(settings)
    assert (file["signer"], file["manifest"], rows(settings).num_rows) == (None, None, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("B0001: key", "expected a list of keys"),
        ("- B0001", "expected a list of keys per bank"),
        ("B0001: [{id: a, algorithm: SM2, public_key: x}]", "only Ed25519 can be verified"),
        ("B0001: [{id: a, algorithm: Ed25519, public_key: AAAA}]", "key a: public_key is not a public key"),
        ("{", "not valid YAML"),
    ],
)
def test_a_key_that_is_of_no_use_is_a_configuration_error(settings: Settings, root: Path, text: str, reason: str) -> None:
    (settings.home / "keys" / "banks.yaml").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        bank_keys.load(settings)


def test_other_profiles_need_the_key_file(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"sources.bank_keys: .* does not exist"):
        bank_keys.load(settings.model_copy(update={"profile": "cluster"}))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_a_bank_signs_with_openssl(settings: Settings, tmp_path: Path) -> None:
    def openssl(*words: str) -> bytes:
        return subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path).stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", "bank.pem")
    public = openssl("pkey", "-in", "bank.pem", "-pubout").decode().split("\n")[1]
    (settings.home / "keys").mkdir(parents=True)
    (settings.home / "keys" / "banks.yaml").write_text(f"B0001: [{{id: B0001-7, algorithm: Ed25519, public_key: {public}}}]")
    root = settings.home / "landing" / "banks"
    path = bankfile.put(root, TEXT)
    ok = path.with_name(path.name + ".ok")
    values = json.loads(ok.read_text()) | {"signer": "B0001-7"}
    (tmp_path / "manifest").write_text(json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    signature = openssl("pkeyutl", "-sign", "-inkey", "bank.pem", "-rawin", "-in", "manifest")
    ok.write_text(json.dumps(values | {"signature": base64.b64encode(signature).decode()}))
    assert one(settings)["rows_body"] == 10


def test_v01_says_what_is_wrong_with_the_signature() -> None:
    (rule,) = [r for r in load_rules() if r.id == "V01"]
    with duckdb.connect() as con:
        con.execute(
            "CREATE VIEW files AS SELECT 'B0001' bank_id, DATE '2026-09-14' from_date, 'TXN' file_type, 's' submission_id, 's' file_key, 'UNSIGNED' "
            "manifest_status, 'signature: missing; bank B0001 signs with old' read_error, NULL duplicate_of, NULL digest_alg, NULL digest_expected, 'ab' digest_actual"
        )
        found = con.sql(rule.sql).fetchall()
    assert [row[7:9] for row in found] == [("a manifest signed with a key of the bank", "signature: missing; bank B0001 signs with old")]


def test_a_simulated_province_signs_with_keys_of_its_seed(tmp_path: Path) -> None:
    from simulator.build import build
    from simulator.params import preset

    province = preset("unit", seed=7, firms=8, months=1)
    build(province, tmp_path)
    here = load_settings("local", tmp_path)
    pull.run(here, "flows", province.end, history=True)
    found = files(here, province.end)
    assert found and {(f["manifest_status"], f["signer"]) for f in found} == {("OK", f"{f['bank_id']}-1") for f in found}

"""Bank files in S3, read by the real client: the same rows as from a folder, and a clear word when the store is not there."""

from __future__ import annotations

from pathlib import Path

import bankfile
import pytest
from pulled import NIGHT, TEXT, files, rows
from s3 import KEY, SECRET, s3_server
from s3fs import S3FileSystem

from jobs import pull
from lake.errors import SourceUnavailable
from lake.settings import Settings


def over(settings: Settings, home: Path, port: int, monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> Settings:
    """Settings of another home that reads the bucket; endpoint and keys come from the environment, as on a deployment."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "cn-south-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    sources = settings.sources.model_copy(update={"bank_files": "s3://landing/banks", "retry_seconds": 1})
    return settings.model_copy(update={"home": home, "sources": sources})


def test_a_delivery_in_s3_is_staged_like_one_of_a_folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = settings.home / "landing" / "banks"
    root.mkdir(parents=True)
    for n in range(3):
        bankfile.put(root, bankfile.content("B0001", "TXN", "20260914", [bankfile.txn(i) for i in range(n + 1)], version=n))
    bankfile.put(
        root, bankfile.content("B0001", "TXN", "20260914", [], version=7), name="deeper/below/B0001_TXN_20260914_v07.dat.gz", ok=False
    )
    bankfile.put(root, TEXT, folder="B0002")
    pull.run(settings, "flows", NIGHT)
    with s3_server(root.parent.parent) as (port, ranges):
        remote = over(settings, tmp_path / "remote", port, monkeypatch)
        (tmp_path / "remote" / "keys").mkdir(parents=True)
        (tmp_path / "remote" / "keys" / "token.key").write_bytes((settings.home / "keys" / "token.key").read_bytes())
        report = pull.run(remote, "flows", NIGHT)
    assert report.rows == 6 and ranges
    assert rows(remote).equals(rows(settings))
    assert files(remote) == files(settings) and len(files(remote)) == 5


def test_a_store_that_is_down_or_refuses_is_a_source_that_is_unavailable(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "landing" / "banks" / "B0001").mkdir(parents=True)
    with s3_server(tmp_path) as (port, _):
        with pytest.raises(SourceUnavailable) as refused:
            pull.run(over(settings, tmp_path / "home", port, monkeypatch, "AKIASTRANGER"), "flows", NIGHT, bank="B0001")
    with pytest.raises(SourceUnavailable) as down:
        pull.run(over(settings, tmp_path / "home", port, monkeypatch), "flows", NIGHT, bank="B0001")
    for e in (refused, down):
        assert "bank files at s3://landing/banks" in str(e.value) and "The night goes on without them" in str(e.value)
        assert SECRET not in str(e.value)

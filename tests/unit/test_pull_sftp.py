"""Bank files over SFTP: the same rows as from a folder, and a clear word when the server is not there or the password is wrong."""

from __future__ import annotations

from pathlib import Path

import bankfile
import pytest
from pulled import NIGHT, TEXT, files, rows
from sftp import PASSWORD, sftp_server

from jobs import pull
from lake.errors import SourceUnavailable
from lake.settings import Settings


def over(settings: Settings, home: Path, port: int, password: str = PASSWORD) -> Settings:
    sources = settings.sources.model_copy(update={"bank_files": f"sftp://bank:{password}@127.0.0.1:{port}/banks", "retry_seconds": 1})
    return settings.model_copy(update={"home": home, "sources": sources})


def test_a_file_pulled_over_sftp_is_staged_like_one_of_a_folder(settings: Settings, tmp_path: Path) -> None:
    root = settings.home / "landing" / "banks"
    root.mkdir(parents=True)
    bankfile.put(root, TEXT)
    pull.run(settings, "flows", NIGHT, bank="B0001")
    with sftp_server(root.parent) as port:
        remote = over(settings, tmp_path / "remote", port)
        (tmp_path / "remote" / "keys").mkdir(parents=True)
        (tmp_path / "remote" / "keys" / "token.key").write_bytes((settings.home / "keys" / "token.key").read_bytes())
        report = pull.run(remote, "flows", NIGHT, bank="B0001")
    assert report.rows == 10
    assert rows(remote).equals(rows(settings))
    (file,) = files(remote)
    assert (file["submission_id"], file["read_error"], file["manifest_status"]) == ("B0001_TXN_20260914_v00", None, "OK")


def test_a_server_that_is_down_or_refuses_is_a_source_that_is_unavailable(settings: Settings, tmp_path: Path) -> None:
    with sftp_server(tmp_path) as port:
        with pytest.raises(SourceUnavailable) as refused:
            pull.run(over(settings, tmp_path / "home", port, "wrong"), "flows", NIGHT, bank="B0001")
    with pytest.raises(SourceUnavailable) as down:
        pull.run(over(settings, tmp_path / "home", port), "flows", NIGHT, bank="B0001")
    for e in (refused, down):
        assert f"127.0.0.1:{port}/banks" in str(e.value)
        assert PASSWORD not in str(e.value) and "wrong" not in str(e.value), "no password in a message"

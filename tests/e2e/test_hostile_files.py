"""A landing place full of bad deliveries, pulled by the command line as cron would: exit codes, messages, nothing half-written."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import bankfile
import pyarrow.parquet as pq
import pytest

from jobs.ingest import staging
from lake.settings import Settings

NIGHT = date(2026, 9, 14)
DAY = "20260914"


def command(settings: Settings, *words: str, **changed: str) -> subprocess.Popen[str]:
    """`python -m jobs …` in the settings' home."""
    environment = os.environ | {"LIUSHUI_HOME": str(settings.home)} | changed
    return subprocess.Popen(
        [sys.executable, "-m", "jobs", *words, "--as-of", NIGHT.isoformat()],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def text(bank: str, file_type: str, rows: list[str], version: int = 0) -> str:
    return bankfile.content(bank, file_type, DAY, rows, version=version)


def staged_files(settings: Settings) -> dict[str, dict]:
    found = (r for p in staging.staged(settings, "flows", NIGHT, "bank_file") for r in pq.read_table(p).to_pylist())
    return {f"{r['bank_id']}/{r['file_name']}": r for r in found}


def test_every_bad_delivery_is_parked_with_its_reason_and_the_good_ones_go_on(settings: Settings) -> None:
    root = settings.home / "landing" / "banks"
    good = text("B0001", "TXN", [bankfile.txn(i) for i in range(1, 50)])
    bankfile.put(root, good)
    bankfile.put(root, good, name="B0001_TXN_20260914_v09.dat.gz")
    bankfile.put(root, text("B0001", "BAL", []), data=b"")
    bankfile.put(root, text("B0001", "GL", []), ok=False)
    bankfile.put(root, text("B0001", "CTL", []), ok={"digest": "ab" * 32})
    rows = text("B0001", "ACCT", [bankfile.acct(i) for i in range(20)])
    bankfile.put(root, rows, data=gzip.compress(rows.encode())[:-12])
    bankfile.put(root, text("B9999", "TXN", [bankfile.txn(1)]))
    bankfile.put(root, text("B0002", "TXN", [bankfile.txn(1)]), data=gzip.compress(b"\0" * 30_000_000))
    garbage = text("B0002", "ACCT", [bankfile.acct(i) for i in range(40)])
    at = garbage.encode().index("某贸易".encode())
    bankfile.put(root, garbage, data=gzip.compress(garbage.encode()[:at] + b"\xff\xfe" + garbage.encode()[at + 2 :]))
    pulled = command(settings, "pull", "flows")
    out, err = pulled.communicate(timeout=120)
    assert pulled.returncode == 0 and "Traceback" not in out + err
    files = staged_files(settings)
    reasons = {name: f["read_error"] for name, f in files.items() if f["read_error"]}
    assert len(files) == 9
    assert {name: reason.split(":")[0].split(" it ends")[0] for name, reason in reasons.items()} == {
        "B0001/B0001_BAL_20260914_v00.dat.gz": "the file is empty",
        "B0001/B0001_ACCT_20260914_v00.dat.gz": "truncated gzip",
        "B9999/B9999_TXN_20260914_v00.dat.gz": "unknown bank",
        "B0002/B0002_TXN_20260914_v00.dat.gz": "content of more than 200 times the compressed size",
    }
    assert files["B0001/B0001_TXN_20260914_v09.dat.gz"]["duplicate_of"] == "B0001_TXN_20260914_v00"
    assert files["B0001/B0001_GL_20260914_v00.dat.gz"]["manifest_status"] == "MISSING"
    assert files["B0002/B0002_ACCT_20260914_v00.dat.gz"]["rows_bad"] == 1
    assert sum(f["rows_body"] or 0 for f in files.values()) == 49 + 40


@pytest.mark.parametrize("source", ["tax", "court", "flows"])
def test_a_source_that_is_down_is_exit_code_11_and_a_sentence(settings: Settings, source: str) -> None:
    down = {
        "LIUSHUI__SOURCES__RETRY_SECONDS": "0.5", "LIUSHUI__SOURCES__COURT_API": "http://127.0.0.1:9/court",
        "LIUSHUI__SOURCES__TAX_DB": "postgresql://postgres@/tax?host=/nonexistent",
    }  # fmt: skip
    pulled = command(settings, "pull", source, **down)
    out, err = pulled.communicate(timeout=120)
    assert pulled.returncode == 11 and "Traceback" not in out + err
    assert "The night goes on without" in " ".join((out + err).split())


def test_a_pull_killed_while_writing_leaves_nothing_and_the_next_one_brings_all(settings: Settings) -> None:
    root = settings.home / "landing" / "banks"
    for version in range(4):
        bankfile.put(root, text("B0001", "TXN", [bankfile.txn(i) for i in range(60_000)], version))
    partial = staging.bank_folder(settings, NIGHT, ".B0001.partial")
    killed = command(settings, "pull", "flows", "--bank", "B0001")
    waited = time.monotonic() + 60
    while not (partial / "bank_txn.parquet").exists() and killed.poll() is None and time.monotonic() < waited:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL and partial.exists()
    assert staging.staged(settings, "flows", NIGHT, "bank_txn") == []
    again = command(settings, "pull", "flows", "--bank", "B0001")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, out + err
    (path,) = staging.staged(settings, "flows", NIGHT, "bank_txn")
    assert pq.read_metadata(path).num_rows == 240_000 and not partial.exists()


def test_a_home_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    pulled = command(settings, "pull", "flows", LIUSHUI_HOME=str(in_the_way))
    out, err = pulled.communicate(timeout=120)
    assert pulled.returncode in (10, 11) and "Traceback" not in out + err

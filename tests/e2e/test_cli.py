"""The command line as its user meets it: help as golden files, exit codes, no traceback for a user's mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lake import store
from lake.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "cli"
REBUILD = os.environ.get("REBUILD_GOLDEN") == "yes"


def liushui(*args: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LIUSHUI_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"} | env
    return subprocess.run([sys.executable, "-m", "jobs", *args], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_help_names_every_command(tmp_path: Path) -> None:
    text = "\n".join(x.rstrip() for x in liushui("--help", home=tmp_path).stdout.splitlines()) + "\n"
    path = GOLDEN / "help.txt"
    if REBUILD:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), "a command or its help changed; REBUILD_GOLDEN=yes, then review the diff"


@pytest.mark.parametrize(
    ("args", "env", "code", "said"),
    [
        (("nonsense",), {}, 2, "No such command"),
        (("pull", "gold", "--as-of", "2026-09-14"), {}, 2, "unknown source 'gold'; known: flows, tax"),
        (("score", "--as-of", "2026-02-30"), {}, 2, "'2026-02-30' is not a date"),
        (("status",), {}, 2, "nothing was ever loaded"),
        (("status",), {"LIUSHUI_PROFILE": "moon"}, 10, "no profile 'moon'"),
        (("status",), {"LIUSHUI__SPARK__CORES": "9"}, 10, "spark.cores"),
        (("indicator", "no_such_thing"), {}, 2, "no indicator 'no_such_thing'"),
        (("pull", "tax", "--as-of", "2026-09-14"), {"LIUSHUI__SOURCES__RETRY_SECONDS": "0.5"}, 11, "tax"),
        (("pull", "court", "--as-of", "2026-09-14"), {"LIUSHUI__SOURCES__COURT_API": "http://127.0.0.1:9/court", "LIUSHUI__SOURCES__RETRY_SECONDS": "0.5"}, 11, "court"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else None,
)  # fmt: skip
def test_mistakes_are_told_without_a_traceback(tmp_path: Path, args: tuple[str, ...], env: dict[str, str], code: int, said: str) -> None:
    done = liushui(*args, home=tmp_path / "home", **env)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = liushui("pull", "flows", "--as-of", "2026-09-14", home=blocked / "home")
    assert done.returncode == 10 and "LIUSHUI_HOME" in done.stderr and "Traceback" not in done.stderr


def test_two_nights_at_once_are_refused(tmp_path: Path) -> None:
    settings = load_settings("local", tmp_path)
    with store.lock(settings, "job-publish"):
        done = liushui("publish", "--as-of", "2026-09-14", home=tmp_path)
    assert done.returncode == 10 and "another process holds" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A disk of 1 MB; needs the right to mount."""
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_leaves_the_table_as_it_was(small_disk: Path) -> None:
    code = """
import sys, datetime, os
from lake import store
from lake.settings import load_settings
from jobs.cli import _as_user_error
s = load_settings("local", sys.argv[1])
def rows(n, tag):
    at = datetime.datetime(2026, 9, 14, tzinfo=datetime.UTC)
    return store.rows_of("ops.run", [{"run_id": f"{tag}{i}", "job": "x", "as_of": datetime.date(2026, 9, 14), "status": "DONE", "seconds": 1.0, "rows": 1,
                                      "detail": os.urandom(40).hex(), "at": at} for i in range(n)])
store.replace(s, "ops.run", rows(10, "a"), None)
try:
    store.replace(s, "ops.run", rows(40000, "b"), None)
except Exception as e:
    print(_as_user_error(e))
print(store.read(s, "ops.run").num_rows)
"""
    done = subprocess.run([sys.executable, "-c", code, str(small_disk / "home")], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "the disk is full. Nothing half-written will be read. Free space, then rerun the same command.",
        "10",
    ], done.stderr


def test_the_published_night_is_left_alone(tmp_path: Path) -> None:
    settings = load_settings("local", tmp_path)
    at = datetime(2026, 9, 15, tzinfo=UTC)
    row = {"as_of": date(2026, 9, 14), "status": "PUBLISHED", "versions": "{}", "model_id": "m", "firms_scored": 1, "at": at}
    store.replace(settings, "ops.night", store.rows_of("ops.night", [row]), None)
    done = liushui("run", "--as-of", "2026-09-14", home=tmp_path)
    assert done.returncode == 0 and "already PUBLISHED: nothing to do" in done.stdout


def test_a_command_without_data_frames_starts_without_pandas(tmp_path: Path) -> None:
    done = liushui("night-state", "--as-of", "2026-09-14", home=tmp_path / "home", PYTHONPROFILEIMPORTTIME="1")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"published": False, "stopped": []})
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "pyarrow.lib" in imported
    assert "pandas.core" not in imported

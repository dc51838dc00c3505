"""A process that runs the commands of others: their output, their exit codes, and its end when one of them is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobs import session_host, steps
from lake.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import os, socket, sys, time
from jobs import session_host
def run(arguments):
    print("did", *arguments[1:], os.getpid(), flush=True)
    os.write(2, b"told\\n")
    time.sleep(float(arguments[1]))
    if "defect" in arguments:
        raise ZeroDivisionError("on purpose")
    return int(arguments[2])
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
    listener.bind(sys.argv[1]); listener.listen(16)
    session_host.serve(listener, lambda: None, run)
"""
CLIENT = "import sys; from jobs import session_host; code = session_host.hand_over(sys.argv[1:]); sys.exit(99 if code is None else code)"


@pytest.fixture
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A host whose commands sleep and end as told; its clients find it in the environment."""
    monkeypatch.setenv("LIUSHUI_HOME", str(settings.home))
    monkeypatch.setenv(session_host.VARIABLE, str(tmp_path))
    path = session_host._path(str(tmp_path), settings)
    process = subprocess.Popen([sys.executable, "-c", SERVER, path], cwd=ROOT, stdin=subprocess.PIPE)
    session_host._wait(process, path, tmp_path)
    yield process
    process.kill()
    process.wait()


def client(*arguments: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, *arguments], cwd=ROOT, env={**os.environ, **env}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def test_output_and_exit_code_are_the_clients_and_commands_wait_for_each_other(server) -> None:
    started = time.monotonic()
    both = client("tiles", "0.6", "0"), client("score", "0.6", "12")
    ends = [c.communicate(timeout=30) for c in both]
    assert [c.returncode for c in both] == [0, 12]
    assert [out for out, _ in ends] == [f"did 0.6 0 {server.pid}\n", f"did 0.6 12 {server.pid}\n"]
    assert [err for _, err in ends] == ["told\n", "told\n"]
    assert time.monotonic() - started > 1.2


def test_a_defect_ends_its_command_and_the_host_and_who_waited_runs_itself(server) -> None:
    broken = client("tiles", "1", "defect")
    assert broken.stdout is not None
    assert broken.stdout.readline().startswith("did 1")
    waiting = client("score", "0", "0")
    _, err = broken.communicate(timeout=30)
    assert broken.returncode == 1
    assert "ZeroDivisionError: on purpose" in err
    waiting.communicate(timeout=30)
    assert server.wait(10) == session_host.ENDED_EARLY
    assert waiting.returncode == 99


def test_a_session_that_does_not_start_leaves_the_command_to_its_own_process(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(settings.home))
    monkeypatch.setenv("LIUSHUI__SPARK__JARS_DIR", str(tmp_path))
    with session_host.host(load_settings(), night=True):
        command = [sys.executable, "-m", "jobs", "tiles", "--as-of", "2026-09-14"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 10
    assert "no Delta jars" in done.stderr and "Traceback" not in done.stderr


def test_a_killed_client_ends_the_host_and_the_next_command_runs_itself(server) -> None:
    killed, waiting = client("tiles", "60", "0"), None
    assert killed.stdout is not None
    assert killed.stdout.readline().startswith("did 60")
    waiting = client("score", "0", "0")
    time.sleep(0.5)
    killed.kill()
    killed.communicate()
    assert server.wait(10) == session_host.ENDED_EARLY
    waiting.communicate(timeout=30)
    assert waiting.returncode == 99, "its turn had not come"
    late = client("tiles", "0", "0")
    late.communicate(timeout=30)
    assert late.returncode == 99


def test_other_settings_and_commands_without_a_session_run_themselves(server, tmp_path: Path) -> None:
    runs = [client("publish", "0", "0"), client("tiles", "0", "0", LIUSHUI_HOME=str(tmp_path / "other")),
            client("tiles", "0", "0", LIUSHUI__SPARK__SHUFFLE_PARTITIONS="5")]  # fmt: skip
    for c in runs:
        c.communicate(timeout=30)
    assert [c.returncode for c in runs] == [99, 99, 99]


def test_the_host_ends_with_its_starter(server) -> None:
    server.stdin.close()
    assert server.wait(10) == session_host.ENDED_EARLY


def test_a_host_is_found_inside_the_block_only(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(settings.home))
    with session_host.host(settings, night=True):
        folder = os.environ[session_host.VARIABLE]
        with session_host.host(settings, night=True):
            assert os.environ[session_host.VARIABLE] == folder, "one is enough"
        assert session_host.hand_over(["check", "nosuch", "--as-of", "2026-09-14"]) == 2
        assert session_host.hand_over(["report"]) is None
    assert session_host.VARIABLE not in os.environ
    assert not Path(folder).exists()


def test_who_reads_the_output_of_a_command_gets_its_end_though_the_session_lives_on(settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(settings.home))
    with session_host.host(settings, night=True):
        for _ in range(2):
            command = [sys.executable, "-m", "jobs", "check", "registry", "--as-of", "2026-09-14"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
            assert (done.returncode, done.stdout) == (0, "check registry: nothing to do\n")
        (server,) = [p for p in psutil.Process().children() if "jobs.session_host" in p.cmdline()]
        (java,) = [p for p in server.children(recursive=True) if p.name() == "java"]  # the tests' own session has one too
        java.kill()
        time.sleep(1)  # the host does not wait for its children, so it stays known to the system
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (0, "check registry: nothing to do\n"), "in a session of its own"


def test_parts_of_a_kept_session_have_views_of_their_own(spark, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_kept", [spark])
    with steps.session(settings) as lake:
        lake.spark.range(3).createOrReplaceTempView("mine")
        assert lake.spark.table("mine").count() == 3
        assert lake.spark.conf.get("spark.sql.session.timeZone") == "Asia/Shanghai"
    with steps.session(settings) as lake:
        assert not lake.spark.catalog.tableExists("mine")
    assert spark.range(1).count() == 1, "the session lives on"

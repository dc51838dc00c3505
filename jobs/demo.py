"""`make run`: from nothing to a scored night. Every part is the real one, in processes of its own; logs go to run/logs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import httpx
from rich.console import Console

from jobs.cli_night import published
from jobs.session_host import host
from lake.errors import ContractBroken, LiushuiError, SourceUnavailable
from lake.settings import Settings

SERVE_SECONDS = 120


def _log_tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _call(console: Console, logs: Path, title: str, *command: str) -> None:
    """Run `python -m <command>`, showing that it lives; its output is in logs/<title>.log."""
    path = logs / f"{title.replace(' ', '-')}.log"
    started = time.monotonic()
    with path.open("w") as log, console.status("") as spinner:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            last = _log_tail(path, 1).strip()[-90:]
            spinner.update(f"{title}  {time.monotonic() - started:4.0f} s  [dim]{last}[/dim]")
            time.sleep(0.5)
    if process.returncode:
        error = LiushuiError(f"{title} ended with exit code {process.returncode}; the end of {path}:\n{_log_tail(path)}")
        error.exit_code = process.returncode
        raise error
    console.print(f"  {title:<28} {time.monotonic() - started:6.1f} s")


def _give_key(settings: Settings, seed: int) -> None:
    """Give a new home the token key of its seed: tokens decide which firms train, and the same seed is to give the same model.

    A synthetic province has nobody to protect; a key that is there already stays.
    """
    file = settings.key_file or settings.folder("keys") / "token.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(hashlib.sha256(f"liushui synthetic province {seed}".encode()).hexdigest())


@contextmanager
def _sources(settings: Settings, logs: Path) -> Iterator[None]:
    """The simulated source systems, up for as long as the block runs."""
    path = logs / "sources.log"
    with path.open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "simulator", "serve", "--home", str(settings.home)], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            base = httpx.URL(settings.sources.court_api)
            deadline = time.monotonic() + SERVE_SECONDS
            while True:
                if server.poll() is not None:
                    raise SourceUnavailable(f"the simulated sources did not start; the end of {path}:\n{_log_tail(path)}")
                try:
                    if httpx.get(base.copy_with(path="/health"), timeout=2).status_code == 200:
                        break
                except httpx.TransportError:
                    if time.monotonic() > deadline:
                        raise SourceUnavailable(f"the simulated sources were not ready after {SERVE_SECONDS} s; see {path}") from None
                time.sleep(0.3)
            yield
        finally:
            server.terminate()
            server.wait(timeout=60)


def run(settings: Settings, preset: str, seed: int, end: date) -> None:
    """A synthetic province, its history loaded, a model trained, one night by Airflow, a summary; again: a no-op that says so."""
    from jobs.report import summary_table

    console = Console()
    report = settings.home / "reports" / end.isoformat() / "index.html"
    if published(settings, end):
        console.print(
            f"night {end} is already scored and PUBLISHED in {settings.home}: nothing to do. Remove that folder to start from nothing."
        )
        console.print(summary_table(settings, end))
        console.print(f"report: {report}")
        return
    logs = settings.folder("run") / "logs"
    logs.mkdir(exist_ok=True)
    started = time.monotonic()
    console.print(f"liushui: province {preset!r}, seed {seed}, night of {end}, home {settings.home}")
    _give_key(settings, seed)
    history = (end - timedelta(days=1)).isoformat()
    simulate = ("simulator", "--preset", preset, "--seed", str(seed), "--end", end.isoformat(), "--out", str(settings.home))
    with host(settings, night=False):
        _call(console, logs, "simulate the province", *simulate)
        with _sources(settings, logs):
            if not (settings.home / "models" / "champion").exists():
                _call(console, logs, "history, samples, model", "jobs", "backfill", "--as-of", history, "--then", "samples,train")
            _call(console, logs, "night by Airflow", "jobs", "airflow-night", "--as-of", end.isoformat())
    if not report.is_file():
        raise ContractBroken(f"the night ended without a report: expected {report}")
    console.print(summary_table(settings, end))
    console.print(f"{time.monotonic() - started:.0f} s in all. Report: {report}")

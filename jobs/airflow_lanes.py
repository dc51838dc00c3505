"""The starter's side of the lanes (jobs.airflow_lane): processes that execute DAG runs, asked by lines, telling events."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import IO, Any

import psutil

from jobs import airflow_env

LANES = 2
Event = dict[str, Any]
"""What a lane tells: ready, broken, a change of a task's state, the end of a DAG."""


class Lane:
    """One jobs.airflow_lane process; its events arrive in `events` with the lane's number."""

    def __init__(
        self, number: int, env: dict[str, str], as_of: date, log_file: IO[str], events: queue.Queue[tuple[int, Event | None]]
    ) -> None:
        command = [sys.executable, "-m", "jobs.airflow_lane", str(airflow_env.DAGS), as_of.isoformat()]
        self._process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log_file)
        threading.Thread(target=self._read, args=(number, events), daemon=True).start()

    def _read(self, number: int, events: queue.Queue[tuple[int, Event | None]]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            events.put((number, json.loads(line)))
        events.put((number, None))

    def ask(self, line: str) -> None:
        """Send one request; BrokenPipeError when the lane has ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """No more requests; a lane that is in the middle of one is ended with the jobs it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            # the lane first, and at once: asked kindly, Airflow would end the job only and then retry it
            jobs = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            airflow_env.end_processes(jobs)


@contextmanager
def lanes(env: dict[str, str], as_of: date, log_file: IO[str], events: queue.Queue[tuple[int, Event | None]]) -> Iterator[list[Lane]]:
    """LANES lanes, ended with the block."""
    with ExitStack() as ends:
        started = []
        for number in range(LANES):
            started.append(Lane(number, env, as_of, log_file, events))
            ends.callback(started[-1].close)
        yield started

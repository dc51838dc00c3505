"""One night by Airflow, now: the five DAGs of the night, executed by the real Airflow in two lanes, told as they go."""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import FrameType

from jobs import airflow_env
from jobs.airflow_lanes import Event, Lane, lanes
from jobs.session_host import host
from lake import store
from lake.errors import ConfigError, ContractBroken, GateFailed, LiushuiError, SourceUnavailable, UsageError
from lake.settings import Settings

log = logging.getLogger(__name__)

SCORING = "nightly_scoring"
# registry and tax first: flows are categorised with the firms, related parties and invoices that they know
PRODUCERS: dict[str, tuple[str, ...]] = {
    "registry_and_loans": (),
    "tax_records": (),
    "court_records": (),
    "account_flows": ("registry_and_loans", "tax_records"),
}
ERRORS = {2: UsageError, 10: ConfigError, 11: SourceUnavailable, 12: GateFailed, 13: ContractBroken}
GO_ON = 11


@dataclass
class NightResult:
    """What became of the night: state and seconds per DAG, last failure per task, seconds in Airflow's own work."""

    states: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Event] = field(default_factory=dict)
    task_seconds: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0

    def take(self, event: Event) -> None:
        """Note one event of a lane."""
        if event["event"] == "dag" and event["dag"]:
            self.states[event["dag"]] = event["state"]
            self.seconds[event["dag"]] = event["seconds"]
        if event["event"] == "task":
            name = task_name(event)
            if event["state"] == "failed":
                self.failures[name] = event
            elif event["state"] == "success":
                self.failures.pop(name, None)
            if event["state"] != "running":
                self.task_seconds[name] = self.task_seconds.get(name, 0.0) + event["seconds"]

    def worst(self, dags: list[str]) -> Event | None:
        """The failure of these DAGs that decides: one that forbids going on before one that does not."""
        failed = [e for e in self.failures.values() if e["dag"] in dags]
        return min(failed, key=lambda e: (e["exit_code"] == GO_ON, e["exit_code"] not in ERRORS), default=None)


def task_name(event: Event) -> str:
    """`dag.task` or `dag.task[B0001]`."""
    return f"{event['dag']}.{event['task']}" + (f"[{event['each']}]" if event["each"] else "")


def sentence(event: Event) -> str:
    """An event as one line for the log and the terminal."""
    if event["event"] == "task":
        state = {
            "running": "started",
            "success": "done",
            "skipped": "skipped",
            "failed": f"FAILED with exit code {event.get('exit_code')}",
        }[event["state"]]
        seconds = "" if event["state"] == "running" else f" after {event['seconds']:.1f} s"
        return f"{task_name(event)} {state}{seconds}" + (f": {event['message']}" if event.get("message") else "")
    if event["event"] == "dag" and event["dag"]:
        return f"{event['dag']} {event['state']} in {event['seconds']:.1f} s"
    return ""


def as_error(event: Event, log_file: Path) -> LiushuiError:
    """The failure as an error for people, with the job's exit code."""
    code = event["exit_code"]
    error = ERRORS.get(code, LiushuiError)(f"{task_name(event)}: {event.get('message', 'failed')} (Airflow's log: {log_file})")
    error.exit_code = code if code in ERRORS else 1
    return error


@contextmanager
def _asked_to_end() -> Iterator[None]:
    """SIGTERM unwinds the block like Ctrl-C does, so that lanes, jobs and PostgreSQL end with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _next(waiting: list[str], running: set[str], result: NightResult) -> str | None:
    """The next DAG that may start: its predecessors have ended, however they ended."""
    for dag in waiting:
        if all(p in result.states for p in PRODUCERS.get(dag, ())) and (dag != SCORING or not running):
            return dag
    return None


def _play(
    lanes: list[Lane], events: queue.Queue[tuple[int, Event | None]], result: NightResult, tell: Callable[[Event], None], log_file: Path
) -> None:
    """Give DAGs to idle lanes until all have run; producers first, scoring when no producer is left."""
    waiting, running, idle = [*PRODUCERS, SCORING], set[str](), list[int]()
    synced = False
    while waiting or running:
        number, event = events.get()
        if event is None or event["event"] == "broken":
            raise ContractBroken(f"Airflow ended early{': ' + event['message'] if event else ''}. Its log: {log_file}")
        result.take(event)
        tell(event)
        if event["event"] == "task":
            continue
        if event["event"] == "ready" and number == 0 and not synced:
            lanes[0].ask("sync")  # once, before anything runs: two lanes would meet in the same rows
            continue
        if event["event"] == "dag":
            synced = True
            running.discard(event["dag"])
        idle.append(number)
        if event["event"] == "dag" and event["dag"]:
            _stop_if_forbidden(result, log_file)
        while synced and idle and (dag := _next(waiting, running, result)):
            waiting.remove(dag)
            running.add(dag)
            lanes[idle.pop(0)].ask(f"run {dag}")


def _stop_if_forbidden(result: NightResult, log_file: Path) -> None:
    """A source that is down leaves the night alive; lost rows, broken contracts and wrong settings do not."""
    worst = result.worst(list(PRODUCERS))
    if worst is None:
        return
    if result.states.get(worst["dag"]) == "success":
        return
    if worst["exit_code"] != GO_ON:
        raise as_error(worst, log_file)


def run_night(settings: Settings, as_of: date, tell: Callable[[Event], None] | None = None) -> NightResult:
    """Execute the five DAGs for night D and return what became of them.

    `tell` gets every event as it happens (default: a log line). Raises the error of the job that stopped the night;
    a source that is unavailable does not stop it and is found in `failures`. ConfigError when another night is running here.
    """
    started = time.monotonic()
    result = NightResult()
    folder = settings.folder("run") / "logs"
    folder.mkdir(exist_ok=True)
    path = folder / f"airflow-{as_of}.log"
    events: queue.Queue[tuple[int, Event | None]] = queue.Queue()
    one_at_a_time = store.lock(settings, "airflow-night", seconds=1)
    with (
        _asked_to_end(), one_at_a_time, host(settings, night=True), airflow_env.server(settings) as socket,
        path.open("w", encoding="utf-8") as log_file,
    ):  # fmt: skip
        env = airflow_env.environment(settings, socket, airflow_env.RUN_DATABASE)
        with lanes(env, as_of, log_file, events) as both:
            # the lanes import Airflow meanwhile
            airflow_env.prepare(settings, socket, airflow_env.RUN_DATABASE)
            _play(both, events, result, tell or _log_event, path)
    result.total_seconds = time.monotonic() - started
    own = result.total_seconds - sum(result.task_seconds.values())
    log.info(
        "night=%s airflow total_seconds=%.1f task_seconds=%.1f difference=%.1f",
        as_of,
        result.total_seconds,
        result.total_seconds - own,
        own,
    )
    worst = result.worst([SCORING])
    if worst is not None:
        raise as_error(worst, path)
    if result.states.get(SCORING) != "success":
        raise ContractBroken(f"{SCORING} ended as {result.states.get(SCORING)} without a failed task. Airflow's log: {path}")
    for name, event in result.failures.items():
        log.warning("the night went on without %s: %s", name, event.get("message"))
    return result


def _log_event(event: Event) -> None:
    text = sentence(event)
    if text:
        log.info("%s", text)

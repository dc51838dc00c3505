"""A process that executes DAG runs with the real Airflow, one after another, as its starter asks (`airflow dags test` does the same for one).

Importing Airflow and reading the DAG folder costs about 5 s; a lane pays that once for all DAGs it runs.
Speaks lines: reads `sync` or `run DAG_ID` from standard input, writes one JSON object per event to standard output.
Airflow's own log goes to standard error. Started by jobs.airflow_lanes only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import timedelta
from typing import Any, TextIO

from pluggy import HookimplMarker

RETRY_SECONDS = 5
hookimpl = HookimplMarker("airflow")


class Teller:
    """Listener that tells each change of a task's state as one JSON line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._started: dict[str, float] = {}

    def tell(self, **event: Any) -> None:
        """Write one event."""
        self._out.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._out.flush()

    def _task(self, ti: Any, state: str, **more: Any) -> None:
        key = str(ti.id)
        if state == "running":
            self._started[key] = time.monotonic()
        seconds = time.monotonic() - self._started.get(key, time.monotonic())
        name = getattr(ti.task, "each", "") or (str(ti.map_index) if ti.map_index is not None and ti.map_index >= 0 else "")
        self.tell(
            event="task", dag=ti.dag_id, task=ti.task_id, each=name, state=state, attempt=ti.try_number, seconds=round(seconds, 1), **more
        )

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        self._task(task_instance, "running")

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        self._task(task_instance, "success")

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        self._task(task_instance, "skipped")

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self._task(task_instance, "failed", exit_code=getattr(error, "exit_code", 1), message=str(error))


def _shorten_retries(dag: Any) -> None:
    """Somebody is waiting for this run: one retry, soon, instead of an hour of them."""
    for task in dag.task_dict.values():
        changes = {"retries": min(task.retries, 1), "retry_delay": timedelta(seconds=RETRY_SECONDS)}
        if task.is_mapped:
            task.partial_kwargs.update(changes)
        else:
            for name, value in changes.items():
                setattr(task, name, value)


def main(folder: str, as_of: str) -> None:
    """Serve `sync` and `run DAG_ID` until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Airflow prints belongs to the log
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the starter then ends its lanes with their jobs
    import airflow.api_fastapi.execution_api.app  # noqa: F401 - some seconds that would else be paid by the first DAG
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.sdk.listener import get_listener_manager

    teller = Teller(out)
    get_listener_manager().add_listener(teller)
    bag = DagBag(dag_folder=folder)
    if bag.import_errors:
        teller.tell(event="broken", message="; ".join(f"{k}: {v.strip().splitlines()[-1]}" for k, v in bag.import_errors.items()))
        sys.exit(13)
    teller.tell(event="ready", dags=sorted(bag.dags))
    for line in sys.stdin:
        verb, _, dag_id = line.strip().partition(" ")
        started = time.monotonic()
        state = "success"
        if verb == "sync":
            manager = DagBundlesManager()
            manager.sync_bundles_to_db()
            for bundle in manager.get_all_dag_bundles():
                sync_bag_to_db(bag, bundle.name, bundle.version)
        else:
            dag = bag.dags[dag_id]
            _shorten_retries(dag)
            state = str(dag.test(run_conf={"as_of": as_of}).state)
        teller.tell(event="dag", dag=dag_id, state=state, seconds=round(time.monotonic() - started, 1))
    os._exit(0)  # threads of Airflow's in-process API would keep the process


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The DAG folder as a whole: it parses alone and quickly, follows the shared defaults, and runs the commands of the golden file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from lake.settings import ROOT

DAGS = ROOT / "dags"
GOLDEN = ROOT / "tests" / "golden" / "dag_commands.txt"
EXPECTED = {"account_flows", "tax_records", "court_records", "registry_and_loans", "nightly_scoring"}
HEAVY = {"pyspark", "pandas", "numpy", "pyarrow", "deltalake", "duckdb", "scipy", "sklearn", "jobs", "features", "models", "expectations"}
PARSE_SECONDS = 5.0
PARSE = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
before, started = set(sys.modules), time.process_time()
bag = DagBag(dag_folder=sys.argv[1])
print("\\n" + json.dumps({"seconds": time.process_time() - started, "errors": {str(k): v for k, v in bag.import_errors.items()},
    "files": {d.dag_id: d.fileloc for d in bag.dags.values()}, "new": sorted({m.split(".")[0] for m in set(sys.modules) - before})}))
"""


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("airflow")
    os.environ.update(AIRFLOW_HOME=str(home), AIRFLOW__CORE__LOAD_EXAMPLES="False", AIRFLOW__CORE__DAGS_FOLDER=str(DAGS))
    return home


@pytest.fixture(scope="module")
def dags(airflow_home: Path) -> dict[str, object]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAGS))
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture(scope="module")
def parsed(airflow_home: Path) -> dict[str, object]:
    """What a fresh process sees that parses the folder and nothing else."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{DAGS}"}
    done = subprocess.run([sys.executable, "-c", PARSE, str(DAGS)], env=env, capture_output=True, text=True, check=True, cwd=airflow_home)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_known_dags_are_there_one_a_file_and_nothing_fails_to_import(parsed):
    assert parsed["errors"] == {}
    assert {k: Path(v).stem for k, v in parsed["files"].items()} == {k: k for k in EXPECTED}


def test_parsing_imports_nothing_heavy(parsed):
    assert HEAVY & set(parsed["new"]) == set()


def test_parsing_is_quick(parsed):
    assert parsed["seconds"] < PARSE_SECONDS


def test_every_dag_has_owner_tags_docs_and_no_catchup(dags):
    from _defaults import OWNER, Tag

    for dag in dags.values():
        assert dag.owner == OWNER
        assert dag.tags and set(dag.tags) <= {t.value for t in Tag}, dag.dag_id
        assert "When something is red" in dag.doc_md, f"{dag.dag_id}: no triage notes"
        assert dag.catchup is False and dag.max_active_runs == 1
        assert dag.params.get_param("as_of").schema["type"] == ["null", "string"]


def test_every_task_retries_and_tells_its_failures(dags):
    from _defaults import tell_failure

    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries >= 2, f"{dag.dag_id}.{task.task_id}"
            assert task.execution_timeout is not None
            callbacks = task.partial_kwargs["on_failure_callback"] if task.is_mapped else task.on_failure_callback
            assert tell_failure in (callbacks if isinstance(callbacks, list) else [callbacks])


def test_pools_in_use_are_the_pools_that_are_made(dags):
    from jobs.airflow_env import pools

    used = {t.pool for d in dags.values() for t in d.tasks} - {"default_pool"}
    assert used == set(pools())


def test_spark_steps_share_the_spark_pool_and_pulls_never_wait_for_it(dags):
    for dag in dags.values():
        for task in dag.tasks:
            is_spark = task.task_id in {"check", "tiles", "indicators", "score"}
            assert (task.pool == "spark") == is_spark, f"{dag.dag_id}.{task.task_id} in pool {task.pool}"


def test_only_last_tasks_of_producers_have_outlets(dags):
    from _defaults import tables_of

    covered = set()
    for dag_id in EXPECTED - {"nightly_scoring"}:
        for task in dags[dag_id].tasks:
            assert not task.outlets or not task.downstream_task_ids, f"{dag_id}.{task.task_id} fires before the gate"
            covered |= {a.name for a in task.outlets}
    assert covered == {n for s in ("flows", "tax", "court", "registry", "loans") for n in tables_of(s)}


def test_every_silver_table_is_committed_by_exactly_one_source(dags):
    from _defaults import tables_of
    from _night import SIGNALS

    from lake.tables import TABLES

    owned = [n for s in SIGNALS for n in tables_of(s)]
    assert sorted(owned) == sorted(n for n, t in TABLES.items() if t.layer == "silver")
    assert all(tables_of(s)[0] == signal for s, signal in SIGNALS.items())


def _render(dag, task_id: str, each: str = "") -> str:
    """The command line of a task as a run for the night of 14 September would start it."""
    task = dag.get_task(task_id)
    if task.is_mapped:
        task = task.unmap({"each": each})
    run = SimpleNamespace(conf={"as_of": "2026-09-14"}, run_type="manual", run_after=datetime(2026, 9, 15, tzinfo=UTC))
    task.render_template_fields({"dag_run": run, "params": {}, "task": task, "dag": dag})
    return task.command


def test_rendered_commands_are_the_golden_ones(dags):
    lines = []
    for dag_id in sorted(EXPECTED):
        dag = dags[dag_id]
        for task in sorted(dag.tasks, key=lambda t: (len(t.get_flat_relative_ids(upstream=True)), t.task_id)):
            lines.append(f"{dag_id}.{task.task_id}: {_render(dag, task.task_id, 'B0001' if task.is_mapped else '')}")
    text = "\n".join(lines) + "\n"
    if os.environ.get("REBUILD_GOLDEN") == "yes":
        assert "CI" not in os.environ, "golden files are rebuilt by a person, who reads the difference"
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "commands changed; if meant: REBUILD_GOLDEN=yes pytest tests/dag, then read the difference"
    )


def test_golden_commands_are_commands_of_the_command_line():
    from typer.main import get_command

    from jobs.cli import app

    known = set(get_command(app).commands)
    used = {line.split(" jobs ")[1].split()[0] for line in GOLDEN.read_text(encoding="utf-8").splitlines()}
    assert used <= known, f"the DAGs call {sorted(used - known)}, which `python -m jobs` does not know"

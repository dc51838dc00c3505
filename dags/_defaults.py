"""What all DAGs share: owner, retries, tags, the `as_of` parameter, what a failure says, and the shape of a source's DAG."""

from __future__ import annotations

import logging
from datetime import timedelta
from enum import StrEnum
from typing import Any

from _night import SIGNALS, TIMEZONE, asset, night
from _task import JobOperator
from airflow.sdk import DAG, Context, CronTriggerTimetable, Param, TriggerRule

from lake.schemas.outside import OUTSIDE
from lake.tables import TABLES

log = logging.getLogger(__name__)

OWNER = "night-shift"
AS_OF = "{{ night() }}"
OPENS = "30 0 * * *"
"""Sources are asked from 00:30 Shanghai time of D + 1."""

SPARK_POOL = "spark"
"""Pools and their slots are in pools.json (`airflow pools import`); a source has its own, all Spark work shares one."""


class Tag(StrEnum):
    """The only tags in use."""

    SOURCE = "source"
    SCORING = "scoring"
    MUST_BEFORE_SIX = "must-before-06:00"
    NIGHT_GOES_ON_WITHOUT = "night-goes-on-without"


def tell_failure(context: Context) -> None:
    """One line for the people on duty, in the log that alerts are made from."""
    ti = context["ti"]
    log.error("FAILED dag=%s task=%s map_index=%s try=%s: %s", ti.dag_id, ti.task_id, ti.map_index, ti.try_number, context.get("exception"))


DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(hours=3),
    "on_failure_callback": tell_failure,
}


def night_dag(dag_id: str, doc: str | None, *, schedule: Any, tags: list[Tag], description: str) -> DAG:
    """A DAG of the night with everything all of them share. `doc` is the file's docstring: its triage notes."""
    return DAG(
        dag_id,
        description=description,
        doc_md=doc,
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        tags={t.value for t in tags},
        default_args=DEFAULT_ARGS,
        params={
            "as_of": Param(None, type=["null", "string"], format="date", description="business date D; empty: the night before the run")
        },
        user_defined_macros={"night": night},
    )


def nightly() -> CronTriggerTimetable:
    """Every night at the opening; a DAG switched on in the morning waits for the next night."""
    return CronTriggerTimetable(OPENS, timezone=TIMEZONE, run_immediately=False)


def tables_of(source: str) -> list[str]:
    """Silver tables that the check of `source` commits, the signal first."""
    outside = {f"silver.{name}": where for name, (where, _, _) in OUTSIDE.items()}
    names = [n for n, t in TABLES.items() if t.layer == "silver" and outside.get(n, "flows") == source]
    return sorted(names, key=lambda n: (n != SIGNALS[source], n))


def pull_task(source: str) -> JobOperator:
    """Pull one source into staging; no Spark, so it waits for its source's pool only."""
    return JobOperator(
        task_id=f"pull_{source}", arguments=["pull", source, "--as-of", AS_OF], pool=f"source_{source}",
        retries=6, retry_delay=timedelta(minutes=10),
    )  # fmt: skip


def check_task(
    *sources: str, trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS, operator: type[JobOperator] = JobOperator, **more: Any
) -> JobOperator:
    """Check and commit the sources in one session. The last task: only here, after the gate, do assets get their event."""
    return operator(
        task_id="check", arguments=["check", *sources, "--as-of", AS_OF], pool=SPARK_POOL, trigger_rule=trigger_rule,
        outlets=[asset(n) for s in sources for n in tables_of(s)], **more,
    )  # fmt: skip


def source_dag(dag_id: str, doc: str | None, description: str, *sources: str) -> DAG:
    """Pull each source for itself, then check together what came; one that is down does not keep back the others."""
    tags = [Tag.SOURCE, Tag.NIGHT_GOES_ON_WITHOUT]
    rule = TriggerRule.ALL_SUCCESS if len(sources) == 1 else TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
    with night_dag(dag_id, doc, schedule=nightly(), tags=tags, description=description) as dag:
        pulls = [pull_task(s) for s in sources]
        pulls >> check_task(*sources, trigger_rule=rule)  # type: ignore[operator]
    return dag

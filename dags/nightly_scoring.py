"""Airflow DAG of the night.

### Nightly scoring 夜间评分

Tiles, indicators, scores, publication and the night report. Starts when the silver assets of all sources are there for the night,
at the latest at 05:00 Shanghai time with what is there. Readers see the night only after `publish`.

**When something is red or skipped**
- `gate` skipped: the night waits for a source (the 05:00 run goes on without it), or it is PUBLISHED already. Nothing to do.
- `gate` failed: a check stopped the night (rows got lost). Do not score; see the triage notes of `account_flows`.
- `tiles`, `indicators`, `score` (exit 13): a table is not as registered; do not retry. Anything else is retried twice and may be
  rerun by hand at any time: a rerun of a step writes the same rows. Yesterday's scores stay in force until `publish`.
- `score` (exit 10): no champion model. Train one: `python -m jobs samples`, `python -m jobs train`.
"""

from __future__ import annotations

from typing import Any

from _defaults import AS_OF, SPARK_POOL, Tag, night_dag
from _night import SIGNALS, TIMEZONE, asset, night_of, untold
from _task import JobFailed, JobOperator
from airflow.sdk import AssetAny, AssetOrTimeSchedule, Context, CronTriggerTimetable, chain
from airflow.sdk.exceptions import AirflowSkipException

ASSETS = [asset(name) for name in SIGNALS.values()]
# any, not all: an event left over from a broken night would let "all" start too early; the gate counts the night's own events
SCHEDULE = AssetOrTimeSchedule(
    timetable=CronTriggerTimetable("0 5 * * *", timezone=TIMEZONE, run_immediately=False), assets=AssetAny(*ASSETS)
)


class NightGate(JobOperator):
    """Go on when the night is neither published nor stopped and, if an asset started the run, all sources are there."""

    def execute(self, context: Context) -> Any:
        night = night_of(context)
        run_type = getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type)
        if run_type == "asset_triggered" and (waiting := untold(context, ASSETS, night)):
            raise AirflowSkipException(f"night {night} waits for {', '.join(waiting)}; at 05:00 it goes on with what is there")
        state = super().execute(context)
        if state["stopped"]:
            raise JobFailed(f"night {night} is stopped by its checks: {'; '.join(state['stopped'])}", 12)
        if state["published"] and not (context["dag_run"].conf or {}).get("again"):
            raise AirflowSkipException(f"night {night} is PUBLISHED already; run with conf again=true to score it anew")
        return state


with night_dag(
    "nightly_scoring",
    __doc__,
    schedule=SCHEDULE,
    tags=[Tag.SCORING, Tag.MUST_BEFORE_SIX],
    description="tiles, indicators, score, publish, report",
) as dag:
    gate = NightGate(task_id="gate", arguments=["night-state", "--as-of", AS_OF], result=True, inlets=ASSETS)
    spark = [JobOperator(task_id=step, arguments=[step, "--as-of", AS_OF], pool=SPARK_POOL) for step in ("tiles", "indicators", "score")]
    publish = JobOperator(task_id="publish", arguments=["publish", "--as-of", AS_OF], outlets=[asset("ops.night")])
    report = JobOperator(task_id="report", arguments=["report", "--as-of", AS_OF])
    chain(gate, *spark, publish, report)

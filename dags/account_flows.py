"""Airflow DAG of the night.

### Account flows 账户流水

Pulls the files of every bank (one mapped task per bank, into staging, no Spark), then checks and commits all banks in one task.

**When something is red**
- `pull` of one bank (exit 11): its server does not answer. It is retried six times; the others go on, the check runs with what came.
  The bank's firms keep a lower coverage. Look at `ops.pull` (`liushui sql "select * from ops.pull where source = 'flows'"`).
- a bank is LATE: nothing arrived by 04:00. It belongs to the next night; the report names it. Nothing to do but to call the bank.
- `check` waits (up for reschedule): registry or tax of the night are not checked yet, and categories of flows are decided with the
  firms, related parties and invoices they tell of. At 04:00 it goes on with what was known the night before.
- `check` (exit 12): rows got lost between receipt and decision: our fault, the night must not be scored. Do not retry;
  compare `dq.reconciliation` with the staging folder and call the developer on duty.
- `check` (exit 13): a file layout or a table changed. Do not retry; the message names table, expected and found.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from _defaults import AS_OF, Tag, check_task, night_dag, nightly
from _night import SIGNALS, asset, night_of, untold
from _task import JobOperator, come_back
from airflow.sdk import Context, TriggerRule

FIRST = [asset(SIGNALS[source]) for source in ("registry", "tax")]
"""A flow's category rests on firms, related parties and invoices: the same night must give the same rows, whichever source is quicker."""


class FlowsCheck(JobOperator):
    """Check the flows when registry and tax of the night are checked; without them when the night closes."""

    def execute(self, context: Context) -> Any:
        night = night_of(context)
        if waiting := untold(context, FIRST, night):
            come_back(context, night, f"flows are checked without {', '.join(waiting)} of this night")
        return super().execute(context)


with night_dag(
    "account_flows",
    __doc__,
    schedule=nightly(),
    tags=[Tag.SOURCE, Tag.NIGHT_GOES_ON_WITHOUT],
    description="bank files: pull per bank, check once",
) as dag:
    # which banks there are is asked when the night starts, never while the file is parsed
    banks = JobOperator(task_id="banks", arguments=["banks"], result=True, pool="source_flows")
    pull = JobOperator.partial(
        task_id="pull", arguments=["pull", "flows", "--as-of", AS_OF], option="--bank", map_index_template="{{ task.each }}",
        pool="source_flows", poll_late=True, retries=6, retry_delay=timedelta(minutes=10),
    ).expand(each=banks.output)  # fmt: skip
    # one bank cannot stop the province: the check runs when at least one bank came
    pull >> check_task("flows", trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, operator=FlowsCheck, inlets=FIRST)

"""Airflow DAG of the night.

### Tax records 税务

Pulls the tax tables changed since the last watermark, then checks and commits them.

**When something is red**
- `pull_tax` (exit 11): the tax database does not answer. Retried six times, ten minutes apart. The night is scored without it at 05:00;
  tax indicators then stand on what was known before, and the report says so. The next night catches up by watermark.
- `check` (exit 13): a column is missing or changed its type. Do not retry; the message names it.
"""

from __future__ import annotations

from _defaults import source_dag

dag = source_dag("tax_records", __doc__, "tax database: pull, check", "tax")

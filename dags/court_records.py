"""Airflow DAG of the night.

### Court records 司法

Pulls cases, enforcements, dishonest debtors, restrictions and equity freezes from the court API, then checks and commits them.

**When something is red**
- `pull_court` (exit 11): the API does not answer or answers 429 or 503 for longer than a retry may last. The night goes on without it;
  a silent court feed is not a clean record: after ten days court indicators become unknown instead of zero.
- `check` (exit 13): the API changed a field. Do not retry; the message names it.
"""

from __future__ import annotations

from _defaults import source_dag

dag = source_dag("court_records", __doc__, "court API: pull, check", "court")

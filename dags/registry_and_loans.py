"""Airflow DAG of the night.

### Registry and loans 工商与信贷

Pulls the company registry and the loan records, each for itself, then checks both in one session.

**When something is red**
- `pull_registry` or `pull_loans` (exit 11): that API does not answer. The other is checked all the same; the night goes on.
- both red: `check` does not run; firms, related parties and loans stay as known the night before.
- `check` (exit 13): a field changed. Do not retry; the message names it.
"""

from __future__ import annotations

from _defaults import source_dag

dag = source_dag("registry_and_loans", __doc__, "registry and loan APIs: pull each, check together", "registry", "loans")

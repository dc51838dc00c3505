"""Check: what pull staged becomes bronze, is held against the rules, and what passes becomes silver.

Reads staging and the tables of the nights before; writes bronze.*, dq.* and silver.* of the night, each partition as a whole,
so that a rerun writes the same rows.
"""

from __future__ import annotations

from datetime import date

from jobs import check_flows, check_records
from jobs.runner import Report
from lake.io import Lake


def run(lake: Lake, source: str, as_of: date, *, history: bool = False) -> Report:
    """Check one source (flows, tax, court, registry, loans) for night `as_of`; `history`: knowledge times from the data.

    `detail` counts files, rows by what became of them, and violations by rule. Raises GateFailed when rows got lost.
    """
    if source == "flows":
        return check_flows.run(lake, as_of, history=history)
    return check_records.run(lake, source, as_of, history=history)

"""Which night a run is about, and the assets that mark a source as checked. Standard library and the table registry only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset
from jinja2 import pass_context

from lake.tables import table

SHANGHAI = ZoneInfo("Asia/Shanghai")
TIMEZONE = "Asia/Shanghai"

SIGNALS = {
    "flows": "silver.acct_txn",
    "tax": "silver.tax_vat_return",
    "court": "silver.court_case",
    "registry": "silver.reg_enterprise",
    "loans": "silver.loan_contract",
}
"""The table of each source whose asset says: this source is checked and committed for the night in the event's `as_of`."""


def asset(name: str) -> Asset:
    """The asset of a registered table; a name that is not registered raises KeyError at parse time."""
    return Asset(name=table(name).name, uri=f"liushui://lake/{table(name).path}", group=table(name).layer)


def untold(context: Mapping[str, Any], assets: Iterable[Asset], night: str) -> list[str]:
    """Names of the assets (inlets of the task) without an event of `night`: their sources are not checked yet."""
    events = context["inlet_events"]
    return [a.name for a in assets if not any(e.extra.get("as_of") == night for e in events[a].ascending(False).limit(10))]


def as_night(text: object, origin: str) -> str:
    """`text` as an ISO date; ValueError names where the bad value came from."""
    try:
        return date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError as e:
        raise ValueError(f"{origin} is {text!r}; expected a date yyyy-mm-dd, for example 2026-09-14") from e


def _event_nights(events: Mapping[Any, Any] | None) -> list[str]:
    found = (event.extra.get("as_of") for key in (events or {}) for event in events[key])  # type: ignore[index]
    return [as_night(x, "as_of of an asset event") for x in found if x]


def night_of(context: Mapping[str, Any]) -> str:
    """The business date D (ISO) of a run, from its task context or any mapping with the same names.

    First found wins: run conf `as_of`, param `as_of`, partition key, the latest `as_of` of the triggering asset events,
    then the Shanghai date on which the run is due, less one day. Scheduled, manual, backfill and test runs all come here.
    """
    run = context["dag_run"]
    asked = (getattr(run, "conf", None) or {}).get("as_of") or (context.get("params") or {}).get("as_of")
    if asked:
        return as_night(asked, "as_of of the run")
    if getattr(run, "partition_key", None):
        return as_night(run.partition_key, "partition key")
    nights = _event_nights(context.get("triggering_asset_events"))
    if nights:
        return max(nights)
    due: datetime | None = getattr(run, "run_after", None) or getattr(run, "logical_date", None)
    if due is None:
        raise ValueError("the run has neither as_of, partition key, asset events, run_after nor logical_date: start it with conf as_of")
    return (due.astimezone(SHANGHAI).date() - timedelta(days=1)).isoformat()


@pass_context
def night(context: Mapping[str, Any]) -> str:
    """Template macro `{{ night() }}`: `night_of` the context being rendered."""
    return night_of(context)

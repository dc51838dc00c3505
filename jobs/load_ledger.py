"""`liushui load-ledger`: a foreign ledger as a bank in a lake of its own, through check and tiles to the flow indicators.

Reads the ledger's files by its mapping; writes a staging folder as a pull of the bank's files would, then runs check, tiles
and indicators on it as a history load. Each account is a firm, its currency counts at rate 1, and no other source exists:
indicators that need one are null.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from expectations.ledger import banks, continuity, mapping, read
from jobs import steps
from jobs.ingest import ledger as pulls
from jobs.ledger_stage import stage_ledger
from jobs.runner import Report, run_job
from jobs.tiles import snapshots
from lake import store
from lake.errors import ConfigError, ContractBroken, UsageError
from lake.io import Lake
from lake.settings import Settings

log = logging.getLogger(__name__)


def run(lake: Lake, mapping_file: str | Path, files: Sequence[str | Path], as_of: date) -> Report:
    """Load the rows up to `as_of` of the ledger in `files`; the home must hold no other bank.

    Report.detail: rows, accounts, account_days, broken as `jobs.audit` counts them, violations by rule, the rules that do
    not apply, and what each step wrote. Raises as `jobs.audit.run_audit`, and UsageError when the home holds
    another bank, or this one as of another date.
    """
    m = mapping.load_mapping(mapping_file)
    if m.load is None:
        raise ConfigError(f"the mapping {mapping_file} has no section `load`: it serves to audit the ledger, not to load it as a bank")
    settings = lake.settings
    _alone(settings, m.bank_id, as_of)
    facts, not_applicable = stage(settings, m, [str(f) for f in files], as_of)
    banks.remember(settings.home, mapping_file, m)
    reports = {
        "check": steps.check(lake, "flows", as_of, history=True),
        "tiles": steps.spark_step(lake, "tiles", as_of, history=True),
        "snapshot": run_job(settings, "tiles-snapshot", as_of, lambda: snapshots(lake, [as_of])),
        "indicators": steps.spark_step(lake, "indicators", as_of),
    }
    detail = {**facts, "not_applicable": not_applicable, "steps": {name: {"rows": r.rows, **r.detail} for name, r in reports.items()}}
    return Report(rows=facts["rows"], detail=detail)


def stage(settings: Settings, m: mapping.Mapping, files: list[str], as_of: date) -> tuple[dict[str, int], list[str]]:
    """Read, check and stage the ledger; returns the audit's counts and the ids of the rules that do not apply to it."""
    assert m.load is not None
    not_applicable = banks.not_applicable(m)
    ledger = read.read_ledger(m, files, until=as_of, keep=m.load.columns)
    if not len(ledger):
        raise ContractBroken(f"the ledger has no rows up to {as_of}: nothing to load")
    found = continuity.check_ledger(ledger)
    rows = stage_ledger(settings, ledger, found, files, as_of)
    units = tuple(pulls.Unit(t, "DONE", n) for t, n in rows.items())
    folder = f"staging/flows/as_of={as_of}/{m.bank_id}"
    pulls.record(settings, [pulls.Pull("flows", m.bank_id, as_of, True, None, units, folder)])
    log.info("staged bank=%s as_of=%s rows=%s broken=%d", m.bank_id, as_of, rows, found.broken)
    counts = {"rows": found.rows, "accounts": found.accounts, "account_days": found.account_days, "broken": found.broken}
    return counts, not_applicable


def _alone(settings: Settings, bank_id: str, as_of: date) -> None:
    """Refuse a home that holds another bank (rates, scope and peers must not mix) or this one up to another date (rows would count twice)."""
    pulls_before = store.read(settings, "ops.pull", columns=["provider_id", "as_of"]).to_pylist()
    others = {str(p["provider_id"]) for p in pulls_before} - {bank_id}
    if others:
        some = ", ".join(sorted(others)[:5])
        raise UsageError(f"{settings.home} holds data of {some}. A ledger goes into a lake of its own: set LIUSHUI_HOME to another folder.")
    dates = {p["as_of"] for p in pulls_before} - {as_of}
    if dates:
        raise UsageError(
            f"{settings.home} holds {bank_id} as of {max(dates)}. Load it again with that date, or set LIUSHUI_HOME to another folder for {as_of}."
        )

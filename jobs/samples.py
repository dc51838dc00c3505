"""Sample library: matured observations with their outcome, frozen in `sample.frame` and `sample.label`.

Reads `tile.firm_month` (how far back flows reach), `tile.firm_state`, `silver.loan_*`; builds the snapshots of past observation
dates that are not there yet. A release is named after its last date (`20250705.01`) and carries a digest over its sorted
rows; the same rows again are nothing to do, other rows become another release. Rows are only ever added.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from features import catalogue
from jobs.label import observations
from jobs.runner import Report
from lake import store
from lake.clock import SHANGHAI, known_at
from lake.io import Lake
from lake.settings import Settings
from models import label, split

log = logging.getLogger(__name__)
FRAME, LABEL = "sample.frame", "sample.label"
FRAME_COLUMNS = ["firm_id", "snapshot_date", "event_timestamp", "sample_kind", "segment", "credit_invisible", "split", "is_oot"]
LABEL_COLUMNS = ["firm_id", "snapshot_date", "event_timestamp", "sample_kind", "outcome", "label", "bad_reason", "bad_date", "max_dpd"]


def run(lake: Lake, as_of: date) -> Report:
    """Build the snapshots that are missing, label them and freeze a release."""
    settings = lake.settings
    first = settings.history_from or first_month(settings)
    dates = label.observation_dates(first, as_of) if first else []
    if not dates:
        return Report(nothing=True, detail={"reason": f"no matured observation date on {as_of}", "first_month": first})
    there = snapshots_there(settings)
    missing = [d for d in dates if d not in there]
    if missing:
        build_snapshots(lake, as_of, missing)
    released_at = label.add_months(dates[-1], label.MATURITY_MONTHS)
    return freeze(settings, observations(settings, dates, released_at), dates)


def first_month(settings: Settings) -> date | None:
    """First month of any firm's flows, None without flows."""
    months = store.read(settings, "tile.firm_month", columns=["month"]).column("month")
    found: date | None = pc.min(months).as_py()
    return found


def snapshots_there(settings: Settings) -> set[date]:
    """Dates that every feature table and tile.firm_state have rows for."""
    there = set(store.read(settings, "tile.firm_state", columns=["snapshot_date"]).column("snapshot_date").unique().to_pylist())
    for dimension in catalogue.dimensions():
        name = f"feature.{dimension}"
        parts = DeltaTable(store.uri(settings, name)).partitions() if store.exists(settings, name) else []
        there &= {date.fromisoformat(str(p["snapshot_date"])) for p in parts}
    return there


def build_snapshots(lake: Lake, as_of: date, dates: Sequence[date]) -> None:
    """Snapshot-keyed tiles and features of past dates."""
    from jobs.indicators import run as compute
    from jobs.tiles import snapshots

    log.info("building snapshots=%s first=%s last=%s", len(dates), dates[0], dates[-1])
    snapshots(lake, list(dates))
    compute(lake, as_of, snapshots=list(dates))


def freeze(settings: Settings, candidates: pa.Table, dates: Sequence[date]) -> Report:
    """Write the release that `candidates` make, unless it is there."""
    rows = [r for r in candidates.to_pylist() if r["outcome"] is not None]
    rows.sort(key=lambda r: (r["snapshot_date"], r["firm_id"], r["sample_kind"]))
    oot = split.oot_dates(dates)
    for r in rows:
        known = known_at(r["snapshot_date"]).replace(tzinfo=SHANGHAI)
        r.update(event_timestamp=known, split=split.part(r["firm_id"]), is_oot=r["snapshot_date"] in oot)
    digest = hashlib.sha256("\n".join(_line(r) for r in rows).encode()).hexdigest()
    release_id, written = _release(settings, digest, dates[-1])
    for name, columns in ((FRAME, FRAME_COLUMNS), (LABEL, LABEL_COLUMNS)):
        if name not in written:
            release = {"release_id": release_id, "digest": digest}
            store.replace(settings, name, store.rows_of(name, [{c: r[c] for c in columns} | release for r in rows]), None)
    detail = {
        "release_id": release_id, "digest": digest, "snapshots": [d.isoformat() for d in dates], "rows": len(rows),
        "firms": len({r["firm_id"] for r in rows}), "indicators": len(catalogue.load()), "outcomes": dict(Counter(r["outcome"] for r in rows)),
        "defaults": len({(r["firm_id"], r["bad_date"]) for r in rows if r["outcome"] == "bad"}),
        "excluded": {k: n for k, n in Counter(candidates.column("excluded").to_pylist()).items() if k},
    }  # fmt: skip
    return Report(rows=len(rows), detail=detail, nothing=len(written) == 2)


def _line(row: dict[str, Any]) -> str:
    return "|".join(str(row[c]) for c in dict.fromkeys([*FRAME_COLUMNS, *LABEL_COLUMNS]))


def releases(settings: Settings, name: str = LABEL) -> dict[str, str]:
    """Releases of the sample library: release_id -> digest."""
    rows = store.read(settings, name, columns=["release_id", "digest"]).group_by(["release_id", "digest"]).aggregate([])
    return dict(sorted(zip(rows.column("release_id").to_pylist(), rows.column("digest").to_pylist(), strict=True)))


def _release(settings: Settings, digest: str, last: date) -> tuple[str, set[str]]:
    """Id of the release with this digest, new or known, and the tables that have it already."""
    known = {name: releases(settings, name) for name in (FRAME, LABEL)}
    for found in known.values():
        for release_id, d in found.items():
            if d == digest:
                return release_id, {n for n, r in known.items() if r.get(release_id) == digest}
    of_date = [r for r in {**known[FRAME], **known[LABEL]} if r.startswith(f"{last:%Y%m%d}.")]
    return f"{last:%Y%m%d}.{len(of_date) + 1:02d}", set()

"""Job `publish`: the night becomes visible. Feast registry, online store, and last of all its row in `ops.night`.

Reads feature.* and score.firm_score of D at their current versions; writes `<home>/feast` and one row of ops.night, which
names the Delta version of every table. Readers see the night by that one commit. A night already PUBLISHED at the same
versions is nothing to do; a night older than the last published one gets its row but does not touch the online store.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from datetime import UTC, date, datetime

from features import online
from features.feast_client import apply, open_store
from jobs.runner import Report
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings
from lake.tables import DIMENSIONS, TABLES

log = logging.getLogger(__name__)
NIGHT = "ops.night"
NEEDED = (*(f"feature.{d}" for d in DIMENSIONS), "score.firm_score")


def run(settings: Settings, as_of: date) -> Report:
    """Publish night `as_of`. Report.rows counts the firms of the night."""
    started = time.monotonic()
    versions = current_versions(settings)
    if missing := [t for t in NEEDED if t not in versions]:
        raise ContractBroken(f"night {as_of} cannot be published: {', '.join(missing)} were never written. Run indicators and score first.")
    nights = {r["as_of"]: r for r in store.read(settings, NIGHT).to_pylist()}
    if as_of in nights and json.loads(nights[as_of]["versions"]) == versions:
        return Report(nothing=True, detail={"reason": f"night {as_of} is PUBLISHED at these versions"})
    scores = online.night_rows(settings, "score.firm_score", as_of, ["model_id", "score"], versions["score.firm_score"])
    if not scores.num_rows:
        raise ContractBroken(f"score.firm_score has no rows for {as_of}. Run `liushui score` for that night first.")
    client = open_store(settings)
    applied = apply(settings, client)
    newest = not any(d > as_of for d in nights)
    served = online.write_night(settings, client, as_of, versions) if newest else 0
    models = Counter(m for m in scores.column("model_id").to_pylist() if m)
    row = {
        "as_of": as_of, "status": "PUBLISHED", "versions": json.dumps(versions, sort_keys=True),
        "model_id": models.most_common(1)[0][0] if models else None,
        "firms_scored": scores.num_rows - scores.column("score").null_count, "at": datetime.now(UTC),
    }  # fmt: skip
    store.replace(settings, NIGHT, store.rows_of(NIGHT, [row]), f"as_of = '{as_of}'")
    seconds = round(time.monotonic() - started, 1)
    log.info("job=publish as_of=%s firms=%s online=%s seconds=%s", as_of, scores.num_rows, served, seconds)
    return Report(rows=scores.num_rows, detail={"online": served, "registry_applied": applied, "tables": len(versions), "seconds": seconds})


def current_versions(settings: Settings) -> dict[str, int]:
    """Delta version of every table that was ever written; the ledgers `ops.*` are not part of a night."""
    found = {name: store.version(settings, name) for name in TABLES if not name.startswith("ops.")}
    return {name: version for name, version in found.items() if version is not None}

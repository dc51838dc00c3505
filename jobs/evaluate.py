"""Evaluate: the challenger against the champion on the out-of-time rows of the newest sample release.

Writes `evaluation.json` beside the challenger: difference in AUC with DeLong's p-value, and the challenger's own verdicts.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from jobs import model_store
from jobs.matrix import FeatureReader, from_tables, latest_release, matrix
from jobs.runner import Report
from lake.errors import ConfigError
from lake.io import Lake
from models.build import compare

EVALUATION = "evaluation.json"


def run(lake: Lake, as_of: date, *, kind: str = "full", features: FeatureReader = from_tables) -> Report:
    """Compare the two models of `kind`; nothing to do when the challenger is the champion. ConfigError without a challenger."""
    settings = lake.settings
    challenger_id = model_store.pointed(settings, "challenger", kind)
    if challenger_id is None:
        raise ConfigError(f"no challenger model ({kind}). Run `liushui train` first.")
    champion = model_store.champion(settings, kind)
    if champion.model_id == challenger_id:
        return Report(nothing=True, detail={"champion": champion.model_id, "reason": "the challenger is the champion"})
    challenger = model_store.load(settings, challenger_id)
    release_id, digest = latest_release(settings)
    found: dict[str, Any] = {
        "as_of": as_of.isoformat(), "champion": champion.model_id, "challenger": challenger_id, "release_id": release_id, "digest": digest,
        "oot": compare(champion, challenger, matrix(settings, release_id, features)), "verdicts": challenger.metrics["oot"]["verdicts"],
    }  # fmt: skip
    model_store.write(settings, challenger_id, EVALUATION, json.dumps(found, indent=1).encode())
    return Report(rows=found["oot"]["rows"], detail=found)

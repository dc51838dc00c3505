"""Train: the newest sample release -> a `full` and a `flow_only` bundle in `<home>/models`, registered as challenger.

Without a champion the new models become champion too. A release that was trained with the same parameters and versions
already is nothing to do. Gates (leak, dead source, too few bads) raise GateFailed and nothing is stored.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from typing import Any

from jobs import model_store
from jobs.matrix import FeatureReader, from_tables, latest_release, matrix
from jobs.runner import Report
from lake.errors import ContractBroken
from lake.io import Lake
from lake.settings import Settings
from models.build import build
from models.bundle import Bundle
from models.card import card, markdown
from models.fit import Params

log = logging.getLogger(__name__)
KINDS = ("full", "flow_only")


def run(lake: Lake, as_of: date, *, features: FeatureReader = from_tables) -> Report:
    """Train both models on the newest release."""
    settings = lake.settings
    s = settings.model
    params = Params(seed=s.seed, rounds=s.rounds, threads=s.threads)
    release_id, digest = latest_release(settings)
    known = [trained_before(settings, kind, digest, params) for kind in KINDS]
    if all(known) and model_store.pointed(settings, "champion"):
        return Report(nothing=True, detail={"models": known, "release_id": release_id})
    m = matrix(settings, release_id, features)
    release = {"release_id": release_id, "digest": digest}
    bundles = [build(m, kind, params, release, s.bootstrap) for kind in KINDS]
    for bundle in bundles:
        register(settings, bundle, as_of)
    return Report(rows=int(m.training.sum()), detail=detail(bundles, release_id))


def trained_before(settings: Settings, kind: str, digest: str, params: Params) -> str | None:
    """Id of the challenger when it was made from this release with these parameters and library versions."""
    model_id = model_store.pointed(settings, "challenger", kind) or model_store.pointed(settings, "champion", kind)
    if model_id is None:
        return None
    try:
        b = model_store.load(settings, model_id)
    except ContractBroken:
        return None  # made by another version of the program: train anew
    wanted = {k: v for k, v in asdict(params).items() if k in b.params}
    same = (
        b.release["digest"] == digest and all(b.params[k] == v for k, v in wanted.items()) and b.versions["xgboost"] == version("xgboost")
    )
    return model_id if same else None


def register(settings: Settings, bundle: Bundle, as_of: date) -> None:
    """Store a bundle with its card; it is the challenger, and the champion where there is none."""
    text = card(bundle, as_of)
    files = {**bundle.files(), "card.json": json.dumps(text, ensure_ascii=False, indent=1).encode(), "card.md": markdown(text).encode()}
    model_store.save(settings, bundle.model_id, files)
    model_store.point(settings, "challenger", bundle.kind, bundle.model_id)
    if model_store.pointed(settings, "champion", bundle.kind) is None:
        model_store.point(settings, "champion", bundle.kind, bundle.model_id)
        log.info("champion kind=%s model=%s", bundle.kind, bundle.model_id)


def detail(bundles: list[Bundle], release_id: str) -> dict[str, Any]:
    """What the summary and the ledger tell."""
    told: dict[str, Any] = {"release_id": release_id}
    for b in bundles:
        oot = b.metrics["oot"]
        told[b.kind] = {
            "id": b.model_id, "inputs": len(b.inputs), "dropped": len(b.dropped), "rounds": b.params["rounds_used"],
            "training": b.metrics["training"], "auc_oot": oot["auc"], "ks_oot": oot["ks"], "bads_oot": oot["bads"],
            "auc_test": b.metrics["test"]["auc"], "verdicts_oot": oot["verdicts"],
        }  # fmt: skip
    return told

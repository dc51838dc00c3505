"""From rows to a bundle: choose inputs, train, calibrate, freeze the reference, measure. Same rows and params: same bytes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from lake.errors import GateFailed
from models import acceptance, calibrate, contributions, fit, metrics, split, subscore, tables
from models.bundle import Bundle, Reference
from models.evaluation import evaluate
from models.inputs import Dropped, Input, choose, dead_dimensions, usable
from models.matrix import Matrix
from models.scoring import Scorer, block_sums

log = logging.getLogger(__name__)
PEERS = 50
"""Fewest observations of a peer group that has medians of its own."""
SAMPLES = ("test", "oot", "held_out")


def build(m: Matrix, kind: str, params: fit.Params, release: dict[str, str], resamples: int) -> Bundle:
    """Train, calibrate and measure one model on `m`.

    `release` names the sample (release_id, digest). Raises GateFailed for a source without any value, for too few bads and
    for a leak.
    """
    inputs, dropped = _inputs(m, kind)
    m = m.with_inputs(inputs)
    rows = m.training
    stopping = np.array([split.stops(f) for f in m.firm[rows]], dtype=np.bool_)
    booster = fit.train(m.x[rows], m.y[rows], stopping, inputs, params)
    margin = fit.margin(booster, m.x)
    cal = m.calibration
    calibration = calibrate.fit(margin[cal], m.group[cal], m.y[cal])
    phi_of = tables.tables(booster, len(inputs))
    draft = Bundle(
        model_id="", kind=kind, inputs=tuple(inputs), dropped=tuple(dropped), model=bytes(booster.save_raw("ubj")), bias=phi_of.bias,
        calibration=calibration, reference=Reference((), {}, {}, ()), params={**asdict(params), "rounds_used": booster.num_boosted_rounds()},
        release=release, metrics={}, versions={p: version(p) for p in ("xgboost", "numpy", "scikit-learn")},
    )  # fmt: skip
    draft = replace(draft, reference=_reference(draft, phi_of, m, calibration.log_odds(margin, m.group)))
    bundle = replace(draft, metrics=_measure(Scorer(draft, phi_of), m, params, resamples)).identified()
    log.info("trained model=%s inputs=%s rounds=%s rows=%s", bundle.model_id, len(inputs), bundle.params["rounds_used"], int(rows.sum()))
    return bundle


def _inputs(m: Matrix, kind: str) -> tuple[list[Input], list[Dropped]]:
    if not m.training.any():
        raise GateFailed(
            f"training rows: expected some, found none among {len(m.y)} observations. The history is too short for a matured quarter."
        )
    chosen = choose(m.inputs, kind)
    inputs, dropped = usable(chosen, m.with_inputs(chosen).x[m.training])
    dead = dead_dimensions(chosen, dropped)
    if dead:
        raise GateFailed(
            f"training rows: no value in any indicator of {', '.join(dead)}. The source never arrived or was not computed; see dq and tiles."
        )
    return inputs, dropped


def _reference(bundle: Bundle, phi_of: contributions.Contributions, m: Matrix, log_odds: npt.NDArray[np.float64]) -> Reference:
    phi = phi_of.of(np.ascontiguousarray(m.x.T))
    sums = block_sums(bundle, phi)
    groups, counts = np.unique(m.peer, return_counts=True)
    medians = {"": _medians(m.x)} | {str(g): _medians(m.x[m.peer == g]) for g, n in zip(groups, counts, strict=True) if n >= PEERS}
    return Reference(
        median_phi=tuple(float(v) for v in np.median(phi, axis=1)),
        sub_quantiles={block: tuple(subscore.quantiles(values)) for block, values in sums.items()},
        medians=medians,
        score_deciles=tuple(float(v) for v in np.quantile(log_odds, np.linspace(0, 1, 11)[1:-1])),
    )


def _medians(x: npt.NDArray[np.float32]) -> tuple[float | None, ...]:
    """Median per input, None where nothing is known."""
    known = ~np.isnan(x).all(axis=0)
    values = np.full(x.shape[1], np.nan)
    values[known] = np.nanmedian(x[:, known].astype(np.float64), axis=0)
    return tuple(None if np.isnan(v) else float(v) for v in values)


def _measure(scorer: Scorer, m: Matrix, params: fit.Params, resamples: int) -> dict[str, Any]:
    """Metrics of the test and the out-of-time sample, their difference and the stability of the score."""
    found: dict[str, Any] = {
        "training": {"rows": int(m.training.sum()), "bads": int(m.y[m.training].sum()), "firms": len(np.unique(m.firm[m.training]))}
    }
    log_odds = {}
    for name in SAMPLES:
        rows = m.rows(m.sample(name))
        scored = scorer.score(np.ascontiguousarray(rows.x.T), rows.group)
        found[name] = evaluate(rows, scored, name, resamples, params.seed)
        log_odds[name] = scored.log_odds
    test, oot = found["test"]["auc"]["value"], found["oot"]["auc"]["value"]
    drop = None if test is None or oot is None else test - oot
    shift = metrics.psi(log_odds["test"], log_odds["oot"]) if min(map(len, log_odds.values())) else None
    bounds = acceptance.BOUNDS
    found["test_minus_oot"] = {"value": drop, "verdict": bounds["test_minus_oot"].judge(drop)}
    found["psi"] = {"value": shift, "verdict": bounds["psi"].judge(shift)}
    return found


def scorer(bundle: Bundle) -> Scorer:
    """A scorer of a stored bundle, its tables worked out and checked."""
    return Scorer(bundle, tables.tables(bundle.booster(), len(bundle.inputs)))


def compare(first: Bundle, second: Bundle, m: Matrix) -> dict[str, Any]:
    """AUC of two bundles on the out-of-time rows of `m`, difference (second - first) and DeLong's p-value."""
    rows = m.rows(m.sample("oot"))
    scores = []
    for bundle in (first, second):
        own = rows.with_inputs(_same_inputs(rows.inputs, bundle))
        scores.append(scorer(bundle).score(np.ascontiguousarray(own.x.T), own.group).log_odds)
    if len(rows.y) == 0 or rows.y.min() == rows.y.max():
        return {"rows": len(rows.y), "bads": int(rows.y.sum()), "difference": None, "p_value": None}
    difference, p = metrics.delong(rows.y, scores[0], scores[1])
    return {"rows": len(rows.y), "bads": int(rows.y.sum()), "difference": difference, "p_value": p}


def _same_inputs(inputs: Sequence[Input], bundle: Bundle) -> list[Input]:
    known = {i.name: i for i in inputs}
    return [known[n] for n in bundle.names]

"""Metrics of a scored sample, with a verdict for each, as plain data for bundle and model card."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from models import acceptance, metrics
from models.matrix import Matrix
from models.scorecard import GRADES
from models.scoring import Scored

FEW_BADS = 100
GRADE_EXPECTED, ORDER_EXPECTED = 20, 5


def evaluate(m: Matrix, scored: Scored, name: str, resamples: int, seed: int) -> dict[str, Any]:
    """Everything measured on the rows of `m`; figures that the rows do not allow are None. Raises GateFailed on a leak."""
    weights = metrics.default_weights(m.firm, m.y, m.default_key)
    auc, ks = metrics.ranking(scored.log_odds, m.y, m.firm, weights, resamples, seed)
    bads = m.y == 1
    defaults = len({(f, k) for f, k in zip(m.firm[bads], m.default_key[bads], strict=True)})
    acceptance.refuse_leak(name, auc, defaults)
    calibration = metrics.calibration(scored.pd, m.y)
    worst = metrics.worst_decile_share(scored.log_odds, m.y)
    bounds = acceptance.BOUNDS
    verdicts = {
        "auc": bounds["auc"].judge(auc.value, auc.low, auc.high), "ks": bounds["ks"].judge(ks.value, ks.low, ks.high),
        "worst_decile": bounds["worst_decile"].judge(worst), **{k: bounds[k].judge(e.value, e.low, e.high) for k, e in calibration.items()},
    }  # fmt: skip
    grades = grade_table(scored.grade, scored.pd, m.y)
    share = max((g["share"] for g in grades), default=None)
    verdicts["largest_grade"] = bounds["largest_grade"].judge(share)
    verdicts["grade_order"] = grade_order(grades)
    return {
        "rows": len(m.y), "firms": len(np.unique(m.firm)), "bads": int(bads.sum()), "indeterminate": int(m.indeterminate.sum()),
        "defaults": defaults,
        "few_bads": bool(bads.sum() < FEW_BADS), "auc": asdict(auc), "ks": asdict(ks),
        "gini": None if auc.value is None else 2 * auc.value - 1, "worst_decile_share": worst, "calibration": {k: asdict(e) for k, e in calibration.items()},
        "grades": grades, "by_group": by_group(m, scored), "verdicts": verdicts,
    }  # fmt: skip


def grade_table(grade: npt.NDArray[np.int64], pd: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Per grade with rows: count, share, observed and expected bads, Jeffreys confidence that the grade's pd is too low."""
    table = []
    for k, name in enumerate(GRADES):
        here = grade == k
        n, bads, expected = int(here.sum()), int(y[here].sum()), float(pd[here].sum())
        if n:
            confidence = metrics.jeffreys(bads, n, expected / n)
            colour = "green" if confidence < 0.95 else "amber" if confidence <= 0.999 or expected < GRADE_EXPECTED else "red"
            row = {"grade": name, "rows": n, "share": n / len(grade), "bads": bads, "expected": expected, "default_rate": bads / n}
            table.append({**row, "jeffreys": confidence, "colour": colour})
    return table


def grade_order(table: list[dict[str, Any]]) -> str:
    """Whether default rates rise from grade to grade, among grades with enough expected bads."""
    rates = [g["default_rate"] for g in table if g["expected"] >= ORDER_EXPECTED]
    steps = np.diff(rates)
    if len(rates) < 2:
        return acceptance.UNKNOWN
    if np.any(steps < 0):
        return acceptance.FAIL
    ties = int(np.sum(steps == 0))
    return acceptance.PASS if ties == 0 else acceptance.INVESTIGATE if ties == 1 else acceptance.FAIL


def by_group(m: Matrix, scored: Scored) -> dict[str, dict[str, Any]]:
    """Observed against expected bads per calibration group."""
    found = {}
    for g in np.unique(m.group):
        here = m.group == g
        expected = float(scored.pd[here].sum())
        found[str(g)] = {"rows": int(here.sum()), "bads": int(m.y[here].sum()), "expected": expected}
    return found

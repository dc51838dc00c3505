"""How good a model is: ranking (AUC, KS) with intervals over firms, calibration, grades, stability.

Observations of one default repeat from quarter to quarter; `default_weights` makes a default count once in ranking
figures. Intervals resample firms, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, chi2, norm
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EMPTY_BIN = 1e-4


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over firms; None where the rows do not allow it."""

    value: float | None
    low: float | None
    high: float | None


def default_weights(firm: npt.NDArray, y: Ints, default_key: npt.NDArray) -> Floats:
    """1 for a row that is not bad, 1/k for each of the k rows that tell of one default (firm, key)."""
    _, codes = np.unique([f"{f}|{k}" for f, k in zip(firm, default_key)], return_inverse=True)
    counts = np.bincount(codes, weights=y.astype(np.float64))
    return np.where(y == 1, 1.0 / np.maximum(counts[codes], 1.0), 1.0)


def auc_ks(score: Floats, y: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """AUC and KS of `score` (higher = riskier) for each row of `weights` (resamples, observations); NaN without both classes."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    sorted_weights = weights[:, order]
    bad = np.add.reduceat(sorted_weights * y[order], starts, axis=1)
    good = np.add.reduceat(sorted_weights * (1 - y[order]), starts, axis=1)
    bad_below, good_below = np.cumsum(bad, axis=1), np.cumsum(good, axis=1)
    bads, goods = bad_below[:, -1], good_below[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = np.sum(bad * (good_below - good / 2), axis=1) / (bads * goods)
        ks = np.max(np.abs(bad_below / bads[:, None] - good_below / goods[:, None]), axis=1)
    return auc, ks


def ranking(score: Floats, y: Ints, firm: npt.NDArray, weights: Floats, resamples: int, seed: int) -> tuple[Estimate, Estimate]:
    """AUC and KS with bootstrap intervals over firms."""
    if len(y) == 0 or y.min() == y.max():
        return Estimate(None, None, None), Estimate(None, None, None)
    auc, ks = auc_ks(score, y, weights[None, :])
    _, codes = np.unique(firm, return_inverse=True)
    firms = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(firms, np.full(firms, 1 / firms), size=resamples).astype(np.float64)
    many_auc, many_ks = auc_ks(score, y, counts[:, codes] * weights[None, :])
    return _estimate(float(auc[0]), many_auc), _estimate(float(ks[0]), many_ks)


def _estimate(value: float, many: Floats) -> Estimate:
    known = many[~np.isnan(many)]
    if known.size == 0:
        return Estimate(value, None, None)
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def delong(y: Ints, first: Floats, second: Floats) -> tuple[float, float]:
    """Difference AUC(second) - AUC(first) on the same rows and its two-sided p-value (DeLong, correlated curves)."""
    bad, good = y == 1, y == 0
    placements = [_placements(s[bad], s[good]) for s in (first, second)]
    aucs = [float(v10.mean()) for v10, _ in placements]
    s10 = np.cov(np.vstack([p[0] for p in placements]))
    s01 = np.cov(np.vstack([p[1] for p in placements]))
    s = s10 / bad.sum() + s01 / good.sum()
    variance = float(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    difference = aucs[1] - aucs[0]
    if variance <= 0:
        return difference, 1.0 if difference == 0 else 0.0
    return difference, float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def _placements(bad: Floats, good: Floats) -> tuple[Floats, Floats]:
    """Share of goods below each bad and share of bads above each good, ties half."""
    g, b = np.sort(good), np.sort(bad)
    v10 = (np.searchsorted(g, bad, "left") + np.searchsorted(g, bad, "right")) / (2 * len(g))
    v01 = 1 - (np.searchsorted(b, good, "left") + np.searchsorted(b, good, "right")) / (2 * len(b))
    return v10, v01


def calibration(pd: Floats, y: Ints) -> dict[str, Estimate]:
    """Observed over expected bads, and slope and intercept of the outcome on the log-odds (1 and 0 when calibrated).

    Intervals: Poisson for the ratio, Wald for slope and intercept.
    """
    unknown = Estimate(None, None, None)
    expected, bads = float(pd.sum()), int(y.sum())
    result = {"observed_to_expected": unknown, "slope": unknown, "intercept": unknown}
    if expected > 0:
        low, high = chi2.ppf(0.025, 2 * bads) / 2 if bads else 0.0, chi2.ppf(0.975, 2 * bads + 2) / 2
        result["observed_to_expected"] = Estimate(bads / expected, float(low / expected), float(high / expected))
    if len(y) and y.min() != y.max() and np.ptp(pd) > 0:
        x = np.log(pd / (1 - pd))
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200).fit(x[:, None], y)
        p = model.predict_proba(x[:, None])[:, 1]
        design = np.column_stack([x, np.ones_like(x)])
        errors = 1.96 * np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))))
        for name, value, error in zip(("slope", "intercept"), (float(model.coef_[0][0]), float(model.intercept_[0])), errors, strict=True):
            result[name] = Estimate(value, value - float(error), value + float(error))
    return result


def jeffreys(bads: int, n: int, pd: float) -> float:
    """Confidence that the true default rate of a grade exceeds `pd` (0 to 1; green below 0.95, red above 0.999)."""
    return float(beta.sf(pd, bads + 0.5, n - bads + 0.5))


def worst_decile_share(score: Floats, y: Ints) -> float | None:
    """Share of all bads among the tenth of the rows with the highest risk."""
    if y.sum() == 0:
        return None
    worst = np.argsort(-score, kind="stable")[: max(1, int(np.ceil(len(score) / 10)))]
    return float(y[worst].sum() / y.sum())


def psi(reference: Floats, actual: Floats, bins: int = 10) -> float:
    """Population stability index over the reference's quantile bins; missing values are a bin of their own."""
    edges = (
        np.unique(np.quantile(reference[~np.isnan(reference)], np.linspace(0, 1, bins + 1)[1:-1]))
        if np.any(~np.isnan(reference))
        else np.array([])
    )

    def shares(values: Floats) -> Floats:
        place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
        counts = np.bincount(place.astype(np.int64), minlength=len(edges) + 2)
        return np.maximum(counts / max(1, len(values)), EMPTY_BIN)

    r, a = shares(reference), shares(actual)
    return float(np.sum((a - r) * np.log(a / r)))

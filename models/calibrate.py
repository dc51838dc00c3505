"""Platt calibration: logit(pd) = a_group + b * margin. Linear, so that contributions stay exact in points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lake.errors import GateFailed
from models.segments import GROUPS

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]
MIN_BADS = 50
"""Groups with fewer bads share an intercept."""


@dataclass(frozen=True)
class Calibration:
    """Slope `b` and one intercept per calibration group."""

    b: float
    intercepts: dict[str, float]

    def log_odds(self, margin: Floats, groups: Strings) -> Floats:
        """Calibrated log-odds of bad; a KeyError names a group the calibration does not know."""
        return self.a(groups) + self.b * margin

    def a(self, groups: Strings) -> Floats:
        """Intercept of each row."""
        names, position = np.unique(groups, return_inverse=True)
        return np.array([self.intercepts[str(n)] for n in names])[position] if len(names) else np.zeros(0)


def pools(bads: dict[str, int]) -> list[list[str]]:
    """Groups that share an intercept. Small ones go together; are they still too few, with the group of most bads."""
    large = [[g] for g in GROUPS if bads.get(g, 0) >= MIN_BADS]
    small = [g for g in GROUPS if bads.get(g, 0) < MIN_BADS]
    if small and large and sum(bads.get(g, 0) for g in small) < MIN_BADS:
        max(large, key=lambda p: bads[p[0]]).extend(small)
        return large
    return [*large, small] if small else large


def fit(margin: Floats, groups: Strings, y: npt.NDArray[np.int64]) -> Calibration:
    """Fit on firms the trees have not seen, unsampled. Raises GateFailed when the outcome does not rise with the margin."""
    from sklearn.linear_model import LogisticRegression  # here: scoring reads this module without fitting

    if y.min() == y.max():
        raise GateFailed(f"calibration rows: expected bad and good outcomes, found {int(y.sum())} bad of {len(y)}. Enlarge the sample.")
    if np.ptp(margin) == 0:
        raise GateFailed(
            f"calibration rows: expected different margins, found {margin[0]:.3f} for all {len(y)}: the trees have no split. Enlarge the sample."
        )
    shared = pools({g: int(y[groups == g].sum()) for g in GROUPS})
    dummies = np.column_stack([np.isin(groups, p) for p in shared]).astype(np.float64)
    used = np.asarray(dummies.any(axis=0))
    model = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-10, max_iter=200)
    model.fit(np.column_stack([margin, dummies[:, used]]), y)
    b, *a = (float(v) for v in model.coef_[0])
    if not b > 0:
        raise GateFailed(
            f"calibration slope: expected b > 0, found {b:.4f}: the model ranks unseen firms the wrong way round. Look at the sample."
        )
    intercepts = dict(zip([tuple(p) for p, u in zip(shared, used) if u], a, strict=True))
    default = intercepts[max(intercepts, key=lambda p: float(np.isin(groups, p).sum()))]
    return Calibration(b, {g: next((v for p, v in intercepts.items() if g in p), default) for g in GROUPS})

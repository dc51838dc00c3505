"""Is a release good enough? Each figure against its bounds: pass, investigate or fail (domain D)."""

from __future__ import annotations

from dataclasses import dataclass

from lake.errors import GateFailed
from models.metrics import Estimate

LEAK_AUC = 0.92
PASS, INVESTIGATE, FAIL, UNKNOWN = "pass", "investigate", "fail", "unknown"


@dataclass(frozen=True)
class Bound:
    """Inside `good` passes, inside `fair` is to be investigated, outside fails. None = open end."""

    good: tuple[float | None, float | None]
    fair: tuple[float | None, float | None]

    def judge(self, value: float | None, low: float | None = None, high: float | None = None) -> str:
        """Verdict on a figure; with an interval a fail needs the whole interval outside `fair`."""
        if value is None:
            return UNKNOWN
        if _inside(value, self.good):
            return PASS
        if _inside(value, self.fair):
            return INVESTIGATE
        if low is not None and high is not None and _overlaps(low, high, self.fair):
            return INVESTIGATE
        return FAIL


def _inside(value: float, bounds: tuple[float | None, float | None]) -> bool:
    return (bounds[0] is None or value >= bounds[0]) and (bounds[1] is None or value <= bounds[1])


def _overlaps(low: float, high: float, bounds: tuple[float | None, float | None]) -> bool:
    return (bounds[0] is None or high >= bounds[0]) and (bounds[1] is None or low <= bounds[1])


BOUNDS = {
    "auc": Bound((0.72, 0.90), (0.68, LEAK_AUC)),
    "ks": Bound((0.30, 0.60), (0.20, 0.60)),
    "test_minus_oot": Bound((None, 0.03), (None, 0.05)),
    "worst_decile": Bound((0.30, None), (0.25, None)),
    "observed_to_expected": Bound((0.9, 1.1), (0.8, 1.25)),
    "slope": Bound((0.85, 1.15), (0.75, 1.3)),
    "intercept": Bound((-0.15, 0.15), (-0.3, 0.3)),
    "psi": Bound((None, 0.10), (None, 0.25)),
    "largest_grade": Bound((None, 0.30), (None, 0.40)),
}


def refuse_leak(sample: str, auc: Estimate, defaults: int) -> None:
    """Raise GateFailed when the AUC of `sample` is surely above 0.92: no honest input is that good.

    Surely: the whole bootstrap interval is. `defaults` tells the reader how many outcomes that rests on.
    """
    if auc.value is not None and auc.value > LEAK_AUC and (auc.low is None or auc.low > LEAK_AUC):
        raise GateFailed(
            f"AUC on {sample}: expected at most {LEAK_AUC}, found {auc.value:.3f} (95 % interval from {auc.low or auc.value:.3f}) "
            f"with {defaults} defaults. An input carries the outcome: look at the top reasons and at rows known after their snapshot."
        )

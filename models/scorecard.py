"""From probability to score and grade. PDO 40, 600 points at odds of 20 good to 1 bad; the grade is decided on pd."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lake.errors import ContractBroken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PDO, BASE, ODDS = 40.0, 600.0, 20.0
FACTOR = PDO / math.log(2)
OFFSET = BASE - FACTOR * math.log(ODDS)
LOWEST, HIGHEST = 300, 900
PD_FLOOR, PD_CEILING = 0.0005, 1 - 1e-12

GRADES = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C", "D")
"""Best to worst; D is for firms in default and comes from an override only."""
PD_BOUNDS = (0.003, 0.006, 0.012, 0.024, 0.048, 0.096, 0.192, 0.384)
"""Upper bounds of AAA to CC, excluded; C takes the rest."""
TURNOVER_FACTOR = (0.20, 0.18, 0.15, 0.12, 0.08, 0.04, 0.0, 0.0, 0.0, 0.0)
"""Share of adjusted turnover lent, by grade."""


def probability(log_odds: Floats) -> Floats:
    """Default probability of calibrated log-odds of bad, floored at 0.05 % (and never rounded to 1)."""
    return np.clip(1.0 / (1.0 + np.exp(-log_odds)), PD_FLOOR, PD_CEILING)


def raw_score(log_odds: Floats) -> Floats:
    """Score before floor, clip and rounding: linear in the log-odds of bad, so that contributions add up in points."""
    return OFFSET - FACTOR * log_odds


def score(pd: Floats) -> Ints:
    """Whole points, 300 to 900, half up. Raises ContractBroken for a pd outside (0, 1)."""
    if not np.all((pd > 0) & (pd < 1)):
        raise ContractBroken(f"score: expected 0 < pd < 1, found {pd[~((pd > 0) & (pd < 1))][:3].tolist()}. Check the calibration.")
    raw = OFFSET + FACTOR * np.log((1 - pd) / pd)
    return np.floor(np.clip(raw, LOWEST, HIGHEST) + 0.5).astype(np.int64)


def grade_index(pd: Floats) -> Ints:
    """Position in GRADES decided on pd (0 best); a pd on a bound belongs to the worse grade."""
    return np.searchsorted(np.array(PD_BOUNDS), pd, side="right").astype(np.int64)

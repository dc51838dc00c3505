"""Scoring rows with a bundle and its look-up tables: pd, contributions, sub-scores, reasons. Numpy and Arrow only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models import reasons, scorecard, subscore
from models.bundle import Bundle, peer_medians
from models.contributions import Contributions
from models.inputs import BLOCKS

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """Results per row: calibrated log-odds of bad, pd, points, grade position, contributions (inputs, rows), sums per block."""

    log_odds: Floats
    pd: Floats
    score: npt.NDArray[np.int64]
    grade: npt.NDArray[np.int64]
    phi: Floats
    blocks: dict[str, Floats]


class Scorer:
    """A bundle ready to score."""

    def __init__(self, bundle: Bundle, tables: Contributions) -> None:
        self.bundle = bundle
        self.tables = tables
        self._quantiles = {k: np.array(v) for k, v in bundle.reference.sub_quantiles.items()}
        self._median_phi = np.array(bundle.reference.median_phi)
        self._families = reasons.Families.of(bundle.inputs)

    def score(self, x: Floats32, groups: npt.NDArray[np.str_]) -> Scored:
        """Score `x` (inputs, rows; NaN = missing) of firms in calibration `groups`.

        The margin is the sum of the contributions, so that score, sub-scores and reasons add up exactly.
        """
        phi = self.tables.of(x)
        margin = phi.sum(axis=0) + self.tables.bias
        log_odds = self.bundle.calibration.log_odds(margin, groups)
        pd = scorecard.probability(log_odds)
        return Scored(log_odds, pd, scorecard.score(pd), scorecard.grade_index(pd), phi, block_sums(self.bundle, phi))

    def sub_scores(self, scored: Scored) -> dict[str, Floats]:
        """Six sub-scores and `external`, 0 to 100; NaN for a block the model reads nothing of."""
        read = {i.block for i in self.bundle.inputs}
        return {b: subscore.sub_score(self._quantiles[b], s) if b in read else np.full(len(s), np.nan) for b, s in scored.blocks.items()}

    def reasons(self, scored: Scored, x: Floats32, sections: npt.NDArray, sizes: npt.NDArray) -> pa.ListArray:
        """Top reasons of each row, with the median of the firm's peers (industry section and size class)."""
        lost = reasons.points(scored.phi, self._median_phi, self.bundle.calibration.b)
        medians, group = peer_medians(self.bundle, sections, sizes)
        return reasons.reasons(self.bundle.inputs, self._families, lost, x, medians, group)


def block_sums(bundle: Bundle, phi: Floats) -> dict[str, Floats]:
    """Sum of contributions per sub-score block; a block without inputs (external of `flow_only`) is 0."""
    sums = {block: np.zeros(phi.shape[1]) for block in BLOCKS}
    for j, i in enumerate(bundle.inputs):
        sums[i.block] += phi[j]
    return sums

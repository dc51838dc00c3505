"""Training one gradient-boosted model: a pure function of rows, parameters and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from lake.errors import GateFailed
from models.inputs import Input
from models.tables import MAX_DEPTH

Floats32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
MIN_BADS = 5
LEAST_PART = 4
"""At least this part (a quarter) of the rounds is used: with few bads in the fold the best round is noise."""
LEAST_LEAVES = 8
"""A leaf's least weight is lowered on small samples so that this many leaves have room; 20 leaves no split with 50 bads."""


@dataclass(frozen=True)
class Params:
    """What a model is trained with (domain D). Same rows, same params, same library: same bytes."""

    seed: int
    rounds: int
    threads: int
    max_depth: int = MAX_DEPTH
    learning_rate: float = 0.04
    min_child_weight: float = 20.0
    subsample: float = 0.8
    colsample_bytree: float = 0.4
    reg_lambda: float = 5.0
    stopping_rounds: int = 50

    def booster(self, inputs: Sequence[Input], bads: int, rows: int) -> dict[str, Any]:
        """Parameters in the library's words, with the monotone signs of `inputs`, for a sample of `rows` with `bads`."""
        own = {k: v for k, v in asdict(self).items() if k not in ("rounds", "threads", "stopping_rounds")}
        signs = "(" + ",".join(str(i.monotone) for i in inputs) + ")"
        own["min_child_weight"] = min(self.min_child_weight, bads * (1 - bads / rows) / LEAST_LEAVES)
        return {**own, "objective": "binary:logistic", "tree_method": "hist", "nthread": self.threads, "monotone_constraints": signs}


def train(x: Floats32, y: npt.NDArray[np.int64], stopping: Bools, inputs: Sequence[Input], params: Params) -> xgb.Booster:
    """Boosted trees on rows `x` (rows, inputs) with outcomes `y` (1 bad, 0 good).

    The rows marked `stopping` (a fold of firms) decide how many rounds; the model is then trained on all rows for as many.
    Raises GateFailed when there are too few bads to learn from.
    """
    bads = int(y.sum())
    if bads < MIN_BADS or bads == len(y):
        raise GateFailed(
            f"training rows: expected at least {MIN_BADS} bad and some good ones, found {bads} of {len(y)}. Enlarge the sample."
        )
    booster_params = params.booster(inputs, bads, len(y))
    rounds = params.rounds
    if 0 < y[stopping].sum() < stopping.sum() and y[~stopping].sum() > 0:
        fit = xgb.QuantileDMatrix(x[~stopping], y[~stopping], nthread=params.threads)
        watch = xgb.QuantileDMatrix(x[stopping], y[stopping], ref=fit, nthread=params.threads)
        first = xgb.train(
            booster_params, fit, params.rounds, evals=[(watch, "stop")], early_stopping_rounds=params.stopping_rounds, verbose_eval=False
        )
        rounds = max(int(first.best_iteration) + 1, params.rounds // LEAST_PART)
    return xgb.train(booster_params, xgb.QuantileDMatrix(x, y, nthread=params.threads), rounds)


def margin(booster: xgb.Booster, x: Floats32) -> npt.NDArray[np.float64]:
    """Log-odds of bad before calibration, one per row of `x` (rows, inputs)."""
    return booster.inplace_predict(x, predict_type="margin", missing=np.nan, validate_features=False).astype(np.float64)

"""The ordered inputs of a model, taken from the catalogue: name, code, dimension and monotone sign."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

SEED_DIMENSIONS = (
    "fund_scale", "economic_benefit", "customer_dispersion", "flow_stability", "supply_chain_stability", "fund_usage",
)  # fmt: skip
"""The six dimensions read from account flows alone; the other five are shown as one block `external`."""

BLOCKS = (*SEED_DIMENSIONS, "external")


@dataclass(frozen=True)
class Input:
    """One indicator as the model sees it. `monotone`: +1 raises the risk, -1 lowers it, 0 is free."""

    name: str
    code: str
    dimension: str
    monotone: int

    @property
    def block(self) -> str:
        """Sub-score the indicator counts in."""
        return self.dimension if self.dimension in SEED_DIMENSIONS else "external"

    @property
    def family(self) -> str:
        """Name without its window: `op_inflow_cv_6m` and `op_inflow_cv_12m` say the same thing."""
        return re.sub(r"_\d+m(?=_|$)", "", self.name)


@dataclass(frozen=True)
class Dropped:
    """An indicator of the catalogue the model does not read, and why."""

    name: str
    reason: str


def choose(inputs: Iterable[Input], kind: str) -> list[Input]:
    """Inputs of a model kind: `full` takes every dimension, `flow_only` the six seed dimensions."""
    if kind not in ("full", "flow_only"):
        raise ValueError(f"model kind {kind!r}: expected full or flow_only")
    return [i for i in inputs if kind == "full" or i.dimension in SEED_DIMENSIONS]


def usable(inputs: Sequence[Input], x: npt.NDArray[np.float32]) -> tuple[list[Input], list[Dropped]]:
    """Inputs with at least two different values in the training rows, and the others with the reason.

    `x` is (rows, inputs). No split can use a column that is null or the same everywhere.
    """
    keep, dropped = [], []
    for j, i in enumerate(inputs):
        known = x[~np.isnan(x[:, j]), j]
        if known.size == 0:
            dropped.append(Dropped(i.name, "null in every training row: not computed by this release"))
        elif known.size == len(x) and known.min() == known.max():
            dropped.append(Dropped(i.name, "the same value in every training row"))
        else:
            keep.append(i)
    return keep, dropped


def dead_dimensions(inputs: Sequence[Input], dropped: Sequence[Dropped]) -> list[str]:
    """Dimensions none of whose inputs has a value: a source that never arrived, not an indicator still to be computed."""
    null = {d.name for d in dropped if d.reason.startswith("null")}
    dimensions = dict.fromkeys(i.dimension for i in inputs)
    return [d for d in dimensions if all(i.name in null for i in inputs if i.dimension == d)]


def inputs_hash(inputs: Sequence[Input]) -> str:
    """sha256 over the ordered inputs with code, dimension and sign."""
    return hashlib.sha256(json.dumps([asdict(i) for i in inputs]).encode()).hexdigest()

"""Exact contributions of each input to a row's margin (path-dependent Shapley values), fast enough for every firm every night.

A tree's Shapley values are sums over its leaves, so a tree of depth 4 falls into two halves (below the root's left and
right child) whose values depend on at most 8 yes/no decisions: the root's and 7 below. For each half all patterns of
decisions (at most 256) are worked out once (models.tables); a row then costs compare, pack bits, look up, add. Numpy only, so
that a scoring process need not load the training library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lake.errors import ContractBroken

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Half:
    """One half of a tree: positions of its decisions in the tree's list, and per input its value for each pattern."""

    decisions: tuple[int, ...]
    inputs: tuple[int, ...]
    values: Floats  # (inputs, 2 ** decisions)


@dataclass(frozen=True)
class Tree:
    """Decisions (input, threshold, missing goes left) and the two halves."""

    decisions: tuple[tuple[int, np.float32, bool], ...]
    halves: tuple[Half, ...]


@dataclass(frozen=True)
class Contributions:
    """Look-up tables of a whole model; `bias` is the margin of the expected row (base score included)."""

    trees: tuple[Tree, ...]
    inputs: int
    bias: float

    def of(self, x: Floats32) -> Floats:
        """Contributions in log-odds, (inputs, rows), of `x` given input-major as (inputs, rows) with NaN for missing."""
        if x.shape[0] != self.inputs or x.dtype != np.float32:
            raise ContractBroken(f"contributions: expected {self.inputs} float32 inputs in rows, found {x.shape[0]} of {x.dtype}")
        phi = np.zeros(x.shape, dtype=np.float64)
        missing = np.isnan(x)
        bits = np.empty((15, x.shape[1]), dtype=np.bool_)
        pattern = np.empty(x.shape[1], dtype=np.uint8)
        shifted = np.empty_like(pattern)
        looked_up = np.empty(x.shape[1], dtype=np.float64)
        for tree in self.trees:
            for k, (j, threshold, missing_left) in enumerate(tree.decisions):
                np.less(x[j], threshold, out=bits[k])  # False for NaN
                if missing_left:
                    np.logical_or(bits[k], missing[j], out=bits[k])
            for half in tree.halves:
                pattern[:] = 0
                for position, k in enumerate(half.decisions):
                    np.left_shift(bits[k].view(np.uint8), np.uint8(position), out=shifted)
                    np.bitwise_or(pattern, shifted, out=pattern)
                for j, values in zip(half.inputs, half.values, strict=True):
                    np.take(values, pattern, out=looked_up)
                    phi[j] += looked_up
        return phi

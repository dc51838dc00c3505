"""Exact contributions of each input to a row's margin (path-dependent Shapley values), fast enough for every firm every night.

A tree's Shapley values are sums over its leaves, so a tree of depth 4 falls into two halves (below the root's left and
right child) whose values depend on at most 8 yes/no decisions: the root's and 7 below. For each half all patterns of
decisions (at most 256) are worked out once; a row then costs compare, pack bits, look up, add. `pred_contribs` of the
library gives the same numbers 5 times slower; a test holds this module to it.

Limits: depth <= 4, numeric splits, one output, gbtree booster.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from lake.errors import ContractBroken

MAX_DEPTH = 4
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


def tables(booster: xgb.Booster, inputs: int) -> Contributions:
    """Build the tables of a trained model with `inputs` inputs; raises ContractBroken for a model outside the limits."""
    model = json.loads(booster.save_raw("json").decode())["learner"]
    gradient = model["gradient_booster"]
    if gradient["name"] != "gbtree":
        raise ContractBroken(f"contributions: expected booster gbtree, found {gradient['name']}")
    trees = tuple(t for t in (_tree(t) for t in gradient["model"]["trees"]) if t is not None)
    row = xgb.DMatrix(np.full((1, inputs), np.nan, dtype=np.float32))
    bias = float(booster.predict(row, pred_contribs=True, validate_features=False)[0, -1])
    return Contributions(trees, inputs, bias)


def _tree(t: dict[str, Any]) -> Tree | None:
    left, right = t["left_children"], t["right_children"]
    if t.get("categories_nodes"):
        raise ContractBroken("contributions: expected numeric splits, found a categorical one")
    if left[0] == -1:
        return None  # a tree without a split only moves the bias
    nodes = _internal(left, right, 0)
    place = {node: k for k, node in enumerate(nodes)}
    decisions = tuple((int(t["split_indices"][n]), np.float32(t["split_conditions"][n]), bool(t["default_left"][n])) for n in nodes)
    return Tree(decisions, tuple(_half(t, place, child) for child in (left[0], right[0])))


def _internal(left: list[int], right: list[int], root: int, depth: int = 0) -> list[int]:
    if left[root] == -1:
        return []
    if depth >= MAX_DEPTH:
        raise ContractBroken(f"contributions: expected trees of depth <= {MAX_DEPTH}, found a deeper one. Train with max_depth {MAX_DEPTH}.")
    return [root, *_internal(left, right, left[root], depth + 1), *_internal(left, right, right[root], depth + 1)]


def _half(t: dict[str, Any], place: dict[int, int], child: int) -> Half:
    left, right, feature = t["left_children"], t["right_children"], t["split_indices"]
    nodes = [0, *_internal(left, right, child, 1)]
    bit = {node: k for k, node in enumerate(nodes)}
    inputs = sorted({int(feature[n]) for n in nodes})
    patterns = np.arange(2 ** len(nodes))
    values = np.zeros((len(inputs), len(patterns)))
    for path, leaf in _leaves(left, right, child, [(0, child == left[0])]):
        together: dict[int, list[tuple[int, bool]]] = {}
        for node, went_left in path:
            together.setdefault(int(feature[node]), []).append((node, went_left))
        ratios, agrees = [], np.zeros(len(patterns), dtype=np.int64)
        for k, steps in enumerate(together.values()):
            ratio, agree = 1.0, np.ones(len(patterns), dtype=np.bool_)
            for node, went_left in steps:
                cover = t["sum_hessian"]
                ratio *= cover[left[node] if went_left else right[node]] / cover[node]
                agree &= ((patterns >> bit[node]) & 1).astype(np.bool_) == went_left
            ratios.append(ratio)
            agrees |= agree.astype(np.int64) << k
        shapley = t["split_conditions"][leaf] * _product_game(np.array(ratios))
        for k, j in enumerate(together):
            values[inputs.index(j)] += shapley[k][agrees]
    return Half(tuple(place[n] for n in nodes), tuple(inputs), values)


def _leaves(left: list[int], right: list[int], node: int, path: list[tuple[int, bool]]) -> list[tuple[list[tuple[int, bool]], int]]:
    if left[node] == -1:
        return [(path, node)]
    return [*_leaves(left, right, left[node], [*path, (node, True)]), *_leaves(left, right, right[node], [*path, (node, False)])]


def _product_game(ratios: Floats) -> Floats:
    """Shapley values of v(S) = prod(agree_i, i in S) x prod(ratio_i, i not in S), (players, 2 ** players patterns of agree)."""
    d = len(ratios)
    agree = ((np.arange(2**d)[None, :] >> np.arange(d)[:, None]) & 1).astype(np.float64)
    result = np.zeros((d, 2**d))
    for i in range(d):
        others = [k for k in range(d) if k != i]
        for size in range(d):
            weight = factorial(size) * factorial(d - size - 1) / factorial(d)
            for known in combinations(others, size):
                rest = np.prod([ratios[k] for k in others if k not in known])
                result[i] += weight * rest * np.prod(agree[list(known)], axis=0)
        result[i] *= agree[i] - ratios[i]
    return result

"""Look-up tables of exact contributions, worked out once from a trained model (see models.contributions).

Limits: depth <= 4, numeric splits, one output, gbtree booster. `pred_contribs` of the library gives the same numbers; the tables
are checked against its margins before anyone uses them.
"""

from __future__ import annotations

import json
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from lake.errors import ContractBroken
from models.contributions import Contributions, Half, Tree

MAX_DEPTH = 4
CHECKED_ROWS, TOLERANCE = 64, 1e-3
Floats = npt.NDArray[np.float64]


def tables(booster: xgb.Booster, inputs: int) -> Contributions:
    """Build the tables of a trained model with `inputs` inputs; raises ContractBroken for a model outside the limits."""
    model = json.loads(booster.save_raw("json").decode())["learner"]
    gradient = model["gradient_booster"]
    if gradient["name"] != "gbtree":
        raise ContractBroken(f"contributions: expected booster gbtree, found {gradient['name']}")
    trees = tuple(t for t in (_tree(t) for t in gradient["model"]["trees"]) if t is not None)
    row = xgb.DMatrix(np.full((1, inputs), np.nan, dtype=np.float32))
    bias = float(booster.predict(row, pred_contribs=True, validate_features=False)[0, -1])
    found = Contributions(trees, inputs, bias)
    _check(found, booster)
    return found


def _check(found: Contributions, booster: xgb.Booster) -> None:
    """Contributions of rows drawn around the model's own thresholds must add up to its margins."""
    rng = np.random.default_rng(0)
    x = np.full((found.inputs, CHECKED_ROWS), np.nan, dtype=np.float32)
    for j, threshold, _ in (d for t in found.trees for d in t.decisions):
        moved = rng.random(CHECKED_ROWS)
        x[j] = np.where(moved < 0.2, x[j], np.where(moved < 0.6, threshold, np.nextafter(threshold, np.float32(-np.inf))))
    margin = booster.inplace_predict(np.ascontiguousarray(x.T), predict_type="margin", missing=np.nan, validate_features=False)
    error = float(np.abs(found.of(x).sum(axis=0) + found.bias - margin).max())
    if error > TOLERANCE:
        raise ContractBroken(
            f"contributions: expected to miss the margin by at most {TOLERANCE}, found {error:.2g}. The model does not fit the limits."
        )


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
        raise ContractBroken(
            f"contributions: expected trees of depth <= {MAX_DEPTH}, found a deeper one. Train with max_depth {MAX_DEPTH}."
        )
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

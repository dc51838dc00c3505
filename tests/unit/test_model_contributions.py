"""Exact contributions against the library's own (slow) ones."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb

from lake.errors import ContractBroken
from models.tables import tables


def trained(inputs: int, rounds: int, seed: int, depth: int = 4, **params: object) -> tuple[xgb.Booster, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1500, inputs)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0])  # ties on thresholds
    x[rng.random(x.shape) < 0.15] = np.nan
    y = (rng.random(1500) < 1 / (1 + np.exp(1 - np.nan_to_num(x[:, :3]).sum(axis=1)))).astype(int)
    settings = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.3, "nthread": 1, "seed": seed, "tree_method": "hist", **params}
    return xgb.train(settings, xgb.DMatrix(x, y), rounds), x


@pytest.mark.parametrize(
    ("inputs", "depth", "seed"),
    [(8, 4, 1), (2, 4, 2), (1, 4, 3), (40, 3, 4), (5, 1, 5), (12, 2, 6)],
    ids=["plain", "inputs repeat on a path", "one input", "depth 3", "stumps", "depth 2"],
)
def test_equal_to_the_library_to_1e_5_with_missing_values(inputs: int, depth: int, seed: int) -> None:
    booster, x = trained(inputs, 30, seed, depth)
    found = tables(booster, inputs)
    expected = booster.predict(xgb.DMatrix(x), pred_contribs=True)
    np.testing.assert_allclose(found.of(np.ascontiguousarray(x.T)).T, expected[:, :-1], rtol=0, atol=1e-5)
    assert found.bias == pytest.approx(float(expected[0, -1]), abs=1e-6)
    margin = booster.predict(xgb.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(found.of(np.ascontiguousarray(x.T)).sum(axis=0) + found.bias, margin, rtol=0, atol=1e-5)


def test_a_row_of_only_missing_values() -> None:
    booster, _ = trained(6, 20, 7)
    nothing = np.full((1, 6), np.nan, dtype=np.float32)
    expected = booster.predict(xgb.DMatrix(nothing), pred_contribs=True)[0, :-1]
    np.testing.assert_allclose(tables(booster, 6).of(nothing.T)[:, 0], expected, atol=1e-5)


def test_trees_without_a_split_only_move_the_bias() -> None:
    booster, x = trained(4, 5, 8, gamma=1e9)
    found = tables(booster, 4)
    assert found.trees == ()
    assert np.all(found.of(np.ascontiguousarray(x.T)) == 0)


def test_deeper_trees_and_other_boosters_are_refused() -> None:
    with pytest.raises(ContractBroken, match="depth <= 4"):
        tables(trained(8, 10, 9, depth=6)[0], 8)
    with pytest.raises(ContractBroken, match="expected booster gbtree, found dart"):
        tables(trained(4, 3, 10, booster="dart")[0], 4)


def test_another_number_of_inputs_or_type_is_refused() -> None:
    found = tables(trained(4, 3, 11)[0], 4)
    with pytest.raises(ContractBroken, match="expected 4 float32 inputs"):
        found.of(np.zeros((5, 3), dtype=np.float32))
    with pytest.raises(ContractBroken, match="expected 4 float32 inputs"):
        found.of(np.zeros((4, 3)))

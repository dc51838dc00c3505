"""Metrics against slow, obvious ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm
from sklearn.metrics import roc_auc_score

from lake.errors import GateFailed
from models import acceptance, calibrate, metrics
from models.metrics import Estimate


def scored(n: int, seed: int, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(np.int64)
    s = rng.normal(size=n) + y
    return (np.round(s, 1) if ties else s), y


def slow_auc(s: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    num = den = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            num += w[i] * w[j] * ((s[i] > s[j]) + 0.5 * (s[i] == s[j]))
            den += w[i] * w[j]
    return num / den


def test_auc_and_ks_equal_slow_ones_with_ties_and_weights() -> None:
    s, y = scored(200, 1)
    w = np.random.default_rng(2).random((3, 200)) * 3
    auc, ks = metrics.auc_ks(s, y, np.vstack([np.ones(200), w]))
    assert auc[0] == pytest.approx(roc_auc_score(y, s)) == pytest.approx(slow_auc(s, y, np.ones(200)))
    assert ks[0] == pytest.approx(ks_2samp(s[y == 1], s[y == 0]).statistic)
    assert auc[1:].tolist() == pytest.approx([slow_auc(s, y, row) for row in w])


def test_interval_over_firms_is_wider_than_over_rows_that_repeat() -> None:
    s, y = scored(120, 3)
    s, y, firm = np.tile(s, 5), np.tile(y, 5), np.tile(np.arange(120), 5)
    by_firm, _ = metrics.ranking(s, y, firm, np.ones(600), 200, 7)
    by_row, _ = metrics.ranking(s, y, np.arange(600), np.ones(600), 200, 7)
    assert by_firm.low is not None and by_row.low is not None and by_firm.high is not None and by_row.high is not None
    assert by_firm.high - by_firm.low > 1.5 * (by_row.high - by_row.low)
    assert by_firm.low < by_firm.value < by_firm.high  # type: ignore[operator]


def test_one_default_counts_once() -> None:
    firm, key = np.array(["a", "a", "a", "b", "b"]), np.array(["x", "x", "", "x", "z"])
    assert metrics.default_weights(firm, np.array([1, 1, 0, 1, 1]), key).tolist() == [0.5, 0.5, 1, 1, 1]


def test_one_class_only_is_not_measurable() -> None:
    assert (
        metrics.ranking(np.arange(5.0), np.zeros(5, dtype=np.int64), np.arange(5), np.ones(5), 20, 1) == (Estimate(None, None, None),) * 2
    )
    found = metrics.calibration(np.full(5, 0.1), np.zeros(5, dtype=np.int64))
    assert found["slope"].value is None and found["observed_to_expected"].value == 0


def test_delong_against_the_bootstrap() -> None:
    rng = np.random.default_rng(4)
    s, y = scored(1500, 5, ties=False)
    other = s + 0.4 * rng.normal(size=1500)
    difference, p = metrics.delong(y, other, s)
    assert difference == pytest.approx(roc_auc_score(y, s) - roc_auc_score(y, other))
    draws = rng.multinomial(1500, np.full(1500, 1 / 1500), size=400).astype(float)
    spread = (metrics.auc_ks(s, y, draws)[0] - metrics.auc_ks(other, y, draws)[0]).std()
    assert norm.isf(p / 2) == pytest.approx(difference / spread, rel=0.15)
    assert metrics.delong(y, s, s) == (0.0, 1.0)


def test_calibration_of_a_calibrated_and_a_doubled_pd() -> None:
    rng = np.random.default_rng(6)
    logit = rng.normal(-2, 1, size=40_000)
    pd = 1 / (1 + np.exp(-logit))
    y = (rng.random(40_000) < pd).astype(np.int64)
    good = metrics.calibration(pd, y)
    assert good["slope"].value == pytest.approx(1, abs=0.05) and good["intercept"].value == pytest.approx(0, abs=0.08)
    for e in good.values():
        assert e.low < e.value < e.high  # type: ignore[operator]
    assert metrics.calibration(pd / 2, y)["observed_to_expected"].value == pytest.approx(2, abs=0.1)


def test_jeffreys_and_psi() -> None:
    assert metrics.jeffreys(5, 100, 0.05) == pytest.approx(0.55, abs=0.05)
    assert metrics.jeffreys(20, 100, 0.05) > 0.999
    same = np.random.default_rng(8).normal(size=5000)
    assert metrics.psi(same, same) == pytest.approx(0)
    assert metrics.psi(same, same + 1) > 0.25
    missing = np.where(np.arange(5000) % 2 == 0, np.nan, same)
    assert metrics.psi(same, missing) > 0.25
    assert metrics.psi(missing, missing) == pytest.approx(0)


def test_worst_decile() -> None:
    s = np.arange(100.0)
    assert metrics.worst_decile_share(s, (s >= 95).astype(np.int64)) == 1.0
    assert metrics.worst_decile_share(s, (s < 20).astype(np.int64)) == 0.0
    assert metrics.worst_decile_share(s, np.zeros(100, dtype=np.int64)) is None


def test_verdicts_look_at_the_interval_before_they_fail() -> None:
    auc = acceptance.BOUNDS["auc"]
    assert [auc.judge(v) for v in (0.72, 0.70, 0.65, 0.91, 0.93, None)] == ["pass", "investigate", "fail", "investigate", "fail", "unknown"]
    assert auc.judge(0.65, 0.55, 0.75) == "investigate"
    assert auc.judge(0.55, 0.45, 0.60) == "fail"


def test_calibration_groups_with_few_bads_share_an_intercept() -> None:
    assert calibrate.pools({"STANDARD": 200, "THIN": 60, "FIRST": 55}) == [["STANDARD"], ["THIN"], ["FIRST"]]
    assert calibrate.pools({"STANDARD": 200, "THIN": 30, "FIRST": 25}) == [["STANDARD"], ["THIN", "FIRST"]]
    assert calibrate.pools({"STANDARD": 200, "THIN": 10, "FIRST": 5}) == [["STANDARD", "THIN", "FIRST"]]
    assert calibrate.pools({"STANDARD": 20}) == [["STANDARD", "THIN", "FIRST"]]


def test_calibration_finds_slope_and_intercepts() -> None:
    rng = np.random.default_rng(9)
    margin = rng.normal(-3, 1, size=30_000)
    groups = np.where(rng.random(30_000) < 0.3, "THIN", "STANDARD")
    truth = 0.3 + 0.8 * margin + np.where(groups == "THIN", 0.5, 0.0)
    y = (rng.random(30_000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    found = calibrate.fit(margin, groups, y)
    assert found.b == pytest.approx(0.8, abs=0.05)
    assert found.intercepts["STANDARD"] == pytest.approx(0.3, abs=0.15)
    assert found.intercepts["THIN"] == pytest.approx(0.8, abs=0.15)
    assert set(found.intercepts) == {"STANDARD", "THIN", "FIRST"}


def test_an_interval_wholly_above_the_bound_is_a_leak_however_few_the_defaults() -> None:
    for low in (0.937, None, 1.0):
        with pytest.raises(GateFailed, match="11 defaults"):
            acceptance.refuse_leak("oot", Estimate(0.969, low, 0.996), 11)
    acceptance.refuse_leak("held_out", Estimate(0.97, 0.91, 1.0), 500)
    acceptance.refuse_leak("held_out", Estimate(0.92, 0.92, 0.92), 500)
    acceptance.refuse_leak("oot", Estimate(None, None, None), 0)

"""Scale, grades and sub-scores: golden values of the domain."""

from __future__ import annotations

import numpy as np
import pytest

from lake.errors import ContractBroken
from models import scorecard as sc
from models import segments, split, subscore


def test_constants() -> None:
    assert pytest.approx(57.7078, abs=5e-5) == sc.FACTOR
    assert pytest.approx(427.1229, abs=5e-5) == sc.OFFSET
    assert sc.score(np.array([1 / 21])).tolist() == [600]
    assert sc.score(np.array([1 / 41])).tolist() == [640]


@pytest.mark.parametrize(
    ("pd", "expected"),
    list(zip(sc.PD_BOUNDS, (762.2, 722.0, 681.7, 641.0, 599.5, 556.5, 510.1, 454.4), strict=True)),
)
def test_score_at_the_upper_bound_of_each_grade(pd: float, expected: float) -> None:
    assert float(sc.raw_score(np.array([np.log(pd / (1 - pd))]))[0]) == pytest.approx(expected, abs=0.05)


def test_grades_exclude_their_upper_bound() -> None:
    bounds = np.array(sc.PD_BOUNDS)
    assert [sc.GRADES[k] for k in sc.grade_index(bounds)] == ["AA", "A", "BBB", "BB", "B", "CCC", "CC", "C"]
    assert [sc.GRADES[k] for k in sc.grade_index(np.nextafter(bounds, 0))] == ["AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC"]
    assert sc.GRADES[sc.grade_index(np.array([0.999]))[0]] == "C"  # D comes from an override only


def test_floor_clip_and_rounding() -> None:
    assert sc.probability(np.array([-50.0]))[0] == sc.PD_FLOOR
    assert sc.score(np.array([sc.PD_FLOOR])).tolist() == [866]
    assert sc.score(np.array([0.9999])).tolist() == [300]
    odds = np.exp((612.5 - sc.OFFSET) / sc.FACTOR)
    assert sc.score(np.array([1 / (1 + odds) * (1 - 1e-12)])).tolist() == [613]


@pytest.mark.parametrize("bad", [0.0, 1.0, np.nan, -0.1])
def test_a_pd_that_is_none_raises(bad: float) -> None:
    with pytest.raises(ContractBroken, match="expected 0 < pd < 1"):
        sc.score(np.array([0.5, bad]))


def test_sub_scores_are_linear_between_quantiles_with_ties_at_the_midpoint() -> None:
    table = np.array(subscore.quantiles(np.linspace(0, 10, 5001)))
    assert subscore.sub_score(table, np.array([-1.0, 0.0, 2.5, 10.0, 11.0])).round(6).tolist() == [100.0, 100.0, 75.0, 0.0, 0.0]
    tied = np.array(subscore.quantiles(np.repeat([0.0, 1.0], [600, 400])))
    assert subscore.cdf(tied, np.array([0.0]))[0] == pytest.approx(0.3, abs=1e-3)
    assert subscore.cdf(tied, np.array([1.0]))[0] == pytest.approx(0.8, abs=1e-3)


def test_segments_and_confidence() -> None:
    months = np.array([24, 12, 11, 6, 5, np.nan, 24, 24, 24, 24])
    found = segments.segment(months)
    assert found.tolist() == ["STANDARD", "STANDARD", "THIN", "THIN", "NO_FLOW", "NO_FLOW", *["STANDARD"] * 4]
    tax = np.array([True] * 6 + [False, True, True, True])
    share = np.array([0.98, 0.99, 1, 1, 1, 1, 1, 0.979, 0.89, np.nan])
    low = np.array([np.nan, 0, 0, 0, 0, 0, 0, 0.51, 0, 0])
    assert segments.confidence(found, months, tax, share, low).tolist() == [
        "HIGH", "MEDIUM", "LOW", "LOW", "LOW", "LOW", "MEDIUM", "LOW", "LOW", "MEDIUM",
    ]  # fmt: skip
    assert segments.calibration_group(found[:3], np.array([True, False, False])).tolist() == ["FIRST", "STANDARD", "THIN"]


def test_firms_are_split_60_20_20_and_stay_where_they_are() -> None:
    firms = [f"F{k}" for k in range(20_000)]
    parts = [split.part(f) for f in firms]
    shares = [parts.count(p) / len(parts) for p in ("train", "calibrate", "test")]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.015)
    assert split.part("F1") == split.part("F1")
    assert sum(split.stops(f) for f, p in zip(firms, parts, strict=True) if p == "train") / parts.count("train") == pytest.approx(
        0.15, abs=0.015
    )

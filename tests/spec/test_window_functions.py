"""What the functions over months mean, one line each: formula, months newest first, value. Kernels and reference agree."""

from __future__ import annotations

import pytest
from one_firm import both, flow

X = [80, 110, 100, 90, 120, 70, 60, 0, 40, 30, 20, 10]
N = None
GOLDEN = [
    ("sum over 12", "sum(fm.op_in_amt,12)", 730), ("sum over 3", "sum(fm.op_in_amt,3)", 290), ("mean", "mean(fm.op_in_amt,12)", 730 / 12),
    ("sample deviation", "std(fm.op_in_amt,12)", 40.554864), ("coefficient of variation", "cv(fm.op_in_amt,12)", 0.666655),
    ("median", "median(fm.op_in_amt,12)", 65), ("quantile", "ratio(q(fm.op_in_amt,12,0.25),least(1,1))", 27.5),
    ("slope over the mean", "slope(fm.op_in_amt,12)", 0.154613), ("share explained by the line", "r2(fm.op_in_amt,12)", 0.699246),
    ("autocorrelation", "acf(fm.op_in_amt,12,1)", 0.709026), ("downside deviation", "downdev(fm.op_in_amt,12)", 0.458546),
    ("drawdown", "mdd(fm.op_in_amt,12)", 1), ("drawdown of the rolling quarter", "mdd(roll(fm.op_in_amt,3),12)", 0.222222),
    ("growth on the quarter before", "growth(sum(fm.op_in_amt,3),sum(fm.op_in_amt,3,3))", 0.035714),
    ("minimum", "min(fm.op_in_amt,12)", 0), ("maximum", "max(fm.op_in_amt,6)", 120), ("latest", "last(fm.op_in_amt)", 80),
    ("one month", "at(fm.op_in_amt,2)", 100), ("offset mean", "mean(fm.op_in_amt,6,6)", 160 / 6),
    ("months that meet a condition", "cnt(fm.op_in_amt>50,12)", 7), ("longest run", "maxrun(fm.op_in_amt>50,12)", 7),
    ("run up to now", "currun(fm.op_in_amt<lag(fm.op_in_amt,1))", 1), ("months since", "since(fm.op_in_amt==0)", 7),
    ("never happened", "since(fm.op_in_amt>999)", 60), ("best rolling quarter", "max(roll(fm.op_in_amt,3),10)", 310),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "expected"), GOLDEN, ids=[g[0] for g in GOLDEN])
def test_golden_values(title: str, text: str, expected: float) -> None:
    fast, slow = both(text, {"firm_month": flow(12, op_in_amt=X)})
    assert fast == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert slow == pytest.approx(fast, rel=1e-12)


GAP = [31, 5, 31]  # the second month is covered for 5 of 31 days
RULES = [
    ("a gap is made up in a sum", "sum(fm.op_in_amt,3)", {"firm_month": flow(GAP, op_in_amt=[100, 7, 50])}, 225),
    ("a mean skips the gap", "mean(fm.op_in_amt,3)", {"firm_month": flow(GAP, op_in_amt=[100, 7, 50])}, 75),
    ("80 percent of the days are enough", "sum(fm.op_in_amt,1)", {"firm_month": flow([25], op_in_amt=[100])}, 100),
    ("less is a gap", "sum(fm.op_in_amt,1)", {"firm_month": flow([24], op_in_amt=[100])}, N),
    ("two of three months are needed", "sum(fm.op_in_amt,3)", {"firm_month": flow([31, 5, 5], op_in_amt=[1, 1, 1])}, N),
    ("six of twelve are enough", "sum(fm.op_in_amt,12)", {"firm_month": flow(6, op_in_amt=[1] * 6)}, 6),
    ("five of twelve are not", "sum(fm.op_in_amt,12)", {"firm_month": flow(5, op_in_amt=[1] * 5)}, N),
    ("months before the first row are no flow", "sum(fm.op_in_amt,12)", {"firm_month": flow([31, 5] + [31] * 6, op_in_amt=[1] * 8)}, 8),
    ("a base of comparison needs all months", "sum(fm.op_in_amt,3,3)", {"firm_month": flow([31] * 4 + [5, 31], op_in_amt=[1] * 6)}, N),
    ("latest of a gap is null", "last(fm.op_in_amt)", {"firm_month": flow([5, 31], op_in_amt=[1, 1])}, N),
    ("length of history is read in a gap too", "last(fm.hist_months)", {"firm_month": flow([5, 31], op_in_amt=[1, 1])}, 2),
    ("a rolling sum over a gap is null", "cnt(roll(fm.op_in_amt,3)>0,12)", {"firm_month": flow([31] * 6 + [5] + [31] * 7, op_in_amt=[1] * 14)}, 9),
    ("a gap breaks a run", "maxrun(fm.op_in_amt>0,12)", {"firm_month": flow([31] * 4 + [5] + [31] * 7, op_in_amt=[1] * 12)}, 7),
    ("current run is null when month 0 is", "currun(fm.op_in_amt>0)", {"firm_month": flow([5, 31, 31], op_in_amt=[1, 1, 1])}, N),
    ("never, with one month known", "since(fm.op_in_amt>5)", {"firm_month": flow([31, 5], op_in_amt=[1, 9])}, 60),
    ("deviation needs three values", "std(fm.wage_dom,12)", {"firm_month": flow(12, wage_dom=[5.0, 6.0])}, N),
    ("a quantile needs four", "q(fm.wage_dom,12,0.75)", {"firm_month": flow(12, wage_dom=[1.0, 2.0, 3.0])}, N),
    ("a quantile of four", "q(fm.wage_dom,12,0.75)", {"firm_month": flow(12, wage_dom=[1.0, 2.0, 3.0, 4.0])}, 3.25),
    ("a covered month without a value is skipped", "mean(fm.wage_dom,12)", {"firm_month": flow(12, wage_dom=[4.0, N, 6.0])}, 5),
    ("ratio by zero is null", "ratio(sum(fm.op_in_amt,3),sum(fm.op_out_amt,3))", {"firm_month": flow(3, op_in_amt=[1] * 3, op_out_amt=[0] * 3)}, N),
    ("ratio by a negative is null", "ratio(sum(fm.op_in_amt,3),sum(fm.op_out_amt,3))", {"firm_month": flow(3, op_in_amt=[1] * 3, op_out_amt=[-1] * 3)}, N),
    ("monthly quotients skip months without divisor", "min((fm.op_in_amt-fm.op_out_amt)/fm.op_in_amt,12)", {"firm_month": flow(6, op_in_amt=[100, 0, 50, 10, 10, 10], op_out_amt=[50, 9, 50, 5, 5, 5])}, 0),
    ("variation of a loss is null", "cv(fm.op_out_amt,12)", {"firm_month": flow(12, op_out_amt=[-5] * 12)}, N),
    ("a line through two points is none", "slope(fm.wage_dom,6)", {"firm_month": flow(6, wage_dom=[1.0, 2.0])}, N),
    ("a constant has no correlation", "corr(fm.op_in_amt,fm.op_out_amt,12)", {"firm_month": flow(12, op_in_amt=[5] * 12, op_out_amt=X)}, N),
    ("correlation with itself", "corr(fm.op_in_amt,fm.op_out_amt,12)", {"firm_month": flow(12, op_in_amt=X, op_out_amt=X)}, 1),
    ("autocorrelation needs eight pairs", "acf(fm.op_in_amt,12,1)", {"firm_month": flow(8, op_in_amt=X[:8])}, N),
    ("season against the year before", "seascorr(fm.op_in_amt)", {"firm_month": flow(24, op_in_amt=X + X)}, 1),
    ("season needs 24 months", "seascorr(fm.op_in_amt)", {"firm_month": flow(23, op_in_amt=X + X[:11])}, N),
    ("drawdown skips peaks below zero", "mdd(fm.bal_eom,6)", {"firm_month": flow(6, bal_eom=[5, 10, -3, -8, -9, -9])}, 0.5),
    ("drawdown without a positive peak", "mdd(fm.bal_eom,6)", {"firm_month": flow(6, bal_eom=[-1] * 6)}, N),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "tiles", "expected"), RULES, ids=[r[0] for r in RULES])
def test_rules_of_coverage_and_null(title: str, text: str, tiles: dict, expected: float | None) -> None:
    fast, slow = both(text, tiles)
    assert fast == (None if expected is None else pytest.approx(expected)), "kernels"
    assert slow == (None if expected is None else pytest.approx(expected)), "reference"

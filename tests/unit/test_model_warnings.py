"""Early warnings: thresholds, seasons, data gaps, firing once."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from models import warnings as w

NAN = float("nan")
FLAGS = {"seasonal_section", "data_gap"}


def signals(**over: Any) -> w.Signals:
    base: dict[str, Any] = {f.name: NAN for f in fields(w.Signals)} | dict.fromkeys(FLAGS, False) | {"covered_months": 12.0}
    return w.Signals(**{k: np.array([v], dtype=bool if k in FLAGS else float) for k, v in (base | over).items()})


def level(rule: str, **over: Any) -> str:
    return w.LEVELS[w.readings(signals(**over))[rule].level[0]]


@pytest.mark.parametrize(
    ("rule", "over", "expected"),
    [
        ("W01", {"inflow_latest_vs_avg_6m": -0.49}, "none"),
        ("W01", {"inflow_latest_vs_avg_6m": -0.50}, "yellow"),
        ("W01", {"inflow_latest_vs_avg_6m": -0.70}, "orange"),
        ("W02", {"inflow_3m_to_12m_ratio": 0.76}, "none"),
        ("W02", {"inflow_3m_to_12m_ratio": 0.75}, "yellow"),
        ("W02", {"inflow_3m_to_12m_ratio": 0.6}, "orange"),
        ("W02", {"inflow_3m_to_12m_ratio": 0.4}, "red"),
        ("W03", {"days_since_last_inflow": 29}, "none"),
        ("W03", {"days_since_last_inflow": 45}, "orange"),
        ("W03", {"days_since_last_inflow": 60}, "red"),
        ("W04", {"cash_buffer_days_3m": 5}, "none"),
        ("W04", {"cash_buffer_days_3m": 4.9}, "yellow"),
        ("W04", {"cash_buffer_days_3m": 1.9}, "orange"),
        ("W05", {"months_without_wages": 0}, "none"),
        ("W05", {"months_without_wages": 3}, "red"),
        ("W06", {"vat_declaration_missing_cnt_12m": 1}, "yellow"),
        ("W06", {"tax_arrears_balance": 10, "op_inflow_amt_12m": 1000}, "orange"),
        ("W06", {"tax_arrears_balance": 51, "op_inflow_amt_12m": 1000}, "red"),
        ("W06", {"tax_arrears_balance": 0, "op_inflow_amt_12m": 1000}, "none"),
        ("W07", {"sso_missed_3m": 2}, "orange"),
        ("W08", {"new_sales_cases_30d": 1}, "yellow"),
        ("W08", {"new_loan_cases_30d": 1, "new_sales_cases_30d": 1}, "orange"),
        ("W08", {"enforcement_open_cnt": 1}, "red"),
        ("W08", {"court_freeze_now": 1}, "red"),
        ("W09", {"new_lender_cnt_6m": 1, "loan_query_cnt_3m": 4}, "yellow"),
        ("W09", {"new_lender_cnt_6m": 3, "loan_query_cnt_3m": 4}, "orange"),
        ("W09", {"loan_query_cnt_3m": 10}, "red"),
        ("W10", {"dpd_now": 1}, "yellow"),
        ("W10", {"dpd_now": 30}, "orange"),
        ("W10", {"dpd_now": 60}, "red"),
        ("W11", {"personal_share_rise": 0.1}, "yellow"),
        ("W11", {"related_share_rise": 0.2}, "orange"),
        ("W12", {"circular_flow_amt_share_6m": 0.2}, "orange"),
        ("W12", {"loan_proceeds_diversion_ratio_12m": 0.5}, "red"),
        ("W13", {"score_fall_30d": 24}, "none"),
        ("W13", {"score_fall_30d": 25}, "yellow"),
        ("W13", {"score_fall_30d": 40}, "orange"),
        ("W13", {"score_fall_30d": 10, "grade_fall_30d": 2}, "orange"),
        ("W13", {"score_fall_30d": 10, "grade_fall_30d": 4}, "red"),
        ("W14", {"payer_amt_retention_3m": 0.3, "payer_top1_share_3m": 0.29}, "none"),
        ("W14", {"payer_amt_retention_3m": 0.5, "payer_top1_share_3m": 0.30}, "yellow"),
        ("W14", {"payer_amt_retention_3m": 0.3, "payer_top1_share_3m": 0.30}, "orange"),
    ],
)
def test_thresholds(rule: str, over: dict[str, Any], expected: str) -> None:
    assert level(rule, **over) == expected


def test_unknown_fires_nothing() -> None:
    assert all(r.level[0] == 0 for r in w.readings(signals(covered_months=NAN)).values())


def test_a_season_is_divided_out_with_24_months_and_softened_without() -> None:
    low = {"inflow_3m_to_12m_ratio": 0.5}
    assert level("W02", **low) == "orange"
    assert level("W02", **low, covered_months=24, inflow_3m_to_12m_ratio_year_before=0.5) == "none"
    assert level("W02", **low, covered_months=23, inflow_3m_to_12m_ratio_year_before=0.5) == "orange"
    assert level("W02", **low, seasonal_section=True) == "yellow"
    assert level("W02", **low, seasonal_section=True, covered_months=24, inflow_3m_to_12m_ratio_year_before=1.0) == "orange"
    assert level("W01", inflow_latest_vs_avg_6m=-0.6, covered_months=24, inflow_latest_vs_avg_6m_year_before=-0.6) == "none"


def test_a_reading_tells_value_and_threshold() -> None:
    reading = w.readings(signals(inflow_latest_vs_avg_6m=-0.6, tax_arrears_balance=60.0, op_inflow_amt_12m=1000.0))
    assert (reading["W01"].value[0], reading["W01"].threshold[0]) == (pytest.approx(-0.6), pytest.approx(-0.5))
    assert (reading["W06"].value[0], reading["W06"].threshold[0]) == (pytest.approx(0.06), pytest.approx(0.05))


def test_a_data_gap_stops_the_rules_on_flows_only() -> None:
    bad = {
        "inflow_latest_vs_avg_6m": -0.9,
        "inflow_3m_to_12m_ratio": 0.1,
        "days_since_last_inflow": 90,
        "cash_buffer_days_3m": 0,
        "months_without_wages": 3,
    }
    found = w.readings(signals(**bad, dpd_now=60, data_gap=True))
    assert {r for r, reading in found.items() if reading.level[0]} == {"W10"}


@pytest.mark.parametrize(
    ("now", "recent", "fires", "in_force"),
    [(2, 0, True, 2), (2, 2, False, 2), (2, 1, True, 2), (2, 3, False, 3), (0, 2, False, 2), (0, 0, False, 0)],
)
def test_fires_once_unless_worse_and_stays_in_force(now: int, recent: int, fires: bool, in_force: int) -> None:
    readings = {"W10": w.Reading(np.array([now]), np.array([1.0]), np.array([1.0]))}
    before = {"W10": np.array([recent])}
    assert bool(w.fires(readings, before)["W10"][0]) is fires
    assert int(w.in_force(readings, before)[0]) == in_force

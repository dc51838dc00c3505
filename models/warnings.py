"""Early warnings: conditions read every night, with yellow, orange and red thresholds (domain D, W01 to W14).

A rule fires once in 30 days unless it worsens; its level stays in force for 30 days after it was last reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEVELS: Final = ("none", "yellow", "orange", "red")
GAP: Final = "DATA_GAP"
STOPPED_BY_GAP: Final = ("W01", "W02", "W03", "W04", "W05")
SEASONAL_SECTIONS: Final = ("A", "E")
RULES: Final = tuple(f"W{k:02d}" for k in range(1, 15))


@dataclass(frozen=True)
class Signals:
    """What the rules read, one value per firm; NaN is unknown and fires nothing. Amounts in CNY, shares 0 to 1."""

    covered_months: Floats
    seasonal_section: Bools
    data_gap: Bools
    inflow_latest_vs_avg_6m: Floats
    inflow_latest_vs_avg_6m_year_before: Floats
    inflow_3m_to_12m_ratio: Floats
    inflow_3m_to_12m_ratio_year_before: Floats
    days_since_last_inflow: Floats
    cash_buffer_days_3m: Floats
    months_without_wages: Floats
    vat_declaration_missing_cnt_12m: Floats
    tax_arrears_balance: Floats
    op_inflow_amt_12m: Floats
    sso_missed_3m: Floats
    new_sales_cases_30d: Floats
    new_loan_cases_30d: Floats
    enforcement_open_cnt: Floats
    dishonest_debtor_active: Floats
    consumption_restriction_active: Floats
    court_freeze_now: Floats
    new_lender_cnt_6m: Floats
    loan_query_cnt_3m: Floats
    dpd_now: Floats
    personal_share_rise: Floats
    related_share_rise: Floats
    circular_flow_amt_share_6m: Floats
    loan_proceeds_diversion_ratio_12m: Floats
    score_fall_30d: Floats
    grade_fall_30d: Floats
    payer_amt_retention_3m: Floats
    payer_top1_share_3m: Floats


@dataclass(frozen=True)
class Reading:
    """One rule's level (0 none to 3 red), what was measured and the threshold that was reached, per firm."""

    level: Ints
    value: Floats
    threshold: Floats


def _rising(value: Floats, *limits: float, first: int = 1) -> Reading:
    """Level by how many of the rising `limits` are reached (NaN: none); `first` is the level of the first one."""
    reached = np.sum([value >= limit for limit in limits], axis=0).astype(np.int64)
    threshold = np.where(reached > 0, np.array(limits)[np.maximum(reached, 1) - 1], np.nan)
    return Reading(np.where(reached > 0, reached + first - 1, 0), value, threshold)


def _falling(value: Floats, *limits: float, strict: bool = False) -> Reading:
    """Level by how many of the falling `limits` are reached; `strict`: below, not at."""
    edge = np.sum([value < limit if strict else value <= limit for limit in limits], axis=0).astype(np.int64)
    return Reading(edge, value, np.where(edge > 0, np.array(limits)[np.maximum(edge, 1) - 1], np.nan))


def _worst(*readings: Reading) -> Reading:
    """The most severe of several readings of one rule, the first one among equals."""
    level, value, threshold = readings[0].level, readings[0].value, readings[0].threshold
    for r in readings[1:]:
        worse = r.level > level
        level, value, threshold = np.where(worse, r.level, level), np.where(worse, r.value, value), np.where(worse, r.threshold, threshold)
    return Reading(level, value, threshold)


def _seasonal(s: Signals, plain: Floats, ratio: Floats, before: Floats, limits: tuple[float, ...], shift: float = 0.0) -> Reading:
    """A ratio held against the same ratio a year earlier; seasonal industries without that base get one level lower.

    `plain` is what is measured without a base, `ratio / before - shift` with one.
    """
    based = (s.covered_months >= 24) & (before > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        reading = _falling(np.where(based, ratio / before - shift, plain), *limits)
    soften = s.seasonal_section & ~based
    return Reading(np.where(soften, np.maximum(reading.level - 1, 0), reading.level), reading.value, reading.threshold)


def readings(s: Signals) -> dict[str, Reading]:
    """Every rule's reading for every firm; a data gap stops the rules on flows."""
    fall, fall_before = s.inflow_latest_vs_avg_6m, s.inflow_latest_vs_avg_6m_year_before
    share, share_before = s.inflow_3m_to_12m_ratio, s.inflow_3m_to_12m_ratio_year_before
    with np.errstate(invalid="ignore", divide="ignore"):
        arrears_share = np.where(s.op_inflow_amt_12m > 0, s.tax_arrears_balance / s.op_inflow_amt_12m, np.nan)
    court = np.fmax.reduce([s.enforcement_open_cnt, s.dishonest_debtor_active, s.consumption_restriction_active, s.court_freeze_now])
    concentrated = np.where(s.payer_top1_share_3m >= 0.30, s.payer_amt_retention_3m, np.nan)
    arrears = Reading(np.where(s.tax_arrears_balance > 0, 2, 0).astype(np.int64), s.tax_arrears_balance, np.zeros(len(s.data_gap)))
    result = {
        "W01": _seasonal(s, fall, 1 + fall, 1 + fall_before, (-0.5, -0.7), shift=1.0),
        "W02": _seasonal(s, share, share, share_before, (0.75, 0.6, 0.4)),
        "W03": _rising(s.days_since_last_inflow, 30, 45, 60),
        "W04": _falling(s.cash_buffer_days_3m, 5, 2, strict=True),
        "W05": _rising(s.months_without_wages, 1, 2, 3),
        "W06": _worst(_over(arrears_share, 0.05), arrears, _rising(s.vat_declaration_missing_cnt_12m, 1)),
        "W07": _rising(s.sso_missed_3m, 1, 2, 3),
        "W08": _worst(_rising(court, 1, first=3), _rising(s.new_loan_cases_30d, 1, first=2), _rising(s.new_sales_cases_30d, 1)),
        "W09": _worst(_rising(s.new_lender_cnt_6m, 2, 3, 5), _rising(s.loan_query_cnt_3m, 4, 6, 10)),
        "W10": _rising(s.dpd_now, 1, 30, 60),
        "W11": _worst(_rising(s.personal_share_rise, 0.10, 0.20), _rising(s.related_share_rise, 0.10, 0.20)),
        "W12": _worst(
            _rising(s.circular_flow_amt_share_6m, 0.10, 0.20, 0.30), _rising(s.loan_proceeds_diversion_ratio_12m, 0.15, 0.30, 0.50)
        ),
        "W13": _worst(_rising(s.score_fall_30d, 25, 40, 80), _steps(s.grade_fall_30d)),
        "W14": _falling(concentrated, 0.5, 0.3),
    }
    for rule in STOPPED_BY_GAP:
        result[rule] = Reading(np.where(s.data_gap, 0, result[rule].level), result[rule].value, result[rule].threshold)
    return result


def _over(value: Floats, limit: float) -> Reading:
    return Reading(np.where(value > limit, 3, 0).astype(np.int64), value, np.full(len(value), limit))


def _steps(grades: Floats) -> Reading:
    """A fall of 2 grades is orange, of 4 red."""
    return _rising(grades, 2, 4, first=2)


def fires(now: dict[str, Reading], recent: dict[str, Ints]) -> dict[str, Bools]:
    """Which rules are reported tonight: reached, and worse than what was reported in the last 30 days (0: nothing was)."""
    return {rule: (r.level > 0) & (r.level > recent[rule]) for rule, r in now.items()}


def in_force(now: dict[str, Reading], recent: dict[str, Ints]) -> Ints:
    """Worst level per firm that counts for the limit: tonight's, or reported in the last 30 days."""
    return np.maximum.reduce([np.maximum(r.level, recent[rule]) for rule, r in now.items()])

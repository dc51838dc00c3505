"""Overrides: each rule alone, its edge, and what an unknown does."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from models import overrides
from models.scorecard import GRADES

CLEAN: dict[str, float] = {f.name: 0.0 for f in fields(overrides.Facts)} | {"op_inflow_amt_12m": 1_000_000.0, "taxpayer_rating_score": 5.0}
NAN = float("nan")


def run(grade: str, invisible: bool = False, **over: Any) -> tuple[str, str | None, bool]:
    facts = overrides.Facts(**{k: np.array([v], dtype=np.float64) for k, v in (CLEAN | over).items()})
    found = overrides.apply(np.array([GRADES.index(grade)]), facts, np.array([invisible]))
    return GRADES[found.grade[0]], found.rules[0], bool(found.closed[0])


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({}, ("AAA", None, False)),
        ({"dishonest_debtor_active": 1}, ("C", "R01", True)),
        ({"dpd_now": 90}, ("D", "R02", False)),
        ({"dpd_now": 89}, ("AAA", None, False)),
        ({"class5_now": 3}, ("D", "R02", False)),
        ({"consumption_restriction_active": 2}, ("CC", "R04", True)),
        ({"court_freeze_now": 1}, ("CC", "R04", True)),
        ({"enforcement_amt_to_inflow_12m": 0.21}, ("CCC", "R05", False)),
        ({"enforcement_amt_to_inflow_12m": 0.20}, ("AAA", None, False)),
        ({"enforcement_amt_to_inflow_12m": NAN, "enforcement_open_cnt": 1}, ("CCC", "R05", False)),
        ({"enforcement_amt_to_inflow_12m": NAN}, ("AAA", None, False)),
        ({"rep_dishonest_active": 1}, ("CCC", "R06", False)),
        ({"taxpayer_rating_score": 1}, ("CCC", "R07", False)),
        ({"taxpayer_rating_score": NAN}, ("AAA", None, False)),
        ({"tax_arrears_balance": 50_001}, ("B", "R08", False)),
        ({"tax_arrears_balance": 50_000}, ("AAA", None, False)),
        ({"tax_arrears_balance": 1, "op_inflow_amt_12m": NAN}, ("B", "R08", False)),
        ({"tax_arrears_balance": 1, "op_inflow_amt_12m": 0}, ("B", "R08", False)),
        ({"tax_arrears_balance": NAN, "op_inflow_amt_12m": NAN}, ("AAA", None, False)),
        ({"abnormal_operation_active": 1}, ("BB", "R09", False)),
        ({"circular_flow_amt_share_6m": 0.31}, ("AAA", "R10", True)),
        ({"mirror_txn_cnt_6m": 10}, ("AAA", "R10", True)),
        ({"risk_merchant_share_12m": 0.051}, ("B", "R11", False)),
        ({"risk_merchant_txn_cnt_6m": 10}, ("B", "R11", False)),
        ({"risk_merchant_txn_cnt_6m": 9}, ("AAA", None, False)),
        ({"risk_merchant_share_12m": NAN, "risk_merchant_txn_cnt_6m": 1}, ("B", "R11", False)),
        ({"invisible": True}, ("A", "FIRST_LOAN", False)),
        ({"dishonest_debtor_active": 1, "dpd_now": 100, "rep_dishonest_active": 1}, ("D", "R01,R02,R06", True)),
        (dict.fromkeys(CLEAN, NAN), ("AAA", None, False)),
    ],
)
def test_each_rule(over: dict[str, Any], expected: tuple[str, str | None, bool]) -> None:
    assert run("AAA", **over) == expected


def test_a_rule_never_raises_a_grade_and_names_itself_only_when_it_changes_something() -> None:
    assert run("C", taxpayer_rating_score=1) == ("C", None, False)
    assert run("C", dishonest_debtor_active=1) == ("C", "R01", True)  # the limit is closed all the same
    assert run("B", invisible=True) == ("B", None, False)

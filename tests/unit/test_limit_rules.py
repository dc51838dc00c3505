"""The flow-loan limit: the golden example and each part that can bind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models import limit
from models.scorecard import GRADES

M = 1_000_000 * limit.CNY
BASE = {
    "op_in_12m": 10 * M, "op_in_6m": 5 * M, "op_in_3m": 2.5 * M, "op_in_3m_year_before": 2.5 * M, "op_in_12m_year_before": 10 * M, "covered_months": 24.0,
    "vat_sales_12m": np.nan, "related_share": 0.0, "receipts_share": 1.0, "circular_share": np.nan, "low_quality_share": np.nan, "op_net_12m": 0.9 * M,
    "avg_balance_12m": 0.25 * M, "debt_service_12m": 0.12 * M, "unsecured_balance": 0.3 * M, "highest_before": np.nan,
}  # fmt: skip


def run(
    grade: str = "BBB", confidence: str = "HIGH", warning: int = 0, first: bool = False, closed: bool = False, **over: Any
) -> tuple[float, str | None, dict]:
    f = limit.LimitInputs(**{k: np.array([v], dtype=np.float64) for k, v in (BASE | over).items()})
    found = limit.flow_limit(
        f, grade=np.array([GRADES.index(grade)]), confidence=np.array([confidence]), warning=np.array([warning]), first_loan=np.array([first]),
        closed=np.array([closed]), rate=0.05,
    )  # fmt: skip
    return found.fen[0] / limit.CNY, found.binding[0], {k: v[0] / limit.CNY for k, v in found.parts.items()}


def test_the_example_of_the_domain() -> None:
    amount, binding, parts = run()
    assert (amount, binding) == (1_150_000, "repayment")
    assert parts["turnover"] == pytest.approx(1_200_000)
    assert parts["repayment"] == pytest.approx(1_154_545, abs=1)
    assert parts["debt"] == pytest.approx(3_700_000)
    assert parts["adjusted_turnover"] == pytest.approx(10_000_000)


@pytest.mark.parametrize(
    ("over", "amount", "binding"),
    [
        ({"grade": "BB"}, 800_000, "turnover"),
        ({"grade": "CCC"}, 0, "turnover"),
        ({"unsecured_balance": 3.5 * M}, 500_000, "debt"),
        ({"unsecured_balance": 5 * M}, 0, "debt"),
        ({"op_net_12m": 9 * M, "op_in_12m": 100 * M, "op_in_6m": 50 * M, "op_in_3m": 25 * M, "grade": "AAA"}, 3_000_000, "cap"),
        ({"first": True}, 500_000, "cap"),
        ({"confidence": "MEDIUM"}, 920_000, "repayment"),
        ({"confidence": "LOW"}, 570_000, "repayment"),
        ({"warning": 1}, 1_030_000, "repayment"),
        ({"warning": 3}, 0, "warning"),
        ({"closed": True}, 0, "override"),
        ({"highest_before": 0.5 * M}, 600_000, "growth"),
        ({"highest_before": 0.0}, 1_150_000, "repayment"),
        ({"op_net_12m": -0.2 * M}, 0, "repayment"),
        ({"op_in_6m": 1 * M}, 240_000, "turnover"),
        ({"vat_sales_12m": 1 * M}, 200_000, "turnover"),
        ({"low_quality_share": 0.8}, 240_000, "turnover"),
        ({"related_share": 0.5, "receipts_share": 0.8}, 720_000, "turnover"),
        ({"related_share": 2.0, "unsecured_balance": 0.0}, 120_000, "turnover"),
        ({"circular_share": 0.4}, 720_000, "turnover"),
        ({"op_in_3m": 1 * M}, 480_000, "turnover"),
        ({"op_in_3m": 1 * M, "op_in_3m_year_before": 1 * M}, 960_000, "turnover"),
        ({"op_in_3m": 1 * M, "op_in_3m_year_before": 1 * M, "covered_months": 23}, 480_000, "turnover"),
    ],
)
def test_each_part_can_bind(over: dict[str, Any], amount: float, binding: str) -> None:
    assert run(**over)[:2] == (amount, binding)


def test_below_30000_is_nothing() -> None:
    assert run(op_net_12m=0.0, avg_balance_12m=0.09 * M + 0.18 * M)[0] == 0
    assert run(op_net_12m=0.0, avg_balance_12m=0.274 * M)[0] == 30_000


@pytest.mark.parametrize("missing", ["op_in_12m", "op_net_12m", "avg_balance_12m", "debt_service_12m", "unsecured_balance"])
def test_an_unknown_amount_makes_the_limit_unknown_not_zero_nor_high(missing: str) -> None:
    amount, binding, _ = run(**{missing: np.nan})
    assert np.isnan(amount) and binding is None
    assert run(closed=True, **{missing: np.nan})[:2] == (0, "override")

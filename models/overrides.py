"""Rules that lower a grade or close the limit, whatever the model says (domain D, R01 to R11). They never raise anything.

R12 (negative-list industry of a tenant) belongs to a tenant's own limit and is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.scorecard import GRADES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

INVISIBLE = "FIRST_LOAN"
NOT_ACTIVE = "R03"


@dataclass(frozen=True)
class Facts:
    """What the rules read, one value per firm; NaN is unknown. Amounts in CNY, as indicators are published."""

    dishonest_debtor_active: Floats
    consumption_restriction_active: Floats
    enforcement_amt_to_inflow_12m: Floats
    enforcement_open_cnt: Floats
    taxpayer_rating_score: Floats
    tax_arrears_balance: Floats
    op_inflow_amt_12m: Floats
    abnormal_operation_active: Floats
    circular_flow_amt_share_6m: Floats
    mirror_txn_cnt_6m: Floats
    risk_merchant_share_12m: Floats
    risk_merchant_txn_cnt_6m: Floats
    dpd_now: Floats
    class5_now: Floats
    court_freeze_now: Floats
    rep_dishonest_active: Floats


@dataclass(frozen=True)
class Rule:
    """An override: the grade it caps at (None: none) and whether it closes the limit."""

    rule_id: str
    worst: str | None
    closes_limit: bool


RULES = (
    Rule("R01", "C", True), Rule("R02", "D", False), Rule("R04", "CC", True), Rule("R05", "CCC", False), Rule("R06", "CCC", False),
    Rule("R07", "CCC", False), Rule("R08", "B", False), Rule("R09", "BB", False), Rule("R10", None, True), Rule("R11", "B", False),
    Rule(INVISIBLE, "A", False),
)  # fmt: skip


def _share(amount: Floats, base: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(base > 0, amount / base, np.nan)


def fired(f: Facts, invisible: Bools) -> dict[str, Bools]:
    """Which rule fires for which firm. A ratio rule also fires when its ratio is unknown while its amount is above 0."""
    arrears = _share(f.tax_arrears_balance, f.op_inflow_amt_12m)
    return {
        "R01": f.dishonest_debtor_active >= 1,
        "R02": (f.dpd_now >= 90) | (f.class5_now >= 3),
        "R04": (f.consumption_restriction_active > 0) | (f.court_freeze_now >= 1),
        "R05": (f.enforcement_amt_to_inflow_12m > 0.20) | (np.isnan(f.enforcement_amt_to_inflow_12m) & (f.enforcement_open_cnt > 0)),
        "R06": f.rep_dishonest_active >= 1,
        "R07": f.taxpayer_rating_score == 1,
        "R08": (arrears > 0.05) | (np.isnan(arrears) & (f.tax_arrears_balance > 0)),
        "R09": f.abnormal_operation_active >= 1,
        "R10": (f.circular_flow_amt_share_6m > 0.30) | (f.mirror_txn_cnt_6m >= 10),
        "R11": (f.risk_merchant_share_12m > 0.05) | (f.risk_merchant_txn_cnt_6m >= 10)
        | (np.isnan(f.risk_merchant_share_12m) & (f.risk_merchant_txn_cnt_6m > 0)),
        INVISIBLE: invisible,
    }  # fmt: skip


@dataclass(frozen=True)
class Overridden:
    """Final grade positions, the rules that lowered grade or limit (comma separated, None for none), and closed limits."""

    grade: Ints
    rules: list[str | None]
    closed: Bools


def apply(grade: Ints, f: Facts, invisible: Bools) -> Overridden:
    """Lower `grade` (positions in GRADES, 0 best) by every rule that fires; only rules that change something are named."""
    fires = fired(f, invisible)
    final, closed = grade.copy(), np.zeros(len(grade), dtype=np.bool_)
    named: list[list[str]] = [[] for _ in range(len(grade))]
    for rule in RULES:
        cap = -1 if rule.worst is None else GRADES.index(rule.worst)
        hits = fires[rule.rule_id]
        for k in np.flatnonzero(hits & ((grade < cap) | rule.closes_limit)):
            named[k].append(rule.rule_id)
        final = np.where(hits, np.maximum(final, cap), final)
        closed |= hits & rule.closes_limit
    return Overridden(final, [",".join(r) or None for r in named], closed)

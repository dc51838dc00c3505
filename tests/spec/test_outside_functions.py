"""Events, changes, days, buckets, categories, taxes and loans as of D = 2026-09-14."""

from __future__ import annotations

from datetime import date

import pytest
from one_firm import D, both, buckets, category, change, days, event, flow, monthly, registered

N = None
CASES_DEF = [
    event("case_def", date(2026, 9, 14), cause_group="loan", amount=100),
    event("case_def", date(2025, 9, 15), cause_group="sales", amount=50),
    event("case_def", date(2025, 9, 14), amount=7),
    event("case_def", date(2026, 9, 15)),
]
FORCED = [
    event("enforcement", date(2024, 1, 1), amount=80),
    event("enforcement", date(2025, 1, 1), end_date=D, amount=5),
    event("enforcement", date(2026, 1, 1), via="rep", rep_to=date(2026, 1, 5)),
]
LEFT = [event("dishonest", date(2026, 1, 1), via="rep", rep_to=date(2024, 9, 14)), event("dishonest", date(2026, 1, 2), via="rep")]
POINTS = [
    ("events of the last 12 months, the edge is out", "ev_n('case_def',12)", {"court_event": CASES_DEF}, 2),
    ("their amount", "ev_amt('case_def',12)", {"court_event": CASES_DEF}, 150),
    ("of one cause", "ev_n('case_def:loan',24)", {"court_event": CASES_DEF}, 1),
    ("in force: ended on D is over", "ev_active_n('enforcement')", {"court_event": FORCED}, 1),
    ("amount in force", "ev_active_amt('enforcement')", {"court_event": FORCED}, 80),
    ("of the representative, also one who left lately", "ev_active_n('rep')", {"court_event": FORCED}, 1),
    ("one who left 24 months ago is out", "ev_active_n('rep')", {"court_event": LEFT}, 1),
    ("whole months since the last adverse event", "ev_since('adverse')", {"court_event": [event("restriction", date(2026, 5, 15))]}, 3),
    ("none is 60", "ev_since('adverse')", {"court_event": [event("case_pla", date(2026, 5, 15))]}, 60),
    ("long ago is 60", "ev_since('adverse')", {"court_event": [event("dishonest", date(2015, 5, 15))]}, 60),
    ("a silent feed is no clean record", "ev_n('case_def',12)", {"registration": registered(court_covered=False)}, N),
    ("a freeze that has not begun", "ev_active_n('freeze')", {"court_event": [event("freeze", D, start_date=date(2026, 9, 20))]}, 0),
    ("changes in the register", "rg_n('address',24)", {"registration_event": [change("address", D), change("address", date(2024, 9, 14)), change("penalty", D)]}, 1),
    ("a silent register", "rg_n('address',24)", {"registration": registered(registry_covered=False)}, N),
    ("a value of the register", "rg.reg_capital", {"registration": registered(reg_capital=5)}, 5),
    ("the smaller of two", "least(rg.age_months,1)", {"registration": registered(age_months=9)}, 1),
    ("days since the last receipt count days with a row", "day_since(fd.op_in_amt)", {"firm_day": days("op_in_amt", [0, N, N, 0, 5, 0])}, 2),
    ("no receipt in any of 4 days", "day_since(fd.op_in_amt)", {"firm_day": days("op_in_amt", [0] * 4)}, 4),
    ("no day at all", "day_since(fd.op_in_amt)", {}, N),
    ("drawdown of 90 days", "day_mdd(fd.close_bal,90)", {"firm_day": days("close_bal", [30] + [60] * 53)}, 0.5),
    ("needs 60 percent of the days", "day_mdd(fd.close_bal,90)", {"firm_day": days("close_bal", [30] + [60] * 52)}, N),
    ("a month without the category is 0", "sum(fcat.wage,3)", {"firm_month": flow(3), "firm_category_month": category("wage", [5, N, 7])}, 12),
    ("counts of a category", "sum(fcatn.wage,3)", {"firm_month": flow(3), "firm_category_month": category("wage", [5, N, 7])}, 12),
    ("a gap is made up", "sum(fcat.wage,3)", {"firm_month": flow([31, 5, 31]), "firm_category_month": category("wage", [5, 99, 7])}, 18),
    ("entropy over outflow, own transfers apart", "cat_entropy(12)", {"firm_month": flow(6), "firm_category_month": [*category("wage", [5]), *category("rent", [5]), *category("own_transfer_out", [90])]}, 0.693147),
    ("entropy of no outflow", "cat_entropy(12)", {"firm_month": flow(6)}, N),
    ("tax month 0 is due: July on 14 September", "last(tm.vat_sales)", {"tax_month": monthly("tax_month", vat_sales=[8, 7, 6])}, 7),
    ("flows beside taxes follow the tax month", "ratio(sum(fm.op_in_amt,3),sum(tm.inv_out_amt,3))", {"tax_month": monthly("tax_month", inv_out_amt=[9, 1, 1, 1]), "firm_month": flow(4, op_in_amt=[9, 1, 2, 3])}, 2),
    ("a filed month without sales is skipped", "sum(tm.vat_sales,3)", {"tax_month": monthly("tax_month", start=1, vat_sales=[5, N, 5])}, 10),
    ("a sum of taxes is not made up", "sum(tm.vat_sales,3)", {"tax_month": monthly("tax_month", start=1, vat_sales=[5, "-", 5])}, 10),
    ("the loan month is the closed month", "last(ln.bal)", {"loan": monthly("loan", bal=[5, 4])}, 5),
    ("a loan month without a row is unknown", "at(ln.bal,1)", {"loan": monthly("loan", bal=[5, "-", 4])}, N),
    ("network columns are 0 in a covered month", "sum(nw.circ_cnt,12)", {"firm_month": flow(6), "network": monthly("network", circ_cnt=[2])}, 2),
]  # fmt: skip
DAYS = [
    ("a bucket of 30 days", "sum(fm.op_in_amt,1)", {"firm_bucket": buckets([30], op_in_amt=[70])}, 70),
    ("made up by days", "sum(fm.op_in_amt,3)", {"firm_bucket": buckets([30, 30, 15], op_in_amt=[50, 50, 50])}, 180),
    ("60 percent of the days are enough", "sum(fm.op_in_amt,1)", {"firm_bucket": buckets([18], op_in_amt=[18])}, 30),
    ("less are not", "sum(fm.op_in_amt,1)", {"firm_bucket": buckets([17], op_in_amt=[18])}, N),
    ("a mean over buckets", "mean(fm.bal_avg,3)", {"firm_bucket": buckets([30, 30, 0], bal_avg=[10, 20, N])}, 15),
    ("shares of days", "ratio(sum(fm.active_days,3),sum(fm.days_covered,3))", {"firm_bucket": buckets([30, 30, 12], active_days=[10, 10, 4])}, 1 / 3),
    ("a category", "sum(fcat.wage,3)", {"firm_bucket": buckets([30, 30, 30], cat_wage_amt=[1, 2, 3])}, 6),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "tiles", "expected"), POINTS, ids=[c[0] for c in POINTS])
def test_points_and_months(title: str, text: str, tiles: dict, expected: float | None) -> None:
    fast, slow = both(text, tiles)
    assert fast == (None if expected is None else pytest.approx(expected, rel=1e-5)), "kernels"
    assert slow == (None if expected is None else pytest.approx(expected, rel=1e-5)), "reference"


@pytest.mark.parametrize(("title", "text", "tiles", "expected"), DAYS, ids=[c[0] for c in DAYS])
def test_day_clock(title: str, text: str, tiles: dict, expected: float | None) -> None:
    fast, slow = both(text, tiles, clock="day")
    assert fast == (None if expected is None else pytest.approx(expected)), "kernels"
    assert slow == (None if expected is None else pytest.approx(expected)), "reference"

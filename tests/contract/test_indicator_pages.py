"""The pages of the indicators: every indicator is there, its worked examples follow, none is constant without being named."""

from __future__ import annotations

import math

import pytest

from features import compiled, formula, sql_form, worked
from jobs import docs_charts, docs_indicators
from jobs.docs_province import SPARSE

ABOUT = docs_indicators.province()


def test_every_indicator_has_an_entry() -> None:
    assert list(ABOUT["indicators"]) == [c.indicator.name for c in compiled.load()], "run `liushui docs --examples` on a published home"
    for c in compiled.load():
        text = docs_indicators.entry(c)
        for said in (c.indicator.id, c.indicator.name_zh, f"`{c.indicator.formula}`", "null", f"sign {c.indicator.monotone}"):
            assert said in text, c.indicator.id
        assert ("```sql" in text) == sql_form.has_form(c)


def test_no_computed_indicator_is_constant_or_null_everywhere() -> None:
    computed = {n: e for n, e in ABOUT["indicators"].items() if not e.get("absent")}
    assert [n for n, e in computed.items() if e["null"] == ABOUT["firms"]] == []
    assert not [n for n, e in computed.items() if e["distinct"] == 1]
    assert {t for e in ABOUT["indicators"].values() for t in e.get("absent", [])} == set(ABOUT["absent"])


def test_indicators_null_for_most_firms_are_listed_with_a_reason() -> None:
    for c, e in docs_indicators.sparse():
        assert e["null"] > SPARSE * ABOUT["firms"]
        assert docs_charts._why(e)
        assert f"| {c.indicator.id} |" in docs_charts.sparse_table()
        if "reasons" in e:
            assert sum(e["reasons"].values()) == e["null"]


def test_the_bars_are_the_known_firms() -> None:
    for name, e in ABOUT["indicators"].items():
        if "bars" in e:
            assert sum(e["bars"]) == ABOUT["firms"] - e["null"], name
            assert e["quantiles"] == sorted(e["quantiles"])


def test_three_examples_that_differ_where_three_values_exist() -> None:
    for name, e in ABOUT["indicators"].items():
        values = [x["value"] for x in e["examples"]]
        assert len(values) == len(set(values)) == min(3, e["distinct"]), name


def test_a_reader_can_follow_a_plain_sum_and_a_ratio_of_steps() -> None:
    """The shown inputs lead to the shown value: sums without a gap, and quotients of two shown steps."""
    followed = 0
    for c in compiled.load():
        for e in ABOUT["indicators"][c.indicator.name]["examples"]:
            tree = c.tree
            assert isinstance(tree, formula.Call | formula.Binary | formula.Column)
            steps = dict(e["steps"])
            if isinstance(tree, formula.Call) and tree.function == "ratio" and all(formula.text(a) in steps for a in tree.args):
                a, b = (steps[formula.text(x)] for x in tree.args)
                scale = 100 if c.indicator.unit == "CNY" else 1
                assert math.isclose(e["value"] * scale, a / b, rel_tol=1e-8), c.indicator.id
                followed += 1
            elif c.calendar == "closed" and isinstance(tree, formula.Call) and tree.function == "sum" and c.indicator.unit == "CNY":
                values = e["inputs"][0][2]
                if worked.GAP not in values:
                    assert math.isclose(e["value"] * 100, sum(values)), c.indicator.id
                    followed += 1
    assert followed > 250


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("sum(fm.op_in_amt,12)", 12), ("growth(sum(fm.op_in_amt,3),sum(fm.op_in_amt,3,12))", 15), ("at(fm.op_in_amt,12)", 13),
        ("max(roll(fm.op_in_amt,3),10)", 12), ("cnt(fm.op_in_amt<lag(fm.op_in_amt,1),12)", 13), ("acf(fm.op_in_amt,12,1)", 12),
        ("seascorr(fm.op_in_amt)", 24), ("last(fm.op_in_amt)", 1),
    ],
)  # fmt: skip
def test_an_example_shows_the_months_the_formula_reads(text: str, months: int) -> None:
    assert worked.months_read(formula.parse(text, "X")) == months


def test_the_null_rule_is_told_in_words() -> None:
    by_name = {c.indicator.name: docs_indicators.null_rule(c) for c in compiled.load()}
    assert by_name["op_inflow_growth_3m_yoy"] == (
        "null unless 2 of the last 3 months are covered; unless all months 12 to 14 are covered; where the divisor is null, zero or negative"
    )
    assert "60 % of the last 90 days" in by_name["op_inflow_amt_3m"]
    assert "payers of less than 20 %" in by_name["payer_hhi_12m"]
    assert by_name["max_dpd_6m"].endswith("then 0 where the source covers the firm (loan_covered)")
    assert "fewer than 20" in by_name["vat_burden_peer_pct_12m"]

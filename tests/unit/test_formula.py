"""The formula language: what is let through, and the message for what is not."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from features import catalogue, compiled, formula
from features.formula import Binary, Call, Column, Constant, Kind
from features.vocabulary import FUNCTIONS, vocabulary
from lake.errors import ContractBroken


def test_a_formula_becomes_a_typed_tree() -> None:
    tree = formula.parse("ratio(sum(fm.op_in_amt-fm.op_out_amt,12),last(ln.bal))", "X")
    assert isinstance(tree, Call) and tree.kind == Kind.NUMBER
    series = tree.args[0].args[0]  # type: ignore[union-attr]
    assert series == Binary("-", Column("fm", "op_in_amt", Kind.SERIES), Column("fm", "op_out_amt", Kind.SERIES), Kind.SERIES)
    assert tree.args[0].args[1] == Constant(12.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("sun(fm.op_in_amt,12)", "sun"),
        ("sum(fm.op_inflow,12)", "fm.op_inflow"),
        ("sum(xx.op_in_amt,12)", "xx.op_in_amt"),
        ("sum(fm.op_in_amt,5)", "5"),
        ("sum(fm.op_in_amt,w)", "w"),
        ("sum(fm.op_in_amt)", "sum takes"),
        ("ev_n('case_defendant',12)", "case_defendant"),
        ("rg_n('name',24)", "name"),
        ("share(fcm.in_amt,12,'foreign')", "foreign"),
        ("n_by(fcm.in_amt,12,'cpty_kind')", "cpty_kind"),
        ("sum(fcm.in_amt,12)", "expected a series"),
        ("n(fm.op_in_amt,12)", "expected a party"),
        ("cnt(fm.op_in_amt,12)", "expected a condition"),
        ("sum(fm.op_in_amt,12)/sum(fm.op_out_amt,12)", "ratio(a,b)"),
        ("fm.op_in_amt", "one value per firm"),
        ("rg.status", "rg.status"),
        ("ncover(fcm.in_amt,12,80)", "80"),
        ("__import__('os').system('true')", "not part of the formula language"),
        ("sum(fm.op_in_amt,12", "not a formula"),
        ("(lambda: 1)()", "not part of the formula language"),
    ],
)
def test_what_cannot_be_resolved_names_row_and_token(text: str, token: str) -> None:
    with pytest.raises(ContractBroken) as e:
        formula.parse(text, "FS099")
    assert "FS099" in str(e.value) and token in str(e.value)


def test_every_formula_of_the_catalogue_parses_and_all_functions_are_used() -> None:
    rows = compiled.load()
    assert len(rows) == 370
    used = set().union(*(formula.functions(c.tree) for c in rows))
    assert used == set(FUNCTIONS)
    assert {c.calendar for c in rows} == {"closed", "tax", "day"}
    assert sum(c.calendar == "day" for c in rows) == 29
    assert [c.indicator.name for c in rows if c.peers] == [
        "avg_daily_balance_peer_pct_3m", "inflow_level_peer_pct_12m", "net_margin_peer_pct_12m", "inflow_growth_peer_pct_12m", "vat_burden_peer_pct_12m",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"window": "6m"}, "12 months"),
        ({"window": "point"}, "12 months"),
        ({"tile": "loan"}, "loan"),
        ({"clock": "day"}, "day clock"),
        ({"dtype": "int"}, "dtype must be double"),
        ({"formula": "ratio(peer_pct(sum(fm.op_in_amt,12)),sum(fm.in_amt,12))"}, "last step"),
    ],
)
def test_a_row_that_contradicts_its_formula_is_refused(change: dict[str, str], found: str) -> None:
    row = replace(catalogue.by_name()["op_inflow_amt_12m"], **change)
    with pytest.raises(ContractBroken, match="FS004") as e:
        compiled.compile_indicator(row)
    assert found in str(e.value)


def test_another_catalogue_is_read_and_checked(tmp_path: Path) -> None:
    with catalogue.FILE.open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    new = rows[0] | {
        "id": "FS047",
        "name": "op_inflow_peak_6m",
        "name_zh": "近6月峰值",
        "formula": "max(fm.op_in_amt,6)",
        "window": "6m",
        "clock": "month",
    }

    def write(extra: dict[str, str]) -> Path:
        path = tmp_path / "indicators.csv"
        with path.open("w", encoding="utf-8", newline="") as f:
            writer = csv.DictWriter(f, rows[0])
            writer.writeheader()
            writer.writerows([*rows, extra])
        return path

    assert len(compiled.compile_all(catalogue.read(write(new)), vocabulary())) == 371
    for wrong, message in (
        ({"name": "op_inflow_amt_1m"}, "op_inflow_amt_1m"),
        ({"formula": " sum( fm.op_in_amt, 1 ) "}, "more than one"),
        ({"monotone": "up"}, "monotone"),
        ({"unit": ""}, "unit"),
    ):
        with pytest.raises(ContractBroken, match=message):
            catalogue.read(write(new | wrong))

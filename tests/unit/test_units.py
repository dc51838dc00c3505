"""Units: what does not fit together is refused when the catalogue is read, with the row and the token."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from features import catalogue, compiled, formula, units, vocabulary
from features.vocabulary import FUNCTIONS
from lake.errors import ContractBroken

ROW = catalogue.by_name()["op_inflow_amt_12m"]  # CNY, FS004


@pytest.mark.parametrize(
    ("text", "unit", "token", "problem"),
    [
        ("sum(fm.op_in_amt,12)+sum(fm.op_in_cnt,12)", "CNY", "sum(fm.op_in_amt,12)+sum(fm.op_in_cnt,12)", "fen added to count"),
        ("sum(fm.op_in_amt-fm.op_in_cnt,12)", "CNY", "fm.op_in_amt-fm.op_in_cnt", "mixed units, fen and count"),
        ("cnt(fm.op_in_amt>fm.days_covered,12)", "months", "fm.op_in_amt>fm.days_covered", "fen compared with day"),
        ("growth(sum(fm.op_in_amt,12),sum(fm.op_in_cnt,12))", "ratio", "growth(", "mixed units, fen and count"),
        ("ratio(sum(fm.op_in_amt,12),sum(fm.in_amt,12))", "CNY", "ratio(", "yields a pure number, the row says CNY"),
        ("ratio(sum(fm.op_in_amt,12),sum(fm.op_in_cnt,12))", "ratio", "ratio(", "yields fen per count, the row says ratio"),
        ("ratio(sum(fm.op_in_amt,12),sum(fm.days_covered,12))", "CNY", "ratio(", "yields fen per day, the row says CNY"),
        ("ratio(sum(fm.op_in_cnt,12),sum(fm.op_in_amt,12))", "CNY", "ratio(", "yields count per fen"),
        ("sum(fm.op_in_amt,12)", "count", "sum(fm.op_in_amt,12)", "yields fen, the row says count"),
        ("sum(fm.op_in_amt*fm.op_in_amt,12)", "CNY", "fm.op_in_amt*fm.op_in_amt", "yields fen^2"),
        ("std(fm.in_daily_std,12)", "CNY", "fm.in_daily_std", "yields fen per day"),
        ("sum(fm.in_days,12)", "count", "fm.in_days", "yields day, the row says count"),
        ("cnt(fm.op_in_amt>0,12)", "days", "cnt(", "yields month, the row says days"),
        ("cv(fm.op_in_amt+fm.op_in_cnt,12)", "ratio", "fm.op_in_amt+fm.op_in_cnt", "fen added to count"),
        ("mean(fm.top1_payer_repeat,12)", "count", "fm.top1_payer_repeat", "yields a pure number"),
        ("peer_pct(sum(fm.op_in_amt,12))", "ratio", "peer_pct", "yields pct_rank"),
        ("single_n(fcm.in_amt,12)", "ratio", "single_n(fcm.in_amt,12)", "single_n reads count, found fen"),
        ("least(sum(fm.op_in_amt,12),sum(fm.op_in_cnt,12))", "CNY", "least(", "mixed units"),
        ("sum(fcatn.wage,12)", "CNY", "fcatn.wage", "yields count"),
    ],
)
def test_units_that_do_not_fit_name_row_and_token(text: str, unit: str, token: str, problem: str) -> None:
    with pytest.raises(ContractBroken) as e:
        units.check(formula.parse(text, "FS004"), unit, "FS004", vocabulary.vocabulary())
    assert "indicator FS004: '" in str(e.value) and token in str(e.value).split("':")[0] and problem in str(e.value)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("cnt(fm.op_in_amt>5000,12)", "months"),
        ("ratio(mean(fm.bal_avg,12),ratio(sum(fm.op_out_amt,12),sum(fm.days_covered,12)))", "days"),
        ("sum(tm.decl_late,12)", "count"),
        ("sum(tm.decl_late,12)", "months"),
        ("ratio(sum(tm.decl_late,12),cnt(tm.vat_sales>0,12))", "ratio"),
        ("sum(2*fm.op_in_amt,12)", "CNY"),
        ("least(ev_active_n('dishonest'),1)", "flag"),
    ],
)
def test_units_that_fit(text: str, unit: str) -> None:
    units.check(formula.parse(text, "X"), unit, "X", vocabulary.vocabulary())


def test_the_catalogue_is_checked_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match="FS004.*yields fen, the row says ratio"):
        compiled.compile_indicator(replace(ROW, unit="ratio"))
    with catalogue.FILE.open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    rows[3]["unit"] = "count"
    path = tmp_path / "indicators.csv"
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(ContractBroken, match=r"FS004: 'sum\(fm.op_in_amt,12\)': yields fen, the row says count"):
        compiled.read(path, vocabulary.FILE)


@pytest.mark.parametrize(
    ("word", "said"), [("bigint CNY", "whole fen"), ("double", "expected a type and one of"), ("bigint yuan", "bigint yuan")]
)
def test_the_tile_dictionary_knows_its_units(tmp_path: Path, word: str, said: str) -> None:
    text = vocabulary.FILE.read_text(encoding="utf-8").replace(",op_in_amt,bigint fen,", f",op_in_amt,{word},", 1)
    path = tmp_path / "tile_columns.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractBroken, match="firm_month.op_in_amt") as e:
        vocabulary.read(path)
    assert said in str(e.value)


def test_every_function_and_unit_has_a_rule() -> None:
    ruled = units._KEEP | set(units._FIXED) | {"ratio", "growth", "least"}
    assert ruled == set(FUNCTIONS)
    assert set(units.OF_WORD) == vocabulary.UNITS
    assert set(units.ALLOWED) == catalogue._ALLOWED["unit"]


def test_a_formula_is_written_as_it_is_read() -> None:
    for c in compiled.load():
        assert formula.parse(formula.text(c.tree), c.indicator.id) == c.tree
    tricky = "sum(fm.op_in_amt-(fm.op_out_amt-fm.in_amt),3)-sum((fm.in_amt-fm.out_amt)/fm.in_amt,3)"
    assert formula.text(formula.parse(tricky, "X")) == tricky

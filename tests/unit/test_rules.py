"""The rule texts themselves: complete heads, known views, one query; credit codes; how text fields are read."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from expectations.rules import COLUMNS, FOLDER, load_rules, parse_rule, union
from expectations.uscc import uscc_ok, uscc_shape
from lake.errors import ContractBroken

VALID = ["914501000000000195", "91450100123456788F", "91450100MA5KXT070Y", "92450900MAC1B2D325", "93451000MA0000YY1Q", "52450000500000007J"]
WRONG = ["914501000000000196", "91450100123456788I", "9145010012345678", "", "91350628M0000K0H44"]


def test_every_rule_of_the_design_is_there_with_both_sentences() -> None:
    rules = {r.id: r for r in load_rules()}
    assert set(rules) >= {
        "V01",
        "V02",
        "V03",
        "V04",
        "V05",
        "V06",
        "V11",
        "V12",
        "V13",
        "V14",
        "V16",
        "V17",
        "C1",
        "C2",
        "C3",
        "C4",
        "C6",
        "G1",
        "G2",
        "T1",
        "V18",
        "V21",
        "C5",
        "G3",
        "G5",
        "T2",
        "T3",
        "V07",
        "V15",
        "C7",
        "C8",
        "G4",
        "G6",
        "V08",
        "V09",
        "V10",
        "V19",
        "V20",
    }
    assert all(r.sentence and r.sentence_zh and r.tolerance for r in rules.values())
    assert rules["V04"].severity == "block" and rules["G2"].severity == "quarantine" and rules["T1"].severity == "warn"


def test_views_named_by_rules_are_documented() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"{view}" in text for r in load_rules() for view in r.views)


def test_a_rule_without_its_sentence_is_refused() -> None:
    text = (FOLDER / "C1.sql").read_text(encoding="utf-8").replace("-- sentence_zh", "-- note")
    with pytest.raises(ContractBroken, match="C1"):
        parse_rule(text, "C1")


def test_a_union_selects_the_columns_of_the_contract() -> None:
    query = union(load_rules()[:2])
    assert query.count("UNION ALL") >= 1 and all(c in query for c in COLUMNS)


def test_credit_codes_by_the_test_vectors(spark: Any) -> None:
    rows = spark.createDataFrame([(c,) for c in VALID + WRONG], "c string").select(
        "c", uscc_ok(F.col("c")).alias("ok"), uscc_shape(F.col("c")).alias("shape")
    )
    result = {r.c: (r.ok, r.shape) for r in rows.collect()}
    assert all(result[c] == (True, True) for c in VALID)
    assert all(not result[c][0] for c in WRONG)
    assert result["914501000000000196"][1] and not result["91450100123456788I"][1]

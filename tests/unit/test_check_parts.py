"""Parts of the check by themselves: files in force, chains over days, categories, states of accounts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import functions as F

from expectations import references, views
from features.tiles.versions import without_superseded
from jobs import flow_silver, submissions
from jobs.categorize import categorize, purpose_rules
from jobs.submissions import Submission, bank_days, earlier, judge, supersede
from lake.errors import ConfigError
from lake.tables import table

D = date(2026, 9, 10)


def sub(file_type: str, first: date, last: date | None = None, **values: Any) -> Submission:
    fields: dict[str, Any] = {"version": 0, "mode": "FULL", "fresh": True, "status": "ACCEPTED"} | values
    key = f"B1_{file_type}_{first:%Y%m%d}_v{fields['version']:02d}"
    return Submission(key, key, "B1", file_type, first, last or first, **fields)


def test_a_replacement_voids_earlier_versions_of_its_dates_only() -> None:
    subs = [sub("TXN", D), sub("TXN", D, version=1, mode="REPLACE"), sub("TXN", D + timedelta(days=1)), sub("BAL", D)]
    assert [s.status for s in supersede(subs)] == ["SUPERSEDED", "ACCEPTED", "ACCEPTED", "ACCEPTED"]


def test_a_blocked_replacement_voids_nothing() -> None:
    subs = [sub("TXN", D), sub("TXN", D, version=1, mode="REPLACE", status="BLOCKED")]
    assert [s.status for s in supersede(subs)] == ["ACCEPTED", "BLOCKED"]


def test_a_second_file_of_the_same_submission_does_not_block_the_first() -> None:
    base = {"submission_id": "B1_TXN_20260910_v00", "bank_id": "B1", "file_type": "TXN", "from_date": D, "to_date": D, "version": 0, "mode": "FULL",
            "manifest_status": "OK", "duplicate_of": None, "file_name": "f", "digest_expected": "aa", "digest_actual": "aa"}  # fmt: skip
    other = base | {"read_error": "version: received before", "digest_expected": "bb", "digest_actual": "bb"}
    files = submissions.received([other, base | {"read_error": None}])
    assert [s.status for s in judge(files, {"B1_TXN_20260910_v00#bb"}, set())] == ["ACCEPTED", "BLOCKED"]


def test_days_covered_show_a_missing_balance_file() -> None:
    subs = [
        sub("BAL", D - timedelta(days=5), D - timedelta(days=1), sparse=True),
        sub("BAL", D),
        sub("BAL", D + timedelta(days=2)),
        sub("TXN", D),
    ]
    rows = {r["biz_date"]: r for r in bank_days(subs)}
    assert rows[D]["covered"] - rows[D - timedelta(days=1)]["covered"] == 1
    assert rows[D + timedelta(days=2)]["covered"] - rows[D]["covered"] == 1  # two days later, one day covered: the chain is open
    assert rows[D]["dense"] and not rows[D - timedelta(days=1)]["dense"]
    assert rows[D]["has_txn"] and rows[D]["fresh_bal"] and not rows[D]["has_gl"]


def test_files_of_nights_before_count_while_in_force() -> None:
    def manifest(day: date, status: str, version: int = 0) -> dict[str, Any]:
        return {"bank_id": "B1", "biz_date": day, "to_date": day, "file_type": "BAL", "version": version, "submission_id": f"{day}{version}",
                "mode": "FULL", "status": status}  # fmt: skip

    known = [
        manifest(D - timedelta(days=1), "PARTIAL"),
        manifest(D - timedelta(days=2), "BLOCKED"),
        manifest(D - timedelta(days=90), "ACCEPTED"),
        manifest(D, "ACCEPTED"),
    ]
    old = earlier(known, [sub("BAL", D, version=1, mode="REPLACE")])
    assert [s.first for s in old] == [D - timedelta(days=1)]


CHAIN = "bank_id string, account_id string, currency string, biz_date date, opening_minor bigint, closing_minor bigint, sparse boolean, version int, row_no bigint"


def chained(spark: Any, rows: list[tuple[int, int, int, bool]], covered: dict[int, int]) -> dict[int, bool]:
    """Day -> chained, for one account's rows (day, opening, closing, sparse) and the balance days covered so far."""
    bal = spark.createDataFrame([("B1", "A", "CNY", D + timedelta(days=d), o, c, s, 0, d) for d, o, c, s in rows], CHAIN)
    days = spark.createDataFrame(
        [("B1", D + timedelta(days=d), n) for d, n in covered.items()], "bank_id string, biz_date date, covered int"
    )
    return {(r.biz_date - D).days: r.chained for r in views.chained_balances(bal, days).collect()}


def test_a_dense_row_chains_to_the_day_before_and_not_across_a_missing_day(spark: Any) -> None:
    rows = [(0, 1, 2, False), (1, 2, 3, False), (3, 9, 9, False)]
    assert chained(spark, rows, {0: 1, 1: 2, 2: 3, 3: 4}) == {0: False, 1: True, 3: False}


def test_a_sparse_row_chains_to_the_last_received_one_unless_a_file_is_missing(spark: Any) -> None:
    rows = [(0, 1, 2, True), (3, 2, 3, True), (5, 3, 3, False)]
    assert chained(spark, rows, {d: d + 1 for d in range(6)}) == {0: False, 3: True, 5: True}
    assert chained(spark, rows, {0: 1, 1: 2, 3: 3, 4: 4, 5: 5}) == {0: False, 3: False, 5: True}


FACTS = ("dr_cr string, reversal_flag string, purpose_code string, summary_masked string, cpty_kind string, firm_section string, is_related boolean, "
         "is_risk boolean, has_invoice boolean, wage_batch boolean")  # fmt: skip
PLAIN = {"dr_cr": "C", "reversal_flag": "N", "purpose_code": None, "summary_masked": None, "cpty_kind": "corp", "firm_section": "C",
         "is_related": False, "is_risk": False, "has_invoice": False, "wage_batch": False}  # fmt: skip
CASES: list[tuple[dict[str, Any], str]] = [
    ({"reversal_flag": "R", "cpty_kind": "own"}, "reversal"),
    ({"cpty_kind": "own", "purpose_code": "0701"}, "own_transfer_in"),
    ({"cpty_kind": "own", "dr_cr": "D"}, "own_transfer_out"),
    ({"purpose_code": "0701", "is_related": True}, "loan_disbursement"),
    ({"dr_cr": "D", "purpose_code": "0401", "cpty_kind": "gov"}, "tax"),
    ({"summary_masked": "退税款", "cpty_kind": "gov"}, "tax_refund"),
    ({"summary_masked": "退税款"}, "sales_receipt"),
    ({"dr_cr": "D", "wage_batch": True, "cpty_kind": "person"}, "wage"),
    ({"dr_cr": "D", "is_risk": True}, "risk_merchant"),
    ({"dr_cr": "D", "purpose_code": "0101", "is_related": True}, "supplier_payment"),
    ({"is_related": True, "has_invoice": True}, "sales_receipt"),
    ({"is_related": True}, "related_in"),
    ({"dr_cr": "D", "is_related": True, "cpty_kind": "person"}, "related_out"),
    ({"cpty_kind": "person", "firm_section": "H"}, "sales_receipt"),
    ({"cpty_kind": "person"}, "personal_in"),
    ({"cpty_kind": "person", "dr_cr": "D", "firm_section": "H"}, "personal_out"),
    ({"cpty_kind": "corp", "dr_cr": "D"}, "supplier_payment"),
    ({"cpty_kind": None}, "other_in"),
    ({"cpty_kind": "fin", "dr_cr": "D"}, "other_out"),
]


def test_the_category_is_the_first_rule_that_fits(spark: Any) -> None:
    names = [c.split()[0] for c in FACTS.split(", ")]
    rows = [(i, *((PLAIN | change)[c] for c in names)) for i, (change, _) in enumerate(CASES)]
    df = categorize(spark.createDataFrame(rows, f"i int, {FACTS}"), purpose_rules(references.rows("ref_purpose_rule")))
    got = {r.i: r.category for r in df.collect()}
    assert [got[i] for i in range(len(CASES))] == [category for _, category in CASES]


def test_a_purpose_rule_that_cannot_be_read_is_refused() -> None:
    good = {"priority": "1", "side": "C", "codes": "", "regex": "", "kind": "", "category": "tax", "meaning": ""}
    assert purpose_rules([good])
    with pytest.raises(ConfigError, match="ref_purpose_rule"):
        purpose_rules([good | {"kind": "friend"}])


def test_a_wage_run_needs_three_persons(spark: Any) -> None:
    def run(batch: str, *parties: str) -> list[tuple[Any, ...]]:
        return [("B1", "A", D, batch, p, None, "person") for p in parties]

    rows = [*run("W1", "p1", "p2", "p3"), *run("W2", "p1", "p2", "p2"), ("B1", "A", D, "W3", "c1", None, "corp")]
    ddl = "bank_id string, account_id string, biz_date date, batch_no string, cpty_account_token string, cpty_name_token string, cpty_kind string"
    assert [r.batch_no for r in flow_silver.wage_batches(spark.createDataFrame(rows, ddl)).collect()] == ["W1"]


def test_an_original_reversed_on_a_later_night_is_a_new_version_of_its_row(spark: Any) -> None:
    t = table("silver.acct_txn")
    row = dict.fromkeys(t.names) | {
        "bank_id": "B1", "account_id": "A", "txn_no": "7", "sub_no": "0", "biz_date": D, "row_version": 0, "is_reversed": False, "as_of": D,
        "available_at": datetime(2026, 9, 11, 4),
    }  # fmt: skip
    earlier = spark.createDataFrame([[row[n] for n in t.names]], t.ddl.replace(" NOT NULL", ""))
    keys = earlier.select(*flow_silver.ORIGINAL)
    (found,) = flow_silver.restated_originals(earlier, keys, D + timedelta(days=3)).collect()
    assert found.row_version == 1 and found.is_reversed
    both = earlier.select(*found.asDict()).unionByName(flow_silver.restated_originals(earlier, keys, D + timedelta(days=3)))
    kept = without_superseded(both, t.key, "row_version", F.col("row_version") > 0).collect()
    assert [r.is_reversed for r in kept] == [True]

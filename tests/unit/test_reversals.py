"""Reversals beside their originals, of tonight and of nights before: named, found within 400 days, no more than their original (V19)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from silver import Silver

from expectations.parse import References
from expectations.rules import load_rules
from expectations.violations import evaluate
from jobs.flow_night import Night
from jobs.flow_reversals import REVERSAL_DAYS, reversals
from jobs.scratch import Scratch
from lake.io import Lake, local_rows

D = date(2026, 9, 14)
FAR = timedelta(days=REVERSAL_DAYS)
TXN = ("bank_id string, account_id string, file_type string, submission_id string, row_no bigint, biz_date date, txn_no string, sub_no string, "
       "amt_minor bigint, reversal_flag string, orig_txn_no string, orig_sub_no string, op string, parse_error string, bad_fields string")  # fmt: skip


def row(n: int, no: str, amount: int, of: str | None = None, **values: Any) -> dict[str, Any]:
    """Row `n` of tonight's file; a reversal when it names an original."""
    return {"bank_id": "B1", "account_id": "A", "file_type": "TXN", "submission_id": "s", "row_no": n, "biz_date": D, "txn_no": no, "sub_no": "0",
            "amt_minor": amount, "reversal_flag": "N" if of is None else "R", "orig_txn_no": of or None, "orig_sub_no": None, "op": None,
            "parse_error": None, "bad_fields": ""} | values  # fmt: skip


def found(lake: Lake, rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Rows and severities of V19."""
    scratch = Scratch(lake.spark, lake.settings.home / "scratch")
    night = Night(lake, D, False, scratch, References({}, {}, {}), [])
    reversals(night, local_rows(lake.spark, rows, TXN)).createOrReplaceTempView("reversal")
    told = evaluate(lake.spark, [r for r in load_rules() if r.id == "V19"]).collect()
    return {(r.scope_key.removeprefix("s:"), r.severity) for r in told}


def test_reversals_of_tonight(lake: Lake) -> None:
    rows = [
        row(2, "t1", 500), row(3, "r1", -500, "t1"),  # red, whole
        row(4, "t2", 500), row(5, "r2", 300, "t2"), row(6, "r3", 200, "t2"),  # blue, in two parts
        row(7, "t3", 500), row(8, "r4", 300, "t3"), row(9, "r5", 201, "t3"),  # one fen too much
        row(10, "r6", 1, "t9"), row(11, "r7", 1, ""), row(12, "r8", 1, "t1", account_id="B"), row(13, "r9", 1, "t1", orig_sub_no="1"),
        row(14, "r10", 1, "r1"),  # a reversal is no original
    ]  # fmt: skip
    assert found(lake, rows) == {("8", "quarantine"), ("9", "quarantine"), *((str(i), "warn") for i in (10, 11, 12, 13, 14))}


def test_a_night_without_reversals_asks_nothing(lake: Lake) -> None:
    assert found(lake, [row(2, "t1", 500)]) == set()


def test_originals_and_reversals_of_nights_before(lake: Lake) -> None:
    books = Silver(lake.settings, D - timedelta(days=1))

    def old(no: str, day: date, amount: int, of: str | None = None, **values: Any) -> None:
        flag = {"reversal_flag": "N"} if of is None else {"reversal_flag": "R", "orig_txn_no": of, "orig_sub_no": "0"}
        books.txn(day, amount, account_id="A", txn_no=no, known=day, as_of=day, **flag, **values)

    old("t1", D - FAR, 500)
    old("t2", D - FAR - timedelta(days=1), 500)
    old("t3", D - timedelta(days=9), 500)
    old("t3", D - timedelta(days=9), 500, row_version=1)  # restated: still one original
    old("r3", D - timedelta(days=8), 400, "t3")
    old("t4", D - timedelta(days=9), 500)
    old("r4", D, 500, "t4")  # accepted once already; tonight's file sends it again
    old("t5", D, 500)  # the night itself: a rerun sees what its first run saw
    books.write()
    rows = [
        row(2, "r1", 500, "t1"), row(3, "r2", 500, "t2"), row(4, "x3", 100, "t3"), row(5, "r4", 500, "t4"), row(6, "r5", 1, "t5"),
    ]  # fmt: skip
    assert found(lake, rows) == {("3", "warn"), ("6", "warn")}
    assert found(lake, [row(4, "x3", 101, "t3")]) == {("4", "quarantine")}

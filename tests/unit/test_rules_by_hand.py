"""Rule texts by themselves over a few rows: each finds what lies beyond its boundary, and nothing that lies on it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from expectations import fields
from expectations.rules import load_rules
from expectations.uscc import org_ok_sql
from expectations.views import account
from expectations.violations import evaluate
from jobs.check_records import record_views
from jobs.deliveries import ASKED_BACK, DELIVERY, deliveries
from lake.clock import SHANGHAI
from lake.io import local_rows

D = date(2026, 9, 14)
DAY = timedelta(days=1)
ROW = {"bank_id": "B1", "from_date": D, "file_type": "TXN", "submission_id": "s"}
Found = set[tuple[str, str]]


def found(spark: Any, rule: str, **views: tuple[str, list[dict[str, Any]]]) -> Found:
    """Scope keys and severities that a rule finds in views given as (columns, rows); what a row does not give is null."""
    for name, (ddl, rows) in views.items():
        names = [c.split()[0] for c in ddl.split(", ")]
        local_rows(spark, [{c: r.get(c) for c in names} for r in rows], ddl).createOrReplaceTempView(name)
    rows_found = evaluate(spark, [r for r in load_rules() if r.id == rule]).collect()
    return {(r.scope_key, r.severity) for r in rows_found}


ACCT = "bank_id string, from_date date, file_type string, submission_id string, row_no bigint, uscc_shape boolean, org_ok boolean"


def test_v07_organization_code(spark: Any) -> None:
    rows = [ROW | {"row_no": 2, "uscc_shape": True, "org_ok": True}, ROW | {"row_no": 3, "uscc_shape": True, "org_ok": False},
            ROW | {"row_no": 4, "uscc_shape": False, "org_ok": False}]  # fmt: skip
    assert found(spark, "V07", acct_rows=(ACCT, rows)) == {("s:3", "warn")}
    codes = {"91450100MA5KXT070Y": True, "91450100MA5KXT071Y": False}
    for code, ok in codes.items():
        assert duckdb.execute(f"SELECT {org_ok_sql('c')} FROM (SELECT ? AS c)", [code]).fetchone() == (ok,), code


def test_v15_account_numbers_and_cards(spark: Any) -> None:
    odd = "bank_id string, from_date date, biz_date date, file_type string, submission_id string, row_no bigint, number_ok boolean"
    rows = [ROW | {"row_no": 2, "number_ok": True}, ROW | {"row_no": 3, "number_ok": False}, ROW | {"row_no": 4}]
    assert found(spark, "V15", odd_rows=(odd, rows)) == {("s:3", "warn")}
    numbers = {("B0001", "21100000000000101"): True, ("B0001", "2110000000000010"): False, ("B0001", "31100000000000101"): False,
               ("XX", "123456789"): True, ("XX", "12345678"): False, ("XX", "1" * 33): False, ("XX", "12345678A"): False, ("XX", None): None}  # fmt: skip
    shape, con = fields.account_shape({"B0001": "^211[0-9]{14}$"}), duckdb.connect()
    for (bank, number), ok in numbers.items():
        assert con.execute(f"SELECT {shape} FROM (SELECT ? AS bank_id, ?::VARCHAR AS account_no)", [bank, number]).fetchone() == (ok,), (
            number
        )
    cards = {"6217000000000000004": True, "6217000000000000005": False, "6222000000123": None, "9900000000000000001": None,
             "6217000000000000": False, "6217000000000006": True, "621700000000006": None, "": None, None: None}  # fmt: skip
    for card, ok in cards.items():
        assert con.execute(f"SELECT {fields.card_ok('c')} FROM (SELECT ?::VARCHAR AS c)", [card]).fetchone() == (ok,), card


def test_c8_first_and_last_balance(spark: Any) -> None:
    days = ("bank_id string, account_id string, currency string, biz_date date, submission_id string, has_bal boolean, fresh_bal boolean, "
            "opening_minor bigint, closing_minor bigint")  # fmt: skip
    accounts = "bank_id string, account_id string, open_date date, close_date date"

    def day(account: str, when: date, opening: int, closing: int, fresh: bool = True) -> dict[str, Any]:
        return ROW | {"account_id": account, "currency": "CNY", "biz_date": when, "has_bal": True, "fresh_bal": fresh, "opening_minor": opening,
                      "closing_minor": closing}  # fmt: skip

    rows = [
        day("good", D, 0, 5), day("good", D + DAY, 5, 7), day("good", D + 2 * DAY, 7, 0), day("bad", D, 1, 1), day("bad", D + 2 * DAY, 1, 1),
        day("old", D, 1, 0, fresh=False),
    ]  # fmt: skip
    books = [ROW | {"account_id": a, "open_date": D, "close_date": D + 2 * DAY} for a in ("good", "bad", "old")]
    got = evaluate_dates(spark, "C8", account_day=(days, rows), account=(accounts, books))
    assert got == {("bad|CNY", D), ("bad|CNY", D + 2 * DAY)}


def evaluate_dates(spark: Any, rule: str, **views: tuple[str, list[dict[str, Any]]]) -> set[tuple[str, date]]:
    """Scope keys and dates that a rule finds."""
    found(spark, rule, **views)
    return {(r.scope_key, r.biz_date) for r in evaluate(spark, [r for r in load_rules() if r.id == rule]).collect()}


PLAN = {"B1": ("TXN",), "B2": ("TXN",)}


def file_of(day: date, minutes: int = -60, version: int = 0, last: date | None = None) -> dict[str, Any]:
    """A file as received; `minutes` after the deadline."""
    end = last or day
    name = f"B1_TXN_{day:%Y%m%d}_v{version:02d}"
    sent = datetime(end.year, end.month, end.day, 4, tzinfo=SHANGHAI) + DAY + timedelta(minutes=minutes)
    return {"bank_id": "B1", "file_type": "TXN", "from_date": day, "to_date": end, "version": version, "sent_at": sent, "duplicate_of": None,
            "submission_id": name, "file_key": name}  # fmt: skip


def known(f: dict[str, Any], as_of: date) -> dict[str, Any]:
    return f | {"biz_date": f["from_date"], "as_of": as_of}


def due(spark: Any, files: list[dict[str, Any]], before: list[dict[str, Any]], as_of: date) -> Found:
    rows = deliveries(PLAN, files, before, as_of)
    return found(spark, "C7", delivery=(", ".join(f"{c} {t}" for c, t in DELIVERY.items()), rows))


def test_c7_a_missing_file_is_told_of_on_the_first_night_and_at_t_plus_5(spark: Any) -> None:
    before = [known(file_of(D - DAY), D - DAY)]
    other = [file_of(D - DAY, version=1)]  # the bank sends something else, and nothing for D
    missing = ("B1_TXN_20260914_v00", "warn")
    assert due(spark, other, before, D) == {missing}
    for nights, told in ((1, False), (3, False), (4, True), (5, False)):
        later = [known(other[0], D), *(known(file_of(D + k * DAY), D + k * DAY) for k in range(1, nights))]
        assert (missing in due(spark, [file_of(D + nights * DAY)], [*before, *later], D + nights * DAY)) is told
    # a night that did not run is caught up on: after the 13th the 19th is the next, and nothing came for the 14th to the 18th
    got = due(spark, [file_of(D + 5 * DAY)], before, D + 5 * DAY)
    assert got == {(f"B1_TXN_{D + k * DAY:%Y%m%d}_v00", "warn") for k in range(5)}


def test_c7_a_history_owes_every_date_from_the_first_one_sent(spark: Any) -> None:
    files = [file_of(D - 40 * DAY, last=D - 11 * DAY), *(file_of(D - k * DAY) for k in range(10))]
    assert due(spark, files, [], D) == {("B1_TXN_20260904_v00", "warn")}  # the 10th day before; the other bank never sent anything


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (1, True)])
def test_c7_a_file_is_late_after_the_deadline(spark: Any, minutes: int, late: bool) -> None:
    assert due(spark, [file_of(D, minutes)], [], D) == ({("B1_TXN_20260914_v00", "warn")} if late else set())
    # a night later it was already told of as missing; a correction is no late file
    assert due(spark, [file_of(D, 300), file_of(D + DAY)], [known(file_of(D - DAY), D)], D + DAY) == set()
    assert due(spark, [file_of(D + DAY), file_of(D, 2000, version=1)], [known(file_of(D), D)], D + DAY) == set()


def test_c7_dates_that_cannot_be_do_no_harm(spark: Any) -> None:
    far = file_of(D - DAY) | {"to_date": date.max}
    assert due(spark, [far, file_of(D, last=D)], [], D) == set()
    old = deliveries(PLAN, [file_of(date(1, 1, 1)), file_of(D)], [], D)
    assert len(old) == 2 + ASKED_BACK


def test_c7_versions_run_without_a_gap(spark: Any) -> None:
    assert due(spark, [file_of(D), file_of(D, version=1)], [], D) == set()
    assert due(spark, [file_of(D), file_of(D, version=2)], [], D) == {("B1_TXN_20260914_v02", "warn")}
    assert due(spark, [file_of(D + DAY), file_of(D, version=1)], [known(file_of(D), D)], D + DAY) == set()


BAL_DAY = ("bank_id string, account_id string, currency string, biz_date date, submission_id string, has_bal boolean, day_dense boolean, "
           "fresh_bal boolean, closing_minor bigint")  # fmt: skip
FAMILY = "bank_id string, account_id string, parent_account_id string, is_summary boolean"


def test_g4_a_parent_repeats_the_accounts_below_it(spark: Any) -> None:
    """top has mid and leaf below it, mid has two leaves; alone is a parent that holds money of its own."""
    tree = {"top": None, "mid": "top", "leaf": "top", "a": "mid", "b": "mid", "alone": None, "child": "alone"}
    books = [ROW | {"account_id": a, "parent_account_id": p, "is_summary": a in ("top", "mid")} for a, p in tree.items()]

    def off(**closing: int) -> set[str]:
        money = {"a": 3, "b": 4, "mid": 7, "leaf": 5, "top": 12, "alone": 9, "child": 1} | closing
        rows = [ROW | {"account_id": a, "currency": "CNY", "biz_date": D, "has_bal": True, "day_dense": True, "fresh_bal": True, "closing_minor": x}
                for a, x in money.items() if x >= 0]  # fmt: skip
        return {key for key, _ in found(spark, "G4", account=(FAMILY, books), account_day=(BAL_DAY, rows))}

    assert off() == set()
    assert off(top=13) == {f"{a}|CNY" for a in ("top", "mid", "leaf", "a", "b")}
    assert off(mid=6, top=11) == {f"{a}|CNY" for a in ("mid", "a", "b")}
    assert off(mid=-1, top=5) == {f"{a}|CNY" for a in ("mid", "a", "b")}  # a parent without a row counts as 0
    assert off(a=-1, b=-1, mid=0, top=5) == set()
    assert off(alone=1000) == set()


@pytest.mark.parametrize(
    ("now", "before", "prev", "fires"),
    [((60, 100), (70, 100), D - DAY, False), ((599, 1000), (700, 1000), D - DAY, True), ((801, 1000), (70, 100), D - DAY, True),
     ((0, 100), (70, 100), D - 2 * DAY, False), ((0, 0), (70, 100), D - DAY, False), ((5 * 10**17, 10**18 - 1), (9 * 10**17, 10**18 - 1), D - DAY, True)],
)  # fmt: skip
def test_g6_the_share_of_others_moves_by_more_than_ten_points(
    spark: Any, now: tuple[int, int], before: tuple[int, int], prev: date, fires: bool
) -> None:
    ddl = ("bank_id string, branch_id string, gl_subject string, currency string, biz_date date, submission_id string, fresh_gl boolean, "
           "prev_date date, ne_close_minor bigint, close_minor bigint, prev_ne_close_minor bigint, prev_close_minor bigint")  # fmt: skip
    row = ROW | {"branch_id": "b", "gl_subject": "g", "currency": "CNY", "biz_date": D, "fresh_gl": True, "prev_date": prev, "ne_close_minor": now[0],
                 "close_minor": now[1], "prev_ne_close_minor": before[0], "prev_close_minor": before[1]}  # fmt: skip
    assert found(spark, "G6", gl_day=(ddl, [row])) == ({("b|g|CNY", "warn")} if fires else set())


def test_v08_the_registry_knows_the_firm_as_active_under_its_name(spark: Any) -> None:
    acct = "bank_id string, from_date date, to_date date, file_type string, submission_id string, row_no bigint, uscc_shape boolean, status string, firm_id string, name_token string"
    states = "firm_id string, states array<struct<status:string,name_token:string,valid_from:date,valid_to:date>>"

    def state(status: str = "ACTIVE", name: str = "n", first: date = D - DAY, last: date | None = None) -> dict[str, Any]:
        return {"status": status, "name_token": name, "valid_from": first, "valid_to": last}

    registry = {
        "good": [state("REVOKED", first=D - 9 * DAY, last=D - DAY), state()], "ends": [state(last=D + DAY)], "ended": [state(last=D)],
        "later": [state(first=D + DAY)], "gone": [state("REVOKED")], "renamed": [state(name="m")], "unknown": None,
    }  # fmt: skip
    firms = [*registry, "not asked"]
    rows = [
        ROW | {"to_date": D, "row_no": i, "uscc_shape": True, "status": "NORMAL", "firm_id": f, "name_token": "n"}
        for i, f in enumerate(firms)
    ]
    rows.append(rows[firms.index("gone")] | {"row_no": 99, "status": "CLOSED"})
    views = {"registered": (states, [{"firm_id": f, "states": s} for f, s in registry.items()])}
    got = found(spark, "V08", acct_rows=(acct, rows), **views)
    assert {firms[int(key.split(":")[1])] for key, _ in got} == {"ended", "later", "gone", "renamed", "unknown"}
    assert found(spark, "V08", acct_rows=(acct, rows), registered=(states, [])) == set()


def test_v09_and_v10_industry_and_region_of_a_record(spark: Any) -> None:
    ddl = "bank_id string, file_type string, submission_id string, row_no bigint, biz_date date, industry4 string, region6 string, valid_from date"
    of = {"bank_id": "registry", "file_type": "reg_enterprise", "submission_id": "p", "region6": "450103", "valid_from": D}
    codes = ["C3911", "C1311", "C4411", "D4411", "Z3911", "C391", "39111", "C3911 "]
    rows = [of | {"row_no": i, "industry4": c} for i, c in enumerate(codes)]
    record_views(local_rows(spark, rows, ddl))
    got = {(r.scope_key, r.severity) for r in evaluate(spark, [r for r in load_rules() if r.id == "V09"], "registry").collect()}
    hard = {(f"reg_enterprise:{i}", "quarantine") for i in (2, 4, 5, 6, 7)}
    assert got == hard | {("reg_enterprise:1", "warn"), ("reg_enterprise:3", "warn")}  # real classes that the list does not have
    end = date(2015, 3, 15)  # 450122 became 450110
    rows = [of | {"row_no": i, "industry4": "C3911", "region6": r, "valid_from": d}
            for i, (r, d) in enumerate([("450122", end - DAY), ("450122", end), ("999999", D), ("450110", end)])]  # fmt: skip
    record_views(local_rows(spark, rows, ddl))
    told = {r.scope_key: r.expected for r in evaluate(spark, [r for r in load_rules() if r.id == "V10"], "registry").collect()}
    assert told == {"reg_enterprise:1": "its successor 450110", "reg_enterprise:2": "a code of the list"}


def test_c3_does_not_ask_a_parent_that_repeats_its_children_for_transactions(spark: Any) -> None:
    ddl = ("bank_id string, account_id string, currency string, biz_date date, submission_id string, has_bal boolean, day_has_txn boolean, "
           "fresh_bal boolean, fresh_txn boolean, credit_cnt int, debit_cnt int, credit_minor bigint, debit_minor bigint, txn_credit_cnt bigint, "
           "txn_debit_cnt bigint, txn_credit_minor bigint, txn_debit_minor bigint")  # fmt: skip
    zero = dict.fromkeys(("debit_cnt", "debit_minor", "txn_credit_cnt", "txn_debit_cnt", "txn_credit_minor", "txn_debit_minor"), 0)
    moved = (
        ROW
        | zero
        | {"currency": "CNY", "biz_date": D, "has_bal": True, "day_has_txn": True, "fresh_bal": True, "credit_cnt": 1, "credit_minor": 5}
    )
    rows = [moved | {"account_id": a} for a in ("top", "leaf")]
    sent = [ROW | {"account_id": a, "parent_account_id": p, "is_summary": a == "top", "row_no": i, "to_date": D, "version": 0}
            for i, (a, p) in enumerate([("top", None), ("leaf", "top")])]  # fmt: skip
    acct = ("bank_id string, account_id string, parent_account_id string, is_summary boolean, row_no bigint, to_date date, version int, "
            "currency string, firm_id string, branch_id string, overdraft_flag boolean, open_date date, close_date date, parse_error string, op string")  # fmt: skip
    names = [c.split()[0] for c in acct.split(", ")]
    account(local_rows(spark, [{c: r.get(c) for c in names} for r in sent], acct)).createOrReplaceTempView("account")
    assert found(spark, "C3", account_day=(ddl, rows)) == {("leaf|CNY", "quarantine")}
    closed = [ROW | {"account_id": a, "currency": "CNY", "biz_date": D, "has_bal": True, "day_dense": True, "fresh_bal": True, "closing_minor": x}
              for a, x in (("top", 6), ("leaf", 5))]  # fmt: skip
    assert found(spark, "G4", account_day=(BAL_DAY, closed)) == {("top|CNY", "quarantine"), ("leaf|CNY", "quarantine")}

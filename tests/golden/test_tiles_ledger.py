"""A small ledger worked out by hand: every family of flow tile columns, from silver rows to the tiles of a history load."""

from __future__ import annotations

import statistics
from datetime import date, datetime

import pytest

from jobs import tiles
from tests.support.silver import Silver
from tests.support.tiles import fresh_lake, measures, rows

END = date(2024, 5, 6)
MARCH = date(2024, 3, 1)
FIRST = date(2024, 1, 1)


def day(month: int, d: int) -> date:
    return date(2024, month, d)


def firm_one(s: Silver) -> None:
    """Golden firm: a BASIC and a TIME account, dense, with every kind of row in March."""
    s.account("A1", account_type="BASIC", is_history=True)
    s.account("A1", account_type="BASIC", valid_from=day(3, 11), status="FROZEN", freeze_authority="COURT", is_history=True)
    s.account("A1", account_type="BASIC", valid_from=day(3, 14), is_history=True)
    s.account("A1T", product_type="TIME", is_history=True)
    s.balances("A1", FIRST, day(3, 14), 1_000_000).balance("A1", day(3, 15), 50_000).balances("A1", day(3, 16), END, 1_000_000)
    s.balances("A1T", FIRST, END, 3_000_000)
    s.txn(day(1, 31), 200_000, cpty_id="P1").txn(day(2, 10), 200_000, cpty_id="P1")
    s.txn(day(1, 15), 3_100_000, "supplier_payment", "D", cpty_id="S1").txn(day(2, 15), 2_900_000, "rent", "D")
    s.txn(day(3, 1), 1_000_000, cpty_id="P1").txn(day(3, 5), 3_000_000, cpty_id="P2").txn(day(3, 5), 500_000, "pos_settlement")
    s.txn(day(3, 10), 2_000_000, "supplier_payment", "D", cpty_id="S1")
    s.txn(day(3, 10), 400_000, "wage", "D", cpty_id="W1", cpty_kind="person").txn(
        day(3, 15), 400_000, "wage", "D", cpty_id="W2", cpty_kind="person"
    )
    s.txn(day(3, 20), 100_000, "tax_refund").txn(day(3, 21), 9_999_999, "own_transfer_in")
    s.txn(day(3, 22), 7_000_000, cpty_id="P9", returned_flag=True).txn(
        day(3, 22), 7_000_000, "supplier_payment", "D", cpty_id="S9", returned_flag=True
    )
    s.txn(day(3, 23), 5_000_000, cpty_id="P9", is_reversed=True).txn(
        day(3, 23), -5_000_000, cpty_id="P9", reversal_flag="R", is_reversed=True
    )
    s.txn(day(3, 24), 8_300_000, cpty_id="P3", currency="USD", amt_cny_fen=60_000_000, instrument="BILL")
    s.txn(day(3, 30), 4_600_000, "cash_withdrawal", "D", cash_flag="CASH", instrument="CASH", channel="ATM")
    s.txn(day(3, 31), 12_345, "other_out", "D", channel="MOBILE", txn_ts=datetime(2024, 3, 31, 23, 30))
    s.txn(day(3, 31), 0, "other_out", "D")


def firm_two(s: Silver) -> None:
    """A sparse sender: January from its first row back to the month's begin, a broken chain in February, silent in April."""
    s.account("A2", "F2", bank_id="B2", is_history=True)
    for d, opening, closing in [(day(1, 10), 7, 9), (day(1, 31), 9, 9), (day(2, 20), 8, 8), (day(2, 29), 8, 8), (day(3, 31), 8, 8)]:
        s.balance("A2", d, closing, opening, "F2", bank_id="B2", sparse=True)


def firm_three(s: Silver) -> None:
    """Two dense accounts with 7 and 1 days missing in April, one dormant account that stopped sending."""
    s.account("A3", "F3", is_history=True).account("A3b", "F3", is_history=True).account("A3c", "F3", status="DORMANT", is_history=True)
    s.balances("A3", FIRST, day(4, 9), 10, firm_id="F3").balances("A3", day(4, 17), END, 10, firm_id="F3")
    s.balances("A3b", FIRST, day(4, 19), 20, firm_id="F3").balances("A3b", day(4, 21), END, 20, firm_id="F3")
    s.balance("A3c", FIRST, 5, firm_id="F3")


def firm_four(s: Silver) -> None:
    """Loan money that leaves, and money that passes through."""
    s.account("A4", "F4", is_history=True).balances("A4", FIRST, END, 100, firm_id="F4")
    at = {"account_id": "A4", "firm_id": "F4"}
    s.txn(day(1, 28), 1_000_000, "loan_disbursement", txn_ts=datetime(2024, 1, 28, 10), **at)
    s.txn(day(1, 28), 50_000, "personal_out", "D", txn_ts=datetime(2024, 1, 28, 9), **at)
    s.txn(day(1, 28), 300_000, "personal_out", "D", txn_ts=datetime(2024, 1, 28, 11), **at)
    s.txn(day(2, 1), 500_000, "loan_disbursement", **at).txn(day(2, 3), 200_000, "related_out", "D", **at)
    s.txn(day(2, 6), 400_000, "cash_withdrawal", "D", **at).txn(day(2, 9), 70_000, "risk_merchant", "D", **at)
    s.txn(day(3, 31), 800_000, "loan_disbursement", **at).txn(day(4, 3), 100_000, "invest_purchase", "D", **at)
    s.txn(day(4, 6), 250_000, "personal_out", "D", **at)
    s.txn(day(3, 12), 6_000_000, "other_in", **at).txn(day(3, 12), 5_800_000, "other_out", "D", **at)
    s.txn(day(3, 13), 6_000_000, "other_in", **at).txn(day(3, 13), 5_500_000, "other_out", "D", **at)


def firm_five(s: Silver) -> None:
    """Counterparties over three months; one of them is a registered firm of another province."""
    s.account("A5", "F5", is_history=True).balances("A5", FIRST, END, 100, firm_id="F5")
    known = datetime(2023, 1, 1)
    s.row("reg_enterprise", firm_id="F5", valid_from=date(2020, 1, 1), region6="450103", known=known)
    s.row("reg_enterprise", firm_id="X1", valid_from=date(2020, 1, 1), region6="440106", industry4="F5112", known=known)
    at = {"account_id": "A5", "firm_id": "F5"}
    for m, party, amt in [(1, "P1", 100), (1, "P2", 300), (2, "P2", 500), (2, "P3", 100), (3, "P1", 200), (3, "P3", 400), (3, "X1", 50)]:
        s.txn(day(m, 5), amt, cpty_id=party, is_related=party == "P3", **at)
    for m, party in [(2, "S1"), (3, "S1"), (3, "S2"), (3, "P1")]:
        s.txn(day(m, 6), 10, "logistics", "D", cpty_id=party, **at)


@pytest.fixture(scope="module")
def ledger(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "ledger")
    s = Silver(lake.settings, END)
    for firm in (firm_one, firm_two, firm_three, firm_four, firm_five):
        firm(s)
    s.write()
    tiles.run(lake, END, history=True)
    return lake


def month_row(ledger, firm: str, month: date = MARCH, **at):  # type: ignore[no-untyped-def]
    return rows(ledger, "firm_month", **at)[firm, month]


def test_amounts_and_counts_of_the_row_sets(ledger) -> None:  # type: ignore[no-untyped-def]
    want = {
        "in_amt": 64_600_000, "out_amt": 7_412_345, "in_cnt": 5, "out_cnt": 5, "all_cnt": 10, "op_in_amt": 64_500_000, "op_out_amt": 2_700_000,
        "op_in_cnt": 4, "op_out_cnt": 3, "med_in_amt": 1_000_000, "max_in_amt": 60_000_000, "max_out_amt": 2_000_000, "large_in_amt": 60_000_000,
        "large_in_cnt": 1, "large_out_cnt": 0, "fx_in_amt": 60_000_000, "bill_in_amt": 60_000_000, "cash_in_amt": 0, "cash_out_amt": 4_600_000,
        "main_bank_in_amt": 64_600_000, "basic_in_amt": 64_600_000, "ret_out_cnt": 1,
    }  # fmt: skip
    row = month_row(ledger, "F1")
    assert {k: row[k] for k in want} == want


def test_days_times_and_people_of_the_month(ledger) -> None:  # type: ignore[no-untyped-def]
    want = {
        "days_in_month": 31, "days_covered": 31, "active_days": 8, "in_days": 3, "last5d_in_amt": 0, "wage_dom": 12.5, "wage_payee_cnt": 2,
        "n_bank_active": 1, "n_acct_active": 1, "n_acct_open": 1, "n_payer": 3, "n_payee": 1, "night_cnt": 1, "holiday_cnt": 5, "round_cnt": 4,
        "near_thr_cash_cnt": 1, "sameday_amt": 0, "frozen_days": 3, "hist_months": 3,
    }  # fmt: skip
    row = month_row(ledger, "F1")
    assert {k: row[k] for k in want} == want
    assert row["in_dom_mean"] == pytest.approx(1458.5 / 64.5)
    assert row["in_daily_std"] == pytest.approx(statistics.stdev([1_000_000, 3_500_000, 60_000_000] + [0] * 28))


def test_balances_of_the_month(ledger) -> None:  # type: ignore[no-untyped-def]
    row = month_row(ledger, "F1")
    want = {
        "bal_avg": 969_355,
        "bal_eom": 1_000_000,
        "bal_min": 50_000,
        "bal_max": 1_000_000,
        "td_bal_avg": 3_000_000,
        "margin_bal_avg": 0,
        "zero_bal_days": 1,
    }
    assert {k: row[k] for k in want} == want
    assert row["bal_std"] == pytest.approx(statistics.stdev([1_000_000] * 30 + [50_000]))


def test_low_balance_days_use_the_outflow_of_the_three_months_before(ledger) -> None:  # type: ignore[no-untyped-def]
    # (3,100,000 + 2,900,000) / (31 + 29) days * 7 = 700,000: below it on 15 March only; January has no month before
    assert month_row(ledger, "F1")["low_bal_days"] == 1
    assert month_row(ledger, "F1", FIRST)["low_bal_days"] is None


def test_a_run_without_receipts_goes_on_across_months(ledger) -> None:  # type: ignore[no-untyped-def]
    gaps = [month_row(ledger, "F1", date(2024, m, 1))["in_gap_max"] for m in (1, 2, 3, 4)]
    assert gaps == [30, 19, 18, 7 + 30]


def test_a_month_without_rows_is_zero_and_has_no_median(ledger) -> None:  # type: ignore[no-untyped-def]
    row = month_row(ledger, "F1", date(2024, 4, 1))
    assert (row["in_amt"], row["op_in_cnt"], row["n_payer"], row["loan_div_amt"], row["large_in_cnt"]) == (0, 0, 0, 0, 0)
    assert (row["med_in_amt"], row["max_in_amt"], row["in_dom_mean"], row["wage_dom"]) == (None, None, None, None)
    assert row["in_daily_std"] == 0.0
    assert row["basic_in_amt"] == 0
    assert month_row(ledger, "F4")["basic_in_amt"] is None


def test_coverage_of_sparse_broken_and_silent_senders(ledger) -> None:  # type: ignore[no-untyped-def]
    assert [month_row(ledger, "F2", date(2024, m, 1))["days_covered"] for m in (1, 2, 3, 4)] == [31, 10, 31, 0]
    days = rows(ledger, "firm_day")
    assert [days["F2", day(1, d)]["close_bal"] for d in (1, 9, 10, 30)] == [7, 7, 9, 9]
    assert (days["F2", day(2, 10)]["covered"], days["F2", day(2, 10)]["close_bal"]) == (0, None)


def test_a_day_is_covered_when_every_open_account_is(ledger) -> None:  # type: ignore[no-untyped-def]
    assert month_row(ledger, "F3", MARCH)["days_covered"] == 31  # the dormant account counts as covered
    assert month_row(ledger, "F3", date(2024, 4, 1))["days_covered"] == 30 - 7 - 1
    assert month_row(ledger, "F3", MARCH)["bal_avg"] == 35


def test_loan_money_that_leaves_within_seven_days_counts_once(ledger) -> None:  # type: ignore[no-untyped-def]
    assert month_row(ledger, "F4", FIRST)["loan_div_amt"] == 300_000 + 200_000
    assert month_row(ledger, "F4", date(2024, 2, 1))["loan_div_amt"] == 400_000


def test_loan_diversion_after_the_close_is_a_later_version(ledger) -> None:  # type: ignore[no-untyped-def]
    assert month_row(ledger, "F4", MARCH, at=day(4, 5))["loan_div_amt"] == 100_000
    assert month_row(ledger, "F4", MARCH, at=day(4, 6))["loan_div_amt"] == 100_000
    assert month_row(ledger, "F4", MARCH, at=day(4, 7))["loan_div_amt"] == 350_000
    assert ("F4", MARCH) not in rows(ledger, "firm_month", at=day(4, 4))


def test_money_passing_through(ledger) -> None:  # type: ignore[no-untyped-def]
    row = month_row(ledger, "F4")
    assert (row["passthru_days"], row["sameday_amt"]) == (1, 5_800_000 + 5_500_000)


def test_counterparties_new_and_largest(ledger) -> None:  # type: ignore[no-untyped-def]
    got = [month_row(ledger, "F5", date(2024, m, 1)) for m in (1, 2, 3)]
    assert [r["n_payer"] for r in got] == [2, 2, 3]
    assert [r["n_new_payer"] for r in got] == [2, 1, 1]
    assert [r["n_payee"] for r in got] == [0, 1, 3]
    assert [r["n_new_payee"] for r in got] == [0, 1, 2]
    assert [r["top1_payer_repeat"] for r in got] == [0, 1, 0]


def test_counterparty_rows(ledger) -> None:  # type: ignore[no-untyped-def]
    tile = rows(ledger, "firm_counterparty_month")
    got = measures(tile["F5", "P1", MARCH])
    assert got == {
        "firm_id": "F5", "cpty_id": "P1", "month": MARCH, "in_amt": 200, "in_cnt": 1, "out_amt": 10, "out_cnt": 1, "cpty_kind": "corp", "is_related": False,
        "region4": None, "industry2": None, "out_province": None, "first_in_month": FIRST, "first_out_month": MARCH,
    }  # fmt: skip
    assert tile["F5", "P1", FIRST]["first_out_month"] is None
    assert tile["F5", "P3", MARCH]["is_related"] is True
    other = tile["F5", "X1", MARCH]
    assert (other["region4"], other["industry2"], other["out_province"]) == ("4401", "51", True)


def test_categories_keep_own_transfers_and_leave_out_returned_and_reversed(ledger) -> None:  # type: ignore[no-untyped-def]
    tile = {k[1]: (r["amt"], r["cnt"]) for k, r in rows(ledger, "firm_category_month").items() if k[0] == "F1" and k[2] == MARCH}
    assert tile == {
        "sales_receipt": (64_000_000, 3), "pos_settlement": (500_000, 1), "supplier_payment": (2_000_000, 1), "wage": (800_000, 2),
        "tax_refund": (100_000, 1), "own_transfer_in": (9_999_999, 1), "cash_withdrawal": (4_600_000, 1), "other_out": (12_345, 1),
    }  # fmt: skip


def test_bank_months(ledger) -> None:  # type: ignore[no-untyped-def]
    tile = rows(ledger, "firm_bank_month")
    assert tile["F1", "B1", MARCH]["op_in_amt"] == 64_500_000
    april = tile["F3", "B1", date(2024, 4, 1)]
    assert (april["days_covered"], april["last_covered_date"]) == (22, day(4, 30))
    assert (tile["F2", "B2", date(2024, 4, 1)]["days_covered"], tile["F2", "B2", date(2024, 4, 1)]["last_covered_date"]) == (0, None)


def test_sums_agree_with_sql_over_the_rows(ledger) -> None:  # type: ignore[no-untyped-def]
    ledger.read("silver.acct_txn").createOrReplaceTempView("t")
    sql = """
      SELECT firm_id, trunc(biz_date, 'month') m, sum(if(dr_cr = 'C', amt_cny_fen, 0)), sum(if(dr_cr = 'D', amt_cny_fen, 0)), count(*)
      FROM t WHERE reversal_flag IN ('N', 'S') AND NOT is_reversed AND NOT returned_flag AND amt_minor > 0
        AND category NOT IN ('own_transfer_in', 'own_transfer_out') GROUP BY 1, 2"""
    want = {(r[0], r[1]): tuple(r[2:]) for r in ledger.spark.sql(sql).collect() if r[1] < date(2024, 5, 1)}
    have = {k: (r["in_amt"], r["out_amt"], r["all_cnt"]) for k, r in rows(ledger, "firm_month").items() if r["all_cnt"]}
    assert have == want

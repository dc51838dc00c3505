"""Tax, loan, court and registry tiles from records with versions: what each night could know, worked out by hand."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from jobs import tiles
from tests.support.silver import Silver
from tests.support.tiles import fresh_lake, rows

H = date(2024, 12, 31)
JAN, FEB, MAR, APR, MAY, JUN, AUG = (date(2024, m, 1) for m in (1, 2, 3, 4, 5, 6, 8))


def day(month: int, d: int) -> date:
    return date(2024, month, d)


def returns(s: Silver) -> None:
    vat = {"firm_id": "F1", "sales_exempt_fen": 0}
    s.row(
        "tax_vat_return",
        period="202401",
        due_date=day(2, 15),
        filed_at=datetime(2024, 2, 10),
        sales_taxable_fen=1000,
        known=day(2, 11),
        **vat,
    )
    s.row("tax_vat_return", period="202402", due_date=day(3, 15), known=day(3, 1), **vat)
    s.row(
        "tax_vat_return",
        period="202402",
        due_date=day(3, 15),
        filed_at=datetime(2024, 4, 20),
        sales_taxable_fen=0,
        known=day(4, 21),
        row_version=1,
        **vat,
    )
    s.row(
        "tax_vat_return",
        period="202403",
        due_date=day(4, 15),
        filed_at=datetime(2024, 4, 10),
        sales_taxable_fen=500,
        known=day(4, 11),
        **vat,
    )
    s.row(
        "tax_vat_return",
        period="202403",
        due_date=day(4, 15),
        filed_at=datetime(2024, 4, 10),
        sales_taxable_fen=700,
        known=day(7, 6),
        row_version=1,
        **vat,
    )
    quarter = {"firm_id": "F2", "filing_cycle": "Q", "taxpayer_type": "SMALL", "due_date": day(4, 15), "known": day(4, 11)}
    s.row("tax_vat_return", period="202403", filed_at=datetime(2024, 4, 16), sales_taxable_fen=90, sales_exempt_fen=10, **quarter)
    for period, revenue, profit, known, version in [
        ("202403", 100, -10, day(4, 11), 0), ("202403", 130, -10, day(8, 1), 1), ("202406", 250, 20, day(7, 11), 0), ("202412", 900, 90, day(12, 30), 0),
    ]:  # fmt: skip
        filed = datetime.combine(known, datetime.min.time())
        s.row(
            "tax_cit_return",
            firm_id="F2",
            period=period,
            revenue_fen=revenue,
            profit_fen=profit,
            filed_at=filed,
            known=known,
            row_version=version,
        )


def payments(s: Silver) -> None:
    pay = {"firm_id": "F1", "period": "202401", "due_date": day(2, 15), "pay_date": day(2, 20), "known": day(2, 21)}
    for voucher, kind, amount in [("1", "VAT", 100), ("2", "CIT", 50), ("3", "LATE_FEE", 7)]:
        s.row("tax_payment", voucher_no=voucher, tax_type=kind, amount_fen=amount, **pay)
    owed = {"firm_id": "F1", "tax_type": "VAT", "period": "202402", "arrears_fen": 900, "start_date": day(3, 20)}
    s.row("tax_arrears", known=day(3, 21), **owed).row("tax_arrears", end_date=day(5, 10), known=day(5, 11), row_version=1, **owed)
    s.row(
        "tax_credit_rating",
        firm_id="F1",
        rating_year=2023,
        rating="B",
        in_force_from=date(2023, 4, 1),
        in_force_to=day(4, 10),
        known=date(2023, 4, 2),
    )
    s.row("tax_credit_rating", firm_id="F1", rating_year=2024, rating="A", in_force_from=day(4, 10), known=day(4, 11))
    owed_social = {"firm_id": "F1", "month": JAN, "headcount": 12, "due_fen": 60, "due_date": day(2, 15)}
    s.row("tax_social_insurance", known=day(2, 1), **owed_social)
    s.row("tax_social_insurance", paid_date=day(4, 1), paid_fen=60, known=day(4, 2), row_version=1, **owed_social)
    s.row(
        "tax_social_insurance",
        firm_id="F1",
        month=FEB,
        headcount=11,
        due_fen=60,
        due_date=day(3, 15),
        paid_date=day(3, 10),
        known=day(3, 11),
    )


def invoices(s: Silver) -> None:
    issued = {"firm_id": "F1", "known": day(1, 21), "issue_date": day(1, 20)}
    s.row("tax_invoice", invoice_no="1", other_party_id="P1", amount_fen=100, tax_fen=13, **issued)
    s.row("tax_invoice", invoice_no="2", other_party_id="P2", amount_fen=50, tax_fen=6, **issued)
    s.row(
        "tax_invoice",
        invoice_no="2",
        other_party_id="P2",
        amount_fen=50,
        tax_fen=6,
        status="VOID",
        row_version=1,
        **{**issued, "known": day(5, 2)},
    )
    s.row("tax_invoice", invoice_no="3", other_party_id="P1", amount_fen=-20, tax_fen=-2, color="RED", **issued)
    s.row("tax_invoice", direction="IN", invoice_no="4", other_party_id="Q1", amount_fen=40, tax_fen=4, **issued)


def loans(s: Silver) -> None:
    own = {"firm_id": "F1"}
    s.row("loan_contract", lender_id="BK", loan_no="L1", granted_date=day(2, 10), maturity_date=date(2025, 2, 10), principal_fen=1000, limit_fen=1200,
          guarantee_type="CREDIT", known=day(2, 11), **own)  # fmt: skip
    s.row("loan_contract", lender_id="SL", loan_no="L2", lender_type="SMALL_LOAN", granted_date=day(3, 5), maturity_date=date(2025, 3, 5), principal_fen=300,
          limit_fen=300, rollover_flag=True, known=day(3, 6), **own)  # fmt: skip
    s.row(
        "loan_contract",
        lender_id="BK",
        loan_no="L3",
        granted_date=day(3, 20),
        maturity_date=day(9, 20),
        principal_fen=50,
        known=day(3, 21),
        **own,
    )
    for lender, loan, end, balance, dpd, overdue, known, version in [
        ("BK", "L1", day(2, 29), 1000, 0, 0, day(3, 1), 0), ("BK", "L1", day(3, 31), 900, 0, 0, day(4, 1), 0), ("BK", "L3", day(3, 31), 0, 0, 0, day(4, 1), 0),
        ("SL", "L2", day(3, 31), 300, 5, 20, day(4, 1), 0), ("SL", "L2", day(3, 31), 300, 12, 25, day(5, 1), 1),
    ]:  # fmt: skip
        s.row("loan_performance", lender_id=lender, loan_no=loan, month_end=end, balance_fen=balance, dpd=dpd, overdue_fen=overdue, known=known,
              row_version=version, **own)  # fmt: skip
    for month in (3, 4, 5, 6, 7):
        s.row(
            "loan_schedule",
            lender_id="BK",
            loan_no="L1",
            due_date=day(month, 10),
            principal_fen=100,
            interest_fen=5,
            known=day(2, 11),
            **own,
        )
    for n, lender, purpose in [(1, "X", "LOAN_APPROVAL"), (2, "X", "LOAN_APPROVAL"), (3, "Y", "LOAN_APPROVAL"), (4, "Z", "POST_LOAN")]:
        s.row("loan_query", query_id=str(n), lender_id=lender, purpose=purpose, query_date=day(3, 9), known=day(3, 10), **own)
    s.row(
        "loan_guarantee",
        contract_no="G",
        guarantor_id="F1",
        obligor_id="F9",
        balance_fen=500,
        start_date=day(3, 1),
        end_date=day(5, 15),
        known=day(3, 2),
    )


def court(s: Silver) -> None:
    s.row("court_case", case_no="C1", party_id="F1", publish_date=day(2, 1), claim_fen=77, filed_date=day(1, 20), known=day(2, 2))
    s.row("court_case", case_no="C1", party_id="F1", publish_date=day(2, 1), claim_fen=77, filed_date=day(1, 20), judged_date=day(5, 1),
          judgment_publish_date=day(5, 20), judged_payable_fen=70, status="JUDGED", known=day(5, 21), row_version=1)  # fmt: skip
    owed = {"case_no": "E1", "party_id": "F1", "publish_date": day(3, 1), "filed_date": day(2, 20), "target_fen": 1000}
    s.row("court_enforcement", performed_fen=0, known=day(3, 2), **owed)
    s.row(
        "court_enforcement", performed_fen=200, end_date=day(6, 1), end_kind="TERMINATED_NO_ASSETS", known=day(6, 2), row_version=1, **owed
    )
    s.row("reg_key_person", firm_id="F1", party_id="P1", valid_from=date(2020, 1, 1), known=date(2020, 1, 2))
    s.row("reg_key_person", firm_id="F1", party_id="P1", valid_from=date(2020, 1, 1), valid_to=day(9, 1), known=day(9, 2), row_version=1)
    s.row("court_dishonest", case_no="D1", party_id="P1", publish_date=day(3, 1), known=day(3, 2))
    s.row(
        "court_equity_freeze",
        notice_no="Z1",
        party_id="F2",
        target_firm_id="F1",
        amount_fen=5,
        start_date=day(3, 1),
        publish_date=day(3, 3),
        known=day(3, 4),
    )
    s.row("reg_abnormal", event_id="AB1", firm_id="F1", kind="abnormal", event_date=day(4, 1), known=day(4, 2))
    s.row(
        "reg_abnormal",
        event_id="AB1",
        firm_id="F1",
        kind="abnormal",
        event_date=day(4, 1),
        end_date=day(8, 1),
        known=day(8, 2),
        row_version=1,
    )


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "outside")
    s = Silver(lake.settings, H).account("A1", is_history=True).account("A2", "F2", is_history=True)
    s.balance("A1", day(1, 1), 0).balance("A2", day(1, 1), 0, firm_id="F2")
    for part in (returns, payments, invoices, loans, court):
        part(s)
    s.write()
    tiles.run(lake, H, history=True)
    return lake


def tax(world, month: date, at: date, firm: str = "F1"):  # type: ignore[no-untyped-def]
    return rows(world, "tax_month", at=at)[firm, month]


def test_a_month_is_readable_five_days_after_its_due_date(world) -> None:  # type: ignore[no-untyped-def]
    assert ("F1", JAN) not in rows(world, "tax_month", at=day(2, 19))
    row = tax(world, JAN, day(2, 20))
    assert (row["vat_sales"], row["due_date"], row["decl_zero"], row["decl_late"], row["decl_missing"]) == (1000, day(2, 15), 0, 0, 0)


def test_a_missing_return_is_missing_until_it_is_known_to_be_filed(world) -> None:  # type: ignore[no-untyped-def]
    before, after = tax(world, FEB, day(4, 20)), tax(world, FEB, day(4, 21))
    assert [before[k] for k in ("vat_sales", "decl_missing", "decl_late", "decl_zero")] == [None, 1, 0, 0]
    assert [after[k] for k in ("vat_sales", "decl_missing", "decl_late", "decl_zero")] == [0, 0, 1, 1]


def test_an_amended_return_changes_no_earlier_snapshot(world) -> None:  # type: ignore[no-untyped-def]
    assert [tax(world, MAR, d)["vat_sales"] for d in (day(7, 5), day(7, 6))] == [500, 700]


def test_a_quarter_is_spread_and_its_declaration_counts_once(world) -> None:  # type: ignore[no-untyped-def]
    months = [tax(world, m, day(4, 30), "F2") for m in (JAN, FEB, MAR)]
    assert [r["vat_sales"] for r in months] == [33, 33, 34]
    assert [r["decl_late"] for r in months] == [0, 0, 1]
    assert {r["due_date"] for r in months} == {day(4, 15)}


def test_income_tax_returns_are_differenced_as_known_then(world) -> None:  # type: ignore[no-untyped-def]
    def shares(column: str, at: date) -> list[int]:
        return [tax(world, m, at, "F2")[column] for m in (JAN, FEB, MAR, APR, MAY, JUN)]

    assert shares("cit_revenue", day(7, 31)) == [33, 33, 34, 50, 50, 50]
    assert shares("cit_profit", day(7, 31)) == [-3, -3, -4, 10, 10, 10]
    assert shares("cit_revenue", day(8, 1)) == [43, 43, 44, 40, 40, 40]
    late = rows(world, "tax_month")
    assert ("F2", AUG) not in late, "no return covers the third quarter"


def test_payments_penalties_and_arrears(world) -> None:  # type: ignore[no-untyped-def]
    assert [tax(world, JAN, d)["tax_paid"] for d in (day(2, 20), day(2, 21))] == [0, 150]
    row = tax(world, JAN, day(2, 21))
    assert (row["vat_paid"], row["tax_late_days_max"], row["penalty_amt"]) == (100, 5, 0)
    assert tax(world, FEB, day(3, 21))["penalty_amt"] == 7
    assert [tax(world, m, day(6, 30))["arrears_bal"] for m in (FEB, MAR, APR)] == [0, 900, 900]
    assert tax(world, MAY, day(6, 30))["arrears_bal"] == 0


def test_rating_in_force_at_the_month_end(world) -> None:  # type: ignore[no-untyped-def]
    assert [tax(world, m, day(6, 30))["rating_score"] for m in (JAN, MAR, APR)] == [4, 4, 5]


def test_invoices_net_of_red_and_void(world) -> None:  # type: ignore[no-untyped-def]
    names = (
        "inv_out_amt",
        "inv_out_cnt",
        "inv_out_red_amt",
        "inv_out_void_cnt",
        "n_inv_buyer",
        "inv_top1_buyer_amt",
        "inv_in_amt",
        "inv_top1_seller_amt",
    )
    assert [tax(world, JAN, day(5, 1))[n] for n in names] == [147, 3, 22, 0, 2, 91, 44, 44]
    assert [tax(world, JAN, day(5, 2))[n] for n in names] == [91, 3, 22, 1, 1, 91, 44, 44]


def test_social_insurance_is_missed_thirty_days_after_the_due_date(world) -> None:  # type: ignore[no-untyped-def]
    assert [tax(world, JAN, d)["sso_missed"] for d in (day(3, 15), day(3, 16), day(6, 1))] == [0, 1, 1]
    assert (tax(world, FEB, day(6, 1))["sso_missed"], tax(world, FEB, day(6, 1))["sso_headcount"]) == (0, 11)


def loan(world, month: date, at: date = H):  # type: ignore[no-untyped-def]
    return rows(world, "loan", at=at)["F1", month]


def test_loan_month(world) -> None:  # type: ignore[no-untyped-def]
    want = {
        "bal": 1200, "nonbank_bal": 300, "unsecured_bal": 900, "n_loan": 2, "n_lender": 2, "n_nonbank_lender": 1, "limit_amt": 1500, "used_amt": 1200,
        "due_amt": 105, "overdue_amt": 20, "dpd_max": 5, "new_amt": 350, "rollover_amt": 300, "n_grant": 2, "n_new_lender": 1, "n_query": 3,
        "n_query_lender": 2, "bal_due_3m": 315, "guar_out_bal": 500, "first_loan_age": 1,
    }  # fmt: skip
    row = loan(world, MAR, day(4, 5))
    assert {k: row[k] for k in want} == want
    assert loan(world, MAR, day(5, 1))["dpd_max"] == 12
    assert ("F1", MAR) not in rows(world, "loan", at=day(4, 4))


def test_loan_before_the_first_and_of_firms_without(world) -> None:  # type: ignore[no-untyped-def]
    assert (loan(world, JAN)["bal"], loan(world, JAN)["bal_due_3m"], loan(world, JAN)["first_loan_age"]) == (0, 0, None)
    assert (loan(world, FEB)["bal_due_3m"], loan(world, FEB)["n_new_lender"], loan(world, FEB)["first_loan_age"]) == (315, 1, 0)
    assert [loan(world, m)["guar_out_bal"] for m in (APR, MAY)] == [500, 0]
    other = rows(world, "loan")["F2", MAR]
    assert (other["bal"], other["n_loan"], other["first_loan_age"]) == (0, 0, None)


def events(world, at: date, **where):  # type: ignore[no-untyped-def]
    found = [r for r in rows(world, "court_event", at=at).values() if all(r[k] == v for k, v in where.items())]
    assert len(found) == 1, found
    return found[0]


def test_court_events_and_their_versions(world) -> None:  # type: ignore[no-untyped-def]
    case = events(world, H, event_type="case_def")
    assert (case["firm_id"], case["cause_group"], case["publish_date"], case["amount"], case["via"]) == (
        "F1",
        "sales",
        day(2, 1),
        77,
        "firm",
    )
    lost = events(world, H, event_type="judgment_lost")
    assert (lost["publish_date"], lost["amount"]) == (day(5, 20), 70)
    assert not [r for r in rows(world, "court_event", at=day(5, 20)).values() if r["event_type"] == "judgment_lost"]


def test_nothing_left_to_seize_is_no_end(world) -> None:  # type: ignore[no-untyped-def]
    early, late = events(world, day(6, 1), event_type="enforcement"), events(world, day(6, 2), event_type="enforcement")
    assert early["event_id"] == late["event_id"]
    assert [(r["amount"], r["end_date"]) for r in (early, late)] == [(1000, None), (800, date(2029, 6, 1))]


def test_records_of_the_legal_representative_and_freezes_of_equity(world) -> None:  # type: ignore[no-untyped-def]
    rep = events(world, day(9, 1), via="rep")
    assert (rep["firm_id"], rep["event_type"], rep["rep_from"], rep["rep_to"]) == ("F1", "dishonest", date(2020, 1, 1), None)
    assert events(world, day(9, 2), via="rep")["rep_to"] == day(9, 1)
    freezes = {r["firm_id"]: r["amount"] for r in rows(world, "court_event").values() if r["event_type"] == "freeze"}
    assert freezes == {"F1": 5, "F2": 5}


def test_registration_event_ends_when_the_end_is_known(world) -> None:  # type: ignore[no-untyped-def]
    ends = [rows(world, "registration_event", at=d)[("AB1",)]["end_date"] for d in (day(8, 1), day(8, 2))]
    assert ends == [None, day(8, 1)]

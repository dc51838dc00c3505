"""Tax tiles from records with versions: what each night could know, worked out by hand."""

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


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "tax")
    s = Silver(lake.settings, H).account("A1", is_history=True).account("A2", "F2", is_history=True)
    s.balance("A1", day(1, 1), 0).balance("A2", day(1, 1), 0, firm_id="F2")
    for part in (returns, payments, invoices):
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

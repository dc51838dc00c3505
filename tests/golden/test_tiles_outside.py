"""Loan, court and registry tiles from records with versions: what each night could know, worked out by hand."""

from __future__ import annotations

from datetime import date

import pytest

from jobs import tiles
from tests.support.silver import Silver
from tests.support.tiles import fresh_lake, rows

H = date(2024, 12, 31)
JAN, FEB, MAR, APR, MAY = (date(2024, m, 1) for m in (1, 2, 3, 4, 5))


def day(month: int, d: int) -> date:
    return date(2024, month, d)


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
    for part in (loans, court):
        part(s)
    s.write()
    tiles.run(lake, H, history=True)
    return lake


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

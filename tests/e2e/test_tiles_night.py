"""A history load, two nights and a rerun: the nights end where a full recompute ends, and older views stay what they were."""

from __future__ import annotations

import statistics
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from jobs import tiles
from lake.clock import cut_off
from tests.support.silver import Silver
from tests.support.tiles import fresh_lake, measures, rows

H, D1, D2 = date(2024, 5, 4), date(2024, 5, 5), date(2024, 5, 6)
FIRST = date(2024, 1, 1)
FLOW_TILES = ("firm_day", "firm_month", "firm_counterparty_month", "firm_category_month", "firm_bank_month", "network")
LATE_DAY = date(2024, 3, 20)


def flows(s: Silver, firm: str, first: date, last: date, skip: date | None = None) -> None:
    """A firm's days: a receipt every third day, a payment every fourth, wages on the 10th, a loan at the end of April."""
    account = f"A-{firm}"
    for k in range((last - first).days + 1):
        d = first + timedelta(days=k)
        if d == skip:
            continue
        n = d.toordinal()
        s.balance(account, d, 1_000_000 + n % 7 * 100_000, 1_000_000 + (n - 1) % 7 * 100_000, firm)
        at = {"account_id": account, "firm_id": firm, "txn_no": f"{firm}-{n}"}
        if n % 3 == 0:
            s.txn(d, 700_000 + n % 11 * 1_000, cpty_id=f"P{n % 5}", **at)
        if n % 4 == 0:
            s.txn(d, 300_000, "supplier_payment", "D", cpty_id=f"S{n % 2}", **{**at, "txn_no": f"{firm}-{n}d"})
        if d.day == 10:
            s.txn(d, 50_000, "wage", "D", cpty_id="W", **{**at, "txn_no": f"{firm}-{n}w"})
        if (d.month, d.day) == (4, 30):
            s.txn(d, 900_000, "loan_disbursement", **{**at, "txn_no": f"{firm}-{n}l"})
        if (d.month, d.day) == (5, 6):
            s.txn(d, 250_000, "personal_out", "D", **{**at, "txn_no": f"{firm}-{n}p"})


def firms(s: Silver) -> None:
    since = datetime(2023, 1, 2)
    for firm, industry, employees in [("F1", "C3311", 12), ("F2", "F5112", 500)]:
        s.account(f"A-{firm}", firm, account_type="BASIC", is_history=True, known=since)
        s.row("reg_enterprise", firm_id=firm, industry4=industry, employees=employees, valid_from=date(2020, 1, 1), known=since,
              established_date=date(2019, 3, 10), reg_capital_cny_fen=500, paid_in_capital_cny_fen=200)  # fmt: skip
    s.row("reg_shareholder", firm_id="F1", party_id="P1", holding_pct=Decimal("0.7"), valid_from=date(2020, 1, 1), known=since)
    s.row(
        "reg_shareholder",
        firm_id="F1",
        party_id="F9",
        party_kind="FIRM",
        holding_pct=Decimal("0.3"),
        valid_from=date(2020, 1, 1),
        known=since,
    )
    s.row("reg_key_person", firm_id="F1", party_id="P1", valid_from=date(2022, 4, 20), known=since)
    tags = [
        ("01", date(2023, 5, 1), date(2026, 5, 1)),
        ("01", date(2024, 5, 1), None),
        ("07", date(2023, 5, 6), D2),
        ("12", D2, None),
        ("13", D1, None),
    ]
    for code, begin, end in tags:  # in force: 01 twice, 12; 07 ends on the day, 13 is no innovation tag
        s.row("tag_enterprise", firm_id="F1", tag_code=code, valid_from=begin, valid_to=end, known=since)
    s.row("tag_enterprise", firm_id="F1", tag_code="03", valid_from=date(2024, 1, 1), known=D2 + timedelta(days=1))
    s.row("court_dishonest", case_no="D1", party_id="P1", publish_date=date(2024, 4, 20), known=date(2024, 4, 20))
    s.row("court_case", case_no="C1", party_id="F1", publish_date=date(2024, 4, 20), cause_group="loan", known=date(2024, 4, 20))
    own = {"firm_id": "F1", "lender_id": "BK", "loan_no": "L1"}
    s.row(
        "loan_contract",
        granted_date=date(2024, 2, 1),
        maturity_date=date(2025, 2, 1),
        guarantee_type="CREDIT",
        known=date(2024, 2, 1),
        **own,
    )
    s.row("loan_performance", month_end=date(2024, 4, 30), balance_fen=800, dpd=3, class5=2, known=date(2024, 5, 1), **own)
    s.row("loan_schedule", due_date=date(2024, 6, 1), principal_fen=100, interest_fen=9, known=date(2024, 2, 1), **own)
    s.row("loan_schedule", due_date=date(2024, 12, 1), principal_fen=700, interest_fen=2, bullet_flag=True, known=date(2024, 2, 1), **own)


def late(s: Silver) -> None:
    """What a bank resends in the second night: a missing day of March with a receipt from a payer never seen before."""
    s.balance("A-F1", LATE_DAY, 1_000_000 + LATE_DAY.toordinal() % 7 * 100_000, 1_000_000 + (LATE_DAY.toordinal() - 1) % 7 * 100_000)
    s.txn(LATE_DAY, 5_000_000, cpty_id="NEW", account_id="A-F1")


def night(lake, as_of: date, *, with_late: bool = False) -> None:  # type: ignore[no-untyped-def]
    s = Silver(lake.settings, as_of)
    for firm in ("F1", "F2"):
        flows(s, firm, as_of, as_of)
    if with_late:
        late(s)
    s.write()
    tiles.run(lake, as_of)


@pytest.fixture(scope="module")
def nights(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "nights")
    s = Silver(lake.settings, H)
    firms(s)
    flows(s, "F1", FIRST, H, skip=LATE_DAY)
    flows(s, "F2", FIRST, H)
    s.write()
    s.pull("tax", cut_off(H)).pull("court", cut_off(H)).pull("registry", cut_off(H)).pull("loans", cut_off(date(2024, 4, 1)))
    tiles.run(lake, H, history=True)
    night(lake, D1)
    night(lake, D2, with_late=True)
    return lake


@pytest.fixture(scope="module")
def recomputed(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "recomputed")
    s = Silver(lake.settings, D2)
    firms(s)
    flows(s, "F1", FIRST, D2, skip=LATE_DAY)
    flows(s, "F2", FIRST, D2)
    late(s)
    s.write()
    tiles.run(lake, D2, history=True)
    return lake


@pytest.mark.parametrize("name", FLOW_TILES)
def test_nights_end_where_a_full_recompute_ends(nights, recomputed, name: str) -> None:  # type: ignore[no-untyped-def]
    have = {k: measures(r) for k, r in rows(nights, name).items()}
    want = {k: measures(r) for k, r in rows(recomputed, name).items()}
    assert have.keys() == want.keys()
    for key, row in want.items():
        assert have[key] == pytest.approx(row), key


def test_a_late_day_restates_its_month_and_those_that_look_back(nights) -> None:  # type: ignore[no-untyped-def]
    march, april = ("F1", date(2024, 3, 1)), ("F1", date(2024, 4, 1))
    before, after = rows(nights, "firm_month", at=D1), rows(nights, "firm_month", at=D2)
    assert [t[march]["days_covered"] for t in (before, after)] == [30, 31]
    assert after[march]["op_in_amt"] - before[march]["op_in_amt"] == 5_000_000
    assert after[april]["tile_version"] == 20240506
    assert rows(nights, "firm_month")["F2", date(2024, 3, 1)]["tile_version"] == 20240405


def test_a_month_is_built_by_the_night_it_closes(nights) -> None:  # type: ignore[no-untyped-def]
    april = ("F2", date(2024, 4, 1))
    assert april not in rows(nights, "firm_month", at=H)
    assert rows(nights, "firm_month", at=D1)[april]["tile_version"] == 20240505
    assert [rows(nights, "firm_month", at=d)[april]["loan_div_amt"] for d in (D1, D2)] == [0, 250_000]


def test_a_rerun_writes_the_same_rows(nights) -> None:  # type: ignore[no-untyped-def]
    names = (*FLOW_TILES, "loan", "court_event", "registration", "firm_bucket", "firm_state")
    before = {n: rows(nights, n) for n in names}
    tiles.run(nights, D2)
    assert {n: rows(nights, n) for n in names} == before


def test_buckets_are_thirty_days_of_firm_day(nights) -> None:  # type: ignore[no-untyped-def]
    days = {k[1]: r for k, r in rows(nights, "firm_day").items() if k[0] == "F1"}
    tile = rows(nights, "firm_bucket")
    for bucket in (0, 1, 2):
        span = [days[D2 - timedelta(days=30 * bucket + k)] for k in range(30)]
        row = tile["F1", D2, bucket]
        assert row["op_in_amt"] == sum(r["op_in_amt"] for r in span)
        assert row["cat_wage_amt"] == sum(r["cat_wage_amt"] for r in span)
        assert row["bal_min"] == min(r["close_bal"] for r in span)
        assert row["bal_std"] == pytest.approx(statistics.stdev(r["close_bal"] for r in span))
        assert (row["days_in_month"], row["days_covered"]) == (30, 30)
        assert row["in_gap_max"] == 2
    months = rows(nights, "firm_month")
    base = [months["F1", date(2024, m, 1)] for m in (2, 3, 4)]
    limit = 7 * sum(r["op_out_amt"] for r in base) / sum(r["days_covered"] for r in base)
    low = sum(days[D2 - timedelta(days=k)]["close_bal"] < limit for k in range(30))
    assert tile["F1", D2, 0]["low_bal_days"] == low


def test_registration_of_the_night(nights) -> None:  # type: ignore[no-untyped-def]
    tile = rows(nights, "registration")
    assert ("F2", D2) in tile, "a firm with 500 employees and little inflow stays a small one"
    row = measures(tile["F1", D2])
    assert rows(nights, "registration")["F2", D2]["n_tag_innov"] == 0, "lists were delivered, the firm is on none"
    assert row == {
        "firm_id": "F1", "snapshot_date": D2, "age_months": 61, "reg_capital": 500, "paid_in_capital": 200, "n_shareholder": 2, "top1_holder_pct": 0.7,
        "natural_holder_pct": 0.7, "abnormal_active": 0, "rep_tenure_months": 24, "n_tag_innov": 2, "industry_section": "C", "size_class": "MICRO",
        "status": "ACTIVE", "tax_covered": False, "court_covered": True, "loan_covered": False, "registry_covered": True,
    }  # fmt: skip


def test_state_of_the_night(nights) -> None:  # type: ignore[no-untyped-def]
    row = rows(nights, "firm_state")["F1", D2]
    months = [rows(nights, "firm_month")["F1", date(2024, m, 1)]["op_in_amt"] for m in (2, 3, 4)]
    assert (row["op_in_3m"], row["covered_months"], row["op_in_6m"]) == (
        sum(months),
        4,
        sum(months) + rows(nights, "firm_month")["F1", FIRST]["op_in_amt"],
    )
    assert (row["op_in_12m"], row["coverage_share"]) == (None, 1.0)
    assert (row["rep_dishonest_active"], row["new_loan_cases_30d"], row["new_sales_cases_30d"]) == (True, 1, 0)
    assert (row["class5_now"], row["dpd_now"]) == (2, None), "the loan source has been silent for more than 10 days"
    assert (row["data_gap"], row["court_freeze_now"], row["months_without_wages"]) == (False, False, None)


def test_a_past_snapshot_knows_only_what_was_known(nights) -> None:  # type: ignore[no-untyped-def]
    past = date(2024, 4, 10)
    tiles.snapshots(nights, [past, date(2024, 4, 11)])
    row = rows(nights, "firm_state")["F1", past]
    months = [rows(nights, "firm_month", at=past)["F1", date(2024, m, 1)]["op_in_amt"] for m in (1, 2, 3)]
    assert row["op_in_3m"] == sum(months)
    assert (row["rep_dishonest_active"], row["new_loan_cases_30d"], row["class5_now"], row["debt_service_12m"]) == (
        False,
        0,
        None,
        100 + 9 + 700 // 3 + 2,
    )
    assert (row["loan_covered"], row["has_loan_before"], row["unsecured_balance"]) == (True, True, 0)
    assert rows(nights, "firm_bucket")["F1", past, 0]["days_covered"] == 29
    assert ("F1", D2) in rows(nights, "registration")

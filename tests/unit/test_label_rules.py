"""Outcomes by the loan tables: each kind of bad, each exclusion, what is known when."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from models import label

D = date(2024, 4, 5)
RELEASED = date(2026, 1, 1)
UTC_TS = pa.timestamp("us", "UTC")


def month_ends(first: date, n: int) -> list[date]:
    out, day = [], first
    for _ in range(n):
        nxt = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        out.append(nxt - timedelta(days=1))
        day = nxt
    return out


def contract(firm: str = "F", no: str = "1", granted: date = date(2023, 10, 15), **over: Any) -> dict[str, Any]:
    row = {
        "lender_id": "L", "loan_no": no, "firm_id": firm, "granted_date": granted, "maturity_date": date(2026, 6, 30), "principal_fen": 100_000_00,
        "row_version": 0, "available_at": datetime.combine(granted + timedelta(days=1), datetime.min.time()),
    }  # fmt: skip
    return row | over


def month(end: date, firm: str = "F", no: str = "1", **over: Any) -> dict[str, Any]:
    row = {
        "lender_id": "L", "loan_no": no, "firm_id": firm, "month_end": end, "balance_fen": 50_000_00, "overdue_fen": 0, "dpd": 0, "class5": 1,
        "written_off": False, "restructured": False, "row_version": 0, "available_at": datetime.combine(end + timedelta(days=1), datetime.min.time()),
    }  # fmt: skip
    return row | over


def history(
    changes: dict[date, dict[str, Any]] | None = None, first: date = date(2023, 10, 31), n: int = 20, **common: Any
) -> list[dict[str, Any]]:
    return [month(e, **{**common, **(changes or {}).get(e, {})}) for e in month_ends(first, n)]


def observe(
    contracts: list[dict], rows: list[dict], *, dates: list[date] | None = None, released: date = RELEASED, **firm: Any
) -> list[dict]:
    dates = dates or [D]
    state = {"firm_id": "F", "status": "ACTIVE", "covered_months": 24, "has_loan_before": True} | firm
    firms = pa.Table.from_pylist([state | {"snapshot_date": d} for d in dates])
    c, p = pa.Table.from_pylist(contracts), pa.Table.from_pylist(rows)
    c, p = (t.set_column(t.schema.get_field_index("available_at"), "available_at", t.column("available_at").cast(UTC_TS)) for t in (c, p))
    return label.observations(label.Sources(c, p, firms), dates, released).to_pylist()


BAD_90 = {"dpd": 95, "overdue_fen": 20_000_00}


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        ({}, "good", None),
        ({"dpd": 30, "overdue_fen": 1_000_00}, "good", None),
        ({"dpd": 31, "overdue_fen": 1_000_00}, "indeterminate", None),
        ({"dpd": 89, "overdue_fen": 20_000_00}, "indeterminate", None),
        (BAD_90, "bad", "dpd90"),
        ({"dpd": 90, "overdue_fen": 100_000}, "bad", "dpd90"),
        ({"dpd": 120, "overdue_fen": 99_999}, "indeterminate", None),
        ({"dpd": 120, "overdue_fen": 100_000, "balance_fen": 10_000_100}, "indeterminate", None),
        ({"written_off": True}, "bad", "written_off"),
        ({"class5": 3}, "bad", "class5"),
        ({"class5": 2}, "good", None),
        ({"restructured": True}, "bad", "restructured"),
        (BAD_90 | {"class5": 4}, "bad", "dpd90"),
    ],
)
def test_outcome_of_one_month_in_the_window(change: dict, outcome: str, reason: str | None) -> None:
    [row] = observe([contract()], history({date(2024, 9, 30): change}))
    assert (row["outcome"], row["bad_reason"], row["excluded"]) == (outcome, reason, None)
    assert row["label"] == {"bad": 1, "good": 0, "indeterminate": None}[outcome]


def test_bad_date_is_the_day_90_was_reached() -> None:
    [row] = observe([contract()], history({date(2024, 9, 30): BAD_90}))
    assert row["bad_date"] == date(2024, 9, 25)
    [row] = observe([contract()], history({date(2024, 9, 30): {"class5": 3}}))
    assert row["bad_date"] == date(2024, 9, 30)


@pytest.mark.parametrize(("when", "outcome"), [(date(2025, 3, 31), "bad"), (date(2025, 4, 30), "good")])
def test_the_window_ends_after_twelve_months(when: date, outcome: str) -> None:
    assert observe([contract()], history({when: BAD_90}))[0]["outcome"] == outcome


@pytest.mark.parametrize(
    ("changes", "excluded"),
    [
        ({date(2023, 12, 31): BAD_90}, "bad_before"),  # began within 12 months before D
        ({date(2024, 3, 31): BAD_90}, "bad_before"),  # still bad at D
        ({}, None),
    ],
)
def test_bad_before_is_excluded(changes: dict, excluded: str | None) -> None:
    assert observe([contract()], history(changes))[0]["excluded"] == excluded


@pytest.mark.parametrize(("last_bad", "excluded"), [(date(2023, 10, 31), "bad_before"), (date(2023, 7, 31), None)])
def test_an_old_default_counts_six_months_from_its_cure(last_bad: date, excluded: str | None) -> None:
    spell = {e: BAD_90 for e in month_ends(date(2022, 12, 31), 12) if e <= last_bad}
    rows = history(spell, first=date(2022, 6, 30), n=40)
    assert observe([contract(granted=date(2022, 6, 1))], rows)[0]["excluded"] == excluded


@pytest.mark.parametrize(
    ("firm", "excluded"),
    [
        ({"status": "REVOKED"}, "not_active"),
        ({"status": None}, "not_active"),
        ({"covered_months": 5}, "too_few_months"),
        ({"covered_months": None}, "too_few_months"),
    ],
)
def test_firms_out_of_the_population(firm: dict, excluded: str) -> None:
    [row] = observe([contract()], history(), **firm)
    assert (row["excluded"], row["outcome"]) == (excluded, None)


def test_segment_and_first_loan() -> None:
    [row] = observe([contract(granted=date(2024, 5, 10))], history(first=date(2024, 5, 31)), covered_months=8, has_loan_before=False)
    assert (row["sample_kind"], row["segment"], row["credit_invisible"], row["outcome"]) == ("origination", "THIN", True, "good")


def test_origination_runs_from_the_grant_and_waits_until_the_whole_quarter_matured() -> None:
    loan, rows = contract(granted=date(2024, 7, 5)), history({date(2025, 6, 30): BAD_90}, first=date(2024, 7, 31))
    assert observe([loan], rows)[0]["outcome"] == "bad"
    assert observe([loan], rows, released=date(2025, 9, 4))[0]["excluded"] == "not_matured"
    assert observe([contract(granted=date(2024, 7, 6))], rows) == []


def test_repaid_before_the_end_is_good_and_a_silent_lender_is_not_seen() -> None:
    repaid = [*history(n=8), month(date(2024, 6, 30), balance_fen=0)]
    assert observe([contract()], repaid)[0]["outcome"] == "good"
    assert observe([contract()], history(n=8))[0]["excluded"] == "not_seen"
    matured = [contract(maturity_date=date(2024, 6, 20))]
    assert observe(matured, history(n=8))[0]["outcome"] == "good"
    assert observe(matured, history({date(2024, 5, 31): {"dpd": 60, "overdue_fen": 5_000_00}}, n=8))[0]["excluded"] == "not_seen"


def test_a_hole_in_the_rows_is_not_seen_but_a_bad_month_beside_it_counts() -> None:
    rows = [r for r in history() if r["month_end"] != date(2024, 8, 31)]
    assert observe([contract()], rows)[0]["excluded"] == "not_seen"
    rows = [r for r in history({date(2024, 12, 31): BAD_90}) if r["month_end"] != date(2024, 8, 31)]
    assert observe([contract()], rows)[0]["outcome"] == "bad"


def test_default_on_another_loan_of_the_firm_counts() -> None:
    rows = [*history(), *history({date(2025, 1, 31): BAD_90}, first=date(2024, 8, 31), n=8, no="2")]
    found = observe([contract(), contract(no="2", granted=date(2024, 8, 10))], rows)
    assert [(r["sample_kind"], r["outcome"]) for r in found] == [("behaviour", "bad")]


def test_eligibility_reads_what_was_known_at_d() -> None:
    late = datetime(2024, 5, 1)
    known_late = [
        r | ({"available_at": late} if r["month_end"] == date(2023, 12, 31) else {}) for r in history({date(2023, 12, 31): BAD_90})
    ]
    assert observe([contract()], known_late)[0]["excluded"] is None
    assert observe([contract(available_at=late)], history()) == []


def test_the_outcome_reads_the_highest_version_known_at_release() -> None:
    later = month(date(2024, 9, 30), row_version=1, available_at=datetime(2025, 12, 1), **BAD_90)
    assert observe([contract()], [*history(), later])[0]["outcome"] == "bad"
    assert observe([contract()], [*history(), later], released=date(2025, 11, 1))[0]["outcome"] == "good"


def test_a_repaid_or_forgotten_loan_is_not_open() -> None:
    assert observe([contract()], [*history(n=4), month(date(2024, 2, 29), balance_fen=0)]) == []
    assert observe([contract()], history(n=2)) == []
    assert observe([contract(granted=date(2024, 3, 20))], history(first=date(2024, 4, 30)))[0]["outcome"] == "good"


@pytest.mark.parametrize(
    ("first", "as_of", "expected"),
    [
        (date(2022, 9, 1), date(2026, 9, 13), 10),
        (date(2022, 9, 1), date(2025, 7, 5), 5),
        (date(2026, 1, 1), date(2026, 9, 13), 0),
    ],
)
def test_observation_dates(first: date, as_of: date, expected: int) -> None:
    dates = label.observation_dates(first, as_of)
    assert len(dates) == expected
    if dates:
        assert dates[0] == date(2023, 4, 5) and all(d.day == 5 and d.month in (1, 4, 7, 10) for d in dates)
        assert label.add_months(dates[-1], 14) <= as_of

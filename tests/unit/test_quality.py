"""Quality of a bank's month: goldens by hand of the score, the ranking and of every part as it is counted from the tables."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from expectations.quality import PARTS, Count, bank_quality, grade, part_score, ranked
from expectations.quality_parts import COUNTS
from jobs import close_month
from lake import store
from lake.errors import UsageError
from lake.tables import table
from tests.support.night import write

MONTH, CLOSED = date(2026, 8, 1), date(2026, 9, 5)
BY_NAME = {p.name: p for p in PARTS}
PERFECT = {p.name: Count(0, 1000) for p in PARTS}


def test_the_weights_are_a_hundred_and_every_part_has_its_columns() -> None:
    assert sum(p.weight for p in PARTS) == 100
    assert set(COUNTS) == set(BY_NAME) - {"sampling"}
    assert {f"{p}_{c}" for p in BY_NAME for c in ("failing", "total", "score")} < set(table("dq.quality").names)


@pytest.mark.parametrize(
    ("part", "failing", "total", "score"),
    [
        ("timeliness", 10, 100, 50.0),  # 10 % of at most 20 %
        ("completeness", 1, 4000, 75.0),  # 0.025 % of 0.1 %
        ("validity", 1, 100, 0.0),
        ("totals", 2, 100, 0.0),  # never below 0
        ("continuity", 1, 1000, 80.0),
        ("sampling", 2, 628, 68.1529),  # 100 * (1 - 2/6.28)
        ("rectification", 1, 3, 33.3333),
        ("rectification", 0, 0, 100.0),
        ("validity", 0, 0, None),
        ("sampling", 0, None, None),
    ],
)
def test_part_scores_by_hand(part: str, failing: int, total: int | None, score: float | None) -> None:
    assert part_score(BY_NAME[part], Count(failing, total)) == score


def test_q_by_hand_is_the_weighted_mean_of_what_was_measured() -> None:
    assert bank_quality("B1", PERFECT, 1).q == 100.0
    # 15*50 + 20*75 + 15*0 + 15*100 + 20*80 + 10*100 + 5*100 = 6850
    counts = {
        **PERFECT,
        "timeliness": Count(10, 100),
        "completeness": Count(1, 4000),
        "validity": Count(1, 100),
        "continuity": Count(1, 1000),
    }
    assert (bank_quality("B1", counts, 1).q, bank_quality("B1", counts, 1).grade) == (68.5, "D")
    del counts["sampling"]
    found = bank_quality("B1", counts, 1)
    assert (found.q, found.weight, found.scores["sampling"]) == (65.0, 90, None)  # 5850 / 90
    nothing = bank_quality("B1", {}, 0)
    assert (nothing.q, nothing.grade, nothing.weight) == (None, None, 0)


def test_a_cap_bounds_the_score_and_its_grade() -> None:
    assert (bank_quality("B1", PERFECT, 1, cap=84).q, bank_quality("B1", PERFECT, 1, cap=84).grade) == (84.0, "C")
    assert bank_quality("B1", PERFECT, 1, cap=69).grade == "D"


def test_grades_at_their_bounds() -> None:
    assert [grade(q) for q in (95, 94.9999, 85, 84.9999, 70, 69.9999, 0)] == ["A", "B", "B", "C", "C", "D", "D"]


def test_ranking_by_q_then_rows_accepted() -> None:
    low = {**PERFECT, "totals": Count(1, 100)}
    banks = [
        bank_quality("B1", low, 9),
        bank_quality("B2", PERFECT, 5),
        bank_quality("B3", PERFECT, 7),
        bank_quality("B4", PERFECT, 5),
        bank_quality("B5", {}, 8),
    ]
    assert [(b.bank_id, b.rank) for b in ranked(banks)] == [("B3", 1), ("B2", 2), ("B4", 2), ("B1", 4), ("B5", None)]


def manifest(
    day: int, kind: str, *, version: int = 0, mode: str = "FULL", status: str = "ACCEPTED", night: int | None = None
) -> dict[str, Any]:
    d = date(2026, 8, day)
    return {
        "bank_id": "B0001", "biz_date": d, "to_date": d, "file_type": kind, "version": version, "submission_id": f"B0001_{kind}_{d:%Y%m%d}_v{version:02d}",
        "mode": mode, "file_name": "f", "row_cnt": 1, "digest_alg": "SHA-256", "digest": "0", "sent_at": datetime(2026, 8, day, 20), "status": status,
        "is_history": False, "as_of": date(2026, 8, night or day),
    }  # fmt: skip


def violation(
    rule: str, kind: str, day: int, scope: str, key: str, *, version: int = 0, diff: int | None = None, severity: str = "warn"
) -> dict[str, Any]:
    d = date(2026, 8, day)
    return {
        "source": "flows", "violation_id": f"{rule}{day}{key}{version}", "rule_id": rule, "bank_id": "B0001", "biz_date": d, "file_type": kind,
        "submission_id": f"B0001_{kind}_{d:%Y%m%d}_v{version:02d}", "scope_kind": scope, "scope_key": key, "diff": diff, "severity": severity, "as_of": d,
    }  # fmt: skip


def received(kind: str, day: int, n: int, accepted: int, *, version: int = 0, duplicate: int = 0) -> dict[str, Any]:
    d = date(2026, 8, day)
    zero = dict.fromkeys(("quarantined", "rejected", "superseded", "deleted", "received_amt_minor", "accounted_amt_minor"), 0)
    return {
        "source": "flows", "bank_id": "B0001", "submission_id": f"B0001_{kind}_{d:%Y%m%d}_v{version:02d}", "file_type": kind, "biz_date": d,
        "received": n, "accepted": accepted, "duplicate": duplicate, "as_of": d, **zero,
    }  # fmt: skip


def control(day: int, currency: str, amount: int) -> dict[str, Any]:
    d = date(2026, 8, day)
    return {
        "bank_id": "B0001", "branch_id": "01", "currency": currency, "biz_date": d, "dr_cr": "C", "txn_cnt": 1, "txn_amt_minor": amount, "submission_id": "s",
        "row_version": 0, "ingested_at": datetime(2026, 8, day, 20), "available_at": datetime(2026, 8, day + 1, 4), "is_history": False, "as_of": d,
    }  # fmt: skip


@pytest.fixture
def month(settings: Any) -> Any:
    """B0001 from the 30th on: two days of five files are due; each part has a figure of its own."""
    kinds = ("ACCT", "BAL", "TXN", "GL", "CTL")
    first = [manifest(30, k) for k in kinds]
    # the 31st: TXN blocked and replaced a night late, GL a night late, CTL never
    second = [manifest(31, "ACCT"), manifest(31, "BAL"), manifest(31, "TXN", status="BLOCKED"), {**manifest(31, "GL"), "as_of": date(2026, 9, 1)},
              {**manifest(31, "TXN", version=1, mode="REPLACE"), "as_of": date(2026, 9, 1)}]  # fmt: skip
    write(settings, "silver.sub_manifest", [*first, *second])
    write(settings, "dq.violation", [
        violation("V05", "TXN", 30, "ROW", "a:1"), violation("V13", "TXN", 30, "ROW", "a:1"), violation("V14", "TXN", 30, "ROW", "a:2"),
        violation("V02", "TXN", 31, "FILE", "x", severity="block"),  # healed by the REPLACE
        violation("G1", "GL", 30, "GL_GROUP", "01|201101|CNY"), violation("G1", "GL", 30, "BANK_DAY", "B0001", severity="block"),
        violation("C1", "BAL", 30, "ACCOUNT_DAY", "acc|CNY"), violation("C3", "BAL", 30, "ACCOUNT_DAY", "acc|CNY"),
        violation("C6", "BAL", 31, "ACCOUNT_DAY", "acc2|CNY"), violation("T1", "CTL", 30, "CONTROL_CELL", "01|CNY|C", diff=-30),
    ])  # fmt: skip
    write(settings, "dq.reconciliation", [
        received("TXN", 30, 120, 98, duplicate=20), received("TXN", 31, 50, 0), received("TXN", 31, 60, 60, version=1),
        received("GL", 30, 40, 40), received("BAL", 30, 999, 998),
    ])  # fmt: skip
    write(settings, "silver.bank_control_flow", [control(30, "CNY", 100_000)])
    issue = {"source": "flows", "bank_id": "B0001", "rule_id": "C1", "biz_date": date(2026, 8, 30), "severity": "quarantine", "violations": 1,
             "rows_parked": 1, "opened_on": date(2026, 8, 30), "due_on": date(2026, 9, 4), "as_of": date(2026, 8, 30)}  # fmt: skip
    write(settings, "dq.issue", [{**issue, "issue_id": "1", "status": "OPEN"}, {**issue, "issue_id": "2", "status": "OPEN"},
                                 {**issue, "issue_id": "2", "status": "RELEASED", "as_of": date(2026, 9, 2)}])  # fmt: skip
    return settings


def quality_rows(settings: Any) -> list[dict[str, Any]]:
    return sorted(store.read(settings, "dq.quality").to_pylist(), key=lambda r: (r["month"], r["as_of"], r["bank_id"]))


def test_every_part_is_counted_as_by_hand(month: Any) -> None:
    assert close_month.run(month, MONTH).rows == 1
    (row,) = quality_rows(month)
    counted = {p: (row[f"{p}_failing"], row[f"{p}_total"], row[f"{p}_score"]) for p in BY_NAME}
    assert counted == {
        "timeliness": (3, 10, 0.0),  # TXN (blocked, then late), GL, CTL of the 31st
        "completeness": (30, 100_000, 70.0),
        "validity": (2, 100 + 60 + 40 + 999, 83.3194),  # two rows; copies and the replaced file count nowhere
        "totals": (1, 40, 0.0),
        "continuity": (2, 1000, 60.0),  # one day found by two rules, one day that is missing
        "sampling": (None, None, None),
        "rectification": (1, 2, 0.0),
    }
    # 20*70 + 15*83.31943 + 20*60 = 3849.7915; / 90
    assert (row["q"], row["grade"], row["rank"], row["weight_measured"], row["trend"]) == (42.7755, "D", 1, 90, None)
    assert row["rows_accepted"] == 98 + 60 + 40 + 998


def test_a_rerun_writes_the_same_rows_and_other_months_stay(month: Any) -> None:
    close_month.run(month, MONTH)
    first = quality_rows(month)
    close_month.run(month, MONTH)
    assert quality_rows(month) == first
    assert close_month.run(month, date(2026, 7, 1)).nothing  # nobody delivered yet
    close_month.run(month, date(2026, 9, 1), date(2026, 10, 5))
    assert quality_rows(month)[:1] == first
    september = quality_rows(month)[1]
    assert (september["timeliness_failing"], september["timeliness_total"]) == (150, 150)  # joined in August, sent nothing
    assert september["trend"] == round(september["q"] - first[0]["q"], 4) and september["grade"] == "D"


def test_what_later_nights_found_is_not_known_when_the_month_closes(month: Any) -> None:
    close_month.run(month, MONTH)
    before = quality_rows(month)
    write(month, "dq.violation", [{**violation("V05", "TXN", 30, "ROW", f"a:{k}"), "as_of": date(2026, 9, 6)} for k in range(10, 20)])
    close_month.run(month, MONTH)
    assert quality_rows(month) == before
    close_month.run(month, MONTH, date(2026, 9, 6))
    assert [r["validity_failing"] for r in quality_rows(month)] == [2, 12]


def test_a_foreign_amount_and_a_cell_the_bank_never_stated_are_differences(month: Any) -> None:
    write(month, "silver.bank_control_flow", [control(30, "USD", 1000)])
    write(
        month,
        "dq.violation",
        [violation("T1", "CTL", 30, "CONTROL_CELL", "01|USD|C", diff=100), violation("T1", "CTL", 30, "CONTROL_CELL", "02|CNY|D", diff=7)],
    )
    close_month.run(month, MONTH)
    (row,) = quality_rows(month)
    rate = next(r for r in close_month.references.rates() if r.currency == "USD" and r.first <= date(2026, 8, 30) < r.last).fen_per_minor
    assert row["completeness_failing"] == round(30 + 7 + 100 * rate)
    assert row["completeness_total"] == round(100_000 + 1000 * rate)


def test_an_open_month_is_refused(month: Any) -> None:
    with pytest.raises(UsageError, match="closed on 2026-09-05"):
        close_month.run(month, MONTH, date(2026, 9, 4))
    with pytest.raises(UsageError, match="yyyy-mm"):
        close_month.month_of("August", CLOSED)
    assert close_month.month_of(None, CLOSED) == MONTH

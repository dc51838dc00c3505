"""The page of a bank: its night, causes, open issues by age, and its quality over 12 months, as the night knew them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from expectations.quality import PARTS
from jobs import report, report_banks
from jobs.report_read import NightViews
from lake.clock import add_months
from tests.support import night as made
from tests.support.page import Page

NIGHT = made.NIGHT


def found(settings: Any, bank: str = "B0002") -> dict[str, Any]:
    """What the page of a bank shows."""
    return {b["name"]: b for b in report_banks.banks(settings, NightViews(settings, NIGHT), NIGHT)}[bank]


def page(settings: Any, bank: str = "B0002") -> Page:
    report.run(settings, NIGHT)
    return Page((settings.home / "reports" / NIGHT.isoformat() / f"bank-{bank}.html").read_text(encoding="utf-8"))


def issue(opened: date, **more: Any) -> dict[str, Any]:
    return {
        "source": "flows", "issue_id": f"B0002-C1-{opened}", "bank_id": "B0002", "rule_id": "C1", "biz_date": opened, "severity": "quarantine", "violations": 1,
        "rows_parked": 3, "status": "OPEN", "opened_on": opened, "due_on": opened + timedelta(days=3), "as_of": opened, **more,
    }  # fmt: skip


def quality(month: date, q: float | None, as_of: date, **more: Any) -> dict[str, Any]:
    parts = {f"{p.name}_{c}": v for p in PARTS for c, v in (("failing", 1), ("total", 10), ("score", 50.0))}
    return {"bank_id": "B0002", "month": month, "q": q, "grade": "C" if q else None, "rank": 2, "weight_measured": 100, "rows_accepted": 9,
            "as_of": as_of, **parts, **more}  # fmt: skip


def test_the_night_of_a_bank(settings: Any) -> None:
    made.whole_night(settings)
    cause = {
        "source": "flows",
        "rule_id": "C3",
        "bank_id": "B0002",
        "biz_date": NIGHT,
        "scope_kind": "ACCOUNT_DAY",
        "as_of": NIGHT,
        "part": 1,
        "suspect_cnt": 1,
    }
    made.write(settings, "dq.explanation", [
        {**cause, "violation_id": f"v{i}", "scope_key": f"k{i}", "kind": kind, "amount_minor": -5, "suspects": f"B0002_TXN:{i}"}
        for i, kind in enumerate(["missing_row", "missing_row", "altered"])
    ])  # fmt: skip
    b = found(settings)
    assert [(f["file_type"], f["status"], f["received"], f["quarantined"]) for f in b["files"]][2] == ("TXN", "DONE", 15000, 30)
    assert [f["reason"] for f in b["refused"]] == ["gzip ends early"]
    assert [(r["rule_id"], r["violations"]) for r in b["rules"]] == [("V01", 1), ("C3", 4)]
    assert [(c["kind"], c["n"], c["suspects"]) for c in b["rules"][1]["causes"]] == [
        ("missing_row", 2, "B0002_TXN:0"),
        ("altered", 1, "B0002_TXN:2"),
    ]
    text = page(settings).text
    for words in (
        "Bank B0002",
        "gzip ends early",
        "缺少记录 a row is missing: 2",
        "found C 11 <81000>",
        "No month of this bank was judged yet",
    ):
        assert words in text, words
    assert (
        "a row is missing: 2 · an amount was changed: 1"
        in Page((settings.home / "reports" / NIGHT.isoformat() / "index.html").read_text()).text
    )


def test_open_issues_by_age_as_the_night_knew_them(settings: Any) -> None:
    ages = (0, 2, 3, 10, 11, 31, 400)
    rows = [issue(NIGHT - timedelta(days=a)) for a in ages]
    closed = issue(NIGHT - timedelta(days=5))
    rows += [closed, {**closed, "status": "RELEASED", "as_of": NIGHT - timedelta(days=1)}]
    reopened = issue(NIGHT - timedelta(days=6), severity="block")
    rows += [reopened, {**reopened, "status": "RELEASED", "as_of": NIGHT + timedelta(days=1)}]
    made.write(settings, "dq.issue", [*rows, {**issue(NIGHT), "source": "tax"}, {**issue(NIGHT + timedelta(days=1))}])
    b = found(settings)
    assert [(a["age"], a["block"], a["quarantine"]) for a in b["ages"]] == [
        ("tonight and yesterday", 0, 1), ("2 to 3 days", 0, 2), ("4 to 10 days", 1, 1), ("11 to 30 days", 0, 1), ("over 30 days", 0, 2),
    ]  # fmt: skip
    assert (b["issue_count"], b["overdue"]) == (8, 5), "due on the third day is not late on it"
    assert [i["age"] for i in b["issues"]] == sorted((*ages, 6), reverse=True)
    assert "8 issues open, 5 past due" in page(settings).text


def test_quality_of_twelve_months_at_its_latest_judgement(settings: Any) -> None:
    this = NIGHT.replace(day=1)
    rows = [quality(add_months(this, -k), 80.0 + k, NIGHT) for k in range(1, 14)]
    rows += [quality(add_months(this, -1), 71.25, NIGHT, trend=-3.0, capped_at=84)]
    rows[0]["as_of"] = NIGHT - timedelta(days=8)
    made.write(settings, "dq.quality", [*rows, quality(add_months(this, -2), 1.0, NIGHT + timedelta(days=1))])
    months = found(settings)["months"]
    assert [m["q"] for m in months] == [*range(92, 81, -1), 71.25]
    assert [m["month"] for m in months] == [add_months(this, -k) for k in range(12, 0, -1)]
    text = page(settings).text
    for words in ("C 71.2", "quality of 2026-08, rank 2", "capped at 84 by a failed sample", "−3 points", "timeliness 及时性", "50.0"):
        assert words in text, words


def test_a_page_goes_when_the_bank_does(settings: Any) -> None:
    old = settings.folder("reports") / NIGHT.isoformat() / "bank-B0009.html"
    old.parent.mkdir(parents=True)
    old.write_text("x")
    made.pulls(settings)
    text = page(settings, "B0001").text
    assert not old.exists() and "No rule was broken this night." in text and "No issue of this bank is open." in text
    assert report_banks.page_name("../x") == "bank-x" + report_banks.page_name("../x")[6:] and "/" not in report_banks.page_name("../x")

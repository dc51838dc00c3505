"""Feedback to banks: every finding with file, lines and due date; safe in a spreadsheet, escaped in the page, the same bytes again."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest

from jobs import feedback
from tests.support.night import write

NIGHT = date(2026, 9, 14)


def violation(rule: str, severity: str, key: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "flows", "violation_id": rule + key, "rule_id": rule, "bank_id": "B0001", "biz_date": NIGHT, "file_type": "TXN",
        "submission_id": "B0001_TXN_20260914_v00", "scope_kind": "ROW", "scope_key": key, "severity": severity, "as_of": NIGHT, **more,
    }  # fmt: skip


@pytest.fixture
def found(settings: Any) -> Any:
    """Two findings of B0001 (one holds texts of an attacker), one of B0002, one of the tax office."""
    write(settings, "dq.violation", [
        violation("V14", "warn", "B0001_TXN_20260914_v00:9", expected="above 0", actual="=HYPERLINK(1)<script>"),
        violation("C1", "quarantine", "TOKEN|CNY", scope_kind="ACCOUNT_DAY", diff=-5, expected="100 of 2026-09-13", actual="95"),
        violation("V05", "quarantine", "x:1", bank_id="B0002", biz_date=None), {**violation("V05", "quarantine", "y:1"), "source": "tax"},
    ])  # fmt: skip
    issue = {"source": "flows", "issue_id": "i", "bank_id": "B0001", "rule_id": "C1", "biz_date": NIGHT, "severity": "quarantine", "violations": 1,
             "rows_parked": 2, "status": "OPEN", "opened_on": NIGHT, "due_on": date(2026, 9, 17), "as_of": NIGHT}  # fmt: skip
    write(settings, "dq.issue", [issue, {**issue, "bank_id": "B0002", "rule_id": "V05", "biz_date": None, "due_on": date(2026, 9, 18)}])
    parked = {"source": "flows", "rule_id": "C1", "violation_id": "C1TOKEN|CNY", "bank_id": "B0001", "file_type": "BAL", "scope_kind": "ACCOUNT_DAY",
              "scope_key": "TOKEN|CNY", "severity": "quarantine", "status": "OPEN", "as_of": NIGHT}  # fmt: skip
    write(settings, "dq.quarantine", [{**parked, "q_id": "1", "submission_id": "B0001_TXN_20260914_v00", "row_no": 12},
                                      {**parked, "q_id": "2", "submission_id": "B0001_BAL_20260914_v00", "row_no": 337}])  # fmt: skip
    cause = {"source": "flows", "violation_id": "C1TOKEN|CNY", "rule_id": "C1", "bank_id": "B0001", "biz_date": NIGHT, "scope_kind": "ACCOUNT_DAY",
             "scope_key": "TOKEN|CNY", "suspect_cnt": 1, "as_of": NIGHT}  # fmt: skip
    write(settings, "dq.explanation", [
        {**cause, "part": 1, "kind": "altered", "amount_minor": -5, "suspects": "B0001_BAL_20260914_v00:337"}, {**cause, "part": 2, "kind": "none"},
    ])  # fmt: skip
    return settings


def read(settings: Any, bank: str) -> list[dict[str, str]]:
    body = (feedback.folder(settings, bank, NIGHT) / "findings.csv").read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_every_finding_is_told_with_its_lines_and_due_date(found: Any) -> None:
    assert feedback.run(found, NIGHT).rows == 3
    first, second = read(found, "B0001")
    assert (first["rule"], first["due_on"], first["lines"]) == ("C1", "2026-09-17", "B0001_BAL_20260914_v00:337 B0001_TXN_20260914_v00:12")
    assert (first["expected"], first["found"], first["difference"]) == ("100 of 2026-09-13", "95", "-5")
    assert first["explanation"] == "金额被改动 an amount was changed (-5); 非上述单一原因 none of the known causes alone"
    assert first["suspects"] == "B0001_BAL_20260914_v00:337"
    assert first["meaning_zh"] and "REPLACE" in first["what_to_do"]
    assert (second["rule"], second["due_on"], second["explanation"]) == ("V14", "", "")
    (other,) = read(found, "B0002")
    assert (other["due_on"], other["date"]) == ("2026-09-18", "")


def test_nothing_is_computed_or_run(found: Any) -> None:
    feedback.run(found, NIGHT)
    assert read(found, "B0001")[1]["found"] == "'=HYPERLINK(1)<script>"
    assert [feedback.safe(x) for x in ("=1", "+1", "-1", "@x", "\tx", "\rx", -5, None, "a=b")] == [
        "'=1",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "'\rx",
        -5,
        None,
        "a=b",
    ]
    page = (feedback.folder(found, "B0001", NIGHT) / "index.html").read_text(encoding="utf-8")
    assert "<script>" not in page and "=HYPERLINK(1)&lt;script&gt;" in page and "期初承上期末" in page and "2026-09-17" in page
    assert "http" not in page


def test_a_rerun_writes_the_same_and_takes_away_what_no_longer_holds(found: Any) -> None:
    feedback.run(found, NIGHT)
    folder = feedback.folder(found, "B0001", NIGHT)
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    stale = feedback.folder(found, "B0009", NIGHT)
    (stale / "receipts").mkdir(parents=True)
    (stale / "findings.csv").write_text("old")
    feedback.run(found, NIGHT)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == first
    assert [p.name for p in stale.iterdir()] == ["receipts"]
    assert feedback.run(found, date(2026, 9, 15)).nothing

"""What `doctor` says of a night: job, source, file, rule, scope, causes, the firms reached, and a command for each."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from jobs import cli, doctor
from tests.support import night as made

NIGHT = made.NIGHT
FIRMS = [made.token(i) for i in range(3)]


@pytest.fixture
def sick(settings: Any) -> Any:
    """A night with one of everything: a job, a source and a bank that failed, a file refused, lines of two firms parked."""
    made.pulls(settings, down=("court",), late=("B0003",))
    made.files(settings)
    made.checks(settings, lost=7, stop="7 rows of B0001 are unaccounted for")
    made.runs(settings)
    run = {"run_id": "x", "job": "score", "as_of": NIGHT, "status": "FAILED", "seconds": 1.0, "rows": 0, "detail": "{}"}
    made.write(settings, "ops.run", [{**run, "at": made.datetime(2026, 9, 15, 4, 0)}])
    sent = {"submission_id": "s", "bank_id": "B0002", "file_name": "f", "from_date": NIGHT, "to_date": NIGHT, "version": 0, "mode": "FULL",
            "sent_at": made.datetime(2026, 9, 15), "is_history": False, "as_of": NIGHT}  # fmt: skip
    made.write(
        settings, "bronze.bank_txn", [{**sent, "file_type": "TXN", "row_no": i, "account_id": f"a{min(i % 3, 1)}"} for i in range(30)]
    )
    made.write(
        settings,
        "bronze.bank_acct",
        [{**sent, "submission_id": "t", "file_type": "ACCT", "row_no": 5, "account_id": "a9", "firm_id": FIRMS[2]}],
    )
    account = {"bank_id": "B0002", "branch_id": "1", "account_no_tail4": "0", "account_type": "BASIC", "product_type": "DEMAND", "currency": "CNY",
               "gl_subject": "1", "open_date": NIGHT, "status": "NORMAL", "overdraft_flag": False, "is_summary": False, "valid_from": NIGHT,
               "submission_id": "u", "row_version": 1, "ingested_at": made.datetime(2026, 9, 15), "available_at": made.datetime(2026, 9, 15),
               "is_history": False, "as_of": NIGHT}  # fmt: skip
    made.write(settings, "silver.acct_account", [{**account, "account_id": f"a{i}", "firm_id": FIRMS[i]} for i in range(2)])
    cause = {
        "source": "flows",
        "rule_id": "C3",
        "bank_id": "B0002",
        "biz_date": NIGHT,
        "scope_kind": "ACCOUNT_DAY",
        "part": 1,
        "suspect_cnt": 1,
        "as_of": NIGHT,
    }
    made.write(settings, "dq.explanation", [
        {**cause, "violation_id": f"v{k}", "scope_key": f"k{k}", "kind": kind, "suspects": f"s:{k}"} for k, kind in enumerate(["missing_row", "none", "missing_row"])
    ])  # fmt: skip
    parked = {"source": "flows", "q_id": "z", "rule_id": "V06", "violation_id": "w", "bank_id": "B0002", "biz_date": None, "file_type": "ACCT", "submission_id": "t",
              "row_no": 5, "scope_kind": "ROW", "scope_key": "t:5", "severity": "quarantine", "status": "OPEN", "as_of": NIGHT}  # fmt: skip
    made.write(settings, "dq.quarantine", [parked, {**parked, "q_id": "y", "row_no": 6, "status": "RELEASED"}])
    violation = {"violation_id": "w", "file_type": "ACCT", "submission_id": "t", "scope_kind": "ROW", "scope_key": "t:5"}
    made.write(
        settings,
        "dq.violation",
        [{"source": "flows", "rule_id": "V06", "bank_id": "B0002", "severity": "quarantine", "as_of": NIGHT, **violation}],
    )
    return settings


def test_everything_that_is_wrong_is_named_with_what_helps(sick: Any) -> None:
    found = doctor.examine(sick, NIGHT)
    assert [(r["job"], r["command"]) for r in found["jobs"]] == [("score", "liushui score --as-of 2026-09-14")], "tiles succeeded at last"
    assert [(r["source"], r["provider_id"], r["status"], r["command"]) for r in found["sources"]] == [
        ("court", "court", "FAILED", "liushui pull court --as-of 2026-09-14"),
        ("flows", "B0003", "LATE", "liushui pull flows --bank B0003 --as-of 2026-09-14"),
    ]  # fmt: skip
    assert [r["message"] for r in found["stops"]] == ["7 rows of B0001 are unaccounted for"]
    assert [(r["bank_id"], r["missing"]) for r in found["lost"]] == [("B0001", 7)] and "liushui check flows" in found["lost"][0]["command"]
    (file,) = found["files"]
    assert (file["bank_id"], file["file_type"], file["reason"]) == ("B0002", "GL", "gzip ends early") and "feedback/B0002/" in file[
        "command"
    ]
    rules = {(r["rule_id"], r["bank_id"]): r for r in found["rules"]}
    assert set(rules) == {("V01", "B0002"), ("C3", "B0002"), ("C3", "B0003"), ("V06", "B0002")}
    shown = ("severity", "violations", "scope_kind", "example", "rows_parked", "firms", "causes", "suspects")
    assert [rules["C3", "B0002"][c] for c in shown] == [
        "quarantine",
        4,
        "ROW",
        "k0",
        30,
        2,
        "a row is missing (2); none of the known causes alone (1)",
        "s:0",
    ]
    assert [rules["V06", "B0002"][c] for c in shown[4:6]] == [1, 1], "the owner of an account never accepted is the one its line names"
    assert rules["C3", "B0003"]["firms"] is None and "REPLACE or DELTA" in rules["C3", "B0003"]["command"]
    assert [(r["firm"], r["rows_parked"], r["rules"]) for r in found["firms"]] == [
        (FIRMS[1], 20, "C3"),
        (FIRMS[0], 10, "C3"),
        (FIRMS[2], 1, "V06"),
    ]
    assert found["publish"][0]["command"].endswith("liushui publish --as-of 2026-09-14")


def test_a_good_night_has_nothing_wrong(settings: Any) -> None:
    made.pulls(settings)
    made.runs(settings)
    made.publish(settings)
    assert not any(doctor.examine(settings, NIGHT).values())
    assert [doctor.rerun(j, NIGHT) for j in ("pull-tax", "check-flows", "indicators")] == [
        "liushui pull tax --as-of 2026-09-14", "liushui check flows --as-of 2026-09-14", "liushui indicators --as-of 2026-09-14",
    ]  # fmt: skip


def test_the_command(sick: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("jobs.cli_people.load_settings", lambda: sick)
    monkeypatch.setattr("jobs.people.console", __import__("rich.console", fromlist=["Console"]).Console(width=260))
    assert cli.run_command(["doctor"]) == 0
    text = capsys.readouterr().out
    for words in (
        "night 2026-09-14",
        "jobs that failed",
        "-> liushui score --as-of 2026-09-14",
        "gzip ends early",
        "a row is missing (2)",
        FIRMS[1],
        "liushui publish",
    ):
        assert words in text, words
    assert cli.run_command(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["rule_id"] == "V01"
    assert cli.run_command(["doctor", "--as-of", str(NIGHT - timedelta(days=1))]) == 0
    assert "files refused: none" in capsys.readouterr().out
    made.publish(sick)
    assert cli.run_command(["status"]) == 0
    text = capsys.readouterr().out
    assert "PUBLISHED" in text and "check-flows" in text and "none yet (liushui train)" in text

"""From a bank-day to what it touched, and back from a score: figures by hand over a published night of three firms."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from features import compiled
from jobs import blast, cli
from jobs.publish import current_versions
from lake.clock import cut_off, known_at
from lake.errors import UsageError
from tests.support.night import token, write

D, BEFORE = date(2026, 9, 14), date(2026, 9, 13)
A, B, C = token(1), token(2), token(3)
SENT = datetime(2026, 9, 15, 1, 0)


def manifest(bank: str, kind: str, day: date, version: int = 0, night: date | None = None, status: str = "ACCEPTED") -> dict[str, Any]:
    return {
        "bank_id": bank, "biz_date": day, "to_date": day, "file_type": kind, "version": version, "submission_id": f"{bank}_{kind}_{day:%Y%m%d}_v{version:02d}",
        "mode": "FULL" if version == 0 else "REPLACE", "file_name": "f", "row_cnt": 3, "digest_alg": "SM3", "digest": "d", "sent_at": SENT, "status": status,
        "is_history": False, "as_of": night or day,
    }  # fmt: skip


def txn(
    firm: str, no: str, side: str, fen: int, day: date, bank: str = "B0001", version: int = 1, night: date | None = None
) -> dict[str, Any]:
    at = night or day
    return {
        "txn_key": no, "bank_id": bank, "txn_no": no, "sub_no": "0", "biz_date": day, "account_id": f"acct{firm}", "firm_id": firm, "txn_ts": SENT, "seq_no": 1,
        "dr_cr": side, "currency": "CNY", "amt_minor": fen, "amt_cny_fen": fen, "balance_after_minor": 0, "is_related": False, "instrument": "TRANSFER",
        "cash_flag": "TRANSFER", "channel": "NET", "category": "other", "reversal_flag": "N", "is_reversed": False, "returned_flag": False,
        "submission_id": f"{bank}_TXN_{day:%Y%m%d}_v{version - 1:02d}", "row_version": version, "ingested_at": SENT, "available_at": cut_off(at),
        "is_history": False, "as_of": at,
    }  # fmt: skip


@pytest.fixture
def home(settings: Any) -> Any:
    """B0001 delivered D: a row of firm A corrected by a second version, one of firm B; a row of firm C is parked. B0002 knows A too."""
    write(settings, "silver.sub_manifest", [
        manifest("B0001", "TXN", D, status="SUPERSEDED"), manifest("B0001", "TXN", D, 1), manifest("B0001", "BAL", D), manifest("B0002", "TXN", date(2026, 8, 3)),
        manifest("B0001", "TXN", date(2024, 1, 5)),
    ])  # fmt: skip
    late = D + timedelta(days=1)
    write(settings, "silver.acct_txn", [
        txn(A, "1", "C", 500, D), txn(A, "1", "C", 900, D, version=2), txn(A, "2", "D", 300, D), txn(B, "3", "D", 70, D),
        txn(A, "4", "C", 11, date(2026, 8, 3), bank="B0002"), txn(A, "5", "C", 5000, date(2024, 1, 5)), txn(A, "6", "C", 77, D, bank="B0002", night=late),
    ])  # fmt: skip
    line = {"submission_id": "B0001_TXN_20260914_v01", "row_no": 9, "as_of": D, "bank_id": "B0001"}
    sent = {"file_name": "f", "from_date": D, "to_date": D, "version": 1, "mode": "REPLACE", "sent_at": SENT, "is_history": False}
    write(settings, "bronze.bank_txn", [{**line, **sent, "file_type": "TXN", "account_id": f"acct{C}"}])
    write(
        settings,
        "bronze.bank_bal",
        [{**line, **sent, "submission_id": "B0001_BAL_20260914_v00", "file_type": "BAL", "account_id": f"acct{A}"}],
    )
    write(settings, "silver.acct_account", [
        {"account_id": f"acct{f}", "bank_id": "B0001", "firm_id": f, "as_of": D, "branch_id": "1", "account_no_tail4": "0000", "account_type": "BASIC",
         "product_type": "DEMAND", "currency": "CNY", "gl_subject": "2011", "open_date": D, "status": "NORMAL", "overdraft_flag": False, "is_summary": False,
         "submission_id": "s", "ingested_at": SENT, "valid_from": date(2020, 1, 1), "row_version": 1, "available_at": SENT,
         "is_history": False} for f in (A, B, C)
    ])  # fmt: skip
    write(settings, "silver.acct_balance_daily", [])
    parked = {"source": "flows", "q_id": "q", "rule_id": "V13", "violation_id": "v", "file_type": "TXN", "biz_date": D, "scope_kind": "ROW", "scope_key": "k",
              "severity": "quarantine", "status": "OPEN"}  # fmt: skip
    write(
        settings,
        "dq.quarantine",
        [{**line, **parked}, {**line, **parked, "q_id": "r"}, {**line, **parked, "row_no": 8, "status": "RELEASED"}],
    )
    for night, scores in ((BEFORE, {A: (700, "A"), B: (500, "B")}), (D, {A: (650, "BBB"), B: (500, "B"), C: (None, None)})):
        write(settings, "score.firm_score", [
            {"firm_id": f, "snapshot_date": night, "segment": "STANDARD", "credit_invisible": False, "score": s, "grade": g, "limit_fen": s,
             "event_timestamp": known_at(night), "created_timestamp": known_at(night)} for f, (s, g) in scores.items()
        ])  # fmt: skip
    for dimension in sorted({c.indicator.dimension for c in compiled.load()}):
        values = {c.indicator.name: 1 for c in compiled.load() if c.indicator.dimension == dimension}
        rows = [
            {"firm_id": f, "snapshot_date": n, "event_timestamp": known_at(n), "created_timestamp": known_at(n), **values}
            for f in (A, B)
            for n in (BEFORE, D)
        ]
        if dimension == "fund_scale":
            rows[1] |= {"op_inflow_amt_1m": 2, "op_inflow_amt_3m": None}
        write(settings, f"feature.{dimension}", rows)
    write(settings, "silver.tax_payment", [
        {"firm_id": A, "voucher_no": str(k), "tax_type": "VAT", "period": "202608", "pay_date": D, "amount_fen": 1, "provider_id": "tax", "submission_id": "tax-1",
         "row_version": 1, "ingested_at": SENT, "available_at": cut_off(n), "is_history": False, "as_of": n} for k, n in enumerate((BEFORE, D, late))
    ])  # fmt: skip
    night = {"as_of": D, "status": "PUBLISHED", "versions": json.dumps(current_versions(settings)), "firms_scored": 2, "at": SENT}
    write(settings, "ops.night", [night])
    return settings


def test_forward(home: Any) -> None:
    found = blast.forward(home, "B0001", D)
    assert (found["night"], found["before"]) == (D, BEFORE)
    assert [(d["submission_id"], d["status"]) for d in found["deliveries"]] == [
        ("B0001_BAL_20260914_v00", "ACCEPTED"), ("B0001_TXN_20260914_v00", "SUPERSEDED"), ("B0001_TXN_20260914_v01", "ACCEPTED"),
    ]  # fmt: skip
    shown = ("firm_id", "rows", "in_fen", "out_fen", "parked", "score_before", "score", "grade_before", "grade", "moved")
    assert [tuple(f[c] for c in shown) for f in found["firms"]] == [
        (A, 2, 900, 300, 0, 700, 650, "A", "BBB", 2), (B, 1, 0, 70, 0, 500, 500, "B", "B", 0), (C, 0, 0, 0, 1, None, None, None, None, None),
    ]  # fmt: skip
    assert found["grades"] == [{"before": a, "now": b, "firms": 1} for a, b in (("A", "BBB"), ("B", "B"), ("none", "none"))]
    # D is in the running month: the indicators by days read it, those of closed months do not
    assert found["indicators"]["fund_scale"][:2] == ["op_inflow_amt_1m", "op_inflow_amt_3m"]
    day_clock = {c.indicator.name for c in compiled.load() if c.calendar == "day" and "acct" in c.indicator.source_table}
    assert {n for names in found["indicators"].values() for n in names} == day_clock


def test_what_reads_a_day() -> None:
    rows = {c.indicator.name: c for c in compiled.load()}
    one, year = rows["op_inflow_amt_1m"], rows["payer_top3_share_3m"]
    assert [blast.reads_day(one, D, D - timedelta(days=k)) for k in (0, 29, 30, -1)] == [True, True, False, False]
    closed = [date(2026, m, 15) for m in (8, 6, 5, 9)]
    assert [blast.reads_day(year, D, d) for d in closed] == [True, True, False, False]
    outside = [c for c in rows.values() if c.indicator.source_table == "tax_payment"]
    assert outside and not any(blast.reads_day(c, D, date(2026, 8, 15)) for c in outside)
    # nothing reads further back than a snapshot does, but for the lag of tax months
    assert not any(blast.reads_day(c, D, date(2024, 8, 31)) for c in rows.values() if c.calendar != "tax")
    assert any(blast.reads_day(c, D, date(2024, 9, 1)) for c in rows.values())


def test_back(home: Any) -> None:
    found = blast.back(home, A)
    assert (found["night"], found["since"], found["score"]["grade"]) == (D, date(2024, 9, 1), "BBB")
    assert [(d["submission_id"], d["rows"], d["turnover_fen"], d["night"]) for d in found["deliveries"]] == [
        ("B0001_TXN_20260914_v00", 1, 300, D), ("B0001_TXN_20260914_v01", 1, 900, D), ("B0002_TXN_20260803_v00", 1, 11, date(2026, 8, 3)),
    ]  # fmt: skip
    assert [(b["bank_id"], b["files"], b["rows"]) for b in found["banks"]] == [("B0001", 2, 2), ("B0002", 1, 1)]
    assert [(r["table"], r["rows"]) for r in found["records"]] == [("tax_payment", 2)], "what came after the night is not what it rests on"


def test_mistakes_and_the_command(home: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="it delivered for 2024-01-05 to 2026-09-14"):
        blast.forward(home, "B0001", date(2026, 9, 20))
    with pytest.raises(UsageError, match="no bank of that name"):
        blast.forward(home, "B9", D)
    with pytest.raises(UsageError, match="'x' has no score"):
        blast.back(home, "x")
    monkeypatch.setattr("jobs.cli_people.load_settings", lambda: home)
    monkeypatch.setenv("COLUMNS", "250")
    assert cli.run_command(["blast", "B0001"]) == 2 and cli.run_command(["blast", "B0001", "2026-09-14", "--firm", A]) == 2
    assert "give a bank and an accounting date, or --firm FIRM" in capsys.readouterr().err
    assert cli.run_command(["blast", "B0001", "2026-09-14", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["firms"][0]["grade"] == "BBB"
    assert cli.run_command(["blast", "--firm", A]) == 0 and cli.run_command(["blast", "B0001", "2026-09-14"]) == 0

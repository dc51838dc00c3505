"""Bank files through pull and check: every rule finds what breaks it, names its scope, and parks no more than that.

Two nights of twelve small banks, run once. The first night is clean; on the second every bank but the first has one thing wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import bankfile
import flowbank as fb
import pytest
from pyspark.sql import functions as F

from jobs import check, flow_silver, receipts
from jobs.runner import Report
from lake.clock import SHANGHAI
from lake.errors import GateFailed
from lake.io import Lake
from lake.settings import load_settings

BANKS = [f"B{i:04d}" for i in range(1, 13)]
D1, D2 = fb.D1, fb.D2


@dataclass
class Nights:
    """What the two nights left behind."""

    lake: Lake
    banks: dict[str, fb.Bank]
    first: Report
    second: Report

    def day(self, bank: str, i: int) -> str:
        """Scope key of an account-day of a bank's account number i."""
        return f"{self.account(bank, i)}|CNY"

    def account(self, bank: str, i: int) -> str:
        return fb.token(self.lake, self.banks[bank].accounts[i])

    def after(self, bank: str, i: int) -> int:
        """Balance after the first transaction of the second day of a bank's account number i, fen."""
        first_day = 50_000 + D1.day * 100 - 20_000
        return 100_000 * (i + 1) + first_day + 50_000 + D2.day * 100 + i

    def found(self, bank: str, as_of: date = D2) -> set[tuple[str, str, str, str]]:
        return fb.found(self.lake, as_of)[bank]

    def parked(self, bank: str) -> list[dict[str, Any]]:
        rows = self.lake.read("dq.quarantine").where(f"as_of = DATE'{D2}' AND bank_id = '{bank}'")
        return [r.asDict() for r in rows.orderBy("file_type", "row_no").collect()]

    def silver(self, name: str, bank: str, as_of: date = D2) -> list[dict[str, Any]]:
        return [r.asDict() for r in self.lake.read(f"silver.{name}").where(f"as_of = DATE'{as_of}' AND bank_id = '{bank}'").collect()]


def send_faults(lake: Lake, books: dict[str, fb.Books]) -> None:
    """Send the second day with its faults. Ledger and control rows are made anew where they are not the fault."""
    day = fb.text_of(D2)

    def again(b: fb.Books, *types: str) -> None:
        b.update({"GL": fb.ledger(b["BAL"], day)} if "GL" in types else {})
        b.update({"CTL": fb.control(b["TXN"], b["BAL"], day)} if "CTL" in types else {})

    b = books["B0002"]  # C1: the whole day is one yuan higher than yesterday's closing
    own = [r for r in b["TXN"] if r["account_no"] == b["BAL"][0]["account_no"]]
    for row, names in [(b["BAL"][0], ("opening", "closing")), *((r, ("balance_after",)) for r in own)]:
        for name in names:
            row[name] = fb.money(fb.fen(row[name]) + 100)
    again(b, "GL", "CTL")
    b = books["B0003"]  # C2: closing does not follow from the row itself
    b["BAL"][1]["closing"] = fb.money(fb.fen(b["BAL"][1]["closing"]) + 1)
    again(b, "GL", "CTL")
    b["GL"][0]["open"] = fb.money(fb.fen(b["GL"][0]["open"]) + 1)
    del books["B0004"]["TXN"][5]  # C3: a transaction is missing
    books["B0005"]["TXN"][0]["balance_after"] = "1.00"  # C4: a balance inside the day
    b = books["B0006"]  # C6: a day without a balance row
    del b["BAL"][2]
    again(b, "GL")
    books["B0007"]["GL"][0]["close"] = fb.money(fb.fen(books["B0007"]["GL"][0]["close"]) + 1)  # G1
    books["B0008"]["GL"][0]["credit"] = fb.money(fb.fen(books["B0008"]["GL"][0]["credit"]) + 1)  # G2
    books["B0009"]["CTL"][0]["cnt"] += 1  # T1
    b = books["B0010"]  # V13; V11 by an alias; V17 identical; V14 zero
    b["TXN"][0]["instrument"] = "PIGEON"
    b["TXN"][2]["currency"] = "RMB"
    b["TXN"].append(dict(b["TXN"][5]))
    b["TXN"][4] |= {"amount": "0.00"}
    for bank in BANKS[1:10]:
        fb.send(lake, books[bank], D2, bank)
    send_bad_files(lake, books["B0011"])
    send_bad_rows(lake, books["B0012"])


def send_bad_files(lake: Lake, b: fb.Books) -> None:
    """V01: a wrong digest, a missing manifest. V02: a row too few. V03: a sum off by one fen."""
    root = Path(lake.settings.home / "landing" / "banks")
    text = {t: bankfile.content("B0011", t, fb.text_of(D2), [bankfile.line(t, **r) for r in b[t]], stated=fb.totals(t, b[t])) for t in b}
    bankfile.put(root, text["BAL"], ok={"digest": "0" * 64})
    bankfile.put(root, text["CTL"], ok=False)
    lines = text["TXN"].splitlines()
    bankfile.put(root, "\n".join([*lines[:-1], lines[-1].replace("T|6|", "T|7|")]) + "\n")
    c, s, n, amount = fb.totals("GL", b["GL"])[0]
    fb.send(lake, b, D2, "B0011", only=["GL"], stated={"GL": [(c, s, n, fb.money(fb.fen(amount) + 1))]})


def send_bad_rows(lake: Lake, b: fb.Books) -> None:
    """V04, V05, V06, V12, V16, V17: rows that are parked for themselves."""
    d, bank = fb.text_of(D2), fb.Bank("B0012")
    new = [fb.number("B0012", 200 + i) for i in range(3)]
    b["ACCT"] = [
        bank.account(new[0], "91450100000000O195"), bank.account(new[1], "914501000000000196"), bank.account(new[2], "91350628M0000K0H44"),
    ]  # fmt: skip
    t = b["TXN"]
    t[0]["amount"], t[2]["amount"], t[4]["biz_date"] = "1e5", "12,50", "20260230"
    t.append({**t[1], "txn_no": "X1", "biz_date": fb.text_of(D1)})
    t.append({**t[1], "txn_no": "X2", "account_no": fb.number("B0012", 999)})
    t.append({**t[3], "summary": "另一笔"})
    b["TXN"].append(f"D|{d}|too|few")
    stated = [
        ("CNY", "C", 3, "0.00"),
        ("CNY", "D", 6, fb.money(sum(fb.fen(r["amount"]) for r in t if isinstance(r, dict) and r["dr_cr"] == "D"))),
    ]
    fb.send(lake, b, D2, "B0012", only=["ACCT", "TXN"], stated={"TXN": stated})


@pytest.fixture(scope="module")
def nights(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The two nights."""
    lake = Lake(spark, load_settings("local", tmp_path_factory.mktemp("check") / "home"))
    (lake.settings.home / "landing" / "banks").mkdir(parents=True)
    banks = {b: fb.Bank(b) for b in BANKS}
    for name, bank in banks.items():
        books = bank.books(D1, first=True)
        fb.send(lake, books, D1, name, only=[t for t in books if (name, t) != ("B0001", "TXN")])
        if name == "B0001":  # its transactions of the first day come a night late
            fb.send(lake, books, D1, name, only=["TXN"], sent_at="20260911093000")
    first = fb.night(lake, D1)
    books = {name: bank.books(D2) for name, bank in banks.items()}
    wrong = {t: [dict(r) for r in rows] for t, rows in books["B0001"].items()}
    wrong["BAL"][0]["closing"] = "5.00"
    fb.send(lake, wrong, D2, "B0001", only=["BAL"])
    fb.send(lake, books["B0001"], D2, "B0001", only=["BAL"], version=1, mode="REPLACE")
    fb.send(lake, books["B0001"], D2, "B0001", only=["ACCT", "TXN", "GL", "CTL"])
    send_faults(lake, books)
    yield Nights(lake, banks, first, fb.night(lake, D2))


def test_a_clean_night_breaks_no_rule_and_accepts_everything(nights: Nights) -> None:
    found = fb.found(nights.lake, D1)
    assert {bank: {v[:2] for v in violations} for bank, violations in found.items()} == {
        "B0001": {("T1", "warn"), ("C7", "warn")}
    }  # not sent yet
    rows = nights.first.detail["rows"]
    assert rows["received"] == rows["accepted"] == 12 * 16 - 6


def test_a_version_that_was_replaced_counts_for_nothing(nights: Nights) -> None:
    assert nights.found("B0001") == set()
    assert nights.second.detail["banks"]["B0001"]["superseded"] == 3
    assert {r["row_version"] for r in nights.silver("acct_balance_daily", "B0001")} == {1}


def test_a_late_file_meets_the_balances_that_came_before_it(nights: Nights) -> None:
    late = [r for r in nights.silver("acct_txn", "B0001") if r["biz_date"] == D1]
    assert len(late) == 6
    # collected instants come as local times of the machine, whichever zone it is in
    assert {str(r["available_at"].astimezone(SHANGHAI).replace(tzinfo=None)) for r in late} == {"2026-09-12 04:00:00"}


@pytest.mark.parametrize(
    ("bank", "i", "rules"),
    [("B0002", 0, {"C1"}), ("B0003", 1, {"C2", "C4"}), ("B0004", 2, {"C3", "C4"}), ("B0005", 0, {"C4"}), ("B0006", 2, {"C6"})],
)
def test_continuity_names_the_account_day_and_parks_it_whole(nights: Nights, bank: str, i: int, rules: set[str]) -> None:
    hard = {(r, k, key) for r, s, k, key in nights.found(bank) if s != "warn"}
    assert hard == {(r, "ACCOUNT_DAY", nights.day(bank, i)) for r in rules}
    assert nights.account(bank, i) not in {r["account_id"] for t in ("acct_txn", "acct_balance_daily") for r in nights.silver(t, bank)}
    expected_rows = {"B0004": 2, "B0006": 2}.get(bank, 3)
    assert len(nights.parked(bank)) == expected_rows
    assert len(nights.silver("acct_txn", bank)) == 4


def test_totals_name_the_ledger_group_and_park_its_account_days(nights: Nights) -> None:
    for bank, rule in (("B0007", "G1"), ("B0008", "G2")):
        assert nights.found(bank) == {
            (rule, "quarantine", "GL_GROUP", "000101|2011|CNY"),
            ("G5", "block", "GL_GROUP", "000101|2011|CNY"),
        }
        assert len(nights.parked(bank)) == 9
        assert not nights.silver("acct_txn", bank)
        assert len(nights.silver("gl_control_total", bank)) == 1


def test_the_second_channel_only_warns(nights: Nights) -> None:
    assert nights.found("B0009") == {("T1", "warn", "CONTROL_CELL", "000101|CNY|C")}
    assert not nights.parked("B0009")
    assert ("T1", "warn", "CONTROL_CELL", "000101|CNY|D") in nights.found("B0004")


def test_broken_totals_are_explained(nights: Nights) -> None:
    """Every violation of a total has its cause, with the line that was changed, or the account's line that no longer fits."""
    rows = [r.asDict() for r in nights.lake.read("dq.explanation").where(f"as_of = DATE'{D2}'").collect()]
    found: dict[str, set[tuple[Any, ...]]] = {}
    for r in rows:
        lines = (r["suspects"] or "").replace(f"_{fb.text_of(D2)}_v00", "").replace(f"{r['bank_id']}_", "")
        found.setdefault(r["bank_id"], set()).add((r["rule_id"], r["kind"], r["amount_minor"], lines))
    debit = 20_002
    assert {b: found[b] for b in ("B0002", "B0003", "B0004", "B0005", "B0007", "B0008", "B0009")} == {
        "B0002": {("C1", "missing_row", 100, "")},
        "B0003": {("C4", "rounding", 1, "BAL:3")},
        "B0004": {("C3", "missing_row", debit, ""), ("C4", "missing_row", debit, ""), ("T1", "missing_row", -debit, "")},
        "B0005": {("C4", "altered", 100 - nights.after("B0005", 0), "TXN:2")},
        "B0007": {("G1", "altered", -1, "GL:2")},
        "B0008": {("G2", "altered", -1, "GL:2")},
        "B0009": {("T1", "altered", 0, "CTL:2")},
    }
    assert {(r["rule_id"], r["kind"]) for r in rows if r["bank_id"] == "B0012"} <= {("C3", "missing_row"), ("C4", "missing_row")}
    broken = nights.lake.read("dq.violation").where(
        f"as_of = DATE'{D2}' AND rule_id IN ('C1', 'C3', 'C4', 'G1', 'G2', 'T1') AND scope_kind <> 'BANK_DAY'"
    )
    assert {r["violation_id"] for r in rows} == {r.violation_id for r in broken.collect()}


def test_a_parked_row_parks_its_account_day_as_a_cascade(nights: Nights) -> None:
    sub = f"B0010_TXN_{fb.text_of(D2)}_v00"
    assert ("V13", "quarantine", "ROW", f"{sub}:2") in nights.found("B0010")
    rows = [r for r in nights.parked("B0010") if r["rule_id"] == "V13"]
    assert [(r["file_type"], r["row_no"], r["cascade_of"] is None) for r in rows] == [
        ("BAL", 2, False),
        ("TXN", 2, True),
        ("TXN", 3, False),
    ]
    assert {r["cascade_of"] for r in rows} == {None, rows[0]["violation_id"]}


def test_warnings_accept_aliases_zeros_and_one_of_two_copies(nights: Nights) -> None:
    sub, found = f"B0010_TXN_{fb.text_of(D2)}_v00", nights.found("B0010")
    assert {("V11", "warn", "ROW", f"{sub}:4"), ("V14", "warn", "ROW", f"{sub}:6"), ("V17", "warn", "ROW", f"{sub}:8")} <= found
    assert nights.second.detail["banks"]["B0010"]["duplicate"] == 1
    assert {r["currency"] for r in nights.silver("acct_txn", "B0010")} == {"CNY"}


def test_files_that_cannot_be_trusted_are_refused_whole(nights: Nights) -> None:
    blocks = {(rule, key) for rule, severity, kind, key in nights.found("B0011") if severity == "block" and kind == "FILE"}
    name = {t: f"B0011_{t}_{fb.text_of(D2)}_v00" for t in ("BAL", "CTL", "TXN", "GL")}
    assert blocks == {("V01", name["BAL"]), ("V01", name["CTL"]), ("V02", name["TXN"]), ("V03", name["GL"])}
    assert len(nights.parked("B0011")) == 7  # six transactions, one ledger row; what could not be read was never staged
    assert not nights.silver("acct_txn", "B0011")
    status = {r["file_type"]: r["status"] for r in nights.silver("sub_manifest", "B0011")}
    assert status == {"BAL": "BLOCKED", "TXN": "BLOCKED", "GL": "BLOCKED"}


def receipts_of(lake: Lake, bank: str) -> dict[str, dict[str, Any]]:
    folder = lake.settings.home / "feedback" / bank / D2.isoformat() / "receipts"
    found = [receipts.check(lake.settings, p) for p in folder.iterdir()]
    return {r["submission_id"].split("_")[1] + str(r["duplicate_of"] or ""): r for r in found}


def test_every_delivery_has_a_signed_receipt_with_its_verdict(nights: Nights) -> None:
    found = receipts_of(nights.lake, "B0011")
    assert {t: (r["verdict"], [x["rule"] for x in r["refused_by"]]) for t, r in found.items()} == {
        "BAL": ("BLOCKED", ["V01"]), "CTL": ("BLOCKED", ["V01"]), "TXN": ("BLOCKED", ["V02"]), "GL": ("BLOCKED", ["V03"]),
    }  # fmt: skip
    assert found["CTL"]["refused_by"][0]["found"] == "manifest MISSING"
    assert found["TXN"]["rows"]["quarantined"] == 6 == found["TXN"]["rows"]["received"]
    assert {r["verdict"] for r in receipts_of(nights.lake, "B0012").values()} >= {"PARTIAL"}
    files = nights.lake.read("bronze.bank_file").where(f"as_of = DATE'{D2}'").count()
    assert files == len(list((nights.lake.settings.home / "feedback").glob(f"*/{D2}/receipts/*.json")))


def test_rows_that_cannot_be_right_are_parked_for_themselves(nights: Nights) -> None:
    acct, txn = (f"B0012_{t}_{fb.text_of(D2)}_v00" for t in ("ACCT", "TXN"))
    by_row = {(rule, severity, key) for rule, severity, kind, key in nights.found("B0012") if kind == "ROW"}
    assert by_row == {
        ("V05", "quarantine", f"{acct}:2"), ("V06", "quarantine", f"{acct}:3"), ("V06", "warn", f"{acct}:4"),
        ("V04", "quarantine", f"{txn}:2"), ("V04", "quarantine", f"{txn}:4"), ("V12", "quarantine", f"{txn}:6"),
        ("V12", "quarantine", f"{txn}:8"), ("V16", "quarantine", f"{txn}:9"), ("V17", "quarantine", f"{txn}:5"),
        ("V17", "quarantine", f"{txn}:10"), ("V04", "quarantine", f"{txn}:11"),
    }  # fmt: skip


def test_no_raw_identifier_reaches_the_findings(nights: Nights) -> None:
    text = nights.lake.read("dq.violation").select(F.concat_ws(" ", "scope_key", "expected", "actual").alias("t")).collect()
    secrets = [*(a for b in nights.banks.values() for a in b.accounts), *fb.FIRMS, "914501000000000196", fb.number("B0012", 999)]
    assert not [s for s in secrets for r in text if s in r.t]


def test_everything_received_is_accounted_for(nights: Nights) -> None:
    rows = nights.lake.read("dq.reconciliation").collect()
    for r in rows:
        assert r.received == r.accepted + r.quarantined + r.rejected + r.duplicate + r.superseded + r.deleted, r
        assert r.received_amt_minor == r.accounted_amt_minor, r
    parked = nights.lake.read("dq.quarantine").where(f"as_of = DATE'{D2}'").count()
    assert parked == sum(r.quarantined for r in rows if r.as_of == D2)


def test_the_gate_states_every_rule_and_data_docs_are_written(nights: Nights) -> None:
    gate = {r.expectation: r for r in nights.lake.read("dq.gate").where(f"as_of = DATE'{D2}'").collect()}
    assert gate["C1 quarantine"].observed == 1 and not gate["C1 quarantine"].success and gate["C1 quarantine"].severity == "warning"
    assert gate["V02 block"].severity == "critical" and not gate["V02 block"].success
    assert gate["gap stop"].success
    assert (nights.lake.settings.home / "reports" / D2.isoformat() / "dq" / "flows" / "index.html").is_file()
    contract = nights.lake.read("dq.contract").where(f"as_of = DATE'{D2}'")
    assert contract.where("table_name = 'silver.acct_txn' AND column_name = 'dr_cr' AND out_of_set = 0 AND distincts = 2").count() == 1


TABLES = ("dq.violation", "dq.quarantine", "dq.issue", "dq.reconciliation", "dq.gate", "dq.contract", "silver.acct_txn", "silver.acct_balance_daily",
          "silver.acct_account", "silver.gl_control_total", "silver.bank_control_flow", "silver.bank_control_balance", "silver.sub_manifest")  # fmt: skip


def test_a_night_checked_again_writes_the_same_rows(nights: Nights) -> None:
    def state() -> dict[str, list[str]]:
        told = {str(p): [p.read_text()] for p in (nights.lake.settings.home / "feedback").rglob("*.json")}
        return told | {t: sorted(r.j for r in nights.lake.read(t).select(F.to_json(F.struct("*")).alias("j")).collect()) for t in TABLES}

    before = state()
    check.run(nights.lake, "flows", D2)
    assert state() == before


def test_a_row_that_gets_lost_stops_the_night_before_silver(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = flow_silver.balances
    monkeypatch.setattr(flow_silver, "balances", lambda df, *a: whole(df, *a).where("bank_id <> 'B0009'"))
    version = nights.lake.version("silver.acct_balance_daily")
    with pytest.raises(GateFailed, match="B0009_BAL_20260911_v00 on 2026-09-11: received 3, accounted for 0"):
        check.run(nights.lake, "flows", D2)
    assert nights.lake.version("silver.acct_balance_daily") == version

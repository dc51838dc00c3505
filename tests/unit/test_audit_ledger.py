"""A whole ledger: three planted faults, re-basing, orders that are sent, and what is written."""

from __future__ import annotations

import csv
import gzip
import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from jobs.audit import cell, page, run_audit

MAPPING = {
    "bank_id": "TEST",
    "title": "Test <ledger>",
    "columns": {"account": ["acct"], "date": "day", "amount": "amount", "side": "side", "balance": "balance"},
    "credit_words": ["C"],
    "debit_words": ["D", "W"],
    "tolerance": "0.105",
    "currency": "CZK",
    "first_balance": "0.00",
}


def mapping_file(folder: Path, **changes) -> Path:
    values = {**MAPPING, **changes}
    path = folder / "bank.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def text(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def ledger(accounts: int = 40, days: int = 20, seed: int = 3) -> list[dict]:
    """Whole account-days of 3 to 6 rows; every balance of an account is far from every other one."""
    draw = random.Random(seed)
    rows = []
    for a in range(accounts):
        balance = 0
        for d in range(days):
            for k in range(draw.randint(3, 6)):
                signed = draw.randint(100_000, 90_000_000) * draw.choice([1, 1, -1])
                balance += signed
                rows.append({"acct": str(a), "day": date(2024, 1, 1) + timedelta(d), "signed": signed, "balance": balance, "k": k})
    return rows


def save(rows: list[dict], path: Path, shuffle: bool = True) -> Path:
    rows = list(rows)
    if shuffle:
        random.Random(11).shuffle(rows)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(["day", "acct", "side", "amount", "balance", "k"])
        for r in rows:
            side = "C" if r["signed"] >= 0 else "DW"[r["k"] % 2]
            out.writerow([r["day"].isoformat(), r["acct"], side, text(abs(r["signed"])), text(r["balance"]), r["k"]])
    return path


def place(rows: list[dict], account: str, day: int, k: int) -> int:
    return next(i for i, r in enumerate(rows) if (r["acct"], r["day"], r["k"]) == (account, date(2024, 1, 1) + timedelta(day), k))


def test_a_whole_ledger_has_no_breaks(tmp_path: Path) -> None:
    rows = ledger()
    result = run_audit(mapping_file(tmp_path), [save(rows, tmp_path / "a.csv.gz")], tmp_path / "out")
    assert result.summary == {"rows": len(rows), "accounts": 40, "account_days": 800, "broken": 0}
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == result.summary
    assert (tmp_path / "out" / "breaks.csv").read_text() == "account,date,rows,expected,found\n"
    assert "Every account-day is whole" in (tmp_path / "out" / "audit.html").read_text()


@pytest.mark.parametrize("ordered", [False, True])
def test_three_faults_break_three_days_and_no_others(tmp_path: Path, ordered: bool) -> None:
    rows = ledger()
    rows[place(rows, "5", 7, 1)]["signed"] += 1_234
    doubled = place(rows, "30", 0, 2)
    rows.insert(doubled, dict(rows[doubled]))
    gone = place(rows, "12", 3, 1)
    expected = rows[gone - 1]["balance"]
    found = rows[gone]["balance"]
    del rows[gone]
    columns = {**MAPPING["columns"], "order": "k" if ordered else None}
    result = run_audit(mapping_file(tmp_path, columns=columns), [save(rows, tmp_path / "a.csv.gz")], tmp_path / "out")
    assert [(b.account, b.date) for b in result.breaks] == [("5", date(2024, 1, 8)), ("12", date(2024, 1, 4)), ("30", date(2024, 1, 1))]
    written = list(csv.DictReader((tmp_path / "out" / "breaks.csv").open()))
    assert [w["account"] for w in written] == ["5", "12", "30"]
    assert (written[1]["expected"], written[1]["found"]) == (text(expected), text(found))


def test_a_break_between_days_is_named_once_on_the_later_day(tmp_path: Path) -> None:
    rows = [r for r in ledger(3, 10) if not (r["acct"] == "1" and r["day"] == date(2024, 1, 5))]
    result = run_audit(mapping_file(tmp_path), [save(rows, tmp_path / "a.csv.gz")])
    assert [(b.account, b.date) for b in result.breaks] == [("1", date(2024, 1, 6))]


def test_several_files_are_one_ledger_and_until_leaves_days_out(tmp_path: Path) -> None:
    rows = ledger(6, 10)
    rows[place(rows, "2", 8, 1)]["signed"] += 1_000
    half = len(rows) // 2
    files = [save(rows[half:], tmp_path / "b.csv.gz"), save(rows[:half], tmp_path / "a.csv.gz")]
    assert run_audit(mapping_file(tmp_path), files).broken == 1
    until = run_audit(mapping_file(tmp_path), files, until=date(2024, 1, 8))
    assert (until.broken, until.account_days) == (0, 48)


def test_a_number_that_occurs_twice_orders_nothing(tmp_path: Path) -> None:
    rows = ledger(2, 4)
    rows[place(rows, "1", 2, 1)]["k"] = 0
    result = run_audit(mapping_file(tmp_path, columns={**MAPPING["columns"], "order": "k"}), [save(rows, tmp_path / "a.csv.gz")])
    assert [(b.account, b.date) for b in result.breaks] == [("1", date(2024, 1, 3))]


def test_an_order_that_is_sent_wrong_is_broken_though_another_would_chain(tmp_path: Path) -> None:
    rows = ledger(1, 3)
    i, j = place(rows, "0", 1, 0), place(rows, "0", 1, 1)
    rows[i]["k"], rows[j]["k"] = 1, 0
    path = save(rows, tmp_path / "a.csv.gz")
    assert run_audit(mapping_file(tmp_path, columns={**MAPPING["columns"], "order": "k"}), [path]).broken == 1
    assert run_audit(mapping_file(tmp_path), [path]).broken == 0


def test_a_circuit_on_the_first_day_ends_where_the_second_begins(tmp_path: Path) -> None:
    day = [(100, 500), (400, 900), (-500, 400)]  # 400 -> 500 -> 900 -> 400, from nowhere in particular
    rows = [{"acct": "0", "day": date(2024, 1, 1), "signed": s, "balance": b, "k": k} for k, (s, b) in enumerate(day)]
    rows.append({"acct": "0", "day": date(2024, 1, 2), "signed": 11, "balance": 511, "k": 0})
    assert run_audit(mapping_file(tmp_path, first_balance=None), [save(rows, tmp_path / "a.csv.gz")]).broken == 0
    assert run_audit(mapping_file(tmp_path, first_balance="4.00"), [save(rows, tmp_path / "a.csv.gz")]).broken == 1


@pytest.mark.parametrize("sign", ["signed", "debit_credit"])
def test_other_ways_to_say_the_side(tmp_path: Path, sign: str) -> None:
    columns = {"account": [1, 2], "date": 3, "balance": 6, **({"amount": 4} if sign == "signed" else {"debit": 4, "credit": 5})}
    mapping = mapping_file(
        tmp_path, sign=sign, columns=columns, credit_words=[], debit_words=[], date_format="%d.%m.%Y",
        file={"delimiter": ";", "header": False, "decimal_mark": ",", "encoding": "gb18030"},
    )  # fmt: skip
    rows = ["甲;1;01.02.2024;{};1,50", "甲;1;01.02.2024;{};-0,50", "乙;1;01.02.2024;{};7"]
    amounts = ["1,5;", "-2,00;", "+7;"] if sign == "signed" else [";1,5", "2,00;", "0;7,00"]
    path = tmp_path / "a.txt"
    path.write_bytes("\r\n".join(r.format(a) for r, a in zip(rows, amounts)).encode("gb18030"))
    result = run_audit(mapping, [path])
    assert result.summary == {"rows": 3, "accounts": 2, "account_days": 2, "broken": 0}


def test_accounts_that_look_like_formulas_are_written_as_text(tmp_path: Path) -> None:
    rows = ledger(1, 2)
    for r in rows:
        r["acct"] = '=HYPERLINK("x")<script>'
    rows[1]["signed"] += 500
    result = run_audit(mapping_file(tmp_path), [save(rows, tmp_path / "a.csv.gz")], tmp_path / "out")
    assert next(iter(csv.DictReader((tmp_path / "out" / "breaks.csv").open())))["account"].startswith("'=")
    assert "<script>" not in page(result) and "Test &lt;ledger&gt;" in page(result)
    assert "http" not in page(result)
    assert [cell(x) for x in ("+1", "-1", "@x", "\tx", "1", "")] == ["'+1", "'-1", "'@x", "'\tx", "1", ""]


def test_amounts_are_exact_beyond_the_precision_of_floats(tmp_path: Path) -> None:
    big = 12_345_678_901_234_567
    rows = [{"acct": "0", "day": date(2024, 1, 1), "signed": big, "balance": big, "k": 0}]
    rows.append({"acct": "0", "day": date(2024, 1, 1), "signed": 1, "balance": big + 1, "k": 1})
    path = save(rows, tmp_path / "a.csv.gz")
    assert run_audit(mapping_file(tmp_path, tolerance="0"), [path]).broken == 0
    rows[1]["balance"] += 1
    assert run_audit(mapping_file(tmp_path, tolerance="0"), [save(rows, tmp_path / "a.csv.gz")]).broken == 1

"""Rows derived from a checked ledger: exact amounts, carried month ends, the order found, what rows mean."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from expectations.ledger import banks, derive
from expectations.ledger.continuity import check_ledger
from expectations.ledger.mapping import Load, load_mapping
from expectations.ledger.read import read_ledger
from jobs.ledger_stage import purpose_codes
from lake.errors import ConfigError

LOAD = {
    "transaction": "id",
    "counterparty": ["bank", "account"],
    "summary": ["word"],
    "meanings": [
        {"when": {"word": ["INTEREST"]}, "side": "C", "category": "interest_income"},
        {"when": {"word": ["CASH"]}, "category": "cash_withdrawal", "cash": True, "channel": "ATM", "side": "D"},
    ],
    "rules": ["C1", "C2", "C4"],
}
ROWS = """id,acct,day,amount,balance,word,bank,account
1,A,2024-01-30,100.00,100.00,,,
3,A,2024-02-10,5.00,85.00,INTEREST,,
2,A,2024-02-10,-20.00,80.00,CASH,XX,123
4,A,2024-05-31,1.00,86.00,,XX,
5,B,2024-02-29,-7.50,-7.50,,,77
"""


def loaded(folder: Path, rows: str = ROWS, **changes):
    values = {
        "bank_id": "TEST", "title": "Test", "columns": {"account": ["acct"], "date": "day", "amount": "amount", "balance": "balance"},
        "sign": "signed", "currency": "EUR", "first_balance": "0.00", "load": {**LOAD, **changes},
    }  # fmt: skip
    (folder / "bank.yaml").write_text(yaml.safe_dump(values))
    (folder / "rows.csv").write_text(rows)
    mapping = load_mapping(folder / "bank.yaml")
    assert mapping.load is not None
    ledger = read_ledger(mapping, [str(folder / "rows.csv")], keep=mapping.load.columns)
    return ledger, check_ledger(ledger), mapping.load


def fields(rows: pa.Table, *names: str) -> list[tuple]:
    return [tuple(r[n] for n in names) for r in rows.to_pylist()]


def test_amounts_become_text_exactly() -> None:
    minor = np.array([0, 5, -5, -123, 123_456_789_012_345_678, -(2**62)], dtype=np.int64)
    texts = derive.texts(minor, 2).to_pylist()
    assert texts[:4] == ["0.00", "0.05", "-0.05", "-1.23"]
    assert [int(Decimal(t).scaleb(2)) for t in texts] == minor.tolist()
    assert derive.texts(np.array([7], dtype=np.int64), 0).to_pylist() == ["7"]


def test_an_account_opens_on_its_first_day(tmp_path: Path) -> None:
    ledger, found, load = loaded(tmp_path)
    rows, months = derive.accounts(ledger, found, load)
    assert fields(rows, "account_no", "uscc", "open_date", "overdraft_flag") == [("A", "A", "20240130", "N"), ("B", "B", "20240229", "N")]
    assert [m for m, _ in derive.by_month(rows, months)] == [date(2024, 1, 1), date(2024, 2, 1)]


def test_balance_rows_of_days_with_movement_and_of_month_ends(tmp_path: Path) -> None:
    ledger, found, load = loaded(tmp_path)
    rows, months = derive.balances(ledger, found, load, date(2024, 6, 10))
    names = ("account_no", "biz_date", "opening", "credit", "debit", "closing", "credit_cnt", "debit_cnt", "last_seq_no")
    assert fields(rows, *names) == [
        ("A", "20240130", "0.00", "100.00", "0.00", "100.00", "1", "0", "1"),
        ("A", "20240131", "100.00", "0.00", "0.00", "100.00", "0", "0", "0"),
        ("A", "20240210", "100.00", "5.00", "20.00", "85.00", "1", "1", "2"),
        ("A", "20240229", "85.00", "0.00", "0.00", "85.00", "0", "0", "0"),
        ("A", "20240331", "85.00", "0.00", "0.00", "85.00", "0", "0", "0"),
        ("A", "20240430", "85.00", "0.00", "0.00", "85.00", "0", "0", "0"),
        ("A", "20240531", "85.00", "1.00", "0.00", "86.00", "1", "0", "1"),
        ("B", "20240229", "0.00", "0.00", "7.50", "-7.50", "0", "1", "1"),
        ("B", "20240331", "-7.50", "0.00", "0.00", "-7.50", "0", "0", "0"),
        ("B", "20240430", "-7.50", "0.00", "0.00", "-7.50", "0", "0", "0"),
        ("B", "20240531", "-7.50", "0.00", "0.00", "-7.50", "0", "0", "0"),
    ]
    assert sum(part.num_rows for _, part in derive.by_month(rows, months)) == rows.num_rows


def test_transactions_are_numbered_in_the_order_found_and_say_what_they_mean(tmp_path: Path) -> None:
    ledger, found, load = loaded(tmp_path)
    rows, _ = derive.transactions(ledger, found, load, purpose_codes())
    codes = purpose_codes()
    assert fields(rows, "txn_no", "seq_no", "dr_cr", "amount", "purpose_code", "cash_flag", "channel", "cpty_account", "summary") == [
        ("1", "1", "C", "100.00", None, "TRANSFER", "BATCH", None, None),
        ("2", "1", "D", "20.00", codes["cash_withdrawal", "D"], "CASH", "ATM", "XX/123", "CASH"),
        ("3", "2", "C", "5.00", codes["interest_income", "C"], "TRANSFER", "BATCH", None, "INTEREST"),
        ("4", "1", "C", "1.00", None, "TRANSFER", "BATCH", "XX", None),
        ("5", "1", "D", "7.50", None, "TRANSFER", "BATCH", "77", None),
    ]


def test_a_circuit_is_turned_to_end_where_the_next_day_begins(tmp_path: Path) -> None:
    rows = "id,acct,day,amount,balance,word,bank,account\n1,A,2024-01-01,4.00,9.00,,,\n2,A,2024-01-01,-4.00,5.00,,,\n3,A,2024-01-02,1.00,10.00,,,\n"
    (tmp_path / "free").mkdir()
    ledger, found, load = loaded(tmp_path / "free", rows)
    assert found.broken == 1  # it began with 0
    mapping = ledger.mapping.model_copy(update={"first_balance": None})
    ledger.mapping = mapping
    found = check_ledger(ledger)
    assert found.broken == 0 and found.closing.tolist() == [900, 1000]
    out, _ = derive.transactions(ledger, found, load, {})
    assert fields(out, "txn_no", "seq_no") == [("2", "1"), ("1", "2"), ("3", "1")]
    bal, _ = derive.balances(ledger, found, load, date(2024, 1, 2))
    assert fields(bal, "opening", "closing") == [("9.00", "9.00"), ("9.00", "10.00")]


def test_a_category_that_no_purpose_code_says_is_refused(tmp_path: Path) -> None:
    ledger, found, load = loaded(tmp_path, meanings=[{"when": {"word": ["CASH"]}, "category": "sales"}])
    with pytest.raises(ConfigError, match=r"no purpose code says 'sales' on side D\. Known there: .*cash_withdrawal"):
        derive.transactions(ledger, found, load, purpose_codes())


def test_rules_that_are_not_listed_do_not_apply_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)[0].mapping
    assert {"V01", "V05", "G1", "T1"} <= set(banks.not_applicable(mapping))
    assert not {"C1", "C2", "C4"} & set(banks.not_applicable(mapping))
    wrong = mapping.model_copy(update={"load": Load(**{**LOAD, "rules": ["C1", "Z9"]})})
    with pytest.raises(ConfigError, match="'Z9'"):
        banks.not_applicable(wrong)


def test_a_home_remembers_the_ledgers_loaded_into_it(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)[0].mapping
    home = tmp_path / "home"
    assert banks.foreign_banks(home) == ()
    banks.remember(home, tmp_path / "bank.yaml", mapping)
    (bank,) = banks.foreign_banks(home)
    assert (bank.bank_id, bank.currency, bank.decimals, bank.tolerance) == ("TEST", "EUR", 2, 0)
    assert "V05" in bank.not_applicable

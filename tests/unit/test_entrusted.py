"""Lists of entrusted accounts: which account-days lie outside them, and lists that do not read (V20)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from expectations.parse import References
from expectations.rules import load_rules
from expectations.violations import evaluate
from jobs.flow_entrusted import untrusted
from jobs.flow_night import Night
from jobs.scratch import Scratch
from lake.errors import ConfigError
from lake.io import Lake, local_rows
from lake.tokens import Tokenizer, load_key

D = date(2026, 9, 14)
DAY = timedelta(days=1)
DAYS = ("bank_id string, account_id string, currency string, biz_date date, submission_id string, has_bal boolean, has_txn boolean, fresh_bal boolean, "
        "fresh_txn boolean, txn_credit_cnt bigint, txn_debit_cnt bigint, txn_credit_minor bigint, txn_debit_minor bigint")  # fmt: skip


def found(lake: Lake, text: str | None, days: list[tuple[str, str, date, bool]]) -> set[tuple[str, date]]:
    """Accounts and days that V20 names; `days` are (bank, account number, day, whether it came tonight), `text` the list of B1."""
    folder = lake.settings.home / "landing" / "entrusted"
    folder.mkdir(parents=True, exist_ok=True)
    if text is not None:
        (folder / "B1.csv").write_text(text, encoding="utf-8")
    tokens = Tokenizer(load_key(lake.settings), lake.settings.token_hash)
    rows: list[dict[str, Any]] = [
        {"bank_id": bank, "account_id": tokens.token("account", no), "currency": "CNY", "biz_date": day, "submission_id": "s", "has_bal": True,
         "has_txn": True, "fresh_bal": fresh, "fresh_txn": fresh, "txn_credit_cnt": 1, "txn_debit_cnt": 2, "txn_credit_minor": 5, "txn_debit_minor": 7}
        for bank, no, day, fresh in days
    ]  # fmt: skip
    files = [{"bank_id": "B1"}, {"bank_id": "B2"}]
    night = Night(lake, D, False, Scratch(lake.spark, lake.settings.home / "scratch"), References({}, {}, {}), files)
    view = untrusted(night, local_rows(lake.spark, rows, DAYS))
    if view is None:
        return set()
    view.createOrReplaceTempView("untrusted")
    told = evaluate(lake.spark, [r for r in load_rules() if r.id == "V20"]).collect()
    names = {f"{tokens.token('account', no)}|CNY": no for _, no, _, _ in days}
    assert {(r.severity, r.actual) for r in told} <= {("warn", "1 credits of 5, 2 debits of 7")}
    return {(names[r.scope_key], r.biz_date) for r in told}


def test_days_outside_the_dates_of_a_list_are_not_entrusted(lake: Lake) -> None:
    text = f"account_no,consent_no,valid_from,valid_to\n123,C1,{D},{D + 2 * DAY}\n123,C2,{D + 3 * DAY},\n"
    days = [("B1", "123", D + k * DAY, True) for k in range(-1, 5)]
    days += [
        ("B1", "999", D, True),
        ("B1", "999", D - DAY, False),
        ("B2", "123", D - DAY, True),
    ]  # of the night before; a bank without a list
    assert found(lake, text, days) == {("123", D - DAY), ("123", D + 2 * DAY), ("999", D)}


def test_without_a_list_every_account_may_come(lake: Lake) -> None:
    assert found(lake, None, [("B1", "123", D, True)]) == set()


@pytest.mark.parametrize(
    "text", ["account_no,valid_from\n123,2026-01-01\n", "account_no,consent_no,valid_from,valid_to\n123,C1,20260230,\n", ""]
)
def test_a_list_that_does_not_read_is_named(lake: Lake, text: str) -> None:
    with pytest.raises(ConfigError, match=r"B1\.csv"):
        found(lake, text, [("B1", "123", D, True)])

"""A tiny bank with consistent books, sent as real bank files; tests break one thing and look at what the check finds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import bankfile

from expectations import references
from jobs import check, pull
from jobs.runner import Report
from lake.io import Lake
from lake.tokens import Tokenizer, load_key

D1, D2, D3, D4 = (date(2026, 9, 10) + timedelta(days=k) for k in range(4))
Row = dict[str, Any]
Books = dict[str, list[Row]]
FIRMS = ("91450100123456788F", "91450100MA5KXT070Y", "92450900MAC1B2D325")


def number(bank: str, i: int) -> str:
    """Account number `i` of a bank, of the pattern that ref_bank gives it."""
    prefix, digits = re.fullmatch(r"\^([0-9]+)\[0-9]\{([0-9]+)}\$", references.account_patterns()[bank]).groups()  # type: ignore[union-attr]
    return f"{prefix}{i:0{digits}d}"


def text_of(day: date) -> str:
    """yyyymmdd."""
    return f"{day:%Y%m%d}"


def money(fen: int) -> str:
    """Decimal text of fen."""
    return f"{Decimal(fen) / 100:.2f}"


@dataclass
class Bank:
    """Three accounts with a credit and a debit a day; `books(day)` are the rows of all files, all sums right."""

    bank: str = "B0001"
    accounts: tuple[str, ...] = ()
    balance: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = self.accounts or tuple(number(self.bank, 100 + i) for i in range(3))

    def books(self, day: date, *, first: bool = False) -> Books:
        """Rows by file type; `first` sends the accounts too. Days must be asked for in order."""
        d = text_of(day)
        rows: Books = {"ACCT": [], "BAL": [], "TXN": [], "GL": [], "CTL": []}
        for i, no in enumerate(self.accounts):
            opening = self.balance.get(no, 100_000 * (i + 1))
            credit, debit = 50_000 + day.day * 100 + i, 20_000 + i
            if first:
                rows["ACCT"].append(self.account(no, FIRMS[i % 3]))
            moves = (("C", credit, "0101", "货款"), ("D", debit, "0502", "水电费"))
            after = opening
            for k, (side, amount, code, text) in enumerate(moves, 1):
                after += amount if side == "C" else -amount
                rows["TXN"].append(self.transaction(f"{d}{i:03d}{k:03d}", no, d, k, side, amount, after, purpose_code=code, summary=text))
            rows["BAL"].append({
                "account_no": no, "currency": "CNY", "biz_date": d, "opening": money(opening), "credit": money(credit), "debit": money(debit),
                "closing": money(after), "credit_cnt": 1, "debit_cnt": 1, "frozen": "0.00", "last_seq_no": 2, "branch_id": "000101",
                "gl_subject": "2011", "sparse": "0",
            })  # fmt: skip
            self.balance[no] = after
        return rows | {"GL": ledger(rows["BAL"], d), "CTL": control(rows["TXN"], rows["BAL"], d)}

    @staticmethod
    def account(no: str, uscc: str, **values: object) -> Row:
        """An ACCT row."""
        return {
            "account_no": no, "uscc": uscc, "firm_name": f"测试{uscc[-4:]}有限公司", "branch_id": "000101", "account_type": "BASIC",
            "product_type": "DEMAND", "is_summary": "N", "currency": "CNY", "gl_subject": "2011", "open_date": "20200101", "status": "NORMAL",
            "overdraft_flag": "N",
        } | values  # fmt: skip

    @staticmethod
    def transaction(no: str, account: str, day: str, seq: int, side: str, amount: int, after: int, **values: object) -> Row:
        """A TXN row."""
        return {
            "txn_no": no, "sub_no": "0", "account_no": account, "biz_date": day, "time": f"10{seq:02d}00", "seq_no": seq, "dr_cr": side,
            "currency": "CNY", "amount": money(amount), "balance_after": money(after), "cpty_account": "6222000000123", "cpty_name": "某材料有限公司",
            "cpty_bank_no": "102611000018", "instrument": "TRANSFER", "cash_flag": "TRANSFER", "channel": "NET", "purpose_code": "0101",
            "summary": "货款", "value_date": day, "reversal_flag": "N", "returned_flag": "N",
        } | values  # fmt: skip


def fen(text: str) -> int:
    """Fen of a decimal text."""
    return int(Decimal(text) * 100)


def ledger(bal: Iterable[Row], day: str) -> list[Row]:
    """GL rows that agree with balance rows."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for r in bal:
        s = sums[(r["branch_id"], r["gl_subject"], r["currency"])]
        for k, name in enumerate(("opening", "debit", "credit", "closing")):
            s[k] += fen(r[name])
        s[4] += 1
    zero = {f"ne_{c}": "0.00" for c in ("open", "debit", "credit", "close")} | {"ne_cnt": 0}
    return [
        {"branch_id": b, "gl_subject": g, "currency": c, "biz_date": day, "open": money(o), "debit": money(dr), "credit": money(cr),
         "close": money(cl), "account_cnt": n} | zero
        for (b, g, c), (o, dr, cr, cl, n) in sorted(sums.items())
    ]  # fmt: skip


def control(txn: Iterable[Row], bal: Iterable[Row], day: str) -> list[Row]:
    """CTL rows that agree with transactions and balances; all accounts are of one branch."""
    rows, by_side = [], defaultdict(list)
    for r in txn:
        by_side[(r["currency"], r["dr_cr"])].append(fen(r["amount"]))
    for (currency, side), amounts in sorted(by_side.items()):
        rows.append(
            {
                "kind": "FLOW",
                "branch_id": "000101",
                "currency": currency,
                "biz_date": day,
                "dr_cr": side,
                "cnt": len(amounts),
                "amount": money(sum(amounts)),
            }
        )
    closing = [fen(r["closing"]) for r in bal]
    rows.append(
        {"kind": "BALANCE", "branch_id": "000101", "currency": "CNY", "biz_date": day, "cnt": len(closing), "amount": money(sum(closing))}
    )
    return rows


def totals(file_type: str, rows: Iterable[Row]) -> list[tuple[str, str, int, str]]:
    """What trailer and manifest state of rows that parse."""
    amount = {"TXN": "amount", "BAL": "closing", "GL": "close", "CTL": "amount"}
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for r in rows:
        side = {"TXN": r.get("dr_cr"), "CTL": "B" if r.get("kind") == "BALANCE" else r.get("dr_cr")}.get(file_type, "C")
        try:
            value = Decimal(0) if file_type == "ACCT" else Decimal(str(r[amount[file_type]]))
        except ArithmeticError:
            value = Decimal(0)
        sums[(r["currency"], str(side))].append(value)
    return [(c, s, len(x), f"{sum(x):.2f}") for (c, s), x in sorted(sums.items())]


def send(
    lake: Lake, books: Books, day: date, bank: str = "B0001", *, only: Iterable[str] | None = None, to_day: date | None = None, **how: Any
) -> None:
    """Drop the files of a bank-day into landing. `how` goes to the file (version, mode) or, as `stated`, to its totals."""
    root = lake.settings.home / "landing" / "banks"
    stated = how.pop("stated", {})
    for t in only or books:
        lines = [bankfile.line(t, **r) if isinstance(r, dict) else r for r in books[t]]
        parts = stated.get(t) or totals(t, [r for r in books[t] if isinstance(r, dict)])
        text = bankfile.content(bank, t, text_of(day), lines, stated=parts, to_day=text_of(to_day) if to_day else None, **how)
        bankfile.put(Path(root), text)


def night(lake: Lake, as_of: date, *, history: bool = False) -> Report:
    """Pull and check the night."""
    pull.run(lake.settings, "flows", as_of, history=history)
    return check.run(lake, "flows", as_of, history=history)


def token(lake: Lake, account: str, kind: str = "account") -> str:
    """Token of an account number."""
    return Tokenizer(load_key(lake.settings), lake.settings.token_hash).token(kind, account)


def found(lake: Lake, as_of: date) -> dict[str, set[tuple[str, str, str, str]]]:
    """Violations of a night by bank: rule, severity, scope kind, scope key."""
    by_bank: dict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
    for r in lake.read("dq.violation").where(f"as_of = DATE'{as_of}'").collect():
        by_bank[r.bank_id].add((r.rule_id, r.severity, r.scope_kind, r.scope_key))
    return by_bank

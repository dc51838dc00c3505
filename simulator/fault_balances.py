"""Faults of balance, ledger, control and account files, and what files of one bank-day must agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from simulator.fault_lines import Body, Line, draw
from simulator.uscc import next_char

Branches = dict[str, tuple[str, str]]
"""account_no -> (branch_id, gl_subject)."""
Opened = dict[str, date]
"""account_no -> date of opening, of accounts opened after the first day."""


class Bank:
    """What faults of different files of one bank-day must agree on: branches of accounts, adjustments of ledger and control totals."""

    def __init__(self, branches: Branches, opened: Opened) -> None:
        self.branches, self.opened = branches, opened
        self.moved: set[str] = set()
        self.ended: dict[str, date] = {}
        self.ledger: dict[tuple[str, str], list[tuple[str, str, str, dict[str, int]]]] = {}

    def adjust(self, body: Body, line: Line, change: dict[str, int]) -> None:
        """The bank's own books agree with its wrong balance: ledger and control totals of the day move with it."""
        s = body.submission
        self.ledger.setdefault((s.bank, f"{s.first:%Y%m%d}"), []).append((line["branch_id"], line["gl_subject"], line["currency"], change))


def eligible(body: Body, fault: str, fits: Callable[[Line], bool], n: int = 1) -> Iterator[Line]:
    """Lines that fit and whose account-day holds no other fault, in drawn order."""
    found = 0
    for i in sorted(range(len(body.lines)), key=lambda i: draw(fault, i)):
        line = body.lines[i]
        key = (line["account_no"], line["biz_date"])
        if line.raw is None and key not in body.used and fits(line):
            body.used.add(key)
            yield line
            found += 1
            if found == n:
                return


def _idle(line: Line) -> bool:
    return line["credit_cnt"] == "0" and line["debit_cnt"] == "0" and line.minor("closing") > 0 and line["currency"] == "CNY"


def broken_chain(body: Body, bank: Bank, fault: str) -> bool:
    """A day does not open with the balance the day before closed with; the bank's ledger agrees with the wrong balance."""
    return _chain_off(body, bank, fault, lambda _line: 1 + draw(fault, "by") % 50_000)


def overdrawn(body: Body, bank: Bank, fault: str) -> bool:
    """An account that may not be overdrawn is; the chain breaks with it, and the bank's ledger agrees."""
    return _chain_off(body, bank, fault, lambda line: -line.minor("closing") - 1 - draw(fault, "by") % 50_000, "V21")


def _chain_off(body: Body, bank: Bank, fault: str, change: Callable[[Line], int], also: str | None = None) -> bool:
    """Change both balances of an idle account-day; `also` is another rule that must find it."""
    for line in eligible(body, fault, _idle):
        by = change(line)
        key, day = f"{line['account_no']}|{line['currency']}", body.submission.first
        bank.adjust(body, line, {"open": by, "close": by})
        line.add("opening", by)
        line.add("closing", by)
        body.scope(fault, "C1", "ACCOUNT_DAY", key, f"{day:%Y%m%d}", True)
        if also:
            body.scope(fault, also, "ACCOUNT_DAY", key, f"{day:%Y%m%d}", True)
        body.scope(fault, "C1", "ACCOUNT_DAY", key, f"{day.fromordinal(day.toordinal() + 1):%Y%m%d}", False)
        return True
    return False


def opened_with_balance(body: Body, bank: Bank, fault: str) -> bool:
    """The first balance row of an account opens with an amount that came from nowhere."""
    opened = {no: f"{day:%Y%m%d}" for no, day in bank.opened.items()}
    for line in eligible(body, fault, lambda x: opened.get(x["account_no"]) == x["biz_date"]):
        line.add("opening", 1 + draw(fault, "by") % 50_000)
        for rule, primary in (("C8", True), ("C2", True), ("C4", False)):
            body.scope(fault, rule, "ACCOUNT_DAY", f"{line['account_no']}|{line['currency']}", line["biz_date"], primary)
        return True
    return False


def missing_day(body: Body, bank: Bank, fault: str) -> bool:
    """An open account has no row on a day; the bank's ledger leaves it out too."""
    for line in eligible(body, fault, _idle):
        by = -line.minor("closing")
        bank.adjust(body, line, {"open": by, "close": by, "count": -1})
        body.lines.remove(line)
        body.scope(fault, "C6", "ACCOUNT_DAY", f"{line['account_no']}|{line['currency']}", line["biz_date"], True)
        return True
    return False


def wrong_subject(body: Body, bank: Bank, fault: str) -> bool:
    """An account with a small balance is booked under another subject."""
    small = sorted(x.minor("closing") for x in body.lines if _idle(x) and x["gl_subject"] == "201101")[:5]
    for line in eligible(body, fault, lambda x: _idle(x) and x["gl_subject"] == "201101" and x.minor("closing") in small):
        line["gl_subject"] = "201201"
        for subject in ("201101", "201201"):
            for rule in ("G1", "G3"):
                body.scope(fault, rule, "GL_GROUP", f"{line['branch_id']}|{subject}|{line['currency']}", line["biz_date"], True)
        body.scope(fault, "G1", "BANK_DAY", body.submission.bank, line["biz_date"], False)
        return True
    return False


def ledger_off(body: Body, bank: Bank, fault: str) -> bool:
    """A ledger row closes with another amount."""
    rows = [x for x in body.lines if x["currency"] == "CNY"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    line.add("close", 1 + draw(fault, "by") % 20_000)
    for rule in ("G1", "G5"):
        body.scope(fault, rule, "GL_GROUP", f"{line['branch_id']}|{line['gl_subject']}|{line['currency']}", line["biz_date"], True)
    return True


def count_off(body: Body, bank: Bank, fault: str) -> bool:
    """A ledger row counts one account more than there are."""
    rows = [x for x in body.lines if x["currency"] == "CNY"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    line["account_cnt"] = str(int(line["account_cnt"]) + 1)
    body.scope(fault, "G3", "GL_GROUP", f"{line['branch_id']}|{line['gl_subject']}|{line['currency']}", line["biz_date"], True)
    return True


def trust_ended(body: Body, bank: Bank, fault: str) -> bool:
    """An account is delivered on a day on which it is not entrusted to the platform."""
    moved = {x["account_no"] for x in body.lines if x["credit_cnt"] != "0" or x["debit_cnt"] != "0"}
    wanted = moved or {x["account_no"] for x in body.lines}
    for line in eligible(body, fault, lambda x: x["account_no"] in wanted and x["account_no"] not in bank.ended):
        bank.ended[line["account_no"]] = body.submission.first
        body.scope(fault, "V20", "ACCOUNT_DAY", f"{line['account_no']}|{line['currency']}", line["biz_date"], True)
        return True
    return False


def share_moved(body: Body, bank: Bank, fault: str) -> bool:
    """Accounts that the bank does not deliver lose money until they hold no more than those it delivers; its books agree."""
    rows = [
        x for x in body.lines if x["currency"] == "CNY" and _group(x) not in bank.moved and 2 * x.minor("ne_close") - x.minor("close") > 0
    ]
    rows = [x for x in rows if x.minor("close") > x.minor("ne_close")]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    by = 2 * line.minor("ne_close") - line.minor("close")
    for name, change in (("ne_close", -by), ("close", -by), ("ne_debit", by), ("debit", by)):
        line.add(name, change)
    bank.moved.add(_group(line))
    day = body.submission.first
    body.scope(fault, "G6", "GL_GROUP", _group(line), f"{day:%Y%m%d}", True)
    body.scope(fault, "G6", "GL_GROUP", _group(line), f"{day.fromordinal(day.toordinal() + 1):%Y%m%d}", False)
    return True


def _group(line: Line) -> str:
    return f"{line['branch_id']}|{line['gl_subject']}|{line['currency']}"


def control_balance_off(body: Body, bank: Bank, fault: str) -> bool:
    """The second channel states another sum of balances."""
    return _balance_cell(body, fault, "T2", lambda x: x.add("amount", 1 + draw(fault, "by") % 200_000))


def control_count_off(body: Body, bank: Bank, fault: str) -> bool:
    """The second channel counts one account more."""
    return _balance_cell(body, fault, "T3", lambda x: x.__setitem__("cnt", str(int(x["cnt"]) + 1)))


def _balance_cell(body: Body, fault: str, rule: str, change: Callable[[Line], None]) -> bool:
    rows = [x for x in body.lines if x["kind"] == "BALANCE"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    change(line)
    body.scope(fault, rule, "CONTROL_CELL", f"{line['branch_id']}|{line['currency']}|B", line["biz_date"], True)
    return True


def control_off(body: Body, bank: Bank, fault: str) -> bool:
    """The second channel states another amount."""
    rows = [x for x in body.lines if x["kind"] == "FLOW"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    line.add("amount", 1 + draw(fault, "by") % 200_000)
    body.scope(fault, "T1", "CONTROL_CELL", f"{line['branch_id']}|{line['currency']}|{line['dr_cr']}", line["biz_date"], True)
    return True


def wrong_uscc(body: Body, bank: Bank, fault: str) -> bool:
    """An account is sent again with a wrong check character."""
    rows = [x for x in body.lines if x["status"] == "NORMAL" and x["open_date"] < f"{body.submission.first:%Y%m}01"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    line["uscc"] = line["uscc"][:17] + next_char(line["uscc"][17])
    body.row(fault, "V06", line, True)
    return True


def wrong_name(body: Body, bank: Bank, fault: str) -> bool:
    """An account is sent again under a name that the registry does not have for its code."""
    rows = [x for x in body.lines if x["status"] == "NORMAL" and x["open_date"] < f"{body.submission.first:%Y%m}01"]
    if not rows:
        return False
    line = rows[draw(fault) % len(rows)]
    line["firm_name"] = f"新{line['firm_name']}"
    body.row(fault, "V08", line, True)
    return True

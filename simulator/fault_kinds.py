"""What each kind of fault does to the lines of a file, and which rules must then find what."""

from __future__ import annotations

from collections.abc import Callable

from simulator.fault_balances import (
    Bank,
    broken_chain,
    control_balance_off,
    control_count_off,
    control_off,
    count_off,
    eligible,
    ledger_off,
    missing_day,
    opened_with_balance,
    overdrawn,
    share_moved,
    trust_ended,
    wrong_name,
    wrong_subject,
    wrong_uscc,
)
from simulator.fault_lines import Body, Line, currency_of, draw


def _detail(body: Body, bank: Bank, fault: str, line: Line, primary: bool, sides: str) -> None:
    """An account-day whose transactions no longer fit its balance row, and the control cells of its branch."""
    key, day = f"{line['account_no']}|{currency_of(line)}", line["biz_date"]
    for rule in ("C3", "C4"):
        body.scope(fault, rule, "ACCOUNT_DAY", key, day, primary)
    body.scope(fault, "C5", "ACCOUNT_DAY", key, day, False)
    for side in sides:
        body.scope(fault, "T1", "CONTROL_CELL", f"{bank.branches[line['account_no']][0]}|{currency_of(line)}|{side}", day, primary)


def _per_day(body: Body) -> dict[tuple[str, str], int]:
    out: dict[tuple[str, str], int] = {}
    for x in body.lines:
        key = (x["account_no"], x["biz_date"])
        out[key] = out.get(key, 0) + 1
    return out


def _free(body: Body) -> Callable[[Line], bool]:
    """Plain lines that no reversal names: a reversal whose original is gone or changed would be a fault of its own."""
    return lambda x: _plain(x) and x["txn_no"] not in body.originals


def _plain(line: Line) -> bool:
    return line["reversal_flag"] == "N" and line["returned_flag"] == "N" and line["currency"] == "CNY" and line.minor("amount") > 0


def bad_encoding(body: Body, bank: Bank, fault: str) -> bool:
    """Two bytes of the counterparty's name are no text in UTF-8 nor GB18030."""
    free = _free(body)
    for line in eligible(body, fault, lambda x: free(x) and x["cpty_name"] != ""):
        _detail(body, bank, fault, line, False, line["dr_cr"])
        line.raw = line.text().replace(line["cpty_name"].encode(), b"\xff\xff" + line["cpty_name"].encode()[2:], 1)
        body.row(fault, "V04", line, True)
        return True
    return False


def field_count(body: Body, bank: Bank, fault: str) -> bool:
    """A field is lost."""
    for line in eligible(body, fault, _free(body)):
        _detail(body, bank, fault, line, False, line["dr_cr"])
        line.raw = "|".join(line.fields[:18] + line.fields[19:]).encode() + b"\n"
        body.row(fault, "V04", line, True)
        return True
    return False


def bad_enum(body: Body, bank: Bank, fault: str) -> bool:
    """A channel no bank has."""
    for line in eligible(body, fault, _plain):
        line["channel"] = "FAX"
        body.row(fault, "V13", line, True)
        return True
    return False


def currency_alias(body: Body, bank: Bank, fault: str) -> bool:
    """CNY under an old name; accepted with a warning."""
    for line in eligible(body, fault, _plain):
        line["currency"] = ("RMB", "156", "01")[draw(fault) % 3]
        body.row(fault, "V11", line, True)
        return True
    return False


def duplicate_same(body: Body, bank: Bank, fault: str) -> bool:
    """A row comes twice, the same."""
    for line in eligible(body, fault, _free(body)):
        body.lines.insert(body.lines.index(line) + 1, twin := line.copy())
        body.row(fault, "V17", twin, True)
        body.row(fault, "V17", line, False)
        _detail(body, bank, fault, line, False, line["dr_cr"])
        return True
    return False


def duplicate_other(body: Body, bank: Bank, fault: str) -> bool:
    """A key comes twice with different amounts."""
    for line in eligible(body, fault, _free(body)):
        body.lines.insert(body.lines.index(line) + 1, twin := line.copy())
        twin.add("amount", 100)
        for x in (line, twin):
            body.row(fault, "V17", x, True)
        _detail(body, bank, fault, line, False, line["dr_cr"])
        return True
    return False


def dropped(body: Body, bank: Bank, fault: str) -> bool:
    """A transaction is missing from a day with several."""
    days = _per_day(body)
    free = _free(body)
    for line in eligible(body, fault, lambda x: free(x) and days[x["account_no"], x["biz_date"]] > 1):
        body.lines.remove(line)
        _detail(body, bank, fault, line, True, line["dr_cr"])
        return True
    return False


def altered(body: Body, bank: Bank, fault: str) -> bool:
    """An amount was changed, the balances were not."""
    for line in eligible(body, fault, _free(body)):
        line.add("amount", 1 + draw(fault, "by") % 90_000)
        _detail(body, bank, fault, line, True, line["dr_cr"])
        return True
    return False


def flipped(body: Body, bank: Bank, fault: str) -> bool:
    """Debit and credit were exchanged."""
    for line in eligible(body, fault, _free(body)):
        line["dr_cr"] = "D" if line["dr_cr"] == "C" else "C"
        _detail(body, bank, fault, line, True, "CD")
        return True
    return False


def sequence_gap(body: Body, bank: Bank, fault: str) -> bool:
    """Sequence numbers of the last row of a day leave one out."""
    days = _per_day(body)
    for line in eligible(body, fault, lambda x: int(x["seq_no"]) == days[x["account_no"], x["biz_date"]] > 1):
        line["seq_no"] = str(int(line["seq_no"]) + 1)
        body.scope(fault, "C5", "ACCOUNT_DAY", f"{line['account_no']}|{currency_of(line)}", line["biz_date"], True)
        return True
    return False


def lost_original(body: Body, bank: Bank, fault: str) -> bool:
    """A reversal names an original that does not exist."""
    for line in eligible(body, fault, lambda x: x["reversal_flag"] == "R"):
        line["orig_txn_no"] = "9" + line["orig_txn_no"][1:]
        body.row(fault, "V19", line, True)
        return True
    return False


def over_reversed(body: Body, bank: Bank, fault: str) -> bool:
    """A reversal takes back more than its original gave."""
    for line in eligible(body, fault, lambda x: x["reversal_flag"] == "R" and x["orig_txn_no"] != ""):
        by = 1 + draw(fault, "by") % 90_000
        line.add("amount", by if line.minor("amount") > 0 else -by)
        body.row(fault, "V19", line, True)
        _detail(body, bank, fault, line, True, line["dr_cr"])
        return True
    return False


def wrong_card(body: Body, bank: Bank, fault: str) -> bool:
    """The check digit of a person's card is wrong."""
    for line in eligible(body, fault, lambda x: _plain(x) and x["cpty_account"].startswith("62") and len(x["cpty_account"]) == 19):
        line["cpty_account"] = line["cpty_account"][:-1] + str((int(line["cpty_account"][-1]) + 1) % 10)
        body.row(fault, "V15", line, True)
        return True
    return False


def nameless(body: Body, bank: Bank, fault: str) -> bool:
    """No transfer of the day names its counterparty."""
    large = [x for x in body.lines if x["instrument"] == "TRANSFER" and _plain(x) and x.minor("amount") >= 1_000_000]
    if not large or any((x["account_no"], x["biz_date"]) in body.used for x in large):
        return False
    for line in large:
        body.used.add((line["account_no"], line["biz_date"]))
        line["cpty_account"] = line["cpty_name"] = ""
    body.scope(fault, "V18", "BANK_DAY", body.submission.bank, large[0]["biz_date"], True)
    return True


KINDS: dict[str, tuple[str, Callable[[Body, Bank, str], bool], float, str]] = {
    "bad_encoding": ("TXN", bad_encoding, 1e-5, "rows"),
    "field_count": ("TXN", field_count, 1e-5, "rows"),
    "bad_enum": ("TXN", bad_enum, 1e-5, "rows"),
    "currency_alias": ("TXN", currency_alias, 1e-4, "rows"),
    "duplicate_same": ("TXN", duplicate_same, 2e-5, "rows"),
    "duplicate_other": ("TXN", duplicate_other, 5e-6, "rows"),
    "dropped": ("TXN", dropped, 1e-5, "rows"),
    "altered": ("TXN", altered, 5e-6, "rows"),
    "flipped": ("TXN", flipped, 2e-6, "rows"),
    "sequence_gap": ("TXN", sequence_gap, 1e-4, "days"),
    "lost_original": ("TXN", lost_original, 5e-5, "rows"),
    "broken_chain": ("BAL", broken_chain, 2e-4, "days"),
    "missing_day": ("BAL", missing_day, 1e-4, "days"),
    "wrong_subject": ("BAL", wrong_subject, 2e-4 / 35, "days"),
    "ledger_off": ("GL", ledger_off, 1e-3, "groups"),
    "control_off": ("CTL", control_off, 5e-4, "groups"),
    "count_off": ("GL", count_off, 1e-3, "groups"),
    "trust_ended": ("BAL", trust_ended, 1e-4, "days"),
    "share_moved": ("GL", share_moved, 1e-3, "groups"),
    "control_balance_off": ("CTL", control_balance_off, 5e-4, "groups"),
    "control_count_off": ("CTL", control_count_off, 5e-4, "groups"),
    "overdrawn": ("BAL", overdrawn, 5e-5, "days"),
    "over_reversed": ("TXN", over_reversed, 5e-5, "rows"),
    "wrong_card": ("TXN", wrong_card, 2e-5, "rows"),
    "opened_with_balance": ("BAL", opened_with_balance, 1e-3, "firms"),
    "nameless": ("TXN", nameless, 1e-3, "groups"),
    "wrong_uscc": ("ACCT", wrong_uscc, 3e-3 / 3, "firms"),
    "wrong_name": ("ACCT", wrong_name, 1e-3, "firms"),
}
"""Kind -> file type, what it does, rate, and what the rate counts: rows, account-days, ledger groups or firms of the dense days."""

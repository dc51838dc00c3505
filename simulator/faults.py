"""Planted faults: which files are changed, how, and what a correct check must find. None at fault scale 0.

Whole-file faults are decided first; faults of single rows go to bank-days without them, so that they can be found.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from simulator.fault_balances import Bank, Branches, Opened
from simulator.fault_kinds import KINDS
from simulator.fault_lines import Body, Line, draw
from simulator.files import Submission, Totals
from simulator.params import Params
from simulator.uscc import org_valid, valid

Written = tuple[Submission, bytes, int, Totals]
FILE_KINDS = {
    "file_missing": 0.003,
    "file_late": 0.02,
    "zero_for_full": 0.0005,
    "trailer_count": 0.001,
    "trailer_sum": 0.001,
    "wrong_digest": 0.0005,
}
IN_HISTORY = ("bad_enum", "dropped", "altered", "duplicate_other", "currency_alias")
ON_LAST = ("currency_alias", "dropped", "broken_chain", "control_off")
"""Kinds of which one is planted on the last day, so that the scored night has something to find."""


class Faults:
    """The plan of files and the faults in them; `apply` plants them and records truth."""

    def __init__(self, p: Params, plan: dict[tuple[str, str, int], Submission], branches: Branches, opened: Opened) -> None:
        self.p, self.plan = p, plan
        self.bank = Bank(branches, opened)
        self.truth: list[dict[str, Any]] = []
        self.consequence: list[dict[str, Any]] = []
        self._rows: dict[str, list[tuple[str, str]]] = {}
        self._whole: dict[str, tuple[str, str]] = {}
        self.left: dict[str, int] = {}
        if p.fault_scale > 0:
            self._plan_files()
            self._plan_rows()

    def _count(self, rate: float, population: float) -> int:
        return max(1, round(rate * population * self.p.fault_scale))

    def _days(self, *, margin: int = 2) -> list[tuple[str, int]]:
        """Bank-days of the dense days in drawn order, leaving out the first `margin` days and the last."""
        days = self.p.daily_dates[margin:-1]
        banks = sorted({bank for bank, _t, _k in self.plan})
        keys = [(bank, d.year * 10_000 + d.month * 100 + d.day) for bank in banks for d in days]
        return sorted(keys, key=lambda k: draw(self.p.seed, "bank-day", *k))

    def _plan_files(self) -> None:
        types = {"file_missing": ("CTL", "TXN", "GL"), "file_late": ("TXN", "BAL", "GL", "CTL", "ACCT"), "zero_for_full": ("TXN",), "trailer_count": ("TXN", "GL"), "trailer_sum": ("TXN", "BAL"), "wrong_digest": ("CTL", "TXN")}  # fmt: skip
        free = iter(self._days())
        total = len(self.p.daily_dates) * 5 * self.p.banks
        self.spoiled: set[tuple[str, int]] = set()
        for kind, rate in FILE_KINDS.items():
            for i in range(self._count(rate, total)):
                bank, day = next(free, ("", 0))
                if not day:
                    return
                key = (bank, types[kind][i % len(types[kind])], day)
                fault = f"{kind}-{i + 1}"
                self.plan[key] = self._spoil(kind, self.plan[key], fault)
                self._whole[self.plan[key].submission_id] = (kind, fault)
                if kind != "file_late":
                    self.spoiled.add((bank, day))
                self._note(fault, kind, bank, self.plan[key].first)

    def _spoil(self, kind: str, s: Submission, fault: str) -> Submission:
        self._whole_consequence(kind, s, fault)
        if kind == "file_missing":
            return replace(s, withheld=True)
        if kind == "file_late":
            late = datetime.combine(s.last + timedelta(days=1), time(6)) + timedelta(minutes=draw(self.p.seed, fault) % 540)
            return replace(s, sent_at=late)
        if kind == "zero_for_full":
            return replace(s, mode="ZERO")
        if kind == "trailer_count":
            return replace(s, wrong_trailer=1)
        if kind == "wrong_digest":
            return replace(s, wrong_digest=True)
        return replace(s, wrong_sum=100)

    def _whole_consequence(self, kind: str, s: Submission, fault: str) -> None:
        rule = {
            "file_missing": "C7",
            "file_late": "C7",
            "zero_for_full": "T1",
            "trailer_count": "V02",
            "trailer_sum": "V03",
            "wrong_digest": "V01",
        }[kind]
        if kind != "zero_for_full":  # its control cells are listed when the file is written
            self._fact(fault, rule, "FILE", s.submission_id, s.bank, s.first, True)

    def _plan_rows(self) -> None:
        p = self.p
        accounts, days = p.firms * 2.05, len(p.daily_dates)
        sizes = {"rows": p.firms * p.txns * days / 30, "days": accounts * days, "groups": p.banks * 4 * 2.5 * days, "firms": float(p.firms)}
        last = p.end.year * 10_000 + p.end.month * 100 + p.end.day
        for kind, (file_type, _f, rate, unit) in KINDS.items():
            order = [k for k in sorted(self._days(), key=lambda k: draw(p.seed, kind, *k)) if k not in self.spoiled and not self._near(k)]
            order = self._openings() if kind == "opened_with_balance" else order
            banks = sorted({b for b, _t, _k in self.plan})
            if kind in ON_LAST:
                order.insert(0, (banks[draw(p.seed, kind, "last") % len(banks)], last))
            n = self._count(rate, sizes[unit])
            self.left[kind] = n
            # account files hold few rows and reversals are rare, so more files are asked than are needed
            wanted = len(order) if kind in ("wrong_uscc", "wrong_name", "lost_original", "over_reversed") else n
            for i in range(wanted if order else 0):
                bank, day = order[i % len(order)]
                self._assign(kind, f"{kind}-{i + 1}", bank, file_type, day)
            if kind in IN_HISTORY and p.history:
                span = p.history[draw(p.seed, kind, "month") % len(p.history)]
                bank = banks[draw(p.seed, kind, "bank") % len(banks)]
                self._assign(kind, f"{kind}-h", bank, file_type, span[0].year * 100 + span[0].month)

    def _openings(self) -> list[tuple[str, int]]:
        """Banks and dates, or months of the history, in which accounts were opened, in drawn order."""
        found = []
        for no, day in self.bank.opened.items():
            bank, at = f"B{self.bank.branches[no][0][:4]}", day.year * 10_000 + day.month * 100 + day.day
            key = (bank, at) if day >= self.p.daily_from else (bank, at // 100)
            if key not in self.spoiled:
                found.append((draw(self.p.seed, "opening", no), key))
        return [key for _, key in sorted(found)]

    def _near(self, key: tuple[str, int]) -> bool:
        """Whether the day before or after is spoiled: a chain could not be followed there."""
        bank, day = key
        at = date(day // 10_000, day // 100 % 100, day % 100)
        beside = (at + timedelta(days=i) for i in (-1, 1))
        return any((bank, x.year * 10_000 + x.month * 100 + x.day) in self.spoiled for x in beside)

    def _assign(self, kind: str, fault: str, bank: str, file_type: str, key: int) -> None:
        self._rows.setdefault(self.plan[bank, file_type, key].submission_id, []).append((kind, fault))

    def _note(self, fault: str, kind: str, bank: str, day: date) -> None:
        self.truth.append({"fault_id": fault, "kind": kind, "bank_id": bank, "biz_date": day, "fixed_in_version": None})

    def _fact(self, fault: str, rule: str, scope: str, key: str, bank: str, day: date, primary: bool) -> None:
        self.consequence.append(
            {
                "fault_id": fault,
                "rule_id": rule,
                "scope_kind": scope,
                "scope_key": key,
                "bank_id": bank,
                "biz_date": f"{day:%Y%m%d}",
                "primary": primary,
            }
        )

    def touches(self, s: Submission) -> bool:
        """Whether the lines of a file are changed or must be looked at."""
        if self.p.fault_scale <= 0:
            return False
        follows = s.file_type in ("GL", "CTL") and (s.bank, f"{s.first:%Y%m%d}") in self.bank.ledger
        return s.file_type == "ACCT" or s.submission_id in self._rows or s.submission_id in self._whole or follows

    def apply(self, s: Submission, body: bytes, rows: int, totals: Totals) -> list[Written]:
        """The files sent in place of `s`."""
        lines = Body.of(s, body)
        if s.file_type in ("GL", "CTL"):
            self._follow(lines)
        for kind, fault in self._rows.get(s.submission_id, ()):
            if self.left[kind] <= 0 and not fault.endswith("-h"):
                continue
            if KINDS[kind][1](lines, self.bank, fault):
                self.left[kind] -= not fault.endswith("-h")
                self._note(fault, kind, s.bank, s.first)
        if s.file_type == "ACCT":
            self._exceptions(lines)
        if s.mode == "ZERO" and s.submission_id in self._whole:
            self._zero(lines)
        text, count, sums, facts = lines.finish()
        self.consequence += facts
        if s.mode == "ZERO":
            return [(s, b"", 0, {})]
        return [(s, text, count, sums)]

    def _follow(self, lines: Body) -> None:
        """Ledger and control totals that agree with a wrong balance of the same bank-day."""
        s = lines.submission
        for branch, subject, currency, change in self.bank.ledger.get((s.bank, f"{s.first:%Y%m%d}"), ()):
            for x in lines.lines:
                if x["branch_id"] != branch or x["currency"] != currency:
                    continue
                if s.file_type == "GL" and x["gl_subject"] == subject:
                    x.add("open", change["open"])
                    x.add("close", change["close"])
                    x["account_cnt"] = str(int(x["account_cnt"]) + change.get("count", 0))
                if s.file_type == "CTL" and x["kind"] == "BALANCE":
                    x.add("amount", change["close"])
                    x["cnt"] = str(int(x["cnt"]) + change.get("count", 0))

    def _zero(self, lines: Body) -> None:
        fault = self._whole[lines.submission.submission_id][1]
        cells = {(self.bank.branches[x["account_no"]][0], x["currency"], x["dr_cr"]) for x in lines.lines}
        for cell in sorted(cells):
            lines.scope(fault, "T1", "CONTROL_CELL", "|".join(cell), f"{lines.submission.first:%Y%m%d}", True)
        for account, currency in sorted({(x["account_no"], x["currency"]) for x in lines.lines}):
            lines.scope(fault, "C3", "ACCOUNT_DAY", f"{account}|{currency}", f"{lines.submission.first:%Y%m%d}", False)

    def _exceptions(self, lines: Body) -> None:
        """Codes that were really issued with a wrong check character of their own or of the organization: the registry has them as they are."""
        mine = {id(line) for _f, rule, line, _p in lines.notes if rule == "V06"}
        for x in lines.lines:
            if not org_valid(x["uscc"]):
                self._odd_code("org_exception", "V07", x, lines)
            if id(x) not in mine and not valid(x["uscc"]):
                self._odd_code("uscc_exception", "V06", x, lines)

    def _odd_code(self, kind: str, rule: str, line: Line, lines: Body) -> None:
        fault = f"{kind}-{line['uscc']}-{lines.submission.bank}"
        if all(t["fault_id"] != fault for t in self.truth):
            self._note(fault, kind, lines.submission.bank, lines.submission.first)
        lines.row(fault, rule, line, True)

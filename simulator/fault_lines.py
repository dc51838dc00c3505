"""Lines of one bank file that is to be changed: read, changed by field name, written again, with what follows for a check."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from lake.schemas.bank import FILE_FIELDS
from simulator.files import EXPONENT, Submission, Totals
from simulator.reference_data import ALIASES

POSITION = {t: {name: i + 1 for i, name in enumerate(names)} for t, names in FILE_FIELDS.items()}
SIDES = {"TXN": "dr_cr", "BAL": None, "GL": None, "CTL": "dr_cr", "ACCT": None}
AMOUNTS = {"TXN": "amount", "BAL": "closing", "GL": "close", "CTL": "amount", "ACCT": None}


def draw(*keys: object) -> int:
    """A whole number drawn from the keys; the same on every machine."""
    return int.from_bytes(blake2b("|".join(map(str, keys)).encode(), digest_size=8).digest(), "big")


class Line:
    """One D line; `raw` replaces its text when it no longer parses."""

    def __init__(self, text: str, file_type: str) -> None:
        self.fields = text.split("|")
        self.raw: bytes | None = None
        self._at = POSITION[file_type]

    def __getitem__(self, name: str) -> str:
        return self.fields[self._at[name]]

    def __setitem__(self, name: str, value: str) -> None:
        self.fields[self._at[name]] = value

    def copy(self) -> Line:
        """Another line with the same fields."""
        other = Line.__new__(Line)
        other.fields, other.raw, other._at = list(self.fields), self.raw, self._at
        return other

    def text(self) -> bytes:
        """The line as sent."""
        return self.raw if self.raw is not None else "|".join(self.fields).encode() + b"\n"

    def minor(self, name: str) -> int:
        """An amount field in minor units."""
        sign, digits = (-1, self[name][1:]) if self[name].startswith("-") else (1, self[name])
        return sign * int(digits.replace(".", ""))

    def add(self, name: str, minor: int) -> None:
        """Add minor units to an amount field."""
        places = len(self[name].partition(".")[2])
        value = self.minor(name) + minor
        whole = f"{abs(value):0{places + 1}d}"
        self[name] = ("-" if value < 0 else "") + (f"{whole[:-places]}.{whole[-places:]}" if places else whole)


@dataclass
class Body:
    """The lines of one file while faults are planted into it. `used` are account-days that already hold a fault, `originals` the
    numbers of transactions that a reversal of the file names."""

    submission: Submission
    lines: list[Line]
    used: set[tuple[str, str]] = field(default_factory=set)
    notes: list[tuple[str, str, Line, bool]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    originals: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, s: Submission, body: bytes) -> Body:
        """Read the lines of a file."""
        lines = [Line(x, s.file_type) for x in body.decode().split("\n") if x]
        reversed_here = {x["orig_txn_no"] for x in lines if x["orig_txn_no"]} if s.file_type == "TXN" else set()
        return cls(s, lines, originals=reversed_here)

    def row(self, fault: str, rule: str, line: Line, primary: bool) -> None:
        """A consequence for a row; its number is known when the file is finished."""
        self.notes.append((fault, rule, line, primary))

    def scope(self, fault: str, rule: str, kind: str, key: str, day: str, primary: bool) -> None:
        """A consequence for another scope of this bank on `day` (yyyymmdd)."""
        self.facts.append(
            {
                "fault_id": fault,
                "rule_id": rule,
                "scope_kind": kind,
                "scope_key": key,
                "bank_id": self.submission.bank,
                "biz_date": day,
                "primary": primary,
            }
        )

    def finish(self) -> tuple[bytes, int, Totals, list[dict[str, Any]]]:
        """Text, rows, totals (of the rows that parse) and consequences."""
        number = {id(line): i + 2 for i, line in enumerate(self.lines)}
        s = self.submission
        day = f"{s.first:%Y%m%d}"
        for fault, rule, line, primary in self.notes:
            at = line["biz_date"] if "biz_date" in POSITION[s.file_type] and line.raw is None else day
            key = f"{s.submission_id}:{number[id(line)]}"
            self.facts.append(
                {
                    "fault_id": fault,
                    "rule_id": rule,
                    "scope_kind": "ROW",
                    "scope_key": key,
                    "bank_id": s.bank,
                    "biz_date": at,
                    "primary": primary,
                }
            )
        return b"".join(x.text() for x in self.lines), len(self.lines), self._totals(), self.facts

    def _totals(self) -> Totals:
        out: Totals = {}
        amount, side = AMOUNTS[self.submission.file_type], SIDES[self.submission.file_type]
        for line in self.lines:
            if line.raw is not None:
                continue
            currency = line["currency"] if amount else "CNY"
            key = (currency, (line[side] or "B") if side else "C")
            n, total = out.get(key, (0, 0))
            out[key] = (n + 1, total + (line.minor(amount) if amount else 0))
        if self.submission.file_type == "TXN":
            for currency in {c for c, _s in out}:
                for x in "CD":
                    out.setdefault((currency, x), (0, 0))
        return out


def currency_of(line: Line) -> str:
    """Currency after aliases."""
    return "CNY" if line["currency"] in ALIASES else line["currency"]


def known(currency: str) -> bool:
    """Whether a currency is one of the province's."""
    return currency in EXPONENT

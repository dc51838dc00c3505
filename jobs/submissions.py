"""Which submissions of a bank are in force, and what each bank-day is covered by. Plain Python over some thousand rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

IN_FORCE = ("ACCEPTED", "PARTIAL")
LOOK_BACK = 45
"""Days before a night's first date whose files are looked at for the previous closing balance (sparse senders: a month)."""


@dataclass(frozen=True)
class Submission:
    """One file of one bank. `key` is its submission_id, made unique where a second file claims the same one."""

    key: str
    submission_id: str
    bank_id: str
    file_type: str
    first: date | None
    last: date | None
    version: int
    mode: str
    fresh: bool
    status: str
    sparse: bool = False

    @property
    def scope(self) -> tuple[str, str, date | None, date | None]:
        return (self.bank_id, self.file_type, self.first, self.last)


def received(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of bronze.bank_file with `file_key` and `readable`; order of processing is order of sending."""
    seen: set[str] = set()
    found = []
    for f in sorted(
        files,
        key=lambda f: (f["submission_id"], f["duplicate_of"] is not None, f["read_error"] is not None, f["file_name"], f["digest_actual"]),
    ):
        key = f["submission_id"] if f["submission_id"] not in seen else f"{f['submission_id']}#{f['digest_actual'][:8]}"
        seen.add(key)
        same = (f["digest_expected"] or "").lower() == f["digest_actual"].lower()
        readable = f["manifest_status"] == "OK" and f["read_error"] is None and f["duplicate_of"] is None and same
        found.append({**f, "file_key": key, "readable": readable})
    return found


def judge(files: Iterable[dict[str, Any]], blocked: set[str], sparse: set[str]) -> list[Submission]:
    """The night's files as submissions: DUPLICATE, BLOCKED (by `file_key`), SUPERSEDED by a REPLACE, else ACCEPTED."""
    subs = []
    for f in files:
        status = (
            "DUPLICATE" if f["duplicate_of"] is not None else "BLOCKED" if f["file_key"] in blocked or not f["readable"] else "ACCEPTED"
        )
        subs.append(Submission(
            f["file_key"], f["submission_id"], f["bank_id"], f["file_type"], f["from_date"], f["to_date"], f["version"] or 0,
            f["mode"] or "FULL", True, status, f["file_key"] in sparse,
        ))  # fmt: skip
    return supersede(subs)


def supersede(subs: list[Submission]) -> list[Submission]:
    """A REPLACE in force voids all earlier versions of its bank, type and dates."""
    voids: dict[tuple, int] = {}
    for s in subs:
        if s.mode == "REPLACE" and s.status in IN_FORCE:
            voids[s.scope] = max(voids.get(s.scope, 0), s.version)
    return [replace(s, status="SUPERSEDED") if s.status in IN_FORCE and s.version < voids.get(s.scope, 0) else s for s in subs]


def earlier(manifests: Iterable[dict[str, Any]], night: list[Submission]) -> list[Submission]:
    """Submissions of nights before that the night's dates need: in force, not voided by tonight, near tonight's dates."""
    spans: dict[str, tuple[date, date]] = {}
    for s in night:
        if s.status in IN_FORCE and s.first and s.last:
            low, high = spans.get(s.bank_id, (s.first, s.last))
            spans[s.bank_id] = (min(low, s.first), max(high, s.last))
    old = []
    for m in manifests:
        span = spans.get(m["bank_id"])
        if span is None or m["to_date"] < span[0] - timedelta(days=LOOK_BACK) or m["biz_date"] > span[1]:
            continue
        old.append(Submission(
            m["submission_id"], m["submission_id"], m["bank_id"], m["file_type"], m["biz_date"], m["to_date"], m["version"], m["mode"], False, m["status"],
        ))  # fmt: skip
    return [s for s in supersede([*old, *night]) if not s.fresh and s.status in IN_FORCE]


def bank_days(subs: Iterable[Submission]) -> list[dict[str, Any]]:
    """One row per bank and date that a file in force covers: which types, which arrived tonight, and `covered`, the number
    of days with a balance file up to it (equal differences of dates and of `covered` mean that no day between is missing)."""
    days: dict[tuple[str, date], dict[str, Any]] = {}
    for s in subs:
        if s.status not in IN_FORCE or s.first is None or s.last is None:
            continue
        for k in range((s.last - s.first).days + 1):
            day = s.first + timedelta(days=k)
            row = days.setdefault((s.bank_id, day), _empty(s.bank_id, day))
            name = s.file_type.lower()
            row[f"has_{name}"] = True
            row[f"fresh_{name}"] = row[f"fresh_{name}"] or s.fresh
            if name == "bal":
                row["dense"] = not s.sparse and s.mode != "ZERO"
                row["bal_submission_id"] = s.submission_id
    rows = [days[k] for k in sorted(days)]
    covered: dict[str, int] = {}
    for row in rows:
        covered[row["bank_id"]] = covered.get(row["bank_id"], 0) + row["has_bal"]
        row["covered"] = covered[row["bank_id"]]
    return rows


_TYPES = ("acct", "bal", "txn", "gl", "ctl")
BANK_DAY = {
    "bank_id": "string", "biz_date": "date", **{f"{p}_{t}": "boolean" for p in ("has", "fresh") for t in _TYPES}, "dense": "boolean",
    "bal_submission_id": "string", "covered": "int",
}  # fmt: skip
"""Columns of the view bank_day."""


def _empty(bank: str, day: date) -> dict[str, Any]:
    row: dict[str, Any] = {"bank_id": bank, "biz_date": day}
    row |= {f"{p}_{t}": False for p in ("has", "fresh") for t in _TYPES}
    return row | {"dense": False, "bal_submission_id": None, "covered": 0}

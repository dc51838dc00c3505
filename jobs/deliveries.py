"""What banks delivered and what they owe: files of the night with the versions before them, and files that did not come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from lake.clock import SHANGHAI, cut_off

ASKED_BACK = 3660
"""Days before the night of which missing files are told at most: a file may claim to begin in the year 1."""
AGAIN = 4
"""Nights after its date on which a file still missing is told of once more (T+5, T being the date)."""
DELIVERY = {
    "bank_id": "string", "file_type": "string", "from_date": "date", "to_date": "date", "submission_id": "string", "file_key": "string",
    "received": "boolean", "version": "int", "versions_before": "int", "minutes_late": "bigint", "nights": "int", "nights_before": "int",
}  # fmt: skip
"""Columns of the view delivery."""


def deliveries(
    plan: Mapping[str, Sequence[str]], files: Iterable[dict[str, Any]], known: Iterable[dict[str, Any]], as_of: date
) -> list[dict[str, Any]]:
    """Rows of the view delivery: the night's files, and those due that have not come and are to be told of tonight.

    `plan` gives the types that a bank owes for every date, from the first date it ever sent anything for; `known` are the
    submissions of nights before. A file received counts as delivered whatever the check makes of it: other rules tell that.
    `nights` are those since the last date of a file, `nights_before` the same as of the night checked last (null: its date
    was not over then), so that a night that was left out is caught up on.
    """
    earlier = list(known)
    tonight = [f for f in files if f["duplicate_of"] is None and f["from_date"] and f["to_date"]]
    last = max((m["as_of"] for m in earlier), default=None)
    versions: dict[tuple[str, str, date], set[int]] = defaultdict(set)
    spans: dict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
    for r, first in [*((m, m["biz_date"]) for m in earlier), *((f, f["from_date"]) for f in tonight)]:
        versions[r["bank_id"], r["file_type"], first].add(r["version"] or 0)
        spans[r["bank_id"], r["file_type"]].append((first, r["to_date"]))
    found = []
    for f in tonight:
        version = f["version"] or 0
        before = sum(v < version for v in versions[f["bank_id"], f["file_type"], f["from_date"]])
        found.append(_row(f, f["from_date"], f["to_date"], f["submission_id"], f["file_key"], as_of, last) | {
            "received": True, "version": version, "versions_before": before, "minutes_late": _minutes_late(f["sent_at"], f["to_date"]) if f["to_date"] <= as_of else None,
        })  # fmt: skip
    for bank in sorted(set(plan) & {b for b, _ in spans}):
        begun = min(first for (b, _), covered in spans.items() if b == bank for first, _ in covered)
        begun = max(begun, as_of - timedelta(days=ASKED_BACK))
        for file_type in plan[bank]:
            for day in _uncovered(spans[bank, file_type], _asked(begun, as_of, last)):
                name = f"{bank}_{file_type}_{day:%Y%m%d}_v00"
                found.append(_row({"bank_id": bank, "file_type": file_type}, day, day, name, name, as_of, last) | {
                    "received": False, "version": 0, "versions_before": 0, "minutes_late": None,
                })  # fmt: skip
    return found


def _row(of: dict[str, Any], first: date, last_date: date, name: str, key: str, as_of: date, last: date | None) -> dict[str, Any]:
    told = last is not None and last >= last_date
    return {
        "bank_id": of["bank_id"], "file_type": of["file_type"], "from_date": first, "to_date": last_date, "submission_id": name, "file_key": key,
        "nights": (as_of - last_date).days, "nights_before": (last - last_date).days if told and last else None,
    }  # fmt: skip


def _minutes_late(sent_at: Any, last_date: date) -> int | None:
    """Minutes from the deadline to the sending, negative for a file in time; None when the bank does not say when it sent it."""
    if sent_at is None:
        return None
    return int((sent_at.astimezone(SHANGHAI).replace(tzinfo=None) - cut_off(last_date)).total_seconds() // 60)


def _asked(begun: date, as_of: date, last: date | None) -> list[date]:
    """Dates whose missing files are told of tonight: those over since the night checked last, and those that reach T+5."""
    days = [begun + timedelta(days=k) for k in range((as_of - begun).days + 1)]
    if last is None:
        return days
    again = timedelta(days=AGAIN)
    return [d for d in days if d > last or last < d + again <= as_of]


def _uncovered(spans: Sequence[tuple[date, date]], days: Sequence[date]) -> list[date]:
    """Those of `days` (in order) that lie in no span."""
    left, k, reached = [], 0, date.min
    ordered = sorted(spans)
    for day in days:
        while k < len(ordered) and ordered[k][0] <= day:
            reached = max(reached, ordered[k][1])
            k += 1
        if day > reached:
            left.append(day)
    return left

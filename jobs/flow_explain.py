"""What explains the broken totals of a night: the rows of broken groups, collected, searched (expectations.explain), as dq.explanation.

Costs nothing on a night without broken totals, else at most six Spark queries, whatever the number of groups. The search is
capped (`MOST_DAYS`, `MOST_ROWS`): what lies beyond is told as `not_searched`; beyond `MOST_TOLD` a violation has no row.
"""

from __future__ import annotations

import logging
import time
from datetime import date
from typing import Any

import duckdb

from expectations.explain import NOT_SEARCHED, SUSPECTS, Cause
from expectations.explain.control import explain_cell
from expectations.explain.ledger import explain_group
from jobs.explain_days import Days
from jobs.explain_totals import cells, groups
from jobs.flow_night import Night

log = logging.getLogger(__name__)
MOST_DAYS = 5_000
"""Broken account-days searched in a night."""
MOST_ROWS = 500_000
"""Transactions collected for them."""
MOST_TOLD = 50_000
"""Violations of account-days that have a row, and of groups and cells: what one fault breaks for a million accounts needs no million rows."""
BROKEN = """
CREATE TABLE broken AS
  SELECT violation_id, rule_id, bank_id, biz_date, scope_kind, scope_key,
         row_number() OVER (PARTITION BY scope_kind = 'ACCOUNT_DAY' ORDER BY bank_id, biz_date, scope_key, rule_id) AS k
  FROM violation WHERE rule_id IN ('C1', 'C3', 'C4', 'G1', 'G2', 'T1') AND scope_kind IN ('ACCOUNT_DAY', 'GL_GROUP', 'CONTROL_CELL')
"""
LARGEST = 2**63 - 1

Row = dict[str, Any]


def rows(n: Night) -> list[Row]:
    """Rows of dq.explanation of the night, in the order of the violations' keys."""
    started = time.monotonic()
    broken, beyond = _violations(n)
    if not broken:
        return []
    found: dict[str, list[Cause]] = {}
    days = Days(n, [v for v in broken if v["scope_kind"] == "ACCOUNT_DAY"], MOST_DAYS, MOST_ROWS)
    days.left_out |= beyond
    for v in broken:
        if v["scope_kind"] == "ACCOUNT_DAY":
            found[v["violation_id"]] = [days.cause(v)]
    found |= _totals(n, [v for v in broken if v["scope_kind"] == "GL_GROUP"])
    found |= _controls(n, [v for v in broken if v["scope_kind"] == "CONTROL_CELL"], days)
    log.info("explained broken totals=%s seconds=%.1f", len(broken), time.monotonic() - started)
    return [_row(n, v, k, cause) for v in broken for k, cause in enumerate(found[v["violation_id"]], 1)]


def _violations(n: Night) -> tuple[list[Row], set[tuple[str, date]]]:
    """Violations that are broken totals, sorted, at most MOST_TOLD of account-days and as many of groups and cells; and the banks
    and dates of account-days beyond."""
    paths = [str(p) for p in n.scratch.paths("violation_row")]
    if not paths:
        return [], set()
    con = duckdb.connect()
    con.read_parquet(paths).create_view("violation")
    con.execute(BROKEN)
    found = con.execute(f"SELECT * EXCLUDE k FROM broken WHERE k <= {MOST_TOLD} ORDER BY bank_id, biz_date, scope_key, rule_id")
    names = [d[0] for d in found.description or []]
    told = [dict(zip(names, r, strict=True)) for r in found.fetchall()]
    beyond = con.execute(f"SELECT DISTINCT bank_id, biz_date FROM broken WHERE k > {MOST_TOLD} AND scope_kind = 'ACCOUNT_DAY'").fetchall()
    con.close()
    return told, set(beyond)


def _totals(n: Night, broken: list[Row]) -> dict[str, list[Cause]]:
    if not broken:
        return {}
    ledgers, accounts = groups(n, broken)
    found = {}
    for v in broken:
        name, currency = group_of(v["scope_key"])
        day, flow = (v["bank_id"], currency, v["biz_date"]), v["rule_id"] == "G2"
        here = ledgers.get(day, {})
        same = [p for p in here if "|".join(x for x in p if x is not None) == name]
        if len(same) != 1:  # a branch or subject with the sign that divides keys: two groups may share theirs
            found[v["violation_id"]] = [NOT_SEARCHED]
            continue
        place, own = same[0], here[same[0]]
        diffs = {p: g.net_diff if flow else g.close_diff for p, g in here.items()}
        diff = diffs.pop(place)
        known = {p: d for p, d in diffs.items() if d is not None}
        if diff == 0 and own.side_diff:
            # the net agrees and both sides are off: a reversal that one booked in red and the other in blue
            found[v["violation_id"]] = [Cause.of("flipped", own.side_diff, [own.ledger.ref])]
        elif diff is None or day not in accounts:
            found[v["violation_id"]] = [NOT_SEARCHED]
        else:
            found[v["violation_id"]] = [explain_group(place, diff, own.ledger, accounts[day], known, flow=flow)]
    return found


def _controls(n: Night, broken: list[Row], days: Days) -> dict[str, list[Cause]]:
    if not broken:
        return {}
    held = cells(n, broken)
    found = {}
    for v in broken:
        key, of_bank = (*cell_of(v["scope_key"]), v["biz_date"].toordinal()), held.get(v["bank_id"], {})
        if key not in of_bank or (v["bank_id"], v["biz_date"]) in days.left_out:
            found[v["violation_id"]] = [NOT_SEARCHED]
        else:
            found[v["violation_id"]] = explain_cell(key, of_bank, days.parts[v["bank_id"]])
    return found


def group_of(scope_key: str) -> tuple[str, str]:
    """Branch and subject as written, and currency, of a GL_GROUP key. Texts of banks may hold the sign that divides keys."""
    name, _, currency = scope_key.rpartition("|")
    return name, currency


def cell_of(scope_key: str) -> tuple[str | None, str, str]:
    """Branch (None: no account row names one), currency and side of a CONTROL_CELL key."""
    *branch, currency, side = ["", *scope_key.rsplit("|", 2)][-3:]
    return (branch[0] if scope_key.count("|") > 1 else None, currency, side)


def _row(n: Night, v: Row, part: int, cause: Cause) -> Row:
    amount = cause.amount if cause.amount is not None and abs(cause.amount) <= LARGEST else None
    same = {c: v[c] for c in ("violation_id", "rule_id", "bank_id", "biz_date", "scope_kind", "scope_key")}
    return same | {
        "source": "flows", "part": part, "kind": cause.kind, "amount_minor": amount, "suspects": " ".join(cause.suspects[:SUSPECTS]) or None,
        "suspect_cnt": len(cause.suspects), "as_of": n.as_of,
    }  # fmt: skip

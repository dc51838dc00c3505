"""`blast`: from one bank-day to the firms, indicators, scores and grades it touched, and back from a firm's score to its deliveries.

Read only, over the published tables (jobs.sql_views). Forward names what can rest on the day, by the windows of the
catalogue, and what moved since the last night that did not know it; other deliveries of those nights move values too.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import duckdb

from features import compiled, formula
from features.compiled import Compiled
from features.formula import Call, Constant
from features.vocabulary import FUNCTIONS
from jobs.sql_views import open_published
from lake.clock import add_months, known_at, latest_closed_month, month_start
from lake.errors import UsageError
from lake.schemas.outside import OUTSIDE
from lake.settings import Settings

Row = dict[str, Any]
FLOW_TABLES = frozenset({"acct_txn", "acct_balance_daily", "acct_account"})
"""Source tables of the catalogue that bank files fill."""
MONTHS_READ = 24
"""Months a snapshot reads, so a score rests on no older transaction."""
TAX_LAG = 5
"""Most months by which the latest due tax month lies behind the latest closed one; what is mixed with tax is counted from there."""


def as_json(found: Row) -> str:
    """What `forward` or `back` found, as JSON."""
    return json.dumps(found, ensure_ascii=False, indent=1, default=str)


def _rows(con: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[Row]:
    found = con.execute(query, values)
    names = [d[0] for d in found.description or []]
    return [dict(zip(names, r, strict=True)) for r in found.fetchall()]


def _has(con: duckdb.DuckDBPyConnection, *names: str) -> bool:
    known = {f"{s}.{t}" for s, t in con.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()}
    return set(names) <= known


def months_read(c: Compiled) -> int:
    """Months back from the latest one that a formula reads, offsets included; at least the latest."""
    reach = 1 if c.indicator.window == "point" else int(c.indicator.window[:-1])
    for n in formula.walk(c.tree):
        if isinstance(n, Call):
            given = {k: int(a.value) for k, a in zip(FUNCTIONS[n.function].args, n.args) if isinstance(a, Constant)}
            reach = max(reach, given.get("window", 1) + given.get("months", 0))
    return min(reach, MONTHS_READ)


def reads_day(c: Compiled, snapshot: date, day: date) -> bool:
    """Whether the indicator's value for `snapshot` can rest on account flows of `day`."""
    if not FLOW_TABLES & set(c.indicator.source_table.split(";")) or day > snapshot:
        return False
    if c.calendar == "day":
        days = 30 if c.indicator.window == "point" else 30 * int(c.indicator.window[:-1])
        return (snapshot - day).days < days
    closed, month = latest_closed_month(snapshot), month_start(day)
    back = (closed.year - month.year) * 12 + closed.month - month.month
    return 0 <= back < months_read(c) + (TAX_LAG if c.calendar == "tax" else 0)


DELIVERIES = """
SELECT submission_id, file_type, version, mode, status, row_cnt, sent_at, is_history, as_of AS night
FROM silver.sub_manifest WHERE bank_id = $bank AND $day BETWEEN biz_date AND to_date ORDER BY file_type, version, submission_id
"""
# The rows in force of a day: the highest version of each key. Parked rows are found by file and line, their accounts in bronze.
ACCEPTED = """
SELECT firm_id, count(*) AS rows, sum(CASE WHEN dr_cr = 'C' THEN amt_cny_fen ELSE 0 END)::BIGINT AS in_fen,
       sum(CASE WHEN dr_cr = 'D' THEN amt_cny_fen ELSE 0 END)::BIGINT AS out_fen
FROM (SELECT *, row_number() OVER (PARTITION BY txn_no, sub_no ORDER BY row_version DESC, available_at DESC) AS k
      FROM silver.acct_txn WHERE bank_id = $bank AND biz_date = $day) WHERE k = 1 GROUP BY firm_id
"""
BALANCES = "SELECT firm_id, count(DISTINCT account_id) AS accounts FROM silver.acct_balance_daily WHERE bank_id = $bank AND biz_date = $day GROUP BY firm_id"
PARKED = """
WITH line AS (
  SELECT DISTINCT q.submission_id, q.row_no, q.as_of FROM dq.quarantine q WHERE q.source = 'flows' AND q.bank_id = $bank AND q.biz_date = $day AND q.status = 'OPEN'
), sent AS (
  SELECT submission_id, row_no, account_id FROM bronze.bank_txn WHERE bank_id = $bank AND as_of IN (SELECT as_of FROM line)
  UNION ALL SELECT submission_id, row_no, account_id FROM bronze.bank_bal WHERE bank_id = $bank AND as_of IN (SELECT as_of FROM line)
), owner AS (SELECT account_id, any_value(firm_id) AS firm_id FROM silver.acct_account WHERE bank_id = $bank GROUP BY account_id)
SELECT owner.firm_id, count(DISTINCT (line.submission_id, line.row_no)) AS parked
FROM line JOIN sent USING (submission_id, row_no) JOIN owner USING (account_id) GROUP BY ALL
"""
SCORES = "SELECT firm_id, score, grade, limit_fen, confidence FROM score.firm_score WHERE snapshot_date = $snapshot"


def forward(settings: Settings, bank: str, day: date, night: date | None = None) -> Row:
    """What the deliveries of `bank` for accounting date `day` touched in the scores of `night` (default: the last published).

    Keys: bank, date, night, before (the last scored night that knew none of them, or null), deliveries, indicators (by
    dimension: name and id), firms (rows and parked rows of the day; score, grade, limit before and in the night; moved: how
    many of those indicators differ), grades (before, now, firms). UsageError when nothing was delivered for the day.
    """
    con = open_published(settings, night)
    if not _has(con, "silver.sub_manifest", "score.firm_score"):
        raise UsageError("the published night has no bank files or no scores: nothing to follow. Run `liushui run` first.")
    deliveries = _rows(con, DELIVERIES, bank=bank, day=day)
    if not deliveries:
        known = con.execute("SELECT min(biz_date), max(to_date) FROM silver.sub_manifest WHERE bank_id = $bank", {"bank": bank}).fetchone()
        first, last = known or (None, None)
        what = f"it delivered for {first} to {last}" if first else "no bank of that name has delivered"
        raise UsageError(f'nothing of {bank!r} for {day}: {what}. See `liushui sql "SELECT * FROM silver.sub_manifest"`.')
    nights = [d for (d,) in con.execute("SELECT DISTINCT snapshot_date FROM score.firm_score ORDER BY 1").fetchall()]
    taken = min(d["night"] for d in deliveries)
    at = night or nights[-1]
    before = max((d for d in nights if d < min(taken, at)), default=None)
    touched = _touched(con, bank, day)
    reads = [c for c in compiled.load() if reads_day(c, at, day)]
    moved = _moved(con, reads, before, at, list(touched)) if before else {}
    old = {r["firm_id"]: r for r in _rows(con, SCORES, snapshot=before)} if before else {}
    new = {r["firm_id"]: r for r in _rows(con, SCORES, snapshot=at)}
    firms = [_firm(f, row, old.get(f), new.get(f), moved.get(f)) for f, row in sorted(touched.items())]
    firms.sort(key=lambda r: (-(r["in_fen"] + r["out_fen"]), r["firm_id"]))
    dimensions: dict[str, list[str]] = {}
    for c in reads:
        dimensions.setdefault(c.indicator.dimension, []).append(c.indicator.name)
    return {"bank": bank, "date": day, "night": at, "before": before, "deliveries": deliveries, "indicators": dimensions, "firms": firms,
            "grades": _grades(firms)}  # fmt: skip


def _touched(con: duckdb.DuckDBPyConnection, bank: str, day: date) -> dict[str, Row]:
    found: dict[str, Row] = {}
    needed = {ACCEPTED: ("silver.acct_txn",), BALANCES: ("silver.acct_balance_daily",),
              PARKED: ("dq.quarantine", "bronze.bank_txn", "bronze.bank_bal", "silver.acct_account")}  # fmt: skip
    for query, tables in needed.items():
        for r in _rows(con, query, bank=bank, day=day) if _has(con, *tables) else ():
            empty = {"rows": 0, "in_fen": 0, "out_fen": 0, "accounts": 0, "parked": 0}
            found.setdefault(r.pop("firm_id"), empty).update(r)
    return found


def _firm(firm: str, row: Row, old: Row | None, new: Row | None, moved: int | None) -> Row:
    then, now = old or {}, new or {}
    return {
        "firm_id": firm, **row, "score_before": then.get("score"), "score": now.get("score"), "grade_before": then.get("grade"), "grade": now.get("grade"),
        "limit_before_fen": then.get("limit_fen"), "limit_fen": now.get("limit_fen"), "confidence": now.get("confidence"), "moved": moved,
    }  # fmt: skip


def _moved(con: duckdb.DuckDBPyConnection, reads: list[Compiled], before: date, at: date, firms: list[str]) -> dict[str, int]:
    """firm -> how many of the indicators differ between two snapshots."""
    counts: dict[str, int] = {}
    for dimension in dict.fromkeys(c.indicator.dimension for c in reads):
        names = [c.indicator.name for c in reads if c.indicator.dimension == dimension]
        differ = " + ".join(f'(a."{n}" IS DISTINCT FROM b."{n}")::INT' for n in names)
        query = f"""SELECT a.firm_id, {differ} AS n FROM feature.{dimension} a JOIN feature.{dimension} b USING (firm_id)
                    WHERE a.snapshot_date = $at AND b.snapshot_date = $before AND list_contains($firms, a.firm_id)"""
        for firm, n in con.execute(query, {"at": at, "before": before, "firms": firms}).fetchall():
            counts[firm] = counts.get(firm, 0) + n
    return counts


def _grades(firms: list[Row]) -> list[Row]:
    counts: dict[tuple[str, str], int] = {}
    for f in firms:
        key = (f["grade_before"] or "none", f["grade"] or "none")
        counts[key] = counts.get(key, 0) + 1
    return [{"before": a, "now": b, "firms": n} for (a, b), n in sorted(counts.items())]


RESTS_ON = """
WITH flow AS (
  SELECT bank_id, submission_id, 'TXN' AS file_type, biz_date, amt_cny_fen AS fen,
         row_number() OVER (PARTITION BY bank_id, txn_no, sub_no, biz_date ORDER BY row_version DESC, available_at DESC) AS k
  FROM silver.acct_txn WHERE firm_id = $firm AND biz_date BETWEEN $since AND $night AND available_at <= $known
  UNION ALL
  SELECT bank_id, submission_id, 'BAL', biz_date, NULL,
         row_number() OVER (PARTITION BY account_id, currency, biz_date ORDER BY row_version DESC, available_at DESC)
  FROM silver.acct_balance_daily WHERE firm_id = $firm AND biz_date BETWEEN $since AND $night AND available_at <= $known
), used AS (
  SELECT bank_id, submission_id, file_type, count(*) AS rows, coalesce(sum(abs(fen)), 0)::BIGINT AS turnover_fen, min(biz_date) AS first, max(biz_date) AS last
  FROM flow WHERE k = 1 GROUP BY ALL
), file AS (SELECT submission_id, any_value(mode) AS mode, any_value(status ORDER BY as_of DESC) AS status, min(as_of) AS night FROM silver.sub_manifest GROUP BY ALL)
SELECT used.*, file.mode, file.status, file.night FROM used LEFT JOIN file USING (submission_id) ORDER BY last DESC, bank_id, file_type, submission_id
"""


def back(settings: Settings, firm: str, night: date | None = None) -> Row:
    """What a firm's score of `night` (default: the last published) rests on.

    Keys: firm, night, score (the row of score.firm_score), banks (rows, turnover, days, files), deliveries (bank files with rows
    of the firm inside the 24 months a score reads, known in time), records (rows of the other sources by table and delivery).
    UsageError when the firm has no row in that night.
    """
    con = open_published(settings, night)
    nights = (
        _rows(con, "SELECT max(snapshot_date) AS night FROM score.firm_score WHERE firm_id = $firm", firm=firm)
        if _has(con, "score.firm_score")
        else []
    )
    at = night or (nights[0]["night"] if nights else None)
    score = _rows(con, "SELECT * FROM score.firm_score WHERE firm_id = $firm AND snapshot_date = $night", firm=firm, night=at) if at else []
    if not score:
        raise UsageError(
            f'firm {firm!r} has no score{f" of {night}" if night else ""}. Firms are named by their token (26 characters), see `liushui sql "SELECT firm_id FROM score.firm_score"`.'
        )
    assert at is not None
    closed = latest_closed_month(at)
    since = add_months(closed, 1 - MONTHS_READ)
    deliveries = (
        _rows(con, RESTS_ON, firm=firm, since=since, night=at, known=known_at(at))
        if _has(con, "silver.acct_txn", "silver.acct_balance_daily", "silver.sub_manifest")
        else []
    )
    banks: dict[str, Row] = {}
    for d in deliveries:
        b = banks.setdefault(
            d["bank_id"], {"bank_id": d["bank_id"], "files": 0, "rows": 0, "turnover_fen": 0, "first": d["first"], "last": d["last"]}
        )
        b |= {"files": b["files"] + 1, "rows": b["rows"] + d["rows"], "turnover_fen": b["turnover_fen"] + d["turnover_fen"]}
        b |= {"first": min(b["first"], d["first"]), "last": max(b["last"], d["last"])}
    return {"firm": firm, "night": at, "since": since, "score": score[0], "banks": [banks[b] for b in sorted(banks)], "deliveries": deliveries,
            "records": _records(con, firm, at)}  # fmt: skip


def _records(con: duckdb.DuckDBPyConnection, firm: str, at: date) -> list[Row]:
    """Rows of the other sources about the firm, known in time, by table and delivery."""
    found = []
    for name, (source, _, text) in OUTSIDE.items():
        key = next((k for k in ("firm_id", "party_id") if f"\n{k} " in f"\n{text}"), None)
        if key is None or not _has(con, f"silver.{name}"):
            continue
        query = f"SELECT submission_id, count(*) AS rows, max(ingested_at) AS last FROM silver.{name} WHERE {key} = $firm AND available_at <= $known GROUP BY ALL"
        found += [{"source": source, "table": name, **r} for r in _rows(con, query, firm=firm, known=known_at(at))]
    return sorted(found, key=lambda r: (r["source"], r["table"], r["submission_id"]))

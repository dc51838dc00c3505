"""`close-month`: quality, grade and rank of every bank for one closed month, into dq.quality. No Spark.

Reads what the checks left (dq, silver.sub_manifest, control totals) as known on the night that closes; a rerun for the same
month and night writes the same rows. A later night (samples answered, files replaced) writes rows of its own.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from expectations import quality, references
from expectations.quality import PARTS, Count
from expectations.quality_parts import ACCEPTED, COUNTS
from jobs import sample_judge
from jobs.dq_known import known
from jobs.runner import Report
from lake import store
from lake.clock import add_months, closed_on, latest_closed_month, month_end
from lake.errors import ConfigError, UsageError
from lake.settings import Settings

Row = dict[str, Any]
SHANGHAI_US = 8 * 3_600_000_000
TABLES = ("dq.violation", "dq.reconciliation", "dq.issue", "silver.sub_manifest", "silver.bank_control_flow")

VIEWS = f"""
CREATE TABLE days AS SELECT unnest(generate_series($first::DATE, $last::DATE, INTERVAL 1 DAY))::DATE AS day;
CREATE TABLE every_manifest AS
  SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY submission_id ORDER BY as_of DESC) AS k,
                        min(as_of) OVER (PARTITION BY submission_id) AS night FROM sub_manifest_known) WHERE k = 1;
CREATE TABLE manifest AS
  -- of a history only the bank's own time of sending is known; else the night that took the file tells
  SELECT m.*, CASE WHEN is_history THEN make_timestamp(epoch_us(sent_at) + {SHANGHAI_US}) <= to_date + INTERVAL 28 HOUR
                   ELSE night <= to_date END AS on_time,
         EXISTS (SELECT 1 FROM every_manifest r WHERE r.mode = 'REPLACE' AND r.status IN ('ACCEPTED', 'PARTIAL', 'SUPERSEDED') AND r.version > m.version
                 AND (r.bank_id, r.file_type, r.biz_date, r.to_date) = (m.bank_id, m.file_type, m.biz_date, m.to_date)) AS voided
  FROM every_manifest m WHERE m.biz_date <= $last AND m.to_date >= $first;
CREATE TABLE voided AS SELECT submission_id FROM manifest WHERE voided;
CREATE TABLE violation AS
  SELECT v.*, coalesce(v.biz_date, m.biz_date) AS day
  FROM violation_known v LEFT JOIN every_manifest m USING (submission_id) ANTI JOIN voided USING (submission_id)
  WHERE v.source = 'flows' AND coalesce(v.biz_date, m.biz_date) BETWEEN $first AND $last;
CREATE TABLE reconciliation AS
  SELECT * FROM reconciliation_known ANTI JOIN voided USING (submission_id) WHERE source = 'flows' AND biz_date BETWEEN $first AND $last;
CREATE TABLE issue AS
  SELECT *, due_on < $night AND status NOT IN ('RELEASED', 'REJECTED', 'WAIVED') AS past_due
  FROM (SELECT *, row_number() OVER (PARTITION BY issue_id ORDER BY as_of DESC) AS k FROM issue_known WHERE source = 'flows')
  WHERE k = 1 AND biz_date BETWEEN $first AND $last;
CREATE TABLE control AS
  SELECT c.*, c.txn_amt_minor * f.fen AS amt_fen, f.fen AS fen_per_minor
  FROM (SELECT *, row_number() OVER (PARTITION BY bank_id, branch_id, currency, biz_date, dr_cr ORDER BY row_version DESC, available_at DESC) AS k
        FROM bank_control_flow_known WHERE biz_date BETWEEN $first AND $last) c
  LEFT JOIN fx f ON f.currency = c.currency AND c.biz_date >= f.first AND c.biz_date < f.last
  WHERE k = 1;
"""


def month_views(settings: Settings, month: date, night: date) -> duckdb.DuckDBPyConnection:
    """A connection with the views of expectations.quality_parts, and `bank` (those that ever delivered, from which date on)."""
    con = duckdb.connect()
    for name in TABLES:
        known(con, settings, name, night)
    fx = [("CNY", date(1, 1, 1), references.FAR, 1.0), *((r.currency, r.first, r.last, float(r.fen_per_minor)) for r in references.rates())]
    con.register("fx", pa.table({n: list(v) for n, v in zip(("currency", "first", "last", "fen"), zip(*fx, strict=True), strict=True)}))
    plan = references.rows("ref_submission_plan")
    if odd := [r for r in plan if r["frequency"] != "daily"]:
        raise ConfigError(f"conf/ref/ref_submission_plan.csv: frequency {odd[0]['frequency']!r} of {odd[0]['bank_id']}; known: daily")
    con.register("plan_rows", pa.Table.from_pylist(plan))
    values = {"$first": f"DATE '{month}'", "$last": f"DATE '{month_end(month)}'", "$night": f"DATE '{night}'"}
    text = VIEWS
    for mark, value in values.items():
        text = text.replace(mark, value)
    con.execute(text)
    con.execute(
        f"CREATE TABLE bank AS SELECT bank_id, min(biz_date) AS since FROM every_manifest GROUP BY ALL HAVING since <= {values['$last']}"
    )
    con.execute(
        "CREATE TABLE plan AS SELECT p.bank_id, p.file_type, day FROM plan_rows p JOIN bank USING (bank_id) JOIN days ON day >= bank.since"
    )
    missing = con.execute("SELECT DISTINCT currency FROM control WHERE fen_per_minor IS NULL ORDER BY 1").fetchall()
    if missing:
        raise ConfigError(f"conf/ref/ref_fx_rate.csv has no parity of {', '.join(m[0] for m in missing)} for {month:%Y-%m}; add it.")
    return con


def counts(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Count]]:
    """bank -> part -> what failed of how much, for every bank that ever delivered."""
    found: dict[str, dict[str, Count]] = {b: {} for (b,) in con.execute("SELECT bank_id FROM bank").fetchall()}
    for part, query in COUNTS.items():
        for bank, failing, total in con.execute(query).fetchall():
            if bank in found:
                found[bank][part] = Count(int(failing), int(total))
    for parts in found.values():
        parts.setdefault("rectification", Count(0, 0))
    return found


def before(settings: Settings, month: date, night: date) -> dict[str, float | None]:
    """Q of the month before by bank, as known on `night`."""
    rows = [
        r
        for r in store.read(settings, "dq.quality", columns=["bank_id", "month", "q", "as_of"]).to_pylist()
        if r["month"] == add_months(month, -1) and r["as_of"] <= night
    ]
    return {r["bank_id"]: r["q"] for r in sorted(rows, key=lambda r: r["as_of"])}


def run(settings: Settings, month: date, as_of: date | None = None) -> Report:
    """Judge the banks' `month` on night `as_of` (default: the night that closes it). UsageError before that night."""
    night = as_of or closed_on(month)
    if night < closed_on(month):
        raise UsageError(f"month {month:%Y-%m} is closed on {closed_on(month)}, not on {night}. Give that or a later night as --as-of.")
    con = month_views(settings, month, night)
    accepted: dict[str, int] = dict(con.execute(ACCEPTED).fetchall())
    samples = {r["bank_id"]: r for r in sample_judge.judge(settings, month, night)}
    banks = quality.ranked(_judged(b, parts, accepted.get(b, 0), samples.get(b)) for b, parts in counts(con).items())
    con.close()
    if not banks:
        return Report(nothing=True)
    earlier = before(settings, month, night)
    rows = [_row(b, month, night, earlier.get(b.bank_id)) for b in banks]
    store.replace(settings, "dq.quality", store.rows_of("dq.quality", rows), f"as_of = DATE '{night}' AND month = DATE '{month}'")
    grades = {b.bank_id: b.grade for b in banks}
    return Report(len(rows), {"month": month.isoformat(), "grades": grades, "q": {b.bank_id: b.q for b in banks}})


def _judged(bank: str, parts: dict[str, Count], accepted: int, sample: Row | None) -> quality.BankQuality:
    """A bank's quality with its sample, which counts once no answer is waited for any more."""
    if sample and not sample["waiting"]:
        parts = {**parts, "sampling": Count(sample["critical"], sample["sampled"])}
    return quality.bank_quality(bank, parts, accepted, sample["cap"] if sample else None)


def _row(b: quality.BankQuality, month: date, night: date, earlier: float | None) -> Row:
    row: Row = {
        "bank_id": b.bank_id, "month": month, "q": b.q, "grade": b.grade, "rank": b.rank, "weight_measured": b.weight, "capped_at": b.cap,
        "trend": None if b.q is None or earlier is None else round(b.q - earlier, quality.DIGITS), "rows_accepted": b.rows_accepted, "as_of": night,
    }  # fmt: skip
    for part in PARTS:
        count = b.counts.get(part.name, Count(0, None))
        measured = b.scores[part.name] is not None
        row |= {
            f"{part.name}_failing": count.failing if measured else None, f"{part.name}_total": count.total if measured else None,
            f"{part.name}_score": b.scores[part.name],
        }  # fmt: skip
    return row


def month_of(text: str | None, today: date) -> date:
    """First day of the month `yyyy-mm`; the default is the latest month closed on `today`."""
    if text is None:
        return latest_closed_month(today)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as e:
        raise UsageError(f"--month {text!r} is not a month; expected yyyy-mm, for example 2026-08") from e

"""`doctor`: what is wrong with the last night, by job, source, file, rule and scope, the firms it reaches, and the command that helps.

Reads the night's partitions of the ledgers, dq and bronze with DuckDB; writes nothing. No Spark.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb

from expectations.explain import KINDS
from expectations.rules import load_rules
from jobs.ingest.names import parse_name
from jobs.report_arrival import FATES, FILES
from jobs.report_read import night_rows
from lake import store
from lake.arrow import arrow_schema
from lake.settings import Settings
from lake.tables import table

Row = dict[str, Any]
NIGHT = (
    "ops.pull", "ops.run", "ops.night", "dq.violation", "dq.quarantine", "dq.explanation", "dq.gate", "dq.reconciliation", "bronze.bank_file",
    "silver.sub_manifest",
)  # fmt: skip
SENT = {"bank_txn": ("account_id",), "bank_bal": ("account_id",), "bank_acct": ("account_id", "firm_id")}
"""Bronze rows by which a parked line leads to its firm."""
MOST = 30
"""Rows shown of a part."""

# a parked line leads to its account by the line as sent, the account to its owner by what was ever accepted, or by its own line
REACHED = """
CREATE TABLE held AS SELECT DISTINCT source, rule_id, severity, bank_id, file_type, submission_id, row_no FROM quarantine WHERE status = 'OPEN' AND source = 'flows';
CREATE TABLE line AS
  SELECT submission_id, row_no, account_id, NULL AS firm_id FROM bank_txn SEMI JOIN held USING (submission_id, row_no)
  UNION ALL SELECT submission_id, row_no, account_id, NULL FROM bank_bal SEMI JOIN held USING (submission_id, row_no)
  UNION ALL SELECT submission_id, row_no, account_id, firm_id FROM bank_acct SEMI JOIN held USING (submission_id, row_no);
CREATE TABLE owner AS SELECT account_id, any_value(firm_id) AS firm_id FROM acct_account SEMI JOIN line USING (account_id) GROUP BY account_id;
CREATE TABLE reached AS
  SELECT held.*, coalesce(owner.firm_id, line.firm_id) AS firm FROM held LEFT JOIN line USING (submission_id, row_no) LEFT JOIN owner USING (account_id);
"""
RULES = """
SELECT v.source, v.rule_id, v.bank_id, v.severity, v.violations, v.scope_kind, v.example, v.file, r.rows_parked, r.firms, x.causes, x.suspects
FROM (SELECT source, rule_id, bank_id, severity, count(*) AS violations, any_value(scope_kind ORDER BY scope_key) AS scope_kind, min(scope_key) AS example,
             any_value(coalesce(submission_id, file_type) ORDER BY scope_key) AS file FROM violation WHERE severity <> 'warn' GROUP BY ALL) v
LEFT JOIN (SELECT source, rule_id, bank_id, severity, count(DISTINCT (submission_id, row_no)) AS rows_parked, count(DISTINCT firm) AS firms FROM reached GROUP BY ALL) r
  USING (source, rule_id, bank_id, severity)
LEFT JOIN (SELECT rule_id, bank_id, list({'kind': kind, 'n': n} ORDER BY n DESC, kind) AS causes, any_value(suspects ORDER BY n DESC, kind) AS suspects
           FROM (SELECT rule_id, bank_id, kind, count(*) AS n, any_value(suspects ORDER BY scope_key) AS suspects FROM explanation GROUP BY ALL) GROUP BY ALL) x
  USING (rule_id, bank_id)
ORDER BY array_position(['block', 'quarantine'], v.severity), v.violations DESC, v.rule_id, v.bank_id
"""
FIRMS = """
SELECT firm, count(DISTINCT (submission_id, row_no)) AS rows_parked, string_agg(DISTINCT bank_id, ', ' ORDER BY bank_id) AS banks,
       string_agg(DISTINCT rule_id, ', ' ORDER BY rule_id) AS rules
FROM reached WHERE firm IS NOT NULL GROUP BY firm ORDER BY rows_parked DESC, firm
"""


def examine(settings: Settings, as_of: date) -> dict[str, list[Row]]:
    """What is wrong with night D, part by part; an empty part is in order. Each row names in `command` what helps.

    Parts: jobs, sources, stops (of the gate), lost (deliveries with rows unaccounted for), files (refused), rules (that parked
    or blocked data: source, file, rule, scope with an example, likely causes, rows parked, firms reached), firms (most parked
    rows first), publish.
    """
    con = duckdb.connect()
    for name in NIGHT:
        con.register(name.split(".")[1], night_rows(settings, name, as_of))
    _bronze(con, settings, as_of)
    con.execute(REACHED)
    return {
        "jobs": _jobs(con, as_of), "sources": _sources(con, as_of), "stops": _stops(con, as_of), "lost": _lost(con, as_of), "files": _files(con, as_of),
        "rules": _rules(con, as_of), "firms": [{**r, "command": f"liushui explain {r['firm']}"} for r in _rows(con, FIRMS)], "publish": _publish(con, as_of),
    }  # fmt: skip


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found = con.execute(query)
    names = [d[0] for d in found.description or []]
    return [dict(zip(names, r, strict=True)) for r in found.fetchall()]


def _bronze(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> None:
    """Views of the night's lines and of all accounts, read lazily: only the columns and partitions that a query needs."""
    for short, extra in SENT.items():
        _lazy(con, settings, f"bronze.{short}", f"submission_id, row_no, {', '.join(extra)}", f"as_of = DATE '{as_of}'")
    _lazy(con, settings, "silver.acct_account", "account_id, firm_id", f"as_of <= DATE '{as_of}'")


def _lazy(con: duckdb.DuckDBPyConnection, settings: Settings, name: str, columns: str, where: str) -> None:
    short = name.split(".")[1]
    there = store.exists(settings, name)
    con.register(
        f"all_{short}",
        store.open_table(store.uri(settings, name)).to_pyarrow_dataset() if there else arrow_schema(table(name)).empty_table(),
    )
    con.execute(f"CREATE VIEW {short} AS SELECT {columns} FROM all_{short} WHERE {where}")


def rerun(job: str, as_of: date) -> str:
    """The command that runs a job of `ops.run` again."""
    step, _, rest = job.partition("-")
    if step in ("pull", "check") and rest:
        source, _, bank = rest.partition("-")
        return f"liushui {step} {source}{f' --bank {bank}' if bank else ''} --as-of {as_of}"
    return f"liushui {job} --as-of {as_of}"


def _jobs(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    """Jobs whose last run failed; one that failed and then succeeded is in order."""
    query = """SELECT job, "at", detail FROM (SELECT *, row_number() OVER (PARTITION BY job ORDER BY "at" DESC) AS k FROM run)
               WHERE k = 1 AND status = 'FAILED' ORDER BY "at" """
    return [{**r, "command": rerun(r["job"], as_of)} for r in _rows(con, query)]


def _sources(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    query = """SELECT source, provider_id, unit, status, message FROM pull
               WHERE NOT is_history AND (status NOT IN ('DONE', 'NOTHING') OR message LIKE 'LATE%') ORDER BY ALL"""
    return [
        {**r, "command": rerun(f"pull-{r['source']}" + (f"-{r['provider_id']}" if r["source"] == "flows" else ""), as_of)} for r in _rows(con, query)
    ]  # fmt: skip


def _stops(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    found = _rows(con, "SELECT source, expectation, message FROM gate WHERE action = 'stop' AND NOT success ORDER BY ALL")
    return [{**r, "command": f"do not rerun; read reports/{as_of}/dq/{r['source']}/index.html"} for r in found]


def _lost(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    identity = " + ".join(FATES)
    query = f"""SELECT source, bank_id, submission_id, file_type, biz_date, received, received - ({identity}) AS missing FROM reconciliation
                WHERE received <> {identity} OR coalesce(received_amt_minor, 0) <> coalesce(accounted_amt_minor, 0) ORDER BY ALL"""
    return [{**r, "command": f"our fault: rerun {rerun('check-' + r['source'], as_of)}, then report it"} for r in _rows(con, query)]


def _files(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    """Files refused, with the rules that did it."""
    query = f"""SELECT f.bank_id, f.file_type, f.file_name, string_agg(DISTINCT v.rule_id, ', ' ORDER BY v.rule_id) AS rules,
                       coalesce(f.reason, any_value(v.expected || ' expected, found ' || v.actual ORDER BY v.rule_id)) AS reason
                FROM (SELECT x.*, b.submission_id FROM ({FILES}) x JOIN bank_file b USING (bank_id, file_name)) f
                LEFT JOIN violation v ON v.scope_kind = 'FILE' AND v.severity = 'block' AND (v.scope_key = f.submission_id OR starts_with(v.scope_key, f.submission_id || '#'))
                WHERE f.status = 'BLOCKED' GROUP BY f.bank_id, f.file_type, f.file_name, f.reason ORDER BY ALL"""
    return [{**r, "command": _again(r["bank_id"], r["file_type"], r["file_name"])} for r in _rows(con, query)]


def _again(bank: str, file_type: str | None, name: str) -> str:
    """What to ask the bank for in place of a refused file."""
    parsed = parse_name(name)
    version = f", version {parsed.version + 1:02d}" if parsed is not None else ""
    return f"ask {bank} for {file_type or 'the file'} again (REPLACE{version}); feedback/{bank}/ says why"


HELP: dict[str, Callable[[Row], str]] = {
    "V": lambda r: (
        f"ask {r['bank_id']} for the rows corrected (REPLACE or DELTA); then liushui pull flows --bank {r['bank_id']}, liushui check flows"
    ),
    "C": lambda r: f"ask {r['bank_id']} for the account-days of feedback/{r['bank_id']}/ as REPLACE or DELTA",
    "G": lambda r: (
        f"send {r['bank_id']}'s accounting unit the groups: liushui sql \"SELECT * FROM dq.violation WHERE rule_id = '{r['rule_id']}' AND bank_id = '{r['bank_id']}'\""
    ),
    "T": lambda r: f"compare with {r['bank_id']}'s statistics unit; what is open on T+5 becomes an issue",
}
"""What helps, by the family of the rule (first letter)."""


def _rules(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    known, found = {r.id: r for r in load_rules()}, []
    for r in _rows(con, RULES):
        causes = (r.pop("causes") or []) if r["severity"] != "block" else []
        suspects = r.pop("suspects")
        said = "; ".join(f"{KINDS[c['kind']][0]} ({c['n']:,})" for c in causes)
        help_ = (
            HELP.get(r["rule_id"][:1], lambda _r: "see docs/operator.md")
            if r["source"] == "flows"
            else lambda _r: f"ask {_r['bank_id']} to correct the records"
        )
        title = known[r["rule_id"]].title if r["rule_id"] in known else ""
        found.append({**r, "title": title, "causes": said, "suspects": suspects if causes else None, "command": help_(r)})
    return found


def _publish(con: duckdb.DuckDBPyConnection, as_of: date) -> list[Row]:
    if _rows(con, "SELECT 1 FROM night WHERE status = 'PUBLISHED'"):
        return []
    return [{"night": as_of, "state": "NOT published", "command": f"rerun what failed, then liushui publish --as-of {as_of}"}]

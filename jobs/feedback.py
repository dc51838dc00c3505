"""`feedback`: what a night found wrong, for each bank: `feedback/<bank>/<night>/findings.csv` and a page for a clerk. No Spark.

Both name files and lines, by which the bank finds its own rows; no account number, name or credit code stands in them. The
CSV is safe to open in a spreadsheet: a text that would be taken for a formula is led by an apostrophe. A rerun writes the
same bytes; a bank without findings gets no file, and one of an earlier run of the night is taken away.
"""

from __future__ import annotations

import csv
import io
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from expectations.explain import KINDS
from expectations.rules import load_rules
from jobs.ingest.bank import safe_folder
from jobs.report_read import night_rows
from jobs.runner import Report
from lake.settings import Settings

Row = dict[str, Any]
COLUMNS = (
    "rule", "severity", "due_on", "date", "file", "scope", "key", "lines", "expected", "found", "difference", "explanation", "suspects", "meaning", "meaning_zh", "what_to_do",
)  # fmt: skip
DO = {
    "block": "send the file again, whole and corrected (REPLACE, next version)",
    "quarantine": "send the rows corrected (REPLACE or DELTA, next version)",
    "warn": "no need to send again; correct it at the source",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")

QUERY = """
SELECT v.rule_id AS rule, v.severity, i.due_on, v.biz_date AS date, coalesce(v.submission_id, v.file_type) AS file, v.scope_kind AS scope,
       v.scope_key AS key, q.lines, v.expected, v.actual AS found, v.diff AS difference, x.kinds,
       x.suspects
FROM violation v
LEFT JOIN (SELECT bank_id, rule_id, biz_date, due_on FROM issue WHERE source = 'flows') i
  ON i.bank_id = v.bank_id AND i.rule_id = v.rule_id AND i.biz_date IS NOT DISTINCT FROM v.biz_date
LEFT JOIN (SELECT violation_id, string_agg(submission_id || ':' || row_no, ' ' ORDER BY submission_id, row_no) AS lines
           FROM quarantine WHERE source = 'flows' GROUP BY ALL) q ON q.violation_id = v.violation_id
LEFT JOIN (SELECT violation_id, list({'kind': kind, 'amount': amount_minor} ORDER BY part) AS kinds, string_agg(suspects, ' ' ORDER BY part) AS suspects
           FROM explanation GROUP BY ALL) x ON x.violation_id = v.violation_id
WHERE v.source = 'flows' AND v.bank_id = $bank
ORDER BY array_position(['block', 'quarantine', 'warn'], v.severity), v.rule_id, v.biz_date, v.scope_key, v.violation_id
"""


def safe(value: object) -> object:
    """A cell no spreadsheet computes: numbers stay, a text that begins like a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def cause_text(kind: str, amount: int | None) -> str:
    """A cause of dq.explanation in words, with what it explains in minor units."""
    en, zh = KINDS[kind]
    return f"{zh} {en}" + (f" ({amount:+,})" if amount else "")


def findings(con: duckdb.DuckDBPyConnection, bank: str) -> list[Row]:
    """The night's findings of one bank, hardest first."""
    cursor = con.execute(QUERY, {"bank": bank})
    names = [d[0] for d in cursor.description or []]
    rules = {r.id: r for r in load_rules()}
    rows = []
    for values in cursor.fetchall():
        row: Row = dict(zip(names, values, strict=True))
        rule, causes = rules.get(row["rule"]), row.pop("kinds") or []
        row |= {"causes": causes, "explanation": "; ".join(cause_text(c["kind"], c["amount"]) for c in causes)}
        row |= {"meaning": rule.sentence if rule else "", "meaning_zh": rule.sentence_zh if rule else "", "what_to_do": DO[row["severity"]]}
        rows.append(row)
    return rows


def as_csv(rows: list[Row]) -> bytes:
    """The findings as CSV: UTF-8 with the mark by which spreadsheets know it."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(COLUMNS)
    out.writerows([safe(row[c]) for c in COLUMNS] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def folder(settings: Settings, bank: str, as_of: date) -> Path:
    """Where the feedback of a bank's night lies, beside its receipts."""
    return settings.home / "feedback" / safe_folder(bank) / as_of.isoformat()


def run(settings: Settings, as_of: date) -> Report:
    """Write the feedback of night D for every bank that the night found something about."""
    from jobs.report_page import environment

    con = duckdb.connect()
    for name in ("dq.violation", "dq.issue", "dq.quarantine", "dq.explanation"):
        con.register(name.split(".")[1], night_rows(settings, name, as_of))
    banks = [b for (b,) in con.execute("SELECT DISTINCT bank_id FROM violation WHERE source = 'flows' ORDER BY 1").fetchall()]
    template, total = environment().get_template("feedback.html"), 0
    for bank in banks:
        rows = findings(con, bank)
        total += len(rows)
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row["severity"], row["rule"]), []).append(row)
        page = template.render(bank=bank, night=as_of, groups=groups, total=len(rows), titles={r.id: r for r in load_rules()}, most=50)
        _write(folder(settings, bank, as_of) / "findings.csv", as_csv(rows))
        _write(folder(settings, bank, as_of) / "index.html", page.encode())
    wanted = {folder(settings, b, as_of) for b in banks}
    for old in settings.folder("feedback").glob(f"*/{as_of.isoformat()}"):
        if old not in wanted:
            for name in ("findings.csv", "index.html"):
                (old / name).unlink(missing_ok=True)
    return Report(total, {"banks": {b: str(folder(settings, b, as_of)) for b in banks}}, nothing=not banks)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(body)
    draft.replace(path)

"""A page per bank beside the night report: what it sent, what broke, what is open by age, its quality over 12 months. No Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from expectations.explain import KINDS
from expectations.quality import PARTS
from expectations.rules import load_rules
from jobs.dq_known import known
from jobs.ingest.bank import safe_folder
from jobs.report_arrival import FILES, HELP
from jobs.report_read import NightViews, Row
from lake.clock import add_months
from lake.settings import Settings

AGES = (
    (0, 1, "tonight and yesterday"),
    (2, 3, "2 to 3 days"),
    (4, 10, "4 to 10 days"),
    (11, 30, "11 to 30 days"),
    (31, None, "over 30 days"),
)
"""Ages of open issues, in days since the night that opened them."""
MONTHS = 12
MOST_ISSUES = 30
CLOSED = "('RELEASED', 'REJECTED', 'WAIVED')"

DELIVERED = """
SELECT p.provider_id AS bank, p.unit AS file_type, p.deliveries AS files, p.bytes, p.status, CASE WHEN p.message LIKE 'LATE%' OR p.status = 'LATE' THEN true END AS late,
       p.message, r.* EXCLUDE (bank_id, file_type)
FROM pull p
LEFT JOIN (SELECT bank_id, file_type, sum(received)::BIGINT AS received, sum(accepted)::BIGINT AS accepted, sum(quarantined)::BIGINT AS quarantined,
                  sum(rejected + duplicate + superseded + deleted)::BIGINT AS others FROM reconciliation WHERE source = 'flows' GROUP BY ALL) r
  ON r.bank_id = p.provider_id AND r.file_type = p.unit
WHERE p.source = 'flows' ORDER BY bank, array_position(['ACCT', 'BAL', 'TXN', 'GL', 'CTL'], p.unit), file_type
"""
RULES = """
SELECT * FROM (
  SELECT bank_id AS bank, rule_id, severity, count(*) AS violations, min(biz_date) AS first, max(biz_date) AS last,
         any_value(expected ORDER BY scope_key) AS expected, any_value(actual ORDER BY scope_key) AS actual
  FROM violation WHERE source = 'flows' GROUP BY bank_id, rule_id, severity)
ORDER BY bank, array_position(['block', 'quarantine', 'warn'], severity), violations DESC, rule_id
"""
CAUSES = """
SELECT * FROM (SELECT bank_id AS bank, rule_id, kind, count(*) AS n, any_value(suspects ORDER BY scope_key) AS suspects FROM explanation GROUP BY ALL)
ORDER BY bank, rule_id, n DESC, kind
"""
ISSUES = f"""
SELECT bank_id AS bank, rule_id, biz_date, severity, violations, rows_parked, status, opened_on, due_on, $night - opened_on AS age, due_on < $night AS overdue
FROM (SELECT *, row_number() OVER (PARTITION BY issue_id ORDER BY as_of DESC) AS k FROM issue_known WHERE source = 'flows')
WHERE k = 1 AND status NOT IN {CLOSED} ORDER BY bank, opened_on, array_position(['block', 'quarantine', 'warn'], severity), rule_id, biz_date
"""
QUALITY = """
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY bank_id, month ORDER BY as_of DESC) AS k FROM quality_known WHERE month >= $first)
WHERE k = 1 ORDER BY bank_id, month
"""


def banks(settings: Settings, v: NightViews, as_of: date) -> list[Row]:
    """What the pages show, one entry per bank that was asked, found wrong, owes an answer or was ever judged; by bank."""
    con = duckdb.connect()
    known(con, settings, "dq.issue", as_of)
    known(con, settings, "dq.quality", as_of)
    issues = _rows(con, ISSUES.replace("$night", f"DATE '{as_of}'"))
    quality = _rows(con, QUALITY.replace("$first", f"DATE '{add_months(as_of.replace(day=1), -MONTHS)}'"))
    con.close()
    parts: dict[str, dict[str, list[Row]]] = {}
    for name, rows, key in (
        ("files", v.rows(DELIVERED), "bank"), ("refused", v.rows(f"SELECT * FROM ({FILES}) WHERE status = 'BLOCKED' ORDER BY file_name"), "bank_id"),
        ("rules", v.rows(RULES), "bank"), ("causes", v.rows(CAUSES), "bank"), ("issues", issues, "bank"), ("quality", quality, "bank_id"),
    ):  # fmt: skip
        for row in rows:
            parts.setdefault(row[key], {}).setdefault(name, []).append(row)
    return [_bank(name, parts[name]) for name in sorted(parts)]


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found = con.execute(query)
    names = [d[0] for d in found.description or []]
    return [dict(zip(names, r, strict=True)) for r in found.fetchall()]


def _bank(name: str, parts: dict[str, list[Row]]) -> Row:
    known_rules = {r.id: r for r in load_rules()}
    causes = parts.get("causes", [])
    for row in (rules := parts.get("rules", [])):
        rule = known_rules.get(row["rule_id"])
        row |= {
            "title": rule.title if rule else "",
            "title_zh": rule.title_zh if rule else "",
            "help": HELP.get(row["rule_id"][:1], "see docs/operator.md"),
        }
        row["causes"] = [{**c, "text": " ".join(reversed(KINDS[c["kind"]]))} for c in causes if c["rule_id"] == row["rule_id"]]
    issues = parts.get("issues", [])
    return {
        "name": name, "files": parts.get("files", []), "refused": parts.get("refused", []), "rules": rules, "issues": issues[:MOST_ISSUES],
        "issue_count": len(issues), "overdue": sum(bool(i["overdue"]) for i in issues), "ages": _ages(issues), "months": parts.get("quality", []),
        "parts": _latest_parts(parts.get("quality", [])),
    }  # fmt: skip


def _ages(issues: Iterable[Row]) -> list[Row]:
    """Open issues by age and severity, every age listed."""
    counts: Counter[tuple[int, str]] = Counter()
    for i in issues:
        k = next(k for k, (low, high, _) in enumerate(AGES) if i["age"] >= low and (high is None or i["age"] <= high))
        counts[k, i["severity"]] += 1
    severities = ("block", "quarantine", "warn")
    return [{"age": text, **{s: counts[k, s] for s in severities}} for k, (_, _, text) in enumerate(AGES)]


def _latest_parts(months: list[Row]) -> list[Row]:
    """The seven parts of the last month judged: what failed of how much, score and weight."""
    last = months[-1] if months else None
    return [
        {"part": p.name, "weight": p.weight, **{c: last[f"{p.name}_{c}"] for c in ("failing", "total", "score")}} for p in PARTS if last
    ]


def page_name(bank: str) -> str:
    """File name of a bank's page beside the night's."""
    return f"bank-{safe_folder(bank)}.html"


def write(folder: Path, as_of: date, found: list[Row], put: Any) -> int:
    """Write the pages with `put(path, text)`; those of banks that no longer have one are taken away. Returns how many."""
    from jobs.report_page import render_bank

    wanted = {page_name(b["name"]) for b in found}
    for b in found:
        put(folder / page_name(b["name"]), render_bank(as_of, b))
    for old in folder.glob("bank-*.html"):
        if old.name not in wanted:
            old.unlink()
    return len(found)

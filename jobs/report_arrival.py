"""What arrived and what broke: the parts of a night before its scores, as plain rows for report and summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from expectations.explain import KINDS
from expectations.rules import load_rules
from jobs.report_read import NightViews, Row

SOURCES = ("flows", "tax", "court", "registry", "loans")
FATES = ("accepted", "quarantined", "rejected", "duplicate", "superseded", "deleted")
MOST_ISSUES = 25

HELP = {
    "V": "ask the bank for a REPLACE of the file, then `liushui pull flows`, `liushui check flows`",
    "G": "send the bank's accounting unit the group's figures: `liushui sql \"select * from dq.violation where rule_id like 'G%'\"`",
    "C": "ask the bank for the account-days named in the issue, as REPLACE or DELTA",
    "T": "compare with the bank's statistics unit; what is open on T+5 becomes an issue",
}
"""What helps, by the family of the rule (first letter)."""

# a file is copied, decided by the check, or (when the check could not even register it) blocked
FILES = """
SELECT f.bank_id, f.file_type, f.file_name, CASE WHEN f.duplicate_of IS NOT NULL THEN 'DUPLICATE' ELSE coalesce(m.status, 'BLOCKED') END AS status,
       coalesce(f.read_error, CASE WHEN f.manifest_status <> 'OK' THEN 'manifest ' || lower(f.manifest_status) END,
                CASE WHEN f.duplicate_of IS NOT NULL THEN 'a copy of ' || f.duplicate_of END) AS reason
FROM bank_file f LEFT JOIN (SELECT submission_id, file_name, max(status) AS status FROM sub_manifest GROUP BY ALL) m USING (submission_id, file_name)
"""


@dataclass(frozen=True)
class Arrival:
    """Sources, banks and files of a night."""

    sources: list[Row]
    banks: list[Row]
    refused: list[Row]
    files: dict[str, int]
    missing: list[str]
    late: list[str]


def arrival(v: NightViews) -> Arrival:
    """What the sources delivered; a source without any row in `ops.pull` was not pulled."""
    units = v.rows(
        """SELECT source, count(DISTINCT provider_id) AS providers, sum(deliveries)::BIGINT AS deliveries, sum(rows)::BIGINT AS rows,
                  sum(bytes)::BIGINT AS bytes, CASE WHEN bool_or(status = 'FAILED') THEN 'FAILED' WHEN bool_or(status = 'DONE') THEN 'DONE'
                  WHEN bool_or(status = 'LATE') THEN 'LATE' ELSE 'NOTHING' END AS status,
                  string_agg(DISTINCT message, '; ') FILTER (source <> 'flows' AND message IS NOT NULL) AS message
           FROM pull WHERE NOT is_history GROUP BY source"""
    )
    known = {u["source"]: u for u in units}
    empty = {"providers": 0, "deliveries": 0, "rows": 0, "bytes": 0, "status": "NOT PULLED", "message": None}
    sources = [known.get(s, {"source": s, **empty}) for s in SOURCES]
    banks = v.rows(
        """SELECT p.provider_id AS bank, sum(deliveries)::BIGINT AS files, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
                  string_agg(unit, ', ' ORDER BY unit) FILTER (status = 'LATE' OR message LIKE 'LATE%') AS late, bool_or(status = 'FAILED') AS failed,
                  max(message) FILTER (status = 'FAILED') AS message
           FROM pull p WHERE source = 'flows' AND NOT is_history GROUP BY ALL ORDER BY bank"""
    )
    counts = {r["status"]: r["n"] for r in v.rows(f"SELECT status, count(*) AS n FROM ({FILES}) GROUP BY ALL")}
    files = {
        "received": sum(counts.values()),
        "accepted": counts.get("ACCEPTED", 0) + counts.get("PARTIAL", 0),
        "blocked": counts.get("BLOCKED", 0),
    }
    return Arrival(
        sources=sources,
        banks=banks,
        refused=v.rows(f"SELECT * FROM ({FILES}) WHERE status IN ('BLOCKED', 'DUPLICATE') ORDER BY status, bank_id, file_name LIMIT 40"),
        files=files,
        missing=[s["source"] for s in sources if s["status"] in ("FAILED", "NOT PULLED")],
        late=[f"{b['bank']} ({b['late']})" for b in banks if b["late"]],
    )


@dataclass(frozen=True)
class Quality:
    """Violations, parked rows, issues, stops of the gate, and the identity of received rows."""

    rules: list[Row]
    issues: list[Row]
    issue_count: int
    parked: list[Row]
    stops: list[str]
    reconciliation: list[Row]
    rows: dict[str, int]
    unaccounted: list[Row]

    @property
    def violations(self) -> dict[str, int]:
        """Rule -> number of violations."""
        counts: dict[str, int] = {}
        for r in self.rules:
            counts[r["rule_id"]] = counts.get(r["rule_id"], 0) + r["violations"]
        return counts


def quality(v: NightViews, as_of: date) -> Quality:
    """What the checks found in the night."""
    sums = ", ".join(f"sum({c})::BIGINT AS {c}" for c in ("received", *FATES))
    identity = f"{' + '.join(FATES)}"
    amount = "coalesce(received_amt_minor, 0) - coalesce(accounted_amt_minor, 0)"
    reconciliation = v.rows(
        f"""SELECT source, bank_id, {sums}, sum(received - ({identity}))::BIGINT AS missing, sum({amount})::HUGEINT AS missing_minor
            FROM reconciliation GROUP BY source, bank_id ORDER BY array_position({list(SOURCES)}, source), bank_id"""
    )
    total = v.one(f"SELECT {', '.join(f'coalesce(sum({c}), 0)::BIGINT AS {c}' for c in ('received', *FATES))} FROM reconciliation")
    unaccounted = v.rows(
        f"""SELECT source, bank_id, file_type, biz_date, submission_id, received, received - ({identity}) AS missing, {amount} AS missing_minor
            FROM reconciliation WHERE received <> {identity} OR {amount} <> 0 ORDER BY ALL LIMIT 20"""
    )
    return Quality(
        rules=_rules(v),
        issues=_issues(v, as_of),
        issue_count=v.one("SELECT count(*) AS n FROM issue WHERE status NOT IN ('RELEASED', 'REJECTED', 'WAIVED')")["n"],
        parked=v.rows(
            """SELECT bank_id, file_type, count(*) AS rows, count(*) FILTER (cascade_of IS NOT NULL) AS cascades, string_agg(DISTINCT rule_id, ', ') AS rules
               FROM quarantine WHERE status = 'OPEN' GROUP BY ALL ORDER BY rows DESC, bank_id, file_type LIMIT 20"""
        ),
        stops=[
            f"{r['source']}: {r['message']}"
            for r in v.rows("SELECT source, message FROM gate WHERE action = 'stop' AND NOT success ORDER BY ALL")
        ],
        reconciliation=reconciliation,
        rows=total,
        unaccounted=unaccounted,
    )


def _rules(v: NightViews) -> list[Row]:
    """Violations by rule and severity, with the banks and one example; hardest first."""
    found = v.rows(
        """WITH b AS (SELECT rule_id, severity, bank_id, count(*) AS n, any_value(expected ORDER BY scope_key) AS expected,
                             any_value(actual ORDER BY scope_key) AS actual FROM violation GROUP BY ALL)
           SELECT rule_id, severity, sum(n)::BIGINT AS violations, count(*) AS bank_count,
                  list(bank_id || ': ' || n ORDER BY n DESC, bank_id)[:6] AS banks, arg_max(expected, n) AS expected, arg_max(actual, n) AS actual
           FROM b GROUP BY rule_id, severity
           ORDER BY array_position(['block', 'quarantine', 'warn'], severity), violations DESC, rule_id"""
    )
    known = {r.id: r for r in load_rules()}
    causes: dict[str, list[str]] = {}
    for c in v.rows("SELECT rule_id, kind, count(*) AS n FROM explanation GROUP BY ALL ORDER BY rule_id, n DESC, kind"):
        causes.setdefault(c["rule_id"], []).append(f"{KINDS[c['kind']][0]}: {c['n']:,}")
    for row in found:
        row["causes"] = causes.get(row["rule_id"], []) if row["severity"] != "block" else []
        rule = known.get(row["rule_id"])
        row["title"], row["title_zh"] = (rule.title, rule.title_zh) if rule else ("", "")
        row["sentence"] = rule.sentence if rule else ""
        row["help"] = HELP.get(row["rule_id"][:1], "see docs/operator.md")
    return found


def _issues(v: NightViews, as_of: date) -> list[Row]:
    return v.rows(
        f"""SELECT issue_id, bank_id, rule_id, biz_date, severity, violations, rows_parked, status, due_on, due_on < DATE '{as_of}' AS overdue
            FROM issue WHERE status NOT IN ('RELEASED', 'REJECTED', 'WAIVED')
            ORDER BY array_position(['block', 'quarantine', 'warn'], severity), rows_parked DESC, bank_id, rule_id, biz_date LIMIT {MOST_ISSUES}"""
    )


def steps(v: NightViews) -> list[Row]:
    """The last run of each job of the night, in the order they ended."""
    return v.rows(
        """SELECT job, status, seconds, rows FROM (SELECT *, row_number() OVER (PARTITION BY job ORDER BY "at" DESC) AS k FROM run) WHERE k = 1 ORDER BY "at" """
    )


def pct(part: float, whole: float) -> float | None:
    """Share, None without a whole."""
    return part / whole if whole else None


def as_json_counts(rows: list[Row], key: str, value: str) -> dict[str, Any]:
    """{key: value} of rows."""
    return {r[key]: r[value] for r in rows}

"""Last step of the check of bank files: findings, the gate, silver, the submissions of the night, the counts it reports."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import functions as F

from expectations.reconcile import CLASSES
from expectations.rules import load_rules
from jobs import flow_explain, receipts
from jobs.dq_publish import Findings
from jobs.flow_night import Night
from jobs.flow_outcome import SILVER, Outcome
from jobs.runner import Report
from lake import files, store


def publish(n: Night, result: Outcome) -> Report:
    """Publish the findings, pass the gate, publish silver. Raises GateFailed before silver when the gate stops the run."""
    found = Findings(n.lake, n.scratch, "flows", n.as_of)
    found.publish("dq.violation", n.scratch.paths("violation_file", "violation_row"))
    found.publish("dq.quarantine", n.scratch.paths("quarantine"))
    found.publish("dq.reconciliation", n.scratch.paths("reconciliation"))
    found.put("dq.explanation", flow_explain.rows(n))
    found.issues(result.violations, result.quarantined)
    written = {name: n.scratch.paths(*frames) for name, frames in SILVER.items()}
    found.judge([r for r in load_rules() if r.stage != "records"], result.violations, result.reconciliation, written)
    for name, paths in written.items():
        files.publish(n.lake.settings, name, paths, as_of=n.as_of)
    sums = [F.sum(c).cast("bigint").alias(c) for c in ("received", *CLASSES)]
    per_file = [r.asDict() for r in result.reconciliation.groupBy("bank_id", "submission_id").agg(*sums).collect()]
    path = n.scratch.file("sub_manifest.parquet")
    status = _status(n, {r["submission_id"] for r in per_file if r["quarantined"]})
    pq.write_table(store.rows_of("silver.sub_manifest", _manifests(n, status)), path)
    files.publish(n.lake.settings, "silver.sub_manifest", [path], as_of=n.as_of)
    receipts.write(n.lake.settings, n.as_of, _receipts(n, status, per_file))
    return _report(n, result, per_file)


def _status(n: Night, partly: set[str]) -> dict[str, str]:
    """What became of each file, by file_key: as judged, PARTIAL where it was accepted without some of its rows."""
    return {s.key: "PARTIAL" if s.status == "ACCEPTED" and s.submission_id in partly else s.status for s in n.subs}


def _receipts(n: Night, status: dict[str, str], per_file: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Unsigned receipts of the night's files. Rows are those of the submission; a second file of its name has none of its own."""
    rows = {r["submission_id"]: {c: int(r[c]) for c in ("received", *CLASSES)} for r in per_file}
    refused = receipts.refusals(n.scratch.paths("violation_file"))
    none = dict.fromkeys(("received", *CLASSES), 0)
    return [
        receipts.receipt(f, status[f["file_key"]], rows.get(f["file_key"], none), refused.get(f["file_key"], []), n.as_of) for f in n.files
    ]


def _manifests(n: Night, status: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of silver.sub_manifest. A delivery without a readable manifest has none: it stays in bronze.bank_file only."""
    rows = []
    for f in n.files:
        if f["manifest_status"] != "OK" or f["duplicate_of"] is not None or f["file_key"] != f["submission_id"]:
            continue
        rows.append({
            "bank_id": f["bank_id"], "biz_date": f["from_date"], "to_date": f["to_date"], "file_type": f["file_type"], "version": f["version"],
            "submission_id": f["submission_id"], "mode": f["mode"], "file_name": f["file_name"], "row_cnt": f["rows_manifest"],
            "digest_alg": f["digest_alg"], "digest": f["digest_expected"], "sent_at": f["sent_at"],
            "status": status[f["file_key"]], "is_history": n.history, "as_of": n.as_of,
        })  # fmt: skip
    return sorted(rows, key=lambda r: r["submission_id"])


def _report(n: Night, result: Outcome, per_file: list[dict[str, Any]]) -> Report:
    """Counts of files and rows, of violations by rule, and the same by bank."""
    states = Counter(s.status for s in n.subs)
    rows = {c: sum(r[c] for r in per_file) for c in ("received", *CLASSES)}
    rules = {r.rule_id: r.n for r in result.violations.groupBy("rule_id").agg(F.count("*").alias("n")).orderBy("rule_id").collect()}
    banks: dict[str, dict[str, int]] = {}
    for s in n.subs:
        bank = banks.setdefault(s.bank_id, {"files": 0, "blocked": 0, **dict.fromkeys(("received", *CLASSES), 0)})
        bank["files"] += 1
        bank["blocked"] += s.status == "BLOCKED"
    for r in per_file:
        for c in ("received", *CLASSES):
            banks[r["bank_id"]][c] += r[c]
    accepted = states["ACCEPTED"]
    totals = {
        "received": len(n.subs),
        "accepted": accepted,
        "blocked": states["BLOCKED"],
        "duplicate": states["DUPLICATE"],
        "superseded": states["SUPERSEDED"],
    }
    detail = {"files": totals, "rows": rows, "violations": rules, "banks": banks}
    return Report(rows["accepted"], detail)

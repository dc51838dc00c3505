"""A small hand-made night in the lake: enough of every table for the report, with a figure of each kind in it."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from lake import store
from lake.clock import cut_off, known_at
from lake.schemas.derived import catalogue, dimensions
from lake.settings import Settings
from lake.tables import table
from models.scorecard import GRADES

NIGHT = date(2026, 9, 14)
SOURCES = ("flows", "tax", "court", "registry", "loans")
BANKS = ("B0001", "B0002", "B0003")


def token(i: int) -> str:
    """A firm's token."""
    return hashlib.sha256(str(i).encode()).hexdigest()[:26].upper()


def write(settings: Settings, name: str, rows: list[dict[str, Any]]) -> None:
    """Append rows; columns not given are null."""
    blank = dict.fromkeys(table(name).names)
    store.replace(settings, name, store.rows_of(name, [{**blank, **r} for r in rows]), None)


def pulls(settings: Settings, as_of: date = NIGHT, *, down: tuple[str, ...] = (), late: tuple[str, ...] = ()) -> None:
    """`ops.pull`: three banks of five file types, four outside sources; some down, some banks late with TXN."""
    rows = []
    at = datetime(2026, 9, 15, 1, 0)
    common = {"as_of": as_of, "watermark_to": cut_off(as_of), "is_history": False, "at": at}
    for bank in BANKS:
        for k, unit in enumerate(("ACCT", "BAL", "TXN", "GL", "CTL")):
            is_late = bank in late and unit == "TXN"
            status = "FAILED" if "flows" in down else "LATE" if is_late else "DONE"
            n = 0 if status != "DONE" else 1000 * (k + 1)
            message = f"LATE: the file of {as_of} has not arrived" if is_late else None
            rows.append({**common, "pull_id": f"flows-{bank}-{as_of:%Y%m%d}", "source": "flows", "provider_id": bank, "unit": unit,
                         "deliveries": int(n > 0), "rows": n, "bytes": n * 40, "status": status, "message": message})  # fmt: skip
    for source in SOURCES[1:]:
        status = "FAILED" if source in down else "DONE"
        n = 0 if source in down else 240
        rows.append({**common, "pull_id": f"{source}-{as_of:%Y%m%d}", "source": source, "provider_id": source, "unit": "all", "deliveries": int(n > 0),
                     "rows": n, "bytes": n * 90, "status": status, "message": "connection refused, asked for 60 s" if n == 0 else None})  # fmt: skip
    write(settings, "ops.pull", rows)


def files(settings: Settings, as_of: date = NIGHT) -> None:
    """Five files: three accepted, one blocked by its digest, one a copy."""
    rows, manifests = [], []
    for k, (bank, fate) in enumerate(
        [("B0001", "ACCEPTED"), ("B0002", "PARTIAL"), ("B0003", "ACCEPTED"), ("B0002", "BLOCKED"), ("B0001", "DUPLICATE")]
    ):
        kind = "GL" if fate == "BLOCKED" else "TXN"
        submission = f"{bank}_{kind}_{as_of:%Y%m%d}_v00"
        copy = submission if fate == "DUPLICATE" else None
        name = f"{submission.lower()}{'_copy' if copy else ''}.dat.gz"
        rows.append({"bank_id": bank, "submission_id": submission, "file_name": name, "file_type": kind, "manifest_status": "OK", "digest_actual": f"{k:064d}",
                     "duplicate_of": copy, "size_bytes": 4000, "is_history": False, "as_of": as_of,
                     "read_error": "gzip ends early" if fate == "BLOCKED" else None})  # fmt: skip
        if fate in ("ACCEPTED", "PARTIAL"):
            manifests.append({"bank_id": bank, "biz_date": as_of, "to_date": as_of, "file_type": kind, "version": 0, "submission_id": submission, "mode": "FULL",
                              "file_name": name, "row_cnt": 1000, "digest_alg": "SM3", "digest": f"{k:064d}", "sent_at": datetime(2026, 9, 15, 0, 40),
                              "status": fate, "is_history": False, "as_of": as_of})  # fmt: skip
    write(settings, "bronze.bank_file", rows)
    write(settings, "silver.sub_manifest", manifests)


def checks(settings: Settings, as_of: date = NIGHT, *, lost: int = 0, stop: str | None = None) -> None:
    """Violations of three rules, parked rows, issues, and a reconciliation in which `lost` rows are missing."""
    faults = [
        ("C3", "quarantine", "B0002", 4),
        ("C3", "quarantine", "B0003", 1),
        ("V01", "block", "B0002", 1),
        ("V06", "warn", "B0001", 12),
    ]
    violations = [
        {"source": "flows", "violation_id": f"{rule}{bank}{i}", "rule_id": rule, "bank_id": bank, "biz_date": as_of, "file_type": "TXN", "scope_kind": "ROW",
         "scope_key": f"k{i}", "expected": "C 12 88000", "actual": "C 11 <81000>", "diff": -7000, "severity": severity, "as_of": as_of}
        for rule, severity, bank, n in faults for i in range(n)
    ]  # fmt: skip
    write(settings, "dq.violation", violations)
    parked = [
        {"source": "flows", "q_id": f"q{i}", "rule_id": "C3", "violation_id": "C3B00020", "cascade_of": "C3B00020" if i > 4 else None, "bank_id": "B0002",
         "biz_date": as_of, "file_type": "TXN", "submission_id": "s", "row_no": i, "scope_kind": "ACCOUNT_DAY", "scope_key": "k", "severity": "quarantine",
         "status": "OPEN", "as_of": as_of}
        for i in range(30)
    ]  # fmt: skip
    write(settings, "dq.quarantine", parked)
    issues = [
        {"source": "flows", "issue_id": f"{bank}-{rule}", "bank_id": bank, "rule_id": rule, "biz_date": as_of, "severity": severity, "violations": n, "rows_parked": 30,
         "status": "OPEN", "opened_on": as_of, "due_on": as_of + timedelta(days=1 if severity == "block" else 3), "as_of": as_of}
        for rule, severity, bank, n in faults if severity != "warn"
    ]  # fmt: skip
    write(settings, "dq.issue", issues)
    reconciliation = []
    for source in SOURCES:
        for sender in BANKS if source == "flows" else (source,):
            n = 15000 if source == "flows" else 240
            q = 30 if sender == "B0002" else 0
            reconciliation.append(
                {"source": source, "bank_id": sender, "submission_id": f"{sender}-{as_of}", "file_type": "TXN", "biz_date": as_of, "received": n,
                 "accepted": n - q - 2 - (lost if sender == "B0001" else 0), "quarantined": q, "rejected": 2, "duplicate": 0, "superseded": 0, "deleted": 0,
                 "received_amt_minor": n * 100, "accounted_amt_minor": n * 100, "as_of": as_of}
            )  # fmt: skip
    write(settings, "dq.reconciliation", reconciliation)
    if stop:
        write(settings, "dq.gate", [{"checkpoint": "night", "source": "flows", "expectation": "identity", "severity": "critical", "action": "stop",
                                     "success": False, "observed": 1, "message": stop, "as_of": as_of}])  # fmt: skip


def scores(settings: Settings, as_of: date = NIGHT, firms: int = 400, *, shift: int = 0) -> None:
    """Scores spread over the grades (moved by `shift` for every tenth firm), unscored firms, warnings."""
    rng = np.random.default_rng(7)
    rows, warned = [], []
    for i in range(firms):
        base = int(np.clip(rng.normal(645, 62), 320, 880)) + (shift if i % 10 == 0 else 0)
        grade = GRADES[int(np.searchsorted([-762, -722, -682, -641, -600, -557, -510, -454], -base))]
        unscored = {0: "too_few_covered_months", 1: "not_active"}.get(i % 40)
        row = {"firm_id": token(i), "snapshot_date": as_of, "segment": "THIN" if i % 7 == 0 else "STANDARD", "credit_invisible": i % 3 == 0,
               "event_timestamp": known_at(as_of), "created_timestamp": known_at(as_of)}  # fmt: skip
        if unscored:
            row |= {"unscored_reason": unscored, "segment": "NO_FLOW"}
        else:
            row |= {"model_id": "full-r1-abcd1234", "model_kind": "full", "confidence": ("HIGH", "MEDIUM", "LOW")[i % 3], "pd": 1 / (1 + np.exp((base - 427.1) / 57.7)),
                    "score": base, "grade": grade, "grade_model": grade, "override_rule": "R05,R09" if i % 50 == 3 else None,
                    "limit_fen": max(0, (base - 590) // 10) * 10_000_00, "limit_binding": ("turnover", "repayment", "cap")[i % 3]}  # fmt: skip
            if i % 9 == 2:
                warned.append({"firm_id": token(i), "snapshot_date": as_of, "rule_id": f"W{i % 14 + 1:02d}", "level": ("yellow", "orange", "red")[(i // 9) % 3],
                               "value": 1.0, "threshold": 2.0})  # fmt: skip
        rows.append(row)
    write(settings, "score.firm_score", rows)
    write(settings, "score.warning", [*warned, {"firm_id": token(5), "snapshot_date": as_of, "rule_id": "DATA_GAP", "level": "gap"}])


def features(settings: Settings, as_of: date = NIGHT, firms: int = 40, *, empty: tuple[str, ...] = ("network_anomaly",)) -> None:
    """All dimensions with values, except those in `empty` (no value) and every seventh indicator."""
    for dimension in dimensions():
        names = [r for r in catalogue() if r["dimension"] == dimension]
        rows = []
        for i in range(firms):
            values = {r["name"]: (None if dimension in empty or k % 7 == 3 else i) for k, r in enumerate(names)}
            rows.append(
                {
                    "firm_id": token(i),
                    "snapshot_date": as_of,
                    "event_timestamp": known_at(as_of),
                    "created_timestamp": known_at(as_of),
                    **values,
                }
            )
        write(settings, f"feature.{dimension}", rows)


def model(settings: Settings) -> None:
    """A champion whose bundle has metrics, and the frame it was trained on."""
    oot = {"rows": 812, "firms": 700, "bads": 31, "few_bads": True, "auc": {"value": 0.8123, "low": 0.731, "high": 0.884},
           "ks": {"value": 0.47, "low": 0.36, "high": 0.6}, "verdicts": {"auc": "pass", "ks": "pass"}}  # fmt: skip
    bundle = {"model_id": "full-r1-abcd1234", "kind": "full", "inputs": [{}] * 352, "dropped": [{}] * 18, "release": {"release_id": "r1", "digest": "d"},
              "metrics": {"training": {"rows": 9000, "bads": 410}, "oot": oot, "test_minus_oot": {"value": 0.012, "verdict": "pass"}}}  # fmt: skip
    folder = settings.folder("models") / "full-r1-abcd1234"
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps(bundle))
    (settings.folder("models") / "champion").write_text("full-r1-abcd1234\n")
    frame = {"release_id": "r1", "snapshot_date": date(2025, 4, 5), "event_timestamp": known_at(date(2025, 4, 5)), "sample_kind": "behaviour", "segment": "STANDARD",
             "credit_invisible": False, "split": "train", "is_oot": False, "digest": "d"}  # fmt: skip
    write(settings, "sample.frame", [{**frame, "firm_id": token(i // 2), "snapshot_date": date(2025, 4, 5 + i % 2)} for i in range(60)])


def runs(settings: Settings, as_of: date = NIGHT) -> None:
    """Steps of the night; `tiles` failed once and then succeeded."""
    steps = [("pull-flows-B0001", 2.1, 15000), ("pull-tax", 1.4, 240), ("check-flows", 31.0, 45000), ("tiles", 3.0, 0), ("tiles", 18.2, 9000),
             ("indicators", 22.5, 4400), ("score", 11.9, 400), ("publish", 9.4, 400)]  # fmt: skip
    rows = [
        {"run_id": f"r{k}", "job": job, "as_of": as_of, "status": "FAILED" if (job, seconds) == ("tiles", 3.0) else "DONE", "seconds": seconds, "rows": n,
         "detail": "{}", "at": datetime(2026, 9, 15, 2, k)}
        for k, (job, seconds, n) in enumerate(steps)
    ]  # fmt: skip
    write(settings, "ops.run", rows)


def publish(settings: Settings, as_of: date = NIGHT) -> None:
    """The night's row in `ops.night`."""
    write(
        settings,
        "ops.night",
        [
            {
                "as_of": as_of,
                "status": "PUBLISHED",
                "versions": "{}",
                "model_id": "full-r1-abcd1234",
                "firms_scored": 380,
                "at": datetime(2026, 9, 15, 4, 30),
            }
        ],
    )


def whole_night(settings: Settings, as_of: date = NIGHT) -> None:
    """Everything of a published night, and the scores of the one before."""
    pulls(settings, as_of)
    files(settings, as_of)
    checks(settings, as_of)
    scores(settings, as_of - timedelta(days=1), firms=395)
    scores(settings, as_of, shift=-45)
    features(settings, as_of)
    model(settings)
    runs(settings, as_of)
    publish(settings, as_of)

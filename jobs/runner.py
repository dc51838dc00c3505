"""Running one job: the report it returns, its line in the log and its row in the ledger `ops.run`."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from lake import store
from lake.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What a job did: rows written, counts worth telling, and whether there was nothing to do."""

    rows: int = 0
    detail: dict[str, Any] = field(default_factory=dict)
    nothing: bool = False


def run_job(settings: Settings, job: str, as_of: date, action: Callable[[], Report]) -> Report:
    """Run `action` under the job's lock and record the run; a failure is recorded and raised on."""
    started = time.monotonic()
    status, report = "FAILED", Report()
    with store.lock(settings, f"job-{job}", seconds=5):
        try:
            report = action()
            status = "NOTHING" if report.nothing else "DONE"
        finally:
            seconds = time.monotonic() - started
            log.info("job=%s as_of=%s status=%s rows=%s seconds=%.1f", job, as_of, status, report.rows, seconds)
            row = {
                "run_id": uuid.uuid4().hex, "job": job, "as_of": as_of, "status": status, "seconds": seconds, "rows": report.rows,
                "detail": json.dumps(report.detail, ensure_ascii=False, default=str), "at": datetime.now(UTC),
            }  # fmt: skip
            store.replace(settings, "ops.run", store.rows_of("ops.run", [row]), None)
    return report

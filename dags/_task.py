"""The one operator of this repository: a step of the night as a process of its own (`python -m jobs …`).

No JVM, no pandas and no job code in Airflow's task runner; the same command line works in a shell and in cron.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from _night import SHANGHAI, night_of
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException

log = logging.getLogger(__name__)

FAIL_FAST = {2: "wrong use", 10: "configuration", 12: "gate failed", 13: "schema or contract broken"}
"""Exit codes (architecture, section 4) that no retry can change; 11 (source unavailable) and unforeseen ends are retried."""

KILL_SECONDS = 20
POLL_MINUTES = 10
CLOSE_HOUR = 4
LATE = "LATE:"
"""Start of the last line of a pull whose bank has not sent everything that is due."""


class JobRetryable(AirflowException):
    """The job ended in a way that another try may mend."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class JobFailed(AirflowFailException):
    """The job ended in a way that no retry mends; Airflow fails the task at once."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def failure(command: str, exit_code: int, last_line: str) -> JobRetryable | JobFailed:
    """The exception for a non-zero exit code: fail fast for FAIL_FAST, retry for everything else."""
    if exit_code in FAIL_FAST:
        return JobFailed(f"`{command}` ended with exit code {exit_code} ({FAIL_FAST[exit_code]}), not retried: {last_line}", exit_code)
    why = "source unavailable" if exit_code == 11 else "unforeseen end"
    return JobRetryable(f"`{command}` ended with exit code {exit_code} ({why}), may be retried: {last_line}", exit_code)


def come_back(context: Context, night: str, otherwise: str) -> None:
    """Ask to be started again in ten minutes, while the night of a scheduled run is open; else log `otherwise` and go on."""
    now = datetime.now(SHANGHAI)
    closes = datetime.combine(datetime.fromisoformat(night) + timedelta(days=1), datetime.min.time(), SHANGHAI)
    closes += timedelta(hours=CLOSE_HOUR)
    again = now + timedelta(minutes=POLL_MINUTES)
    run_type = getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type)
    if run_type == "scheduled" and again < closes:
        raise AirflowRescheduleException(again)
    log.warning("night %s: %s", night, otherwise)


class JobOperator(BaseOperator):
    """Run `python -m jobs <arguments>` at the repository root and stream its output into the task log.

    The root and the Python come from LIUSHUI_ROOT and LIUSHUI_PYTHON. Outlet assets get the night in `extra.as_of`.
    With `result` the last line of the output is JSON and becomes the task's XCom. With `poll_late` a scheduled run
    whose source has not sent yet (that line starts with LATE) comes back every ten minutes until the night closes at 04:00.
    A mapped task gets its own value by `option` and `each` (`--bank`, `B0001`): values from XCom are never rendered as templates.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#e8f0ea"

    def __init__(
        self, *, arguments: Sequence[str], option: str = "", each: str = "", result: bool = False, poll_late: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = list(arguments)
        self.option = option
        self.each = each
        self.result = result
        self.poll_late = poll_late
        self._process: subprocess.Popen[str] | None = None

    @property
    def command(self) -> str:
        """The command line as a person would type it."""
        return " ".join(["python", "-m", "jobs", *self.line])

    @property
    def line(self) -> list[str]:
        """Arguments of this task instance: the common ones and, where the task is mapped, its own."""
        return [*self.arguments, *([self.option, self.each] if self.option else [])]

    def execute(self, context: Context) -> Any:
        night = night_of(context)
        last = self._run()
        if self.poll_late and last.startswith(LATE):
            come_back(context, night, "not sent: it belongs to the next night")
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = {"as_of": night}
        return json.loads(last) if self.result else None

    def on_kill(self) -> None:
        """Stop the job and its children (Spark's JVM among them)."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)

    def _run(self) -> str:
        """Run the command to its end; returns its last output line, raises by its exit code."""
        root = os.environ.get("LIUSHUI_ROOT") or str(Path(__file__).resolve().parents[1])
        python = os.environ.get("LIUSHUI_PYTHON") or sys.executable
        self.log.info("%s (in %s)", self.command, root)
        last = ""
        try:
            self._process = subprocess.Popen(
                [python, "-m", "jobs", *self.line], cwd=root, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if line.strip():
                    last = line.strip()
                    self.log.info("%s", last)
            code = self._process.wait()
        finally:
            self.on_kill()
        if code:
            raise failure(self.command, code, last)
        return last

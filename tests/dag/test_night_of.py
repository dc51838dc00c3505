"""The night a run is about, for each way Airflow starts runs; and what an exit code does to a task."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest


def _context(conf=None, params=None, key=None, after=None, logical=None, events=None):
    run = SimpleNamespace(conf=conf, partition_key=key, run_after=after, logical_date=logical, run_type="scheduled")
    return {"dag_run": run, "params": params or {}, "triggering_asset_events": events or {}}


def _events(*nights):
    return {"asset": [SimpleNamespace(extra={"as_of": n} if n else {}) for n in nights]}


# 23:30 UTC of the 14th is 07:30 of the 15th in Shanghai; 15:59 UTC is still the 14th there
CASES = [
    ("conf first", _context(conf={"as_of": "2026-09-01"}, params={"as_of": "2026-09-02"}, key="2026-09-03"), "2026-09-01"),
    ("param", _context(params={"as_of": "2026-09-02"}, key="2026-09-03"), "2026-09-02"),
    ("empty param", _context(params={"as_of": None}, key="2026-09-03"), "2026-09-03"),
    ("partition key with time", _context(key="2026-09-03T00:30:00"), "2026-09-03"),
    ("latest of the events", _context(events=_events("2026-09-12", None, "2026-09-14", "2026-09-13")), "2026-09-14"),
    ("events without a night", _context(events=_events(None), after=datetime(2026, 9, 14, 16, 30, tzinfo=UTC)), "2026-09-14"),
    ("due after midnight in Shanghai", _context(after=datetime(2026, 9, 14, 23, 30, tzinfo=UTC)), "2026-09-14"),
    ("due before midnight in Shanghai", _context(after=datetime(2026, 9, 14, 15, 59, tzinfo=UTC)), "2026-09-13"),
    (
        "run_after before logical_date",
        _context(after=datetime(2026, 9, 14, 16, 30, tzinfo=UTC), logical=datetime(2026, 9, 1, tzinfo=UTC)),
        "2026-09-14",
    ),
    ("logical date alone", _context(logical=datetime(2026, 9, 14, 16, 30, tzinfo=UTC)), "2026-09-14"),
]


@pytest.mark.parametrize(("context", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_night_of(context, expected):
    from _night import night_of

    assert night_of(context) == expected


def test_a_bad_date_says_where_it_came_from():
    from _night import night_of

    with pytest.raises(ValueError, match="as_of of the run is '14.09.2026'"):
        night_of(_context(conf={"as_of": "14.09.2026"}))


def test_a_run_without_any_date_is_an_error():
    from _night import night_of

    with pytest.raises(ValueError, match="start it with conf as_of"):
        night_of(_context())


@pytest.mark.parametrize(("code", "retried"), [(11, True), (1, True), (-9, True), (2, False), (10, False), (12, False), (13, False)])
def test_exit_codes_decide_about_retries(code, retried):
    from _task import JobFailed, JobRetryable, failure
    from airflow.sdk.exceptions import AirflowFailException

    error = failure("python -m jobs pull tax", code, "no answer")
    assert isinstance(error, JobRetryable if retried else JobFailed)
    assert isinstance(error, AirflowFailException) == (not retried)
    assert error.exit_code == code and "no answer" in str(error)


def test_fail_fast_codes_are_the_exit_codes_of_errors_that_no_retry_mends():
    from _task import FAIL_FAST

    from lake import errors

    codes = {e.exit_code for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.LiushuiError)}
    assert set(FAIL_FAST) == codes - {errors.SourceUnavailable.exit_code, errors.LiushuiError.exit_code}


@pytest.fixture
def fake_python(tmp_path, monkeypatch):
    """Stands in for the interpreter: prints its arguments, ends with the code given as the last of them."""

    def make(body: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        monkeypatch.setenv("LIUSHUI_PYTHON", str(script))
        monkeypatch.setenv("LIUSHUI_ROOT", str(tmp_path))

    return make


def _operator(**kwargs):
    from _task import JobOperator

    return JobOperator(task_id="t", arguments=["pull", "flows"], **kwargs)


def test_the_last_line_is_the_result(fake_python):
    fake_python('echo "starting $*"; echo \'["B0001"]\'')
    assert _operator(result=True, option="--bank", each="B0001").execute(_context(conf={"as_of": "2026-09-14"})) == ["B0001"]


def test_arguments_reach_the_process_as_they_are(fake_python, tmp_path):
    fake_python(f'for a in "$@"; do echo "$a" >> {tmp_path}/seen; done')
    _operator(option="--bank", each="B 1; rm x").execute(_context(conf={"as_of": "2026-09-14"}))
    assert (tmp_path / "seen").read_text().splitlines() == ["-m", "jobs", "pull", "flows", "--bank", "B 1; rm x"]


def test_a_failed_job_names_command_code_and_last_words(fake_python):
    from _task import JobFailed

    fake_python("echo 'silver.acct_txn: column amt is missing' >&2; exit 13")
    with pytest.raises(JobFailed, match=r"`python -m jobs pull flows` ended with exit code 13 .*column amt is missing"):
        _operator().execute(_context(conf={"as_of": "2026-09-14"}))


@pytest.fixture
def clock(monkeypatch):
    """The operators' clock, at 03:00 of the morning after 14 September; set `current` to another time."""
    import _task

    class Clock(datetime):
        current = datetime(2026, 9, 15, 3, 0, tzinfo=_task.SHANGHAI)

        @classmethod
        def now(cls, tz=None):
            return cls.current

    monkeypatch.setattr(_task, "datetime", Clock)
    return Clock


def test_a_late_bank_is_polled_while_a_scheduled_night_is_open(fake_python, clock):
    from airflow.sdk.exceptions import AirflowRescheduleException

    fake_python("echo 'pull flows: 4,000 rows'; echo 'LATE: B0003 TXN'")
    context = _context(key="2026-09-14")
    with pytest.raises(AirflowRescheduleException):
        _operator(poll_late=True).execute(context)
    clock.current = clock.current.replace(minute=55)
    _operator(poll_late=True).execute(context)  # the night closes before the next poll: it ends without the bank
    clock.current = clock.current.replace(minute=0)
    context["dag_run"].run_type = "manual"
    _operator(poll_late=True).execute(context)  # somebody is waiting: no polling


class _Told:
    """Events of one asset as a task sees them."""

    def __init__(self, *nights):
        self._nights = nights

    def ascending(self, _):
        return self

    def limit(self, n):
        return [SimpleNamespace(extra={"as_of": night}) for night in self._nights[:n]]


def test_flows_are_checked_after_registry_and_tax_of_the_night(fake_python, clock, tmp_path):
    from account_flows import FIRST, FlowsCheck
    from airflow.sdk.exceptions import AirflowRescheduleException

    fake_python(f"echo called >> {tmp_path}/seen")
    check = FlowsCheck(task_id="check", arguments=["check", "flows"])
    context = _context(key="2026-09-14")
    registry, tax = FIRST

    def calls() -> int:
        return len((tmp_path / "seen").read_text().splitlines()) if (tmp_path / "seen").exists() else 0

    for told in ({registry: _Told("2026-09-14"), tax: _Told("2026-09-13")}, {registry: _Told(), tax: _Told("2026-09-14")}):
        with pytest.raises(AirflowRescheduleException):
            check.execute({**context, "inlet_events": told})
    assert calls() == 0
    check.execute({**context, "inlet_events": {registry: _Told("2026-09-15", "2026-09-14"), tax: _Told("2026-09-14")}})
    assert calls() == 1
    clock.current = clock.current.replace(minute=55)
    check.execute({**context, "inlet_events": {registry: _Told(), tax: _Told()}})  # the night closes: with what was known before
    assert calls() == 2


def test_a_killed_task_takes_its_job_with_it(fake_python, tmp_path):
    import threading
    import time

    fake_python(f"echo $$ > {tmp_path}/pid; sleep 60")
    operator = _operator()
    errors: list[Exception] = []

    def run() -> None:
        try:
            operator.execute(_context(conf={"as_of": "2026-09-14"}))
        except Exception as e:
            errors.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + 10
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    operator.on_kill()
    thread.join(10)
    assert not thread.is_alive()
    assert [e.exit_code for e in errors] == [-15]
    assert sys.modules["_task"].JobRetryable is type(errors[0])

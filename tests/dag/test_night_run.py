"""A night executed by the real Airflow on the real PostgreSQL; the jobs are stand-ins that note their calls and end as told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jobs import airflow_env, airflow_night
from lake.errors import GateFailed, LiushuiError
from lake.settings import Settings, load_settings

NIGHT = date(2026, 9, 14)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings("local", tmp_path_factory.mktemp("night"))


@pytest.fixture
def jobs(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install the stand-in; returns (how calls end: pattern -> exit code, calls made)."""
    ends: dict[str, int] = {}
    calls = tmp_path / "calls"

    def install() -> None:
        cases = "\n".join(f'  "{pattern}"*) echo "told to fail"; exit {code};;' for pattern, code in ends.items())
        script = tmp_path / "python"
        script.write_text(
            f'#!/bin/sh\nshift 2\necho "$*" >> {calls}\ncase "$*" in\n{cases}\n  banks*) echo \'["B0001","B0002"]\';;\n'
            '  night-state*) echo \'{"published": false, "stopped": []}\';;\n  *) echo done;;\nesac\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("LIUSHUI_PYTHON", str(script))

    def made() -> list[str]:
        return calls.read_text().splitlines()

    return ends, install, made


def test_a_source_that_is_down_does_not_stop_the_night(home, jobs):
    ends, install, made = jobs
    ends["pull court"] = 11
    ends["pull flows --as-of 2026-09-14 --bank B0002"] = 11
    install()
    events: list[dict] = []
    result = airflow_night.run_night(home, NIGHT, events.append)
    assert result.states == {
        "registry_and_loans": "success", "tax_records": "success", "court_records": "failed", "account_flows": "success", "nightly_scoring": "success",
    }  # fmt: skip
    assert {k: e["exit_code"] for k, e in result.failures.items()} == {"court_records.pull_court": 11, "account_flows.pull[B0002]": 11}
    calls = made()
    assert calls.count("pull court --as-of 2026-09-14") == 2, "a source that is down is asked once more"
    assert not any(c.startswith("check court") for c in calls)
    for before in ("registry loans", "tax"):
        assert calls.index(f"check {before} --as-of 2026-09-14") < calls.index("check flows --as-of 2026-09-14")
    steps = ["tiles", "indicators", "score", "publish", "report"]
    assert [c.split()[0] for c in calls[-5:]] == steps
    assert all(c.endswith("--as-of 2026-09-14") or c == "banks" or "--bank" in c for c in calls)
    assert not airflow_env.server_running(home), "the server it started is stopped again"
    assert any(e["event"] == "task" and e["state"] == "running" and e["each"] == "B0001" for e in events)


def test_lost_rows_stop_the_night_before_scoring_and_are_not_retried(home, jobs):
    ends, install, made = jobs
    ends["check flows"] = 12
    install()
    with pytest.raises(GateFailed, match="account_flows.check.*exit code 12.*told to fail"):
        airflow_night.run_night(home, NIGHT)
    calls = made()
    assert calls.count("check flows --as-of 2026-09-14") == 1
    assert not any(c.split()[0] in {"tiles", "score", "publish"} for c in calls)
    assert not airflow_env.server_running(home)


@pytest.mark.slow
def test_a_failed_step_of_the_scoring_is_the_error_of_the_night(home, jobs):
    ends, install, made = jobs
    ends["score"] = 1
    install()
    with pytest.raises(LiushuiError, match="nightly_scoring.score") as caught:
        airflow_night.run_night(home, NIGHT)
    assert caught.value.exit_code == 1
    assert made().count("score --as-of 2026-09-14") == 2
    assert not any(c.startswith("publish") for c in made())

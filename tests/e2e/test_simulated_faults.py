"""Planted faults of a simulated province against what the check of its bank files finds: all of them, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from expectations.rules import load_rules
from jobs import check_flows, pull
from lake import store
from lake.io import Lake
from lake.settings import load_settings
from lake.tokens import Tokenizer, load_key

END = date(2026, 9, 14)
Scope = tuple[str, str, str, str, str]
"""Rule, kind of scope, scope, bank, date."""


def checked(spark: Any, home: Path, fault_scale: float) -> Lake:
    """A province of 60 firms, its bank files pulled and checked."""
    command = [
        "--preset",
        "unit",
        "--seed",
        "11",
        "--firms",
        "60",
        "--fault-scale",
        str(fault_scale),
        "--end",
        END.isoformat(),
        "--out",
        str(home),
    ]
    subprocess.run([sys.executable, "-m", "simulator", *command], check=True, capture_output=True)
    settings = load_settings("local", home)
    pull.run(settings, "flows", END, history=True)
    lake = Lake(spark, settings)
    check_flows.run(lake, END, history=True)
    return lake


def truth(lake: Lake, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(lake.settings.home / "source" / "truth" / f"{name}.parquet").to_pylist()
    return rows


def expected(lake: Lake, rows: list[dict[str, Any]]) -> set[Scope]:
    """Consequences as the check names them: the truth has raw account numbers where the lake has tokens."""
    tokens = Tokenizer(load_key(lake.settings), lake.settings.token_hash)
    found = set()
    for r in rows:
        key = r["scope_key"]
        if r["scope_kind"] == "ACCOUNT_DAY":
            account, _, currency = key.partition("|")
            key = f"{tokens.token('account', account)}|{currency}"
        found.add((r["rule_id"], r["scope_kind"], key, r["bank_id"], r["biz_date"]))
    return found


def violations(lake: Lake, *severities: str) -> set[Scope]:
    rows = store.read(lake.settings, "dq.violation").to_pylist()
    return {
        (r["rule_id"], r["scope_kind"], r["scope_key"], r["bank_id"], f"{r['biz_date']:%Y%m%d}")
        for r in rows
        if r["severity"] in severities
    }


@pytest.fixture(scope="module")
def faulty(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    yield checked(spark, tmp_path_factory.mktemp("faulty"), 10)


def test_every_planted_fault_is_found_under_its_rule(faulty: Lake) -> None:
    rules = {r.id for r in load_rules()}
    planted = [r for r in truth(faulty, "consequence") if r["primary"] and r["rule_id"] in rules]
    assert len({r["rule_id"] for r in planted}) >= 10
    assert expected(faulty, planted) - violations(faulty, "block", "quarantine", "warn") == set()


def test_nothing_is_held_back_that_no_fault_explains(faulty: Lake) -> None:
    held = violations(faulty, "block", "quarantine")
    assert len(held) > 50
    assert held - expected(faulty, truth(faulty, "consequence")) == set()


@pytest.mark.slow
def test_nothing_is_held_back_in_a_province_without_faults(spark: Any, tmp_path: Path) -> None:
    """The legitimate events are in it: reversals, openings and closures, dormant accounts, waived fees of zero, month ends."""
    lake = checked(spark, tmp_path, 0)
    assert store.read(lake.settings, "silver.acct_txn").num_rows > 10_000
    assert violations(lake, "block", "quarantine") == set()

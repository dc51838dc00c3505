"""Planted faults of a simulated province against what the check of its bank files finds: all of them, and nothing else."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F
from raw_identifiers import Finder, of_landing

from expectations import references
from expectations.rules import load_rules
from expectations.violations import evaluate
from jobs import check_flows, pull
from jobs.check_records import record_views
from lake import store
from lake.io import Lake
from lake.settings import load_settings
from lake.tokens import Tokenizer, load_key

END = date(2026, 9, 14)
CHANGED = {"altered", "rounding", "currency_or_scale"}
RIGHT = {
    "dropped": {"missing_row"}, "field_count": {"missing_row"}, "bad_encoding": {"missing_row"}, "zero_for_full": {"missing_row"},
    "duplicate_other": {"duplicate"}, "altered": CHANGED, "flipped": {"flipped"}, "wrong_subject": {"wrong_subject"},
    "broken_chain": CHANGED, "overdrawn": CHANGED, "ledger_off": CHANGED, "control_off": CHANGED, "over_reversed": CHANGED,
    "opened_with_balance": CHANGED,
}  # fmt: skip
"""What a fault's broken totals are rightly explained as; an amount may be off by one unit or by a factor of ten."""
Scope = tuple[str, str, str, str, str]
"""Rule, kind of scope, scope, bank, date."""


def checked(spark: Any, home: Path, fault_scale: float, *, seed: int = 11, firms: int = 60) -> Lake:
    """A province, its bank files pulled and checked."""
    command = [
        "--preset",
        "unit",
        "--seed",
        str(seed),
        "--firms",
        str(firms),
        "--fault-scale",
        str(fault_scale),
        "--end",
        END.isoformat(),
        "--out",
        str(home),
    ]
    subprocess.run([sys.executable, "-m", "simulator", *command], check=True, capture_output=True)
    settings = load_settings("local", home)
    logs = logging.FileHandler(settings.folder("run") / "night.log")
    before = logging.root.level
    logging.root.addHandler(logs)
    logging.root.setLevel(logging.INFO)
    try:
        pull.run(settings, "flows", END, history=True)
        lake = Lake(spark, settings)
        register(lake)
        check_flows.run(lake, END, history=True)
    finally:
        logging.root.setLevel(before)
        logging.root.removeHandler(logs)
        logs.close()
    return lake


def register(lake: Lake) -> None:
    """The registry's enterprises as its own check leaves them."""
    tokens = Tokenizer(load_key(lake.settings), lake.settings.token_hash)
    kinds = {"firm_id": "firm", "uscc": "firm", "name": "name", "legal_rep": "person", "address": "address"}
    sent = pq.read_table(lake.settings.home / "source" / "records" / "registry" / "reg_enterprise.parquet").to_pylist()
    names = {"uscc": "uscc_token", "name": "name_token", "legal_rep": "legal_rep_token", "address": "address_token"}
    rows = [
        {names.get(k, k): tokens.token(kinds[k], v) if k in kinds else v for k, v in r.items() if k != "updated_at"}
        | {"provider_id": "registry", "submission_id": "p", "ingested_at": r["updated_at"], "available_at": r["updated_at"], "is_history": True,
           "as_of": END}
        for r in sent
    ]  # fmt: skip
    store.replace(lake.settings, "silver.reg_enterprise", store.rows_of("silver.reg_enterprise", rows), None)


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


def explained(lake: Lake) -> tuple[dict[str, int], list[str]]:
    """Broken totals that planted faults are the only cause of: how many by kind of fault, and those explained otherwise."""
    kinds = {r["fault_id"]: r["kind"] for r in truth(lake, "fault")}
    faults: dict[Scope, set[str]] = defaultdict(set)
    for r in truth(lake, "consequence"):
        for scope in expected(lake, [r]):
            faults[scope].add(r["fault_id"])
    counts, wrong = Counter[str](), []
    for r in store.read(lake.settings, "dq.explanation").to_pylist():
        scope = (r["rule_id"], r["scope_kind"], r["scope_key"], r["bank_id"], f"{r['biz_date']:%Y%m%d}")
        if len(faults[scope]) != 1:
            continue
        (fault,) = faults[scope]
        counts[kinds[fault]] += 1
        if r["kind"] not in RIGHT.get(kinds[fault], set()):
            wrong.append(f"{fault}: {r['rule_id']} of {r['bank_id']} {r['biz_date']} told as {r['kind']} {r['suspects']}")
    return dict(counts), wrong


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
    assert len({r["rule_id"] for r in planted}) >= 24
    assert expected(faulty, planted) - violations(faulty, "block", "quarantine", "warn") == set()


def test_nothing_is_held_back_that_no_fault_explains(faulty: Lake) -> None:
    held = violations(faulty, "block", "quarantine")
    assert len(held) > 50
    assert held - expected(faulty, truth(faulty, "consequence")) == set()


def test_rows_of_accounts_not_entrusted_are_counted_and_nowhere_kept(faulty: Lake) -> None:
    """Neither accepted nor parked: rejected, in rows and amount; the check itself would have refused to lose them."""
    days = {(v[2], v[4]) for v in violations(faulty, "warn") if v[0] == "V20"}
    kept = faulty.read("silver.acct_balance_daily").select("account_id", "currency", "biz_date").collect()
    assert days and not days & {(f"{r.account_id}|{r.currency}", f"{r.biz_date:%Y%m%d}") for r in kept}
    rejected = {r.file_type: r.n for r in faulty.read("dq.reconciliation").groupBy("file_type").agg(F.sum("rejected").alias("n")).collect()}
    assert rejected["BAL"] == len(days) and rejected["TXN"] > 0 and not rejected["GL"]


@pytest.mark.slow
def test_planted_faults_are_explained_rightly(faulty: Lake) -> None:
    counts, wrong = explained(faulty)
    assert wrong == []
    assert set(counts) >= {"dropped", "duplicate_other", "altered", "flipped", "wrong_subject", "broken_chain", "ledger_off", "control_off"}
    rows = store.read(faulty.settings, "dq.explanation").to_pylist()
    broken = [v for v in store.read(faulty.settings, "dq.violation").to_pylist() if v["rule_id"] in ("C1", "C3", "C4", "G1", "G2", "T1")]
    assert {r["violation_id"] for r in rows} == {v["violation_id"] for v in broken if v["scope_kind"] != "BANK_DAY"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 11, 23])
def test_planted_faults_of_whole_provinces_are_explained_rightly(spark: Any, tmp_path: Path, seed: int) -> None:
    """The preset's own 200 firms, ten times the faults."""
    counts, wrong = explained(checked(spark, tmp_path, 10, seed=seed, firms=200))
    assert wrong == [] and sum(counts.values()) > 50


def test_no_raw_identifier_leaves_bronze_and_vault(faulty: Lake) -> None:
    """Tables, logs, receipts, Data Docs, after a night with every kind of fault. Public bodies have no secret names."""
    home = faulty.settings.home
    public = {r["name"] for r in references.rows("ref_party") if r["kind"] == "gov"}
    finder = Finder(of_landing(home) - public)
    assert len(finder.identifiers) > 300
    held = {p.relative_to(home).parts[0] for p in home.rglob("*") if p.is_file()}
    assert held >= {"lake", "feedback", "reports", "run"} and (home / "run" / "night.log").stat().st_size
    assert finder.leaks(home) == {}


def test_the_finder_sees_what_is_planted(faulty: Lake, tmp_path: Path) -> None:
    secrets = of_landing(faulty.settings.home)
    name, code, account = (
        min(s for s in secrets if fits(s))
        for fits in (lambda s: s.endswith("有限公司"), lambda s: s.startswith("91450") and len(s) == 18, str.isdigit)
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x.log").write_text(f"INFO row of {account}: odd")
    (tmp_path / "page.html").write_text(f"<td>客户{name}的流水</td>")
    (tmp_path / code).write_text("")
    pq.write_table(pa.table({"key": [f"C1|{code}"], "list": [[f"a {account}"]], "n": [1]}), tmp_path / "t.parquet")
    with sqlite3.connect(tmp_path / "online.db") as con:
        con.execute("CREATE TABLE t AS SELECT ? AS x", (name,))
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "file").write_text(account)
    found = Finder(secrets).leaks(tmp_path)
    assert {k: v & {name, code, account} for k, v in found.items()} == {
        "run/x.log": {account}, "page.html": {name}, code: {code}, "t.parquet": {code, account}, "online.db": {name},
    }  # fmt: skip


def test_industries_and_regions_of_the_registry_are_right(faulty: Lake) -> None:
    rows = faulty.read("silver.reg_enterprise").selectExpr(
        "*", "'registry' AS bank_id", "'reg_enterprise' AS file_type", "0L AS row_no", "CAST(NULL AS DATE) AS biz_date"
    )
    record_views(rows)
    assert evaluate(faulty.spark, [r for r in load_rules() if r.stage == "records"], "registry").collect() == []


@pytest.mark.slow
def test_nothing_is_held_back_in_a_province_without_faults(spark: Any, tmp_path: Path) -> None:
    """The legitimate events are in it: reversals, openings and closures, dormant accounts, waived fees of zero, month ends."""
    lake = checked(spark, tmp_path, 0)
    assert store.read(lake.settings, "silver.acct_txn").num_rows > 10_000
    assert violations(lake, "block", "quarantine") == set()
    assert {v[0] for v in violations(lake, "warn")} - {"V14", "V18"} == set()  # waived fees of zero; shares of a few large transfers


def test_warnings_of_totals_and_sequence_are_those_planted(faulty: Lake) -> None:
    """A spoiled file, a deletion or another fault of the day may be told by a warning too; none comes from nothing."""
    told = {
        v
        for v in violations(faulty, "warn")
        if v[0] in ("C5", "C7", "G3", "G6", "T2", "T3", "V07", "V08", "V15", "V18", "V19", "V20", "V21")
    }
    assert {v[0] for v in told} == {"C5", "C7", "G3", "G6", "T2", "T3", "V07", "V08", "V15", "V18", "V19", "V20", "V21"}
    # V18 is a share: on a day of few large transfers one without a counterparty is below 95 % by itself
    assert {v for v in told if v[0] != "V18"} - expected(faulty, truth(faulty, "consequence")) == set()

"""The gate: what Great Expectations finds decides; the identity and broken contracts stop the run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
from pyspark.sql import functions as F

from expectations import gate
from expectations.reconcile import broken, reconciliation, refuse
from expectations.rules import load_rules
from lake.errors import GateFailed

NIGHT = date(2026, 9, 14)
EMPTY = pd.DataFrame(columns=["finding", *gate.SHOWN])
CONTRACT = pd.DataFrame([("silver.acct_txn", "dr_cr", 0, 0)], columns=["table_name", "column_name", "out_of_set", "forbidden_nulls"])
IDENTITY = pd.DataFrame([("B1", "TXN", 5, 0, 0.0)], columns=["bank_id", "file_type", "received", "gap", "amount_gap"])


def judge(
    folder: Path, examples: pd.DataFrame = EMPTY, contract: pd.DataFrame = CONTRACT, identity: pd.DataFrame = IDENTITY
) -> gate.Verdict:
    counts = {tuple(k.split()): int(n) for k, n in examples["finding"].value_counts().items()}
    return gate.judge(folder, "flows", NIGHT, load_rules(), counts, examples, contract, identity)  # type: ignore[arg-type]


def test_violations_block_quarantine_or_warn_and_do_not_stop(tmp_path: Path) -> None:
    rows = [
        ("C1 quarantine", "C1", "B1", "2026-09-14", "ACCOUNT_DAY", "k|CNY", "1", "2"),
        ("V01 block", "V01", "B2", "2026-09-14", "FILE", "f", "1", "2"),
    ]
    verdict = judge(tmp_path, pd.DataFrame(rows, columns=EMPTY.columns))
    told = {r["expectation"]: (r["severity"], r["success"], r["observed"]) for r in verdict.rows}
    assert (
        told["C1 quarantine"] == ("warning", False, 1)
        and told["V01 block"] == ("critical", False, 1)
        and told["T1 warn"] == ("info", True, 0)
    )
    assert not verdict.stop
    assert "account closed with before" in " ".join(p.read_text(encoding="utf-8") for p in (tmp_path / "validations").rglob("*.html"))


def test_a_gap_in_the_identity_stops_the_run(tmp_path: Path) -> None:
    verdict = judge(tmp_path, identity=IDENTITY.assign(gap=1))
    assert verdict.stop and "gap" in verdict.stop[0]


def test_a_broken_contract_stops_the_run(tmp_path: Path) -> None:
    assert judge(tmp_path, contract=CONTRACT.assign(forbidden_nulls=3)).stop
    assert judge(tmp_path, contract=CONTRACT.assign(out_of_set=1)).stop


def test_the_identity_counts_every_class_and_names_what_is_missing(spark) -> None:  # type: ignore[no-untyped-def]
    ddl = "bank_id string, submission_id string, file_type string, biz_date date, became string, n bigint, amount decimal(20,0)"
    fates = {"received": 5, "accepted": 3, "quarantined": 1, "duplicate": 1}
    whole = [("B1", "S", "TXN", NIGHT, became, n, Decimal(100 * n)) for became, n in fates.items()]
    rows = whole[:-1]
    assert not broken(reconciliation([spark.createDataFrame(whole, ddl)])).count()
    bad = broken(reconciliation([spark.createDataFrame(rows, ddl)])).withColumn("x", F.lit(1)).collect()
    try:
        refuse([r.asDict() for r in bad], NIGHT)
    except GateFailed as e:
        assert "S on 2026-09-14: received 5, accounted for 4, amount 500 against 400" in str(e)
    else:
        raise AssertionError("a gap must be refused")

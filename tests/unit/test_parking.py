"""What is kept back and what is accepted are each other's complement, whatever parks a row."""

from __future__ import annotations

import random
from datetime import date

import pytest

from expectations.parking import PARK_TYPE, Parked, accepted, judged
from lake.io import local_rows

PLACES = "submission_id string, row_no bigint, bank_id string, account_id string, currency string, biz_date date"
KEYS = {
    "files": "submission_id string", "rows": "submission_id string, row_no bigint", "bank_days": "bank_id string, biz_date date",
    "days": "account_id string, bank_id string, currency string, biz_date date", "accounts": "bank_id string, account_id string",
}  # fmt: skip
NAMES = {"files": "park_file", "rows": "park_row", "bank_days": "park_bank_day", "days": "park_day", "accounts": "park_account"}
DAYS = [date(2026, 9, 13), date(2026, 9, 14), None]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_row_is_accepted_when_nothing_parks_it(spark, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        {"submission_id": f"S{rng.randrange(3)}", "row_no": n, "bank_id": f"B{rng.randrange(2)}", "account_id": rng.choice(["a", "b", "c", None]),
         "currency": "CNY", "biz_date": rng.choice(DAYS)} for n in range(60)
    ]  # fmt: skip
    frames = {}
    for kind, ddl in KEYS.items():
        columns = [c.split()[0] for c in ddl.split(", ")]
        hit = {tuple(r[c] for c in columns) for r in rng.sample(rows, 2)}
        park = {"violation_id": kind, "rule_id": "X", "severity": "block", "scope_kind": kind, "scope_key": "k", "cascade_of": None}
        found = [dict(zip(columns, key, strict=True)) | {NAMES[kind]: park} for key in sorted(hit, key=str)]
        frames[kind] = local_rows(spark, found, f"{ddl}, {NAMES[kind]} {PARK_TYPE}")
    df = local_rows(spark, rows, PLACES)
    for parked in (Parked(**frames), Parked(**{k: None if k in ("files", "days") else f for k, f in frames.items()})):
        verdict = {r.row_no: r.park for r in judged(df, parked).collect()}
        assert len(verdict) == len(rows)
        free = {n for n, park in verdict.items() if park is None}
        assert {r.row_no for r in accepted(df, parked).collect()} == free
        assert 0 < len(free) < len(rows)
        assert accepted(df, parked).columns and set(accepted(df, parked).columns) == set(df.columns)

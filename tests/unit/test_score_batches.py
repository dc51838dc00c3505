"""Scoring Arrow batches as Spark's Python processes do it, without Spark."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lake.arrow import arrow_type
from lake.tables import table
from models import fit, nightly, scorecard
from models.batches import Batches, unpack
from models.build import build, scorer
from tests.support.model_data import sample

N = 40
COLUMNS = tuple(
    c for c in table("score.firm_score").names if c not in ("snapshot_date", "stale_since", "event_timestamp", "created_timestamp")
)
NUMBERS = [
    c
    for c in nightly.STATE
    if c not in ("status", "court_freeze_now", "rep_dishonest_active", "has_loan_before", "data_gap", "tax_covered", "loan_covered")
]


@pytest.fixture(scope="module")
def made() -> Batches:
    model = scorer(
        build(sample(firms=900, quarters=4), "full", fit.Params(seed=2, rounds=40, threads=1), {"release_id": "r.01", "digest": "d"}, 10)
    )
    every = dict.fromkeys({*model.bundle.names, *nightly.indicators_read(set(_catalogue()))}, "fund_scale")
    return Batches(model, {"fund_scale": sorted(every)}, (*COLUMNS, "warnings"), 0.05)


def _catalogue() -> list[str]:
    from lake.schemas.derived import catalogue

    return [r["name"] for r in catalogue()]


def batch(made: Batches, **over: Any) -> pa.RecordBatch:
    rng = np.random.default_rng(4)
    width = len(made.layout["fund_scale"])
    columns: dict[str, Any] = {
        "firm_id": [f"F{k}" for k in range(N)], "industry_section": ["C"] * N, "size_class": ["SMALL"] * N, "status": ["ACTIVE"] * N,
        "fund_scale": pa.array(rng.normal(size=(N, width)).tolist(), pa.list_(pa.float64())), "has_loan_before": [True] * N, "loan_covered": [True] * N,
        "tax_covered": [True] * N, "court_freeze_now": [False] * N, "rep_dishonest_active": [False] * N, "data_gap": [False] * N,
        "inflow_latest_vs_avg_6m_year_before": pa.nulls(N, pa.float64()), **{c: pa.array(np.zeros(N)) for c in NUMBERS}, "covered_months": pa.array([24] * N),
        **{c: pa.nulls(N, pa.int64()) for c in nightly.PAST},
    }  # fmt: skip
    return pa.RecordBatch.from_pydict(columns | over)


def run(made: Batches, **over: Any) -> pa.RecordBatch:
    [found] = list(made([batch(made, **over)]))
    return found


def test_columns_and_types_fit_the_registry(made: Batches) -> None:
    found = run(made)
    types = {c.name: arrow_type(c.type) for c in table("score.firm_score").columns}
    assert tuple(found.schema.names) == made.columns
    for name in COLUMNS:
        column = found.column(name)
        if pa.types.is_null(column.type):
            assert column.null_count == N
        else:
            assert column.cast(types[name]).null_count == column.null_count, name
    assert found.column("pd").null_count == 0


def test_the_function_travels_to_another_process(made: Batches) -> None:
    there = pickle.loads(pickle.dumps(made))
    assert next(iter(there([batch(made)]))).equals(run(made))


def test_a_row_does_not_depend_on_its_batch(made: Batches) -> None:
    whole, rows = run(made), batch(made)
    apart = [next(iter(made([rows.slice(k, 10)]))) for k in range(0, N, 10)]
    for name in ("pd", "score", "grade", "limit_fen", "reasons", "warnings"):
        assert pa.chunked_array([p.column(name) for p in apart]).to_pylist() == whole.column(name).to_pylist(), name


def test_who_is_not_scored_and_why(made: Batches) -> None:
    features = batch(made).column("fund_scale").to_pylist()
    features[3] = None
    found = run(
        made, status=["REVOKED", None, *["ACTIVE"] * (N - 2)], covered_months=pa.array([24, 24, 5, 24, 6, *[24] * (N - 5)]),
        fund_scale=pa.array(features, pa.list_(pa.float64())),
    )  # fmt: skip
    assert found.column("unscored_reason").to_pylist()[:6] == [
        "not_active",
        "not_active",
        "too_few_covered_months",
        "no_features",
        None,
        None,
    ]
    assert found.column("pd").is_valid().to_pylist()[:6] == [False] * 4 + [True] * 2
    assert found.column("segment").to_pylist()[2:6] == ["NO_FLOW", "STANDARD", "THIN", "STANDARD"]
    assert found.column("confidence").to_pylist()[4] == "LOW"
    assert found.column("warnings").to_pylist()[0] == []


def test_overrides_warnings_and_past_reach_the_row(made: Batches) -> None:
    peak = pa.array([900] * N, pa.int64())
    found = run(
        made,
        dpd_now=pa.array([95.0, *[0.0] * (N - 1)]),
        data_gap=[False, True, *[False] * (N - 2)],
        score_peak=peak,
        has_loan_before=[True, True, False, *[True] * (N - 3)],
    )
    rows = found.to_pylist()
    assert rows[0]["grade"] == "D" and "R02" in rows[0]["override_rule"] and rows[0]["grade_model"] != "D"
    assert {"rule_id": "W10", "level": "red", "value": 95.0, "threshold": 60.0} in rows[0]["warnings"]
    assert {w["rule_id"] for w in rows[1]["warnings"]} >= {"DATA_GAP"}
    assert rows[2]["credit_invisible"] and scorecard.GRADES.index(rows[2]["grade"]) >= scorecard.GRADES.index("A")
    assert all("W13" in {w["rule_id"] for w in r["warnings"]} for r in rows)
    quiet = run(made, score_peak=peak, recent_W13=pa.array([3] * N, pa.int64())).to_pylist()
    assert all("W13" not in {w["rule_id"] for w in r["warnings"]} for r in quiet)
    assert all(r["limit_fen"] == 0 for r in quiet)  # reported red within 30 days: still in force


def test_unpacking_keeps_values_and_says_who_has_none() -> None:
    rows = pa.RecordBatch.from_pydict({"firm_id": ["a", "b", "c"], "d": pa.array([[1.0, None], None, [3.0, 4.0]], pa.list_(pa.float64()))})
    found = unpack(rows, {"d": ["x", "y"]})
    assert found.to_pydict() == {
        "firm_id": ["a", "b", "c"],
        "x": [1.0, None, 3.0],
        "y": [None, None, 4.0],
        "has_features": [True, False, True],
    }

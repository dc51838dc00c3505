"""The nightly scoring job on a small filled lake."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from pyspark.sql import functions as F

from jobs import model_store, samples, score, train
from lake import store
from lake.clock import SHANGHAI
from lake.errors import ConfigError, ContractBroken
from lake.io import Lake
from models import limit, scorecard
from models.inputs import BLOCKS
from models.label import observation_dates
from tests.support import model_lake

NIGHT = date(2026, 9, 14)
DATES = observation_dates(date(2024, 2, 1), NIGHT)
FIRMS = 400


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory: pytest.TempPathFactory) -> Lake:  # type: ignore[no-untyped-def]
    from lake.settings import load_settings

    base = load_settings("local", tmp_path_factory.mktemp("score"))
    settings = base.model_copy(update={"model": base.model.model_copy(update={"rounds": 60, "bootstrap": 20})})
    made = Lake(spark, settings)
    with pytest.raises(ConfigError, match="no champion model"):
        score.run(made, NIGHT)
    model_lake.fill(settings, DATES, NIGHT, FIRMS)
    model_lake.snapshot(settings, NIGHT + timedelta(days=1), FIRMS)
    without_spark = SimpleNamespace(settings=settings)
    samples.run(without_spark, NIGHT)
    train.run(without_spark, NIGHT)
    return made


@pytest.fixture(scope="module")
def scored(lake: Lake):  # type: ignore[no-untyped-def]
    report = score.run(lake, NIGHT)
    rows = store.read(lake.settings, "score.firm_score").to_pandas(date_as_object=True).set_index("firm_id").sort_index()
    return report, rows


def test_every_firm_has_a_row_with_a_score_or_a_reason(scored) -> None:  # type: ignore[no-untyped-def]
    report, rows = scored
    assert report.detail["firms_in_scope"] == len(rows) == FIRMS
    numbers = np.arange(FIRMS)
    assert (rows["unscored_reason"] == "not_active").to_numpy().tolist() == (numbers % 50 == 7).tolist()
    no_flow = rows["unscored_reason"] == "too_few_covered_months"
    assert no_flow.to_numpy().tolist() == ((numbers % 20 == 0) & (numbers % 50 != 7)).tolist()
    unscored = rows["unscored_reason"].notna()
    assert report.detail["firms_scored"] == int((~unscored).sum()) and sum(report.detail["firms_unscored"].values()) == int(unscored.sum())
    for column in ("pd", "score", "grade", "limit_binding", "reasons", "model_id", "sub_fund_scale"):
        assert rows.loc[unscored, column].isna().all(), column
        assert rows.loc[~unscored, column].notna().all(), column
    assert rows.loc[~unscored, "score"].between(300, 900).all()
    assert sum(report.detail["grades"].values()) == report.detail["firms_scored"]
    assert report.detail["model"]["id"] == rows["model_id"].dropna().unique()[0]


def test_values_are_consistent(lake: Lake, scored) -> None:  # type: ignore[no-untyped-def]
    rows = scored[1][scored[1]["unscored_reason"].isna()]
    assert scorecard.score(rows["pd"].to_numpy()).tolist() == rows["score"].tolist()
    assert [scorecard.GRADES[k] for k in scorecard.grade_index(rows["pd"].to_numpy())] == rows["grade_model"].tolist()
    order = {g: k for k, g in enumerate(scorecard.GRADES)}
    assert (rows["grade"].map(order) >= rows["grade_model"].map(order)).all()
    late = rows.iloc[[int(f[4:]) % 40 == 3 for f in rows.index]]
    assert set(late["grade"]) == {"D"} and late["override_rule"].str.contains("R02").all()
    invisible = rows[rows["credit_invisible"]]
    assert (invisible["grade"].map(order) >= order["A"]).all() and (invisible["limit_fen"] <= limit.FIRST_LOAN_CAP).all()
    assert set(rows["segment"]) == {"STANDARD", "THIN"} and set(rows[rows["segment"] == "THIN"]["confidence"]) == {"LOW"}
    for block in BLOCKS:
        assert rows[f"sub_{block}"].between(0, 100).all()
    known = rows["event_timestamp"].dt.tz_convert(SHANGHAI).unique()
    assert [t.strftime("%F %T") for t in known] == ["2026-09-15 06:00:00"] and (rows["event_timestamp"] == rows["created_timestamp"]).all()
    parts = dict(rows.iloc[0]["limit_parts"])
    assert {"adjusted_turnover", "turnover", "repayment", "debt", "cap"} <= set(parts)


def test_equal_to_scoring_the_features_directly(lake: Lake, scored) -> None:  # type: ignore[no-untyped-def]
    from models.build import scorer

    made = scorer(model_store.champion(lake.settings))
    columns = {}
    for name, of in {i.name: i.dimension for i in made.bundle.inputs}.items():
        columns.setdefault(of, []).append(name)
    rows = scored[1][scored[1]["unscored_reason"].isna()]
    parts = []
    for of, names in columns.items():
        table = store.read(lake.settings, f"feature.{of}", columns=["firm_id", "snapshot_date", *names]).to_pandas(date_as_object=True)
        parts.append(table[table["snapshot_date"] == NIGHT].set_index("firm_id").loc[rows.index, names])
    x = np.vstack([next(p for p in parts if n in p)[n].to_numpy(dtype="float32") for n in made.bundle.names])
    group = np.where(rows["credit_invisible"], "FIRST", rows["segment"])
    np.testing.assert_allclose(made.score(x, group).pd, rows["pd"].to_numpy(), rtol=1e-9)


def test_a_rerun_writes_the_same_rows(lake: Lake, scored) -> None:  # type: ignore[no-untyped-def]
    version = lake.version("score.firm_score")
    warned = lake.read("score.warning").count()
    assert score.run(lake, NIGHT).detail == scored[0].detail
    before, after = (lake.read("score.firm_score", version=v).drop("limit_parts") for v in (version, None))
    assert before.exceptAll(after).count() == after.exceptAll(before).count() == 0
    assert lake.read("score.warning").count() == warned == scored[0].detail["warnings"]


def test_the_next_night_reads_its_past(lake: Lake, scored) -> None:  # type: ignore[no-untyped-def]
    tomorrow = NIGHT + timedelta(days=1)
    score.run(lake, tomorrow)
    today = F.col("snapshot_date") == F.lit(tomorrow)
    first = {(r["firm_id"], r["rule_id"]): r["level"] for r in lake.read("score.warning").where(~today).collect()}
    levels = ("none", "yellow", "orange", "red")
    for r in lake.read("score.warning").where(today).collect():
        before = first.get((r["firm_id"], r["rule_id"]), "none")
        assert levels.index(r["level"]) > levels.index(before), r
    highest = {r["firm_id"]: r["limit_fen"] for r in lake.read("score.firm_score").where(~today).collect()}
    for r in lake.read("score.firm_score").where(today & F.col("limit_fen").isNotNull()).collect():
        if highest[r["firm_id"]]:
            assert r["limit_fen"] <= 1.2 * highest[r["firm_id"]]
    # a rerun of the first night does not read the night after it
    assert score.run(lake, NIGHT).detail == scored[0].detail


def test_a_model_of_another_catalogue_is_refused(lake: Lake, scored, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    fewer = tuple(i for i in score.catalogue.load() if i.name != model_store.champion(lake.settings).names[0])
    monkeypatch.setattr(score.catalogue, "load", lambda: fewer)
    with pytest.raises(ContractBroken, match="not among the features"):
        score.run(lake, NIGHT)


def test_year_before_needs_all_its_months(lake: Lake) -> None:
    months = [(f"{2025 - (k > 7)}-{(8 - k - 1) % 12 + 1:02d}-01", 100 if k else 40, 31, 31) for k in range(7)]
    rows = (
        [("A", *m) for m in months]
        + [("B", *m) for m in months[:-1]]
        + [("C", *m[:2], 31, 10 if k == 3 else 31) for k, m in enumerate(months)]
    )
    frame = lake.spark.createDataFrame(rows, "firm_id string, month string, op_in_amt bigint, days_in_month int, days_covered int")
    found = score.year_before(frame.withColumn("month", F.to_date("month")), NIGHT).collect()
    assert {r["firm_id"]: r["inflow_latest_vs_avg_6m_year_before"] for r in found} == {"A": pytest.approx(-0.6), "B": None, "C": None}

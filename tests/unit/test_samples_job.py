"""Sample library, training, evaluation and promotion as jobs, on a small filled lake (no Spark)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from jobs import evaluate, matrix, model_store, promote, samples, train
from lake import store
from lake.errors import ConfigError, ContractBroken, GateFailed
from lake.settings import Settings, load_settings
from models.label import observation_dates
from tests.support import model_lake

NIGHT = date(2026, 9, 14)
DATES = observation_dates(date(2024, 2, 1), NIGHT)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    base = load_settings("local", tmp_path_factory.mktemp("home"))
    settings = base.model_copy(update={"model": base.model.model_copy(update={"rounds": 60, "bootstrap": 30})})
    model_lake.fill(settings, DATES, NIGHT, firms=500)
    return settings


@pytest.fixture(scope="module")
def trained(home: Settings):  # type: ignore[no-untyped-def]
    lake = SimpleNamespace(settings=home)
    return samples.run(lake, NIGHT), train.run(lake, NIGHT)


def test_a_release_is_frozen_with_its_digest(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    report = trained[0]
    frame, label = (store.read(home, n).to_pandas(date_as_object=True) for n in ("sample.frame", "sample.label"))
    assert report.detail["release_id"] == "20250705.01"
    assert len(frame) == len(label) == report.rows > 500
    assert set(frame["digest"]) == set(label["digest"]) == {report.detail["digest"]}
    assert sorted({d.isoformat() for d in frame["snapshot_date"]}) == [d.isoformat() for d in DATES]
    assert set(frame[frame["is_oot"]]["snapshot_date"]) == set(DATES[-2:])
    assert frame.groupby("firm_id")["split"].nunique().max() == 1
    assert set(label["outcome"]) == {"good", "bad", "indeterminate"}
    assert report.detail["excluded"].keys() >= {"not_active", "too_few_months", "bad_before"}
    known = frame["event_timestamp"].dt.tz_convert("Asia/Shanghai")
    assert {t.strftime("%d %H:%M") for t in known} == {"06 06:00"}


def test_the_same_rows_again_are_nothing_to_do(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    before = store.version(home, "sample.frame")
    again = samples.run(SimpleNamespace(settings=home), date(2026, 10, 1))
    assert again.nothing and again.detail["digest"] == trained[0].detail["digest"]
    assert store.version(home, "sample.frame") == before


def test_a_release_cut_off_between_its_two_tables_is_completed(home: Settings, trained, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = home.model_copy(update={"home": tmp_path})
    model_lake.fill(other, DATES, NIGHT, firms=60)
    lake = SimpleNamespace(settings=other)
    samples.run(lake, NIGHT)
    label = store.read(other, "sample.label")
    store.replace(other, "sample.label", label.slice(0, 0), "release_id = '20250705.01'")
    report = samples.run(lake, NIGHT)
    assert not report.nothing and report.detail["release_id"] == "20250705.01"
    assert store.read(other, "sample.label").num_rows == label.num_rows == store.read(other, "sample.frame").num_rows


def test_other_outcomes_are_another_release(home: Settings, tmp_path: Path) -> None:
    other = home.model_copy(update={"home": tmp_path})
    model_lake.fill(other, DATES, NIGHT, firms=60)
    lake = SimpleNamespace(settings=other)
    first = samples.run(lake, NIGHT).detail
    rows = store.read(other, "silver.loan_performance").to_pandas().head(40)
    rows["row_version"], rows["dpd"], rows["class5"] = 1, 200, 4
    rows["month_end"] = date(2025, 10, 31)
    store.replace(other, "silver.loan_performance", pa.Table.from_pandas(rows, preserve_index=False), None)
    second = samples.run(lake, NIGHT).detail
    assert (second["release_id"], second["digest"] != first["digest"]) == ("20250705.02", True)
    assert samples.releases(other) == {"20250705.01": first["digest"], "20250705.02": second["digest"]}
    assert matrix.latest_release(other) == ("20250705.02", second["digest"])


def test_no_matured_quarter_is_nothing_to_do(tmp_path: Path) -> None:
    settings = load_settings("local", tmp_path)
    assert samples.run(SimpleNamespace(settings=settings), NIGHT).nothing
    model_lake.flows_from(settings, date(2026, 1, 1))
    assert samples.run(SimpleNamespace(settings=settings), NIGHT).nothing
    with pytest.raises(ConfigError, match="sample library is empty"):
        train.run(SimpleNamespace(settings=settings), NIGHT)


def test_training_stores_both_models_and_points_to_them(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    for kind in ("full", "flow_only"):
        model_id = trained[1].detail[kind]["id"]
        assert model_store.pointed(home, "champion", kind) == model_store.pointed(home, "challenger", kind) == model_id
        folder = home.home / "models" / model_id
        assert {p.name for p in folder.iterdir()} == {"model.ubj", "bundle.json", "card.json", "card.md"}
        assert json.loads((folder / "card.json").read_text())["model_id"] == model_id
    bundle = model_store.champion(home)
    assert {d.name for d in bundle.dropped} >= model_lake.NULL_IN_FEATURES
    assert len(bundle.inputs) + len(bundle.dropped) == 370
    assert trained[1].detail["full"]["auc_oot"]["value"] > 0.6


def test_training_again_is_nothing_to_do_and_other_parameters_are_a_challenger(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    lake = SimpleNamespace(settings=home)
    assert train.run(lake, date(2026, 10, 1)).nothing
    assert evaluate.run(lake, NIGHT).nothing
    champion = model_store.pointed(home, "champion")
    other = home.model_copy(update={"model": home.model.model_copy(update={"rounds": 15})})
    assert not train.run(SimpleNamespace(settings=other), NIGHT).nothing
    challenger = model_store.pointed(home, "challenger")
    assert challenger != champion == model_store.pointed(home, "champion")
    with pytest.raises(ConfigError, match="was not evaluated"):
        promote.run(home, NIGHT)
    found = evaluate.run(lake, NIGHT).detail["oot"]
    assert found["bads"] > 0 and -1 < found["difference"] < 1
    with pytest.raises(GateFailed, match=r"expected an AUC at least 0\.01 above"):
        promote.run(home, NIGHT)
    better = json.loads(model_store.read(home, challenger, evaluate.EVALUATION)) | {
        "oot": {"difference": 0.02, "p_value": 0.01, "bads": 200, "rows": 900}
    }
    better["verdicts"] |= dict.fromkeys(promote.CALIBRATION, "pass")
    model_store.write(home, challenger, evaluate.EVALUATION, json.dumps(better).encode())
    assert promote.run(home, NIGHT).detail == {"champion": challenger, "previous": champion, "as_of": "2026-09-14"}
    assert promote.rollback(home, NIGHT).detail["champion"] == champion == model_store.pointed(home, "champion")


def test_matrix_reads_the_features_of_each_date(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    m = matrix.matrix(home, "20250705.01")
    assert len({(f, d) for f, d in zip(m.firm, m.oot)}) <= len(m.firm)
    one = store.read(home, "feature.tax", columns=["firm_id", "snapshot_date", "vat_sales_12m"]).to_pandas(date_as_object=True)
    frame = store.read(home, "sample.frame").to_pandas(date_as_object=True).sort_values(["snapshot_date", "firm_id"]).reset_index(drop=True)
    expected = frame.merge(one, on=["firm_id", "snapshot_date"])["vat_sales_12m"].astype("float32")
    j = [i.name for i in m.inputs].index("vat_sales_12m")
    assert m.x[:, j] == pytest.approx(expected.to_numpy(), nan_ok=True)
    assert set(m.peer) == {"A|SMALL", "C|SMALL", "F|SMALL"}


def test_a_firm_without_features_is_told(home: Settings, trained) -> None:  # type: ignore[no-untyped-def]
    import pandas as pd

    keys = pd.DataFrame({"firm_id": ["NOBODY"], "snapshot_date": [DATES[0]], "event_timestamp": [None]})
    with pytest.raises(ContractBroken, match="1 have none"):
        matrix.from_tables(home, keys, ["vat_sales_12m"])


def test_a_damaged_or_lost_bundle_is_an_error_for_people(home: Settings, trained, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings = load_settings("local", tmp_path)
    with pytest.raises(ConfigError, match="no champion model"):
        model_store.champion(settings)
    model_store.point(settings, "champion", "full", "full-x")
    with pytest.raises(ConfigError, match="found none"):
        model_store.champion(settings)
    model_store.save(settings, "full-x", {"bundle.json": b"{}", "model.ubj": b""})
    with pytest.raises(ContractBroken, match="cannot be read"):
        model_store.champion(settings)

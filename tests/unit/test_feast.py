"""Retrieval, online store and publishing on a few firms, with the real Feast."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import catalogue, inputs, online, published, retrieval
from features.feast_client import open_store
from features.views import OWNERS
from jobs import publish
from jobs.sql_views import open_published
from lake import store
from lake.clock import SHANGHAI, known_at
from lake.errors import ContractBroken, UsageError
from lake.settings import Settings
from lake.tables import DIMENSIONS, table

D = date(2026, 9, 14)
FIRMS = ["F1", "F2", "F3"]


def features(settings: Settings, as_of: date, base: float, created: datetime | None = None) -> None:
    """Feature rows of a snapshot: the k-th indicator is base + k (null every seventh), for each firm 1000 more."""
    names = inputs.feature_names()
    for dimension in DIMENSIONS:
        rows = []
        for f, firm in enumerate(FIRMS):
            row: dict[str, Any] = {
                "firm_id": firm,
                "snapshot_date": as_of,
                "event_timestamp": known_at(as_of),
                "created_timestamp": created or known_at(as_of),
            }
            for c in table(f"feature.{dimension}").columns[4:]:
                k = names.index(c.name)
                value = base + 1000 * f + k
                row[c.name] = None if k % 7 == 3 else value if c.type == "double" else int(value)
            rows.append(row)
        store.replace(settings, f"feature.{dimension}", store.rows_of(f"feature.{dimension}", rows), f"snapshot_date = '{as_of}'")


def scores(settings: Settings, as_of: date, score: int = 600) -> None:
    empty = dict.fromkeys(table("score.firm_score").names)
    rows = [
        empty | {
            "firm_id": firm, "snapshot_date": as_of, "model_id": "m1", "segment": "STANDARD", "credit_invisible": False, "score": score + f if f < 2 else None,
            "pd": 0.01, "grade": "A", "limit_fen": 10**9, "reasons": [{"code": "FS001", "name": "x", "direction": "down", "points": 3.0, "value": 1.0, "peer_median": 2.0}],
            "event_timestamp": known_at(as_of), "created_timestamp": known_at(as_of),
        }
        for f, firm in enumerate(FIRMS)
    ]  # fmt: skip
    store.replace(settings, "score.firm_score", store.rows_of("score.firm_score", rows), f"snapshot_date = '{as_of}'")


def asked(*rows: tuple[str, datetime]) -> pd.DataFrame:
    frame = pd.DataFrame([{"firm_id": f, "event_timestamp": t, "label": k} for k, (f, t) in enumerate(rows)])
    return frame.assign(event_timestamp=pd.to_datetime(frame["event_timestamp"]).dt.tz_localize(SHANGHAI))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published night D, a snapshot a quarter before, and a restated row of it created later than it says."""
    from lake.settings import load_settings

    settings = load_settings("local", tmp_path_factory.mktemp("feast") / "home")
    features(settings, date(2026, 7, 5), 10.0)
    features(settings, D, 500.0)
    features(settings, date(2026, 4, 5), 77.0, created=known_at(date(2026, 8, 1)))
    scores(settings, D)
    with pytest.raises(UsageError, match="no night is published"):
        published.night(settings.lake_uri)
    report = publish.run(settings, D)
    assert (report.rows, report.detail["online"], report.nothing) == (3, 3, False)
    return settings


def test_training_frame_is_point_in_time_and_keeps_every_row(home: Settings) -> None:
    july, tonight = known_at(date(2026, 7, 5)), known_at(D)
    rows = asked(
        ("F2", july),
        ("F1", tonight),
        ("F1", tonight - timedelta(seconds=1)),
        ("X9", july),
        ("F2", july),
        ("F1", known_at(date(2026, 4, 5))),
        ("F1", july + timedelta(days=46)),
    )
    found = retrieval.training_frame(home, rows)
    assert list(found.columns) == ["firm_id", "event_timestamp", "label", *inputs.feature_names()]
    assert found["label"].tolist() == list(range(7)) and found["firm_id"].tolist() == rows["firm_id"].tolist()
    first = inputs.feature_names()[0]
    values = [None if pd.isna(v) else float(v) for v in found[first]]
    # F1 a second before the night still reads July; unknown firm; a row created later than asked; past the 45 days of life
    assert values == [1010.0, 500.0, None, None, 1010.0, None, None]
    assert found[inputs.feature_names()[3]].isna().all()


def test_flow_only_has_its_264_inputs(home: Settings) -> None:
    found = retrieval.training_frame(home, asked(("F3", known_at(D))), "flow_only_v1")
    assert list(found.columns[3:]) == inputs.feature_names("flow_only_v1")
    assert float(found["op_inflow_amt_1m"].iloc[0]) == 2500.0


def test_wrong_frames_are_refused(home: Settings) -> None:
    good = asked(("F1", known_at(D)))
    with pytest.raises(ContractBroken, match="lacks firm_id"):
        retrieval.training_frame(home, good.drop(columns="firm_id"))
    with pytest.raises(ContractBroken, match="firm_age_months"):
        retrieval.training_frame(home, good.assign(firm_age_months=1))
    with pytest.raises(ContractBroken, match="time zone"):
        retrieval.training_frame(home, good.assign(event_timestamp=good["event_timestamp"].dt.tz_localize(None)))
    assert retrieval.training_frame(home, good.iloc[:0]).columns[-1] == inputs.feature_names()[-1]


def test_online_rows_carry_their_snapshot_and_the_packed_vector(home: Settings) -> None:
    known, unknown = online.read(home, ["F2", "X9"])
    assert (known["score"], known["snapshot_date"], known["limit_fen"]) == (601, "2026-09-14", 10**9)
    assert json.loads(known["reasons"])[0]["code"] == "FS001"
    expected = [np.nan if k % 7 == 3 else 1500.0 + k for k in range(370)]
    assert np.array_equal(np.array(known["values"], dtype=float), np.array(expected), equal_nan=True)
    assert unknown["score"] is None and unknown["values"] is None


def test_sql_and_retrieval_see_the_published_night_only(home: Settings) -> None:
    before = open_published(home).execute("SELECT count(*), max(op_inflow_amt_1m) FROM feature.fund_scale").fetchone()
    assert open_published(home).execute("SELECT max(event_timestamp) FROM feature.tax").fetchone() == (known_at(D),)
    features(home, date(2026, 9, 15), 9000.0)
    assert (
        open_published(home).execute("SELECT count(*), max(op_inflow_amt_1m) FROM feature.fund_scale").fetchone() == before == (9, 2500.0)
    )
    later = asked(("F1", known_at(date(2026, 9, 15))))
    assert float(retrieval.training_frame(home, later)["op_inflow_amt_1m"].iloc[0]) == 500.0
    assert float(retrieval.training_frame(home, later, published=False)["op_inflow_amt_1m"].iloc[0]) == 9000.0
    with pytest.raises(UsageError, match="2026-09-15 is not published"):
        open_published(home, date(2026, 9, 15))


def test_publishing_again_is_nothing_and_an_older_night_leaves_online_alone(settings: Settings) -> None:
    features(settings, D, 500.0)
    with pytest.raises(ContractBroken, match="never written"):
        publish.run(settings, D)
    scores(settings, D)
    publish.run(settings, D)
    assert publish.run(settings, D).nothing
    scores(settings, D, 650)
    assert not publish.run(settings, D).nothing
    assert online.read(settings, ["F1"])[0]["score"] == 650
    older = D - timedelta(days=1)
    with pytest.raises(ContractBroken, match="liushui score"):
        publish.run(settings, older)
    scores(settings, older, 300)
    assert publish.run(settings, older).detail["online"] == 0
    assert online.read(settings, ["F1"])[0]["score"] == 650
    assert published.night(settings.lake_uri).as_of == D
    nights = store.read(settings, "ops.night").to_pylist()
    assert sorted((n["as_of"], n["firms_scored"], n["model_id"]) for n in nights) == [(older, 2, "m1"), (D, 2, "m1")]


def test_the_registry_holds_the_catalogue(home: Settings) -> None:
    client = open_store(home)
    views = {v.name: v for v in client.list_feature_views()}
    assert set(views) == {*DIMENSIONS, "firm_scorecard", "firm_vector"} and len(DIMENSIONS) == 11
    held = {f.name: (d, f) for d in DIMENSIONS for f in views[d].features}
    assert held.keys() == catalogue.by_name().keys() and len(held) == len(catalogue.load()) == 370
    for i in catalogue.load():
        dimension, field = held[i.name]
        assert dimension == i.dimension and field.description == i.description, i.id
        assert str(field.dtype) == ("Float64" if i.dtype == "double" else "Int64"), i.id
        told = {k: field.tags[k] for k in ("id", "name_zh", "unit", "window", "clock", "formula", "null_policy", "monotone", "source")}
        row = {k: str(getattr(i, k)) for k in told if k != "source"} | {"source": i.source_table}
        assert told == row and field.tags["owner"] in OWNERS.values(), i.id
    for name in DIMENSIONS:
        v = views[name]
        assert v.owner in OWNERS.values() and v.description and v.tags["indicators"] == str(len(v.features))
        assert v.ttl == timedelta(days=45) and not v.online and [e.name for e in v.entity_columns] == ["firm_id"]
        assert (v.batch_source.timestamp_field, v.batch_source.created_timestamp_column) == ("event_timestamp", "created_timestamp")
        assert v.batch_source.path == store.uri(home, f"feature.{name}")
    assert {d: views[d].owner for d in ("fund_usage", "tax", "judicial", "registration", "credit_debt")} == {
        "fund_usage": "account flows", "tax": "tax records", "judicial": "court records", "registration": "registry", "credit_debt": "loans",
    }  # fmt: skip


def test_the_services_hold_their_inputs(home: Settings) -> None:
    client = open_store(home)
    for name, count, dimensions in (("full_v1", 370, 11), ("flow_only_v1", 264, 6)):
        service = client.get_feature_service(name)
        named = [f.name for p in service.feature_view_projections for f in p.features]
        assert sorted(named) == sorted(inputs.feature_names(name)) and len(named) == count
        assert len(service.feature_view_projections) == dimensions
        assert service.owner and service.description and service.tags == {"inputs": str(count), "hash": inputs.feature_hash(name)}


def test_nothing_gets_past_the_knowledge_time(home: Settings) -> None:
    """A row created in August for an April snapshot: known to nobody who asks as of April, however it is asked."""
    april, august = known_at(date(2026, 4, 5)), known_at(date(2026, 8, 1))
    first = inputs.feature_names()[0]
    client = open_store(home, "latest")
    for service in inputs.SERVICES:
        for option in ({}, {"filter_by_created_timestamp": False}, {"filter_by_created_timestamp": True}):
            found = client.get_historical_features(asked(("F1", april)), client.get_feature_service(service), **option).to_df()
            assert found[first].isna().all() and len(found) == 1
    by_name = client.get_historical_features(asked(("F1", april)), [f"fund_scale:{first}"], filter_by_created_timestamp=False).to_df()
    assert by_name[first].isna().all()
    for published_only in (True, False):
        rows = asked(("F1", april), ("F1", april + timedelta(days=44)), ("F1", august), ("F2", known_at(date(2026, 1, 1))))
        found = retrieval.training_frame(home, rows, published=published_only)
        assert found["label"].tolist() == [0, 1, 2, 3]
        # from August on April's row is known, but July's is the newer snapshot; nothing before the first snapshot
        assert [None if pd.isna(v) else float(v) for v in found[first]] == [None, None, 10.0, None]
    for name in ("created_timestamp", "snapshot_date"):
        with pytest.raises(ContractBroken, match=name):
            retrieval.training_frame(home, asked(("F1", april)).assign(**{name: april}))


def test_a_frame_of_duplicates_unknown_firms_and_early_times_keeps_every_row(home: Settings) -> None:
    """Many rows in any order, with an index of their own: each comes back in its place, with the values of its own moment."""
    r = np.random.default_rng(3)
    moments = [known_at(d) for d in (date(2020, 1, 1), date(2026, 7, 4), date(2026, 7, 5), D)]
    rows = asked(*((str(r.choice([*FIRMS, "X8", "X9"])), moments[r.integers(4)]) for _ in range(500)))
    rows.index = pd.Index(r.permutation(500) + 7)
    found = retrieval.training_frame(home, rows)
    assert found.index.equals(rows.index) and found["label"].tolist() == rows["label"].tolist()
    assert found["event_timestamp"].equals(rows["event_timestamp"])
    base = {moments[2]: 10.0, moments[3]: 500.0}
    for firm, when, value in zip(rows["firm_id"], rows["event_timestamp"].dt.tz_localize(None), found[inputs.feature_names()[0]]):
        expected = base[when] + 1000 * FIRMS.index(firm) if firm in FIRMS and when in base else None
        assert (None if pd.isna(value) else float(value)) == expected, (firm, when)

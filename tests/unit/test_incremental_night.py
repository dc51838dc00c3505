"""A night that carries indicators over ends in the same rows as one that computes everything, says what it did, and checks itself."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import random_nights
import random_tiles
from deltalake import DeltaTable, write_deltalake
from indicator_job import features, plain_lake, write
from random_nights import NIGHTS

from features import carried, compiled, intake
from jobs import indicators, indicators_plan
from jobs.indicators_tables import differ
from jobs.runner import Report, run_job
from lake import store
from lake.errors import GateFailed

FIRMS = 30
SEED = 11


@pytest.fixture
def lake(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return plain_lake(settings, monkeypatch)


def night(lake: Any, as_of: date, **options: Any) -> Report:
    """The step as a night runs it: with its row in ops.run."""
    return run_job(lake.settings, "indicators", as_of, lambda: indicators.run(lake, as_of, **options))


def test_nights_that_carry_over_equal_a_full_computation(lake: Any) -> None:
    rows = random_tiles.random_rows(SEED, FIRMS, NIGHTS[0])
    write(lake.settings, rows)
    reports = [night(lake, NIGHTS[0])]
    for as_of in NIGHTS[1:]:
        new = random_nights.next_night(SEED, rows, as_of)
        write(lake.settings, {name: found for name, found in new.items() if found})
        rows = {name: found + new[name] for name, found in rows.items()}
        reports.append(night(lake, as_of))
    assert [r.detail["built_on"] for r in reports] == [None, NIGHTS[0], None, *NIGHTS[2:5]]
    assert "no earlier night" in reports[0].detail["why"] and "2026-07 to 2026-08" in reports[2].detail["why"]
    for r in reports:
        assert r.detail["firms_whole"] + r.detail["firms_carried"] == r.rows
        assert r.detail["firms_checked"] == (1 if r.detail["built_on"] else 0)
    quiet, due = reports[1].detail, reports[5].detail
    assert 0 < quiet["firms_whole"] < 8 and quiet["indicators_for_all"] == 88
    assert "tax_month" in due["why"] and due["indicators_for_all"] > 88, "taxes fell due: their indicators are computed for every firm"
    found = {d: features(lake.settings, d) for d in NIGHTS}
    indicators.run(lake, NIGHTS[-1], snapshots=NIGHTS)
    for d in NIGHTS:
        for name, whole in features(lake.settings, d).items():
            for column in whole.column_names:
                assert whole[column].equals(found[d][name][column]), (d, name, column)


def test_only_what_moves_by_itself_is_computed_every_night() -> None:
    always = [c for c in compiled.load() if carried.by_night(c)]
    clocks = Counter(c.indicator.clock for c in always)
    assert clocks == {"point": 55, "day": 29, "month": 4}
    assert [c.indicator.id for c in always if c.indicator.clock == "month"] == ["EB040", "EB041", "EB042", "TX011"]


def two_nights(lake: Any, restated: int = 2) -> tuple[date, date]:
    """Tiles of two nights, the first one computed."""
    rows = random_tiles.random_rows(SEED, FIRMS, NIGHTS[0])
    write(lake.settings, rows)
    night(lake, NIGHTS[0])
    write(lake.settings, {n: found for n, found in random_nights.next_night(SEED, rows, NIGHTS[1], restated).items() if found})
    return NIGHTS[0], NIGHTS[1]


def test_a_firm_is_touched_by_what_the_night_before_had_not_read(lake: Any) -> None:
    """A row of an earlier night's partition that becomes known now, and one that a later load says was known earlier."""
    rows = {n: [r for r in found if r["as_of"] <= NIGHTS[0]] for n, found in random_tiles.random_rows(SEED, FIRMS, NIGHTS[0]).items()}
    one, other = list({r["firm_id"]: r for r in rows["firm_month"]}.values())[:2]
    tonight, before = random_nights.learnt(NIGHTS[1]), random_nights.learnt(NIGHTS[0])
    write(lake.settings, rows | {"firm_month": [*rows["firm_month"], one | tonight | {"as_of": NIGHTS[0]}]})
    night(lake, NIGHTS[0])
    snapshot = [r | {"snapshot_date": NIGHTS[1]} | tonight for r in rows["registration"]]
    write(lake.settings, {"registration": snapshot, "firm_month": [other | before | {"as_of": NIGHTS[1]}]})
    found = {t: intake.tile_files(lake.settings, t, (NIGHTS[1],), compiled.load()) for t in intake.TILES}
    made = indicators_plan.make(lake.settings, NIGHTS[1], {t: f for t, f in found.items() if f is not None}, compiled.load())
    assert made.firms.to_pylist() == sorted([one["firm_id"], other["firm_id"]])


def test_a_wrong_carried_value_stops_the_night(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, as_of = two_nights(lake)
    july = [r for r in store.read(lake.settings, "tile.firm_month").to_pylist() if r["month"] == date(2026, 7, 1)]
    wrong = [r | {"op_in_amt": (r["op_in_amt"] or 0) + 77_700} | random_nights.learnt(as_of) for r in july]
    write(lake.settings, {"firm_month": wrong})
    with monkeypatch.context() as m:
        m.setattr(indicators_plan, "_touched", lambda *_: [])  # as if the night overlooked the restatement
        m.setattr(indicators_plan, "drawn", lambda firms, _: pa.array([r["firm_id"] for r in july if r["firm_id"] in firms.to_pylist()]))
        with pytest.raises(GateFailed, match=r"firm F\d{4}, FS003 \w+: carried over from 2026-09-02 \S+, computed anew \d") as e:
            night(lake, as_of)
    assert e.value.exit_code == 12 and f"liushui indicators --full --as-of {as_of}" in str(e.value)
    assert not features(lake.settings, as_of)["judicial"].num_rows
    assert night(lake, as_of).detail["pass"] == "incremental", "the failed run of the night itself is no obstacle"


def test_numbers_that_count_as_different() -> None:
    a = pa.chunked_array([[1.0, 1.0, None, None, 0.0, 5.0]])
    b = pa.chunked_array([[1.0 + 1e-10, 1.0 + 1e-8, None, 0.0, 1e-300, 5.0]])
    assert list(np.flatnonzero(differ(a, b, exact=False))) == [1, 3, 4]
    whole = pa.chunked_array([pa.array([2**60, 3, None], pa.int64())])
    assert list(np.flatnonzero(differ(whole, pa.chunked_array([pa.array([2**60 + 1, 3, None], pa.int64())]), exact=True))) == [0]


def test_another_hundredth_every_night() -> None:
    firms = pa.array([f"F{i:05d}" for i in range(1001)])
    first, again, other = (indicators_plan.drawn(firms, d).to_pylist() for d in (NIGHTS[0], NIGHTS[0], NIGHTS[1]))
    assert first == again != other and len(first) == 11 and first == sorted(set(first))


def test_a_night_that_cannot_build_on_another_says_why(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before, as_of = two_nights(lake)

    def why(day: date = as_of) -> str:
        found = {t: intake.tile_files(lake.settings, t, (day,), compiled.load()) for t in intake.TILES}
        made = indicators_plan.make(lake.settings, day, {t: f for t, f in found.items() if f is not None}, compiled.load())
        assert (made.base is None) == (made.everyone == compiled.load())
        return made.why

    assert "firms new, restated" in why()
    assert why(before) == "there is no earlier night to build on"
    for name in ("catalogue", "engine"):
        with monkeypatch.context() as m:
            m.setattr(carried, f"{name}_digest", lambda: "another")
            assert why() == f"the {name} is another than on {before}"
    with monkeypatch.context() as m:
        m.setattr(indicators_plan, "MOST", 0.0)
        assert "firms new, restated, moved or otherwise covered since" in why()
    asked = night(lake, as_of, full=True).detail
    assert (asked["pass"], asked["why"], asked["built_on"]) == ("full", "asked for by --full", None)
    rows = store.read(lake.settings, "tile.loan")
    store.replace(lake.settings, "tile.loan", rows.filter(pa.compute.equal(rows["as_of"], before)), f"as_of = '{before}'")
    assert why() == f"tile.loan: files of {before} or before were rewritten since"
    night(lake, before)
    assert "firms new, restated" in why()
    found = store.read(lake.settings, "feature.judicial")
    store.replace(
        lake.settings, "feature.judicial", found.filter(pa.compute.equal(found["snapshot_date"], before)), f"snapshot_date = '{before}'"
    )
    assert why() == f"the feature rows of {before} are not those that its run wrote"
    night(lake, before)
    with pytest.raises(RuntimeError):
        run_job(lake.settings, "indicators", before, lambda: (_ for _ in ()).throw(RuntimeError("killed")))
    assert why() == f"the last run of {before} did not end well"


def test_tiles_that_do_not_say_when_they_were_known_are_computed_in_full(lake: Any) -> None:
    for name, table in random_tiles.tables(random_tiles.random_rows(SEED, 5, NIGHTS[0])).items():
        both = [table]
        if "snapshot_date" in table.column_names:
            at = table.column_names.index("snapshot_date")
            both.append(table.set_column(at, table.schema.field(at), pa.array([NIGHTS[1]] * table.num_rows, pa.date32())))
        plain = pa.concat_tables(both).drop_columns(["available_at", "tile_version", "as_of"])
        write_deltalake(store.uri(lake.settings, f"tile.{name}"), plain)
    night(lake, NIGHTS[0])
    second = night(lake, NIGHTS[1]).detail
    assert second["pass"] == "full" and "does not say which night wrote a row" in second["why"]


def test_the_run_record_holds_what_the_next_night_needs(lake: Any) -> None:
    before, _ = two_nights(lake)
    (row,) = store.read(lake.settings, "ops.run").to_pylist()
    basis = json.loads(row["detail"])["basis"]
    assert set(basis["tiles"]) == set(intake.TILES) and len(basis["features"]) == 11
    assert len(DeltaTable(store.uri(lake.settings, "ops.run")).file_uris()) == 1
    assert indicators_plan.last_night(lake.settings, NIGHTS[1]) == (before, indicators_plan.Basis(**basis))

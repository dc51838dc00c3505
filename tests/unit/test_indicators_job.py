"""The job's path from tile tables to feature tables, with the worker functions called in this process instead of by Spark."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
import random_tiles
from deltalake import DeltaTable, write_deltalake
from indicator_job import plain_lake, values, write

from features import compiled, reference
from jobs import indicators
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings

D = random_tiles.AS_OF
FIRMS = 30


@pytest.fixture
def lake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    return plain_lake(settings, monkeypatch)


def test_tables_hold_what_the_reference_says(lake: Any) -> None:
    rows = random_tiles.random_rows(3, FIRMS)
    write(lake.settings, rows)
    report = indicators.run(lake, D)
    assert (report.rows, report.detail["indicators"], report.detail["not_computed"]) == (FIRMS, 370, [])
    found = values(lake.settings, D)
    assert len(found) == FIRMS
    for who in list(found)[:10]:
        firm = reference.Firm.of(rows, who, D)
        for c in compiled.load():
            if not c.peers:
                slow, fast = reference.indicator(c, firm), found[who][c.indicator.name]
                assert fast is None if slow is None else math.isclose(fast, slow, rel_tol=1e-9, abs_tol=1e-9), c.indicator.id
    moment = found["F0000"]["event_timestamp"]
    assert moment == found["F0000"]["created_timestamp"] and moment.isoformat() == "2026-09-14T22:00:00+00:00"  # 06:00 in Shanghai
    assert not list((lake.settings.home / "lake" / "_scratch").iterdir())


def test_a_rerun_replaces_its_night_and_leaves_others(lake: Any) -> None:
    write(lake.settings, random_tiles.random_rows(3, 5))
    before = date(2026, 6, 5)
    write(lake.settings, {"registration": random_tiles.random_rows(4, 5, before)["registration"]})
    indicators.run(lake, D)
    first = store.read(lake.settings, "feature.fund_scale").sort_by("firm_id")
    assert indicators.run(lake, D, snapshots=[before]).rows == 5
    indicators.run(lake, D)
    after = store.read(lake.settings, "feature.fund_scale")
    assert after.num_rows == 10
    assert after.filter(pa.compute.equal(after["snapshot_date"], pa.scalar(D))).sort_by("firm_id").equals(first)


def test_a_tile_never_written_leaves_its_indicators_null(lake: Any) -> None:
    write(lake.settings, random_tiles.random_rows(3, 5), skip=("network",))
    report = indicators.run(lake, D)
    assert report.detail["not_computed"] == ["NA007", "NA008", "NA009", "NA011", "NA012", "NA013", "NA014", "NA015", "NA016"]
    assert {r["related_firm_cnt"] for r in values(lake.settings, D).values()} == {None}


def test_tiles_without_versions_count_as_known(lake: Any) -> None:
    rows = random_tiles.random_rows(3, 5)
    limit = random_tiles.known_at(D).replace(tzinfo=random_tiles.SHANGHAI)
    known = {
        n: reference.known_rows([r for r in found if r["available_at"] <= limit], ("firm_id", *reference.KEYS[n]), D)
        for n, found in rows.items()
    }
    for name, table in random_tiles.tables(known).items():
        write_deltalake(store.uri(lake.settings, f"tile.{name}"), table.drop_columns(["available_at", "tile_version", "as_of"]))
    assert indicators.run(lake, D).rows == 5
    found = values(lake.settings, D)
    firm = reference.Firm.of(rows, "F0001", D)
    for c in compiled.load():
        slow = None if c.peers else reference.indicator(c, firm)
        if slow is not None:
            assert math.isclose(found["F0001"][c.indicator.name], slow, rel_tol=1e-9, abs_tol=1e-9), c.indicator.id


def test_what_is_missing_is_said(lake: Any) -> None:
    with pytest.raises(ContractBroken, match="liushui tiles"):
        indicators.run(lake, D)
    rows = random_tiles.random_rows(3, 2)
    write(lake.settings, rows, skip=("loan",))
    loan = random_tiles.arrow("loan", rows["loan"]).drop_columns(["bal"])
    write_deltalake(store.uri(lake.settings, "tile.loan"), loan)
    with pytest.raises(ContractBroken, match=r"tile\.loan.*bal"):
        indicators.run(lake, D)
    assert not DeltaTable.is_deltatable(store.uri(lake.settings, "feature.fund_scale"))

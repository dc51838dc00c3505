"""Tiles written directly by the simulator: the indicators job runs on them, and they are the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import catalogue, compiled
from features.engine import needs
from jobs import indicators
from lake import store
from lake.arrow import arrow_schema
from lake.io import Lake
from lake.settings import Settings, load_settings
from lake.tables import table
from simulator import tile_files
from simulator.params import PRESETS
from simulator.tiles import NAMES

P = replace(PRESETS["ci"], firms=200, months=24)


@pytest.mark.slow
def test_indicators_run_on_written_tiles(lake: Lake) -> None:
    tile_files.write(lake.settings, P)
    active = store.read(lake.settings, "tile.firm_counterparty_month").num_rows / store.read(lake.settings, "tile.firm_month").num_rows
    assert 13 < active < 17
    for name in NAMES:
        found, key = store.read(lake.settings, f"tile.{name}"), list(table(f"tile.{name}").key)
        assert 0 < found.num_rows == found.group_by(key).aggregate([]).num_rows, name
    report = indicators.run(lake, P.end)
    assert report.rows == store.read(lake.settings, "tile.registration").num_rows
    unwritten = {c.indicator.name: c.indicator.id for c in compiled.load() if "firm_day" in needs(c)}
    assert set(report.detail["not_computed"]) == set(unwritten.values())
    empty = {
        name
        for dimension in catalogue.dimensions()
        for name, values in zip(*_columns(lake, dimension), strict=True)
        if values.null_count == len(values)
    }
    too_few = {c.indicator.name for c in compiled.load() if c.peers}  # peers of a section, in 200 firms
    assert empty <= set(unwritten) | too_few, empty


def _columns(lake: Lake, dimension: str) -> tuple[list[str], list[pa.ChunkedArray]]:
    found = store.read(lake.settings, f"feature.{dimension}")
    return found.column_names, found.columns


def settings_of(home: Path) -> Settings:
    return load_settings("local", home)


def test_rows_do_not_depend_on_blocks_of_firms(tmp_path: Path) -> None:
    small = replace(P, firms=60, months=12)
    tile_files.write(settings_of(tmp_path / "whole"), small)
    tile_files.write(settings_of(tmp_path / "blocks"), small, firms=7)
    for name in NAMES:
        whole, blocks = (
            found.sort_by([(c, "ascending") for c in table(f"tile.{name}").key])
            for found in (store.read(settings_of(tmp_path / x), f"tile.{name}") for x in ("whole", "blocks"))
        )
        assert whole.num_rows and whole.equals(blocks), name


def test_written_again_a_night_is_replaced(tmp_path: Path) -> None:
    settings, small = settings_of(tmp_path), replace(P, firms=20, months=3)
    tile_files.write(settings, small)
    first = store.read(settings, "tile.firm_month")
    tile_files.write(settings, replace(small, seed=8))
    second = store.read(settings, "tile.firm_month")
    assert first.schema == second.schema
    assert set(first.column("firm_id").to_pylist()).isdisjoint(second.column("firm_id").to_pylist())
    assert store.version(settings, "tile.firm_month") == 2


def test_files_have_the_types_of_the_registry(tmp_path: Path) -> None:
    """Readers that take the files as Parquet, without the schema of the table, must see the same types."""
    settings = settings_of(tmp_path)
    tile_files.write(settings, replace(P, firms=60, months=12))
    for name in NAMES:
        t = table(f"tile.{name}")
        (file,) = Path(store.uri(settings, t.name)).rglob("*.parquet")
        found = {f.name: f.type for f in pq.read_schema(file)}
        assert found == {f.name: f.type for f in arrow_schema(t) if f.name not in t.partition}, name

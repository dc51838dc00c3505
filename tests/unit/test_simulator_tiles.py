"""Tiles written directly by the simulator: the indicators job runs on them, and they are the same every time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from features import catalogue, compiled
from features.engine import needs
from jobs import indicators
from lake import store
from lake.io import Lake
from lake.tables import table
from simulator import tiles
from simulator.params import PRESETS

P = replace(PRESETS["ci"], firms=200, months=24)


@pytest.mark.slow
def test_indicators_run_on_written_tiles(lake: Lake) -> None:
    tiles.write(lake, P)
    active = store.read(lake.settings, "tile.firm_counterparty_month").num_rows / store.read(lake.settings, "tile.firm_month").num_rows
    assert 13 < active < 17
    for name in tiles.NAMES:
        found, key = store.read(lake.settings, f"tile.{name}"), list(table(f"tile.{name}").key)
        assert 0 < found.num_rows == found.group_by(key).aggregate([]).num_rows, name
    report = indicators.run(lake, P.end)
    assert report.rows == store.read(lake.settings, "tile.registration").num_rows
    unwritten = {c.indicator.name: c.indicator.id for c in compiled.load() if needs(c) & {"firm_day", "network"}}
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


def test_the_same_tiles_every_time(lake: Lake) -> None:
    small = replace(P, firms=20, months=3)

    def sums() -> list[Any]:
        made = tiles.Tiles(lake, small)
        return [
            getattr(made, name)().selectExpr("count(*)", "sum(CAST(xxhash64(struct(*)) AS DECIMAL(38, 0)))").first()
            for name in ("firm_month", "firm_counterparty_month", "court_event")
        ]

    assert sums() == sums()

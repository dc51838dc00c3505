"""Tiles written directly by the simulator: the indicators job runs on them, and they are the same every time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs import indicators
from lake import store
from lake.io import Lake
from lake.tables import table
from simulator import tiles
from simulator.params import PRESETS

P = replace(PRESETS["ci"], firms=200, months=24)
KEYS_ONLY = ("firm_id", "snapshot_date", "event_timestamp", "created_timestamp")


def test_indicators_run_on_written_tiles(lake: Lake) -> None:
    tiles.write(lake, P)
    active = store.read(lake.settings, "tile.firm_counterparty_month").num_rows / store.read(lake.settings, "tile.firm_month").num_rows
    assert 13 < active < 17
    for name in tiles.NAMES:
        found, key = store.read(lake.settings, f"tile.{name}"), list(table(f"tile.{name}").key)
        assert 0 < found.num_rows == found.group_by(key).aggregate([]).num_rows, name
    report = indicators.run(lake, P.end)
    assert report.rows == store.read(lake.settings, "tile.registration").num_rows
    absent = {"firm_day", "network"}
    assert len(report.detail["not_computed"]) < 30, f"more than the indicators of {absent}"
    empty = []
    for dimension in (
        "fund_scale",
        "economic_benefit",
        "customer_dispersion",
        "flow_stability",
        "supply_chain_stability",
        "fund_usage",
        "tax",
        "credit_debt",
    ):
        values = store.read(lake.settings, f"feature.{dimension}")
        empty += [c for c in values.column_names if c not in KEYS_ONLY and values.column(c).null_count == values.num_rows]
    assert len(empty) <= len(report.detail["not_computed"]), empty


def test_the_same_tiles_every_time(lake: Lake) -> None:
    small = replace(P, firms=20, months=3)

    def sums() -> list[Any]:
        made = tiles.Tiles(lake, small)
        return [
            getattr(made, name)().selectExpr("count(*)", "sum(CAST(xxhash64(struct(*)) AS DECIMAL(38, 0)))").first()
            for name in ("firm_month", "firm_counterparty_month", "court_event")
        ]

    assert sums() == sums()

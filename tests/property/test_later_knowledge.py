"""What is learnt later changes no older snapshot: rows appended to each tile, as a new key or as a higher version of one it had."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import random_tiles
from indicator_job import features, plain_lake, write

from features import compiled, reference
from features.batch import Batch, Bucket
from features.engine import evaluate
from jobs import indicators
from lake.clock import SHANGHAI, known_at

AS_OF = random_tiles.AS_OF
LIMIT = known_at(AS_OF).replace(tzinfo=SHANGHAI)
"""The last moment whose knowledge counts."""
TILES = [t.removeprefix("tile.") for t in random_tiles.TILES]
LATER = [LIMIT + timedelta(microseconds=1), LIMIT + timedelta(hours=22), LIMIT + timedelta(days=400)]
KEPT = ("firm_id", "snapshot_date", "available_at", "tile_version", "as_of", "days_in_month")
Rows = dict[str, list[dict[str, Any]]]


def key_of(tile: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[k] for k in ("firm_id", *reference.KEYS[tile]))


def other(tile: str, row: dict[str, Any], known: datetime, version: int) -> dict[str, Any]:
    """The row with every number, flag and date beside its key changed, known at `known`."""
    changed = dict(row)
    for name, v in row.items():
        if name in reference.KEYS[tile] or name in KEPT:
            continue
        if isinstance(v, bool):
            changed[name] = not v
        elif isinstance(v, int | float):
            changed[name] = 0 if v else 7
        elif isinstance(v, date):
            changed[name] = v - timedelta(days=400)
    return changed | {"available_at": known, "tile_version": version, "as_of": known.date()}


def values(rows: Rows) -> dict[str, dict[str, float]]:
    batch = Batch(Bucket.of(random_tiles.tables(rows)), AS_OF)
    found = evaluate(batch, compiled.load())
    return {f: {n: x[k] for n, x in found.items()} for k, f in enumerate(batch.firms.to_pylist())}


def same(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[f][n], b[f][n], equal_nan=True) for f in a for n in a[f])


def chosen(rows: Rows, tile: str) -> list[dict[str, Any]]:
    """Of every firm the row of the tile with the latest business time."""
    latest: dict[str, dict[str, Any]] = {}
    for row in rows[tile]:
        if row["available_at"] <= LIMIT and row["tile_version"] < 20991231:
            best = latest.get(row["firm_id"])
            latest[row["firm_id"]] = row if best is None or str(key_of(tile, row)) > str(key_of(tile, best)) else best
    return list(latest.values())


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Firms whose rows are all known at D, so that a new version can only be a later one."""
    found = random_tiles.random_rows(5, 14)
    return {tile: [r for r in many if r["available_at"] <= LIMIT] for tile, many in found.items()}


@pytest.mark.parametrize("kind", ["new key", "higher version"])
@pytest.mark.parametrize("tile", TILES)
def test_a_row_known_later_changes_nothing(rows: Rows, tile: str, kind: str) -> None:
    r = random.Random(f"{tile} {kind}")
    picked = chosen(rows, tile)
    if tile == "registration":
        picked = picked[::2]  # without any there is no night
    keys = {key_of(tile, x) for x in picked}
    base = rows if kind == "higher version" else rows | {tile: [x for x in rows[tile] if key_of(tile, x) not in keys]}
    before = values(base)
    late = [other(tile, x, r.choice(LATER), 20991231) for x in picked]
    assert same(values(base | {tile: base[tile] + late}), before)
    in_time = [other(tile, x, LIMIT, 20991231) for x in picked]
    assert not same(values(base | {tile: base[tile] + in_time}), before), "the same rows, known in time, do change something"


def test_the_tables_of_an_older_snapshot_stay(settings: Any, monkeypatch: pytest.MonkeyPatch, rows: Rows) -> None:
    """The same through the job, with later rows in all tiles at once, in partitions of the nights that learnt them."""
    lake = plain_lake(settings, monkeypatch)
    write(settings, rows)
    indicators.run(lake, AS_OF)
    before = features(settings, AS_OF)
    new_firm = random_tiles.random_rows(6, 15)
    late = {t: [other(t, x, known, 20991231) for x in chosen(rows, t) for known in LATER] for t in TILES}
    stranger = {
        t: [x | {"available_at": LATER[0], "as_of": LATER[0].date()} for x in new_firm[t] if x["firm_id"] == "F0014"] for t in TILES
    }
    write(settings, {t: late[t] + stranger[t] for t in TILES})
    indicators.run(lake, AS_OF)
    after = features(settings, AS_OF)
    assert all(after[d].equals(before[d]) for d in before) and before["tax"].num_rows == 14

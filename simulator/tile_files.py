"""The tiles of simulator.tiles as Delta tables: files written block by block of firms, each table in one commit."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction
from duckdb import DuckDBPyConnection

from lake import store
from lake.arrow import arrow_schema
from lake.clock import SHANGHAI, cut_off
from lake.settings import Settings
from lake.tables import table
from simulator import province
from simulator.database import THREADS, connect, keep, save
from simulator.draws import select
from simulator.params import Params
from simulator.tiles import NAMES, Tile, Tiles, months_of

log = logging.getLogger(__name__)
FIRMS = 10_000
"""Firms of a block; two blocks at a time take 2 GB."""
MEMORY = "1500m"
"""Of each block; what does not fit goes to files."""
TYPES = {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ"}


def _instant(when: datetime) -> str:
    return f"make_timestamptz({int(when.replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)})"


def shaped(name: str, tile: Tile, columns: Mapping[str, str], p: Params) -> str:
    """Query of a tile with the columns and types of the registry, but its partition: its rows' own (`columns`), or of its values."""
    rows, values = tile
    known = {c: f'"{c}"' for c in columns} | values | {"available_at": _instant(cut_off(p.end)), "tile_version": f"{p.end:%Y%m%d}"}
    t = table(f"tile.{name}")
    typed = []
    for c in t.columns:
        if c.name not in t.partition:
            # a cast to a whole number would round
            sql = f"trunc({known[c.name]})" if c.type in ("int", "bigint") else f"({known[c.name]})"
            typed.append(f'{sql}::{TYPES.get(c.type, c.type)} AS "{c.name}"')
    return select(rows, *typed)


def _write(con: DuckDBPyConnection, settings: Settings, p: Params, name: str, tile: Tile) -> AddAction | None:
    """One file of a tile, as an action of its commit; None where the block has no rows."""
    columns = {c: kind for c, kind, *_ in con.execute(f"DESCRIBE {tile[0]}").fetchall()}
    path = f"as_of={p.end.isoformat()}/part-{uuid4()}.parquet"
    file = Path(store.uri(settings, f"tile.{name}")) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = save(con, shaped(name, tile, columns, p), file)
    if not rows:
        file.unlink()
        return None
    seen = file.stat()
    stats = json.dumps({"numRecords": rows})
    return AddAction(path, seen.st_size, {"as_of": p.end.isoformat()}, int(seen.st_mtime * 1000), True, stats)


def write(settings: Settings, p: Params, firms: int = FIRMS, threads: int = THREADS) -> dict[str, float]:
    """Write the tiles of `p` below the home, partition as_of = p.end, by blocks of `firms`; returns seconds per tile, added up over blocks."""
    seconds: dict[str, float] = defaultdict(float)
    work = settings.folder("run") / "simulator"

    def block(first: int) -> dict[str, AddAction | None]:
        with connect(work / str(first), MEMORY) as con:
            started = time.monotonic()
            province.people(con, p, first, min(first + firms, p.firms))
            province.states(con, p)
            keep(con, "monthly", months_of(p))
            con.execute("DROP TABLE state")
            seconds["firms_and_months"] += time.monotonic() - started
            tiles, actions = Tiles(p), {}
            for name in NAMES:
                started = time.monotonic()
                actions[name] = _write(con, settings, p, name, getattr(tiles, name)())
                seconds[name] += time.monotonic() - started
        log.info("firms=%s to=%s", first, min(first + firms, p.firms) - 1)
        return actions

    for name in NAMES:
        store.create(settings, f"tile.{name}")
    try:
        with ThreadPoolExecutor(threads) as pool:
            made = list(pool.map(block, range(0, p.firms, firms)))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for name in NAMES:
        _commit(settings, p, name, [a for a in (x[name] for x in made) if a is not None])
    return dict(seconds)


def _commit(settings: Settings, p: Params, name: str, actions: list[AddAction | RemoveAction]) -> None:
    """Put the files of a tile in the place of those of the same night."""
    t = table(f"tile.{name}")
    with store.lock(settings, t.name):
        DeltaTable(store.uri(settings, t.name)).create_write_transaction(
            actions, "overwrite", arrow_schema(t), list(t.partition), [("as_of", "=", p.end.isoformat())]
        )

"""The tiles of simulator.tiles as Delta tables: files written block by block of firms, each table published in one commit."""

from __future__ import annotations

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from lake import files
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


def _write(con: DuckDBPyConnection, p: Params, name: str, tile: Tile, file: Path) -> Path:
    """One file of a tile, which may have no rows."""
    columns = {c: kind for c, kind, *_ in con.execute(f"DESCRIBE {tile[0]}").fetchall()}
    save(con, shaped(name, tile, columns, p), file)
    return file


def write(settings: Settings, p: Params, firms: int = FIRMS, threads: int = THREADS) -> dict[str, float]:
    """Write the tiles of `p` below the home, partition as_of = p.end, by blocks of `firms`; returns seconds per tile, added up over blocks."""
    seconds: dict[str, float] = defaultdict(float)
    work = settings.folder("run") / "simulator"

    def block(first: int) -> dict[str, Path]:
        folder = work / str(first)
        with connect(folder, MEMORY) as con:
            started = time.monotonic()
            province.people(con, p, first, min(first + firms, p.firms))
            province.states(con, p)
            keep(con, "monthly", months_of(p))
            con.execute("DROP TABLE state")
            seconds["firms_and_months"] += time.monotonic() - started
            tiles, made = Tiles(p), {}
            for name in NAMES:
                started = time.monotonic()
                made[name] = _write(con, p, name, getattr(tiles, name)(), folder / f"{name}.parquet")
                seconds[name] += time.monotonic() - started
        log.info("firms=%s to=%s", first, min(first + firms, p.firms) - 1)
        return made

    try:
        with ThreadPoolExecutor(threads) as pool:
            blocks = list(pool.map(block, range(0, p.firms, firms)))
        for name in NAMES:
            files.publish(settings, f"tile.{name}", [b[name] for b in blocks], as_of=p.end)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return dict(seconds)

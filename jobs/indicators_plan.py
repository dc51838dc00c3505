"""What a night of indicators computes anew and what it carries over from the snapshot before it, and why.

A night builds on the last earlier night that the job recorded in ops.run. It may, when catalogue and engine are the same, no tile
row that night could see was rewritten since, and its feature rows are the ones it wrote; otherwise every firm is computed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from features import carried, catalogue, compiled, intake
from features.batch import TAX_DUE_DAYS
from features.compiled import Compiled
from features.intake import TileFiles
from lake import store
from lake.clock import SHANGHAI, known_at, latest_closed_month
from lake.settings import Settings

JOB = "indicators"
CARRIED_FROM = carried.tiles_read(c for c in compiled.load() if not carried.by_night(c))
"""Tiles that decide over the values a night may carry over."""
CHECKED_SHARE = 0.01
"""Share of the firms that a night computes a second time, wholly, and compares."""
MANY = 0.1
"""Share of firms touched in one tile from which the indicators that read it are computed for every firm instead."""
MOST = 0.5
"""Share of firms to be computed wholly from which carrying over the rest saves nothing."""


@dataclass(frozen=True)
class Basis:
    """What a finished night says of itself, for the next one: digests of catalogue, engine, and of the files it read and wrote."""

    catalogue: str
    engine: str
    tiles: dict[str, str]
    features: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """`everyone`: indicators computed for every firm. `firms` (sorted ids) are computed wholly, `checked` compared; the others keep
    the values of snapshot `base`. `base` None: a full pass, everyone is all indicators, and nothing is left to carry."""

    base: date | None
    why: str
    everyone: tuple[Compiled, ...]
    firms: pa.Array
    checked: pa.Array


def full(indicators: Sequence[Compiled], why: str) -> Plan:
    """A plan that carries nothing over."""
    none = pa.array([], pa.string())
    return Plan(None, why, tuple(indicators), none, none)


def basis(settings: Settings, as_of: date, tiles: Mapping[str, TileFiles]) -> dict[str, object]:
    """The record of a night whose features are committed, from the tile files it read."""
    return asdict(Basis(carried.catalogue_digest(), carried.engine_digest(), _read(tiles, as_of), _written(settings, as_of)))


def _digest(files: Sequence[str], key: str, night: date, *, only: bool = False) -> str:
    """Digest of the names of the data files that nights up to `night` wrote (`only`: that night)."""
    nights = [(m[1], "/".join(f.split("/")[-2:])) for f in files if (m := re.search(rf"\b{key}=(\d{{4}}-\d\d-\d\d)/", f))]
    chosen = sorted(f for n, f in nights if (n == night.isoformat() if only else n <= night.isoformat()))
    return hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:16]


def _read(tiles: Mapping[str, TileFiles], night: date) -> dict[str, str]:
    """Per tile the digest of the files of which a later night must find the same; empty for tiles it reads anew anyway."""
    names = {name: [f for f, _ in t.files] for name, t in tiles.items()}
    return {
        name: _digest(files, intake.NIGHT, night, only=name == "registration") if name in CARRIED_FROM | {"registration"} else ""
        for name, files in sorted(names.items())
    }


def _written(settings: Settings, night: date) -> dict[str, str]:
    """Per dimension the digest of the feature files of a night."""
    found = {}
    for dimension in catalogue.dimensions():
        try:
            log = DeltaTable(store.uri(settings, f"feature.{dimension}")).get_add_actions()
        except TableNotFoundError:
            continue
        found[dimension] = _digest(pa.table(log).column("path").to_pylist(), "snapshot_date", night, only=True)
    return found


def last_night(settings: Settings, as_of: date) -> tuple[date, Basis | None] | None:
    """The last night before `as_of` that the job recorded, and its basis (None where its last run did not end well)."""
    try:
        runs = store.open_table(store.uri(settings, "ops.run")).to_pyarrow_dataset()
    except TableNotFoundError:
        return None
    earlier = (ds.field("job") == JOB) & (ds.field("as_of") < as_of)
    rows = runs.to_table(columns=["as_of", "status", "detail", "at"], filter=earlier).to_pylist()
    if not rows:
        return None
    last = max(rows, key=lambda r: (r["as_of"], r["at"]))
    found = json.loads(last["detail"] or "{}").get("basis") if last["status"] == "DONE" else None
    return last["as_of"], Basis(**found) if found else None


def make(settings: Settings, as_of: date, tiles: Mapping[str, TileFiles], indicators: Sequence[Compiled]) -> Plan:
    """What night `as_of` computes, given the tiles that exist."""
    last = last_night(settings, as_of)
    if last is None:
        return full(indicators, "there is no earlier night to build on")
    base, known = last
    if misfit := _misfit(settings, base, known, as_of, tiles):
        return full(indicators, misfit)
    con = intake.connect(store.uri(settings, "tile.registration"), threads=2)
    now, before = (_registered(con, tiles["registration"], d) for d in (as_of, base))
    firms = now.column("firm_id").combine_chunks()
    moved = {t: _touched(con, tiles[t], base, as_of, firms) for t in sorted(CARRIED_FROM & set(tiles))}
    many = {t for t, found in moved.items() if len(found) > MANY * len(firms)}
    everyone = tuple(c for c in indicators if carried.by_night(c) or carried.tiles_read([c]) & many)
    whole = set(_other_coverage(now, before)).union(*(found for t, found in moved.items() if t not in many))
    counts = f"{len(whole):,} of {len(firms):,} firms new, restated, moved or otherwise covered"
    if len(whole) > MOST * len(firms):
        return full(indicators, f"{counts} since {base}")
    why = counts + (f"; most firms touched in tile.{', tile.'.join(sorted(many))}" if many else "")
    return Plan(base, why, everyone, pa.array(sorted(whole), pa.string()), drawn(firms, as_of))


def _misfit(settings: Settings, base: date, known: Basis | None, as_of: date, tiles: Mapping[str, TileFiles]) -> str | None:
    """Why nothing can be carried over from `base`; None when it can."""
    if known is None:
        return f"the last run of {base} did not end well"
    if known.catalogue != carried.catalogue_digest():
        return f"the catalogue is another than on {base}"
    if known.engine != carried.engine_digest():
        return f"the engine is another than on {base}"
    if latest_closed_month(base) != latest_closed_month(as_of):
        return f"month 0 of every firm moved from {latest_closed_month(base):%Y-%m} to {latest_closed_month(as_of):%Y-%m}"
    if odd := sorted(set(known.tiles) ^ set(tiles)):
        return f"tile.{odd[0]} exists on one of {base} and {as_of} only"
    if odd := sorted(t for t in CARRIED_FROM & set(tiles) | {"registration"} if not tiles[t].versioned):
        return f"tile.{odd[0]} does not say which night wrote a row"
    if odd := sorted(t for t, digest in _read(tiles, base).items() if digest != known.tiles[t]):
        return f"tile.{odd[0]}: files of {base} or before were rewritten since"
    if _written(settings, base) != known.features:
        return f"the feature rows of {base} are not those that its run wrote"
    return None


def drawn(firms: pa.Array, as_of: date) -> pa.Array:
    """The firms (at least one) that night `as_of` checks: another random hundredth every night, the same in every rerun."""
    chosen = np.random.default_rng(as_of.toordinal()).choice(len(firms), math.ceil(CHECKED_SHARE * len(firms)), replace=False)
    return firms.take(pa.array(np.sort(chosen)))


def _micros(night: date) -> int:
    return int(known_at(night).replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)


def _query(con: duckdb.DuckDBPyConnection, tile: TileFiles, query: str) -> pa.Table:
    return con.execute(query.replace("{files}", intake.source([f for f, _ in tile.files]))).to_arrow_table()


def _registered(con: duckdb.DuckDBPyConnection, registration: TileFiles, night: date) -> pa.Table:
    """firm_id (sorted) and the coverage flags of the firms of a night, as it knew them."""
    return _query(con, registration, f"""
        SELECT firm_id, {", ".join(carried.COVERAGE)} FROM {{files}}
        WHERE snapshot_date = DATE '{night}' AND (available_at IS NULL OR epoch_us(available_at) <= {_micros(night)})
        QUALIFY row_number() OVER (PARTITION BY firm_id ORDER BY tile_version DESC NULLS LAST, available_at DESC NULLS LAST) = 1 ORDER BY firm_id
    """)  # fmt: skip


def _other_coverage(now: pa.Table, before: pa.Table) -> list[str]:
    """Firms that are new, or that a source began or ceased to cover."""
    place = pc.index_in(now.column("firm_id"), value_set=before.column("firm_id").combine_chunks())
    other = pc.is_null(place)
    for flag in carried.COVERAGE:
        # a flag that is null covers no more than one that is false
        a, b = (pc.fill_null(t.column(flag), False) for t in (now, before.take(place)))
        other = pc.or_(other, pc.not_equal(a, b))
    found: list[str] = now.column("firm_id").filter(other).to_pylist()
    return found


def _touched(con: duckdb.DuckDBPyConnection, tile: TileFiles, base: date, as_of: date, firms: pa.Array) -> list[str]:
    """Of `firms` those with a row that `base` did not know or had not read, or, for taxes, with a month that fell due since."""
    if not tile.files:
        return []
    since = f"as_of > DATE '{base}' OR epoch_us(available_at) > {_micros(base)}"
    if tile.tile == "tax_month":
        due = (d - timedelta(days=TAX_DUE_DAYS) for d in (base, as_of))
        since += " OR (due_date > DATE '{}' AND due_date <= DATE '{}')".format(*due)
    found = _query(con, tile, f"SELECT DISTINCT firm_id FROM {{files}} WHERE {tile.where} AND ({since})").column("firm_id")
    here: list[str] = found.filter(pc.is_in(found, value_set=firms)).to_pylist()
    return here

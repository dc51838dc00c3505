"""One indicator for every firm of the last published night, from its tiles: also an earlier version that is in no table."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds

from features import published
from features.batch import Batch, Bucket
from features.compiled import Compiled
from features.compute import GROUP
from features.engine import evaluate, needs, to_arrow
from features.peers import peer_ranks
from lake import store
from lake.errors import UsageError
from lake.settings import Settings


def write(settings: Settings, c: Compiled, file: Path) -> int:
    """Write firm_id and the value (empty for null) to a CSV file; returns the firms. UsageError without a published night or its tiles."""
    night = published.night(settings.lake_uri)
    wanted = needs(c) | {"registration"} | ({"tax_month"} if c.calendar == "tax" else set()) | ({"firm_month"} if c.receipts else set())
    if missing := sorted(t for t in wanted if night.versions.get(f"tile.{t}") is None):
        raise UsageError(f"{c.indicator.name} reads tile.{', tile.'.join(missing)}, which the night of {night.as_of} does not have.")
    tiles = {}
    for t in wanted:
        rows = store.open_table(store.uri(settings, f"tile.{t}"), night.versions[f"tile.{t}"]).to_pyarrow_dataset()
        tiles[t] = rows.to_table(filter=reach(t, night.as_of))
    values(tiles, c, night.as_of, file)
    return len(set(tiles["registration"].column("firm_id").to_pylist()))


def reach(tile: str, as_of: date) -> ds.Expression | None:
    """The rows of other snapshots are left out; everything else a batch chooses by itself."""
    return ds.field("snapshot_date") == as_of if tile in ("registration", "firm_bucket") else None


def values(tiles: dict[str, pa.Table], c: Compiled, as_of: date, file: Path) -> None:
    """Evaluate over tiles and write the file."""
    batch = Batch(Bucket.of(tiles), as_of)
    found = evaluate(batch, [c])
    if c.peers:
        found = {c.indicator.name: peer_ranks(groups(batch), found[c.indicator.name])}
    pacsv.write_csv(pa.table({"firm_id": batch.firms} | to_arrow(found, [c])), file)


def groups(batch: Batch) -> np.ndarray:
    """Number of each firm's peer group; -1 where section or size is unknown."""
    section, size = (batch.registration_text(g) for g in GROUP)
    known = [f"{a}|{b}" if a and b else "" for a, b in zip(section, size)]
    number = {g: k for k, g in enumerate(sorted(set(known) - {""}))}
    return np.array([number.get(g, -1) for g in known], dtype=np.int64)

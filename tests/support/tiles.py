"""Reading tiles in tests: rows by key, as a reader at some time sees them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from lake import store
from lake.clock import SHANGHAI, known_at
from lake.io import Lake
from lake.settings import load_settings
from lake.tables import table


def fresh_lake(spark: Any, tmp_path_factory: pytest.TempPathFactory, name: str) -> Lake:
    """A lake in a home of its own, for fixtures that several tests share."""
    return Lake(spark, load_settings("local", tmp_path_factory.mktemp(name) / "home"))


def rows(lake: Lake, name: str, *, at: date | datetime | None = None) -> dict[Any, dict[str, Any]]:
    """Rows of `tile.<name>` by key: the highest tile_version with available_at <= the knowledge time of `at`."""
    t = table(f"tile.{name}")
    when = None if at is None else (at if isinstance(at, datetime) else known_at(at)).replace(tzinfo=SHANGHAI)
    found: dict[Any, dict[str, Any]] = {}
    for row in sorted(store.read(lake.settings, t.name).to_pylist(), key=lambda r: r.get("tile_version") or 0):
        if when is None or row["available_at"] <= when:
            found[tuple(row[k] for k in t.key)] = row
    return found


def measures(row: dict[str, Any]) -> dict[str, Any]:
    """A row without its technical columns."""
    return {k: v for k, v in row.items() if k not in ("available_at", "tile_version", "as_of")}

"""The SQL forms of indicators, run in DuckDB over tiles given as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import random_tiles

from features import sql_form
from features.compiled import Compiled

_NAIVE = 8 * 3_600_000_000


def values(rows: dict[str, list[dict[str, Any]]], as_of: date, indicators: Sequence[Compiled]) -> dict[str, dict[str, Any]]:
    """Values per firm and indicator; months and buckets are two statements."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA tile")
    for tile in ("registration", "firm_month", "firm_category_month", "firm_bucket"):
        con.register(f"{tile}_rows", random_tiles.arrow(tile, rows[tile]))
        con.execute(
            f"CREATE VIEW tile.{tile} AS SELECT * REPLACE (make_timestamp(epoch_us(available_at) + {_NAIVE}) AS available_at) FROM {tile}_rows"
        )
    found: dict[str, dict[str, Any]] = {}
    for calendar in ("closed", "day"):
        chosen = [c for c in indicators if c.calendar == calendar and sql_form.has_form(c)]
        if chosen:
            table = con.execute(sql_form.query(chosen), {"as_of": as_of}).fetch_arrow_table()
            for row in table.to_pylist():
                found.setdefault(row["firm_id"], {}).update(row)
    return found

"""The three readings of a formula: fast kernels, plain-Python reference, and SQL in DuckDB where there is a form."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import random_tiles
import sql_tiles

from features import catalogue, engine, formula, peers, reference, sql_form
from features.batch import Batch, Bucket
from features.compiled import Compiled, tiles_of

Value = float | None
ENGINES = ("kernels", "reference", "sql")


def compiled_formula(text: str, day: bool = False) -> Compiled:
    """A formula as an indicator without unit, type and null policy."""
    tree = formula.parse(text, "spec")
    tiles = tiles_of(tree)
    row = replace(catalogue.load()[0], id="spec", name="value", formula=text, unit="ratio", dtype="double", null_policy="null")
    return Compiled(row, tree, "day" if day else "tax" if "tax_month" in tiles else "closed", tiles)


def has(which: str, c: Compiled) -> bool:
    return which != "sql" or sql_form.has_form(c)


def value(which: str, c: Compiled, tiles: dict[str, list[dict[str, Any]]], firm: str, as_of: date) -> Value:
    """Value of a formula for one firm by one engine; a rank is taken among all firms of `tiles`."""
    rows = {name.removeprefix("tile."): [] for name in random_tiles.TILES} | tiles
    if which == "sql":
        return sql_tiles.values(rows, as_of, [c])[firm]["value"]
    if which == "kernels":
        batch = Batch(Bucket.of(random_tiles.tables(rows)), as_of)
        found = engine.Engine(batch).value(c.tree, c.calendar)
        if c.peers:
            found = peers.peer_ranks(np.zeros(batch.n, dtype=np.int64), found)
        fast = float(found[batch.firms.to_pylist().index(firm)])
        return None if np.isnan(fast) else fast
    everyone = [r["firm_id"] for r in rows["registration"]]
    slow = [reference.evaluate(c.tree, reference.Firm.of(rows, f, as_of), c.calendar) for f in everyone]
    slow = reference.peer_pct(slow) if c.peers else slow
    found = slow[everyone.index(firm)]
    return None if found is None else float(found)

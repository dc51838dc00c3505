"""Firm size by the rule table conf/ref/ref_size_rule.csv: MICRO, SMALL, MEDIUM or LARGE.

A class holds when staff and revenue both reach its lower bounds, else the firm is one class lower; a criterion that the
table leaves empty, or that is not known of the firm, does not count. Revenue is the 12-month operating inflow.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pyspark.sql import Column
from pyspark.sql import functions as F

CLASSES = ("MICRO", "SMALL", "MEDIUM", "LARGE")
FEN_PER_WAN = 1_000_000


@dataclass(frozen=True)
class SizeRule:
    """Lower bounds of SMALL, MEDIUM and LARGE for industries that begin with one of `match` (`*`: every other)."""

    match: tuple[str, ...]
    staff: tuple[int, ...] | None
    revenue_fen: tuple[int, ...] | None


def read_rules(path: Path) -> list[SizeRule]:
    """Rules of the table, in its order."""
    with path.open(encoding="utf-8", newline="") as f:
        rows = csv.DictReader(line for line in f if not line.startswith("#"))
        return [SizeRule(tuple(r["match"].split(";")), _bounds(r, "staff_{}", 1), _bounds(r, "revenue_{}_wan", FEN_PER_WAN)) for r in rows]


def _bounds(row: dict[str, str], name: str, unit: int) -> tuple[int, ...] | None:
    values = [row[name.format(c)] for c in ("small", "medium", "large")]
    return tuple(int(v) * unit for v in values) if all(values) else None


def size_class(rules: Sequence[SizeRule], industry4: Column, staff: Column, revenue_fen: Column) -> Column:
    """Class of a firm; MICRO when neither staff nor revenue that the industry is measured by is known."""
    rank = F.lit(None).cast("int")
    for rule in reversed(rules):
        hit = F.lit(True) if "*" in rule.match else reduce(Column.__or__, (industry4.startswith(m) for m in rule.match))
        rank = F.when(hit, F.least(_reached(rule.staff, staff), _reached(rule.revenue_fen, revenue_fen))).otherwise(rank)
    return F.element_at(F.array(*(F.lit(c) for c in CLASSES)), F.coalesce(rank, F.lit(0)) + 1)


def _reached(bounds: tuple[int, ...] | None, value: Column) -> Column:
    """How many of the bounds `value` reaches, null when there are none or it is not known."""
    if bounds is None:
        return F.lit(None).cast("int")
    return F.when(value.isNotNull(), reduce(Column.__add__, ((value >= b).cast("int") for b in bounds)))

"""Meanings that indicators had before: `conf/catalogue/retired.csv`. They are in no table and stay computable by name@version.

When the meaning of an indicator changes, its old row moves there with its version (1, 2, …), the last day it was in force and
the reason; the catalogue then holds the next version. An old row is read by the same rules as a new one: its formula must
still parse, its units fit, and the tile columns it reads exist.
"""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from features import catalogue, compiled
from features.compiled import Compiled
from features.formula import columns
from features.vocabulary import Vocabulary
from lake.errors import ContractBroken, UsageError
from lake.schemas.derived import CATALOGUE, day_clock_columns

FILE = CATALOGUE / "retired.csv"


@dataclass(frozen=True)
class Retired:
    """An earlier version of an indicator: its row compiled, the last day it was in force, why it changed."""

    compiled: Compiled
    version: int
    until: date
    reason: str


def _row(row: dict[str, str], where: str, words: Vocabulary | None) -> Retired:
    name = f"{row.get('name')}@{row.get('version')}"
    for column in ("version", "until", "reason"):
        if not (row.get(column) or "").strip():
            raise ContractBroken(f"{where}: {name} has no {column}. Every column must be filled.")
    if not row["version"].isdigit() or row["version"] == "0":
        raise ContractBroken(f"{where}: {name}: version is {row['version']!r}, expected 1, 2, …")
    try:
        until = date.fromisoformat(row["until"])
    except ValueError as e:
        raise ContractBroken(f"{where}: {name}: until is {row['until']!r}, expected yyyy-mm-dd.") from e
    found = compiled.compile_indicator(catalogue.checked(row, where), words)
    if found.calendar == "day":
        for alias, column in sorted(columns(found.tree)):
            if alias != "fd" and column not in day_clock_columns(alias):
                raise ContractBroken(
                    f"{where}: {name}: tile.firm_bucket has no {alias}.{column} any more; keep an indicator that reads it by the day."
                )
    return Retired(replace(found, indicator=replace(found.indicator, name=name)), int(row["version"]), until, row["reason"])


def read(path: Path, words: Vocabulary | None = None) -> tuple[Retired, ...]:
    """Earlier versions of a file in its order; ContractBroken names the row that is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as f:
            found = tuple(_row(row, path.name, words) for row in csv.DictReader(f))
    except FileNotFoundError as e:
        raise ContractBroken(f"{path} is missing; it belongs to the program.") from e
    current = catalogue.by_name()
    versions: dict[str, list[Retired]] = {}
    for r in found:
        versions.setdefault(_name(r), []).append(r)
    for name, rows in versions.items():
        numbers = [r.version for r in rows]
        if numbers != list(range(1, len(rows) + 1)):
            raise ContractBroken(f"{path.name}: versions of {name} are {numbers}, expected 1 to {len(rows)} in order.")
        meanings = [_meaning(r.compiled) for r in rows] + ([_meaning(compiled.compile_indicator(current[name]))] if name in current else [])
        if any(a == b for a, b in itertools.pairwise(meanings)):
            raise ContractBroken(f"{path.name}: {name}: two versions in a row have the same formula, clock, unit, type and null rule.")
    return found


def _name(r: Retired) -> str:
    return r.compiled.indicator.name.partition("@")[0]


def _meaning(c: Compiled) -> tuple[str, ...]:
    i = c.indicator
    return i.formula, i.clock, i.unit, i.dtype, i.null_policy


@lru_cache
def load() -> tuple[Retired, ...]:
    """Earlier versions of the program's indicators."""
    return read(FILE)


def earlier(name: str) -> tuple[Retired, ...]:
    """Earlier versions of one indicator, first one first."""
    return tuple(r for r in load() if _name(r) == name)


def version(name: str) -> int:
    """Version that the catalogue holds: one more than there are earlier ones."""
    return len(earlier(name)) + 1


def find(name: str) -> Compiled:
    """The indicator `name` or `id` as the catalogue has it, or an earlier version `name@1`; UsageError when unknown."""
    old = [r.compiled for r in load() if r.compiled.indicator.name == name]
    new = [c for c in compiled.load() if name in (c.indicator.name, c.indicator.id, f"{c.indicator.name}@{version(c.indicator.name)}")]
    if not old and not new:
        near = [c.indicator.name for c in compiled.load() if name.lower().partition("@")[0] in c.indicator.name][:8]
        raise UsageError(f"no indicator {name!r}." + (f" Close: {', '.join(near)}" if near else " `docs/indicators.md` lists all 370."))
    return (old or new)[0]

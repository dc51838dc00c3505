"""The words a formula may use: functions with their arguments, windows, tile columns, names of events and attributes.

Columns and event names come from the tile dictionary `conf/catalogue/tile_columns.csv`; functions are fixed here.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lake.errors import ContractBroken
from lake.schemas.derived import CATALOGUE

FILE = CATALOGUE / "tile_columns.csv"
WINDOWS = frozenset({1, 3, 6, 10, 12, 24})
"""Window lengths in months. 10 serves a rolling quarter inside twelve months."""
CAUSES = ("loan", "sales", "labor", "other")
FLAGS = frozenset({"corp", "person", "gov", "related", "out_province"})
ATTRIBUTES = frozenset({"region4", "industry2"})
_NO_NUMBER = {"string", "date", "boolean"}
"""Types of columns that identify or describe; a formula reads numbers only."""
UNITS = frozenset({"fen", "fen/day", "count", "day", "month", "flag", "score", "ratio"})
"""Units of tile columns; a whole number without a unit word is a count."""


@dataclass(frozen=True)
class Signature:
    """Arguments of a function in order (the last ones may be left out), and the kind it yields."""

    args: tuple[str, ...]
    least: int
    result: str = "number"


def _sig(args: str, result: str = "number") -> Signature:
    names = args.split()
    return Signature(tuple(n.rstrip("?") for n in names), sum(not n.endswith("?") for n in names), result)


_WINDOWED = "series window months?"
_PARTY = "party window months?"
FUNCTIONS: dict[str, Signature] = {
    **dict.fromkeys(("sum", "mean", "min", "max", "median", "std", "cv", "downdev", "slope", "r2", "mdd"), _sig(_WINDOWED)),
    "q": _sig("series window share"),
    "acf": _sig("series window months"),
    "corr": _sig("series series window"),
    "seascorr": _sig("series"),
    "last": _sig("series"),
    "at": _sig("series months"),
    "lag": _sig("series months", "series"),
    "roll": _sig("series months", "series"),
    **dict.fromkeys(("ratio", "growth", "least"), _sig("number number")),
    "peer_pct": _sig("number"),
    **dict.fromkeys(("cnt", "maxrun"), _sig("condition window")),
    **dict.fromkeys(("currun", "since"), _sig("condition")),
    **dict.fromkeys(("n", "total", "hhi", "entropy", "evenness", "gini", "pmedian"), _sig(_PARTY)),
    "top": _sig("party window count months?"),
    **dict.fromkeys(("ncover", "tailshare"), _sig("party window share")),
    **dict.fromkeys(("share", "nwhere"), _sig("party window flag")),
    **dict.fromkeys(("n_by", "hhi_by"), _sig("party window attribute")),
    **dict.fromkeys(("retain_n", "retain_amt", "jaccard", "newshare_n", "newshare_amt"), _sig("party window")),
    **dict.fromkeys(("tenure", "top1_months", "avg_months", "single_n"), _sig("party window")),
    **dict.fromkeys(("rep_n", "rep_amt", "ncore", "topk_overlap"), _sig("party window count")),
    **dict.fromkeys(("dual_amt", "cat_entropy"), _sig("window")),
    **dict.fromkeys(("ev_n", "ev_amt"), _sig("event window")),
    **dict.fromkeys(("ev_active_n", "ev_active_amt", "ev_since"), _sig("event")),
    "rg_n": _sig("change window"),
    "day_since": _sig("day"),
    "day_mdd": _sig("day window"),
}  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """Columns per alias; `names` holds what a quoted word may be: event, change, flag, attribute. Outflow categories apart.

    `units` says what a column counts: a word of UNITS per (alias, column).
    """

    columns: dict[str, frozenset[str]]
    names: dict[str, frozenset[str]]
    out_categories: tuple[str, ...]
    units: dict[tuple[str, str], str]


def _aliases(tile: str, alias: str) -> list[str]:
    if tile == "firm_category_month":
        return ["fcat", "fcatn"]
    return [alias] if re.fullmatch(r"[a-z]+", alias) and tile != "registration" else ["rg"] if tile == "registration" else []


def _unit(type_unit: str, alias: str, where: str) -> str:
    """The unit word of `bigint fen`, `int day`, `double`; of `bigint fen / int` the part the alias reads."""
    amount, _, count = type_unit.partition(" / ")
    type_, _, word = (count if alias == "fcatn" else amount).partition(" ")
    word = word or ("count" if type_ == "int" else "")
    if word not in UNITS:
        problem = "amounts of tiles are whole fen" if word == "CNY" else f"expected a type and one of {', '.join(sorted(UNITS))}"
        raise ContractBroken(f"tile dictionary: {where}: {type_unit!r}: {problem}.")
    return word


def _change_kinds(definition: str) -> list[str]:
    """Kinds of `rg_n(kind,w): a, b from T; c from U`."""
    _, _, listed = definition.partition(":")
    return [k.strip() for part in listed.split(";") for k in part.split(" from ")[0].split(",") if k.strip()]


def read(path: Path) -> Vocabulary:
    """Words of a tile dictionary."""
    try:
        with path.open(encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
    except FileNotFoundError as e:
        raise ContractBroken(f"the tile dictionary {path} is missing; it belongs to the program.") from e
    found: dict[str, set[str]] = {}
    events: set[str] = set()
    changes: set[str] = set()
    outflow: list[str] = []
    units: dict[tuple[str, str], str] = {}
    for r in rows:
        if r["tile"] == "court_event" and r["column"] != "(columns)":
            events |= {r["column"]} | ({f"{r['column']}:{c}" for c in CAUSES} if r["column"].startswith("case_") else set())
        elif r["tile"] == "registration" and r["column"] == "change events":
            changes |= set(_change_kinds(r["definition"]))
        elif re.fullmatch(r"[a-z0-9_]+", r["column"]) and r["type_unit"].split()[0] not in _NO_NUMBER:
            for alias in _aliases(r["tile"], r["alias"]):
                found.setdefault(alias, set()).add(r["column"])
                units[alias, r["column"]] = _unit(r["type_unit"], alias, f"{r['tile']}.{r['column']}")
        if r["tile"] == "firm_category_month" and r["definition"].endswith("debits") and r["column"] != "own_transfer_out":
            outflow.append(r["column"])
    names = {"event": frozenset(events), "change": frozenset(changes), "flag": FLAGS, "attribute": ATTRIBUTES}
    return Vocabulary({a: frozenset(c) for a, c in found.items()}, names, tuple(outflow), units)


@lru_cache
def vocabulary() -> Vocabulary:
    """Words of the program's tile dictionary."""
    return read(FILE)

"""The functions of the formula language by example: `conf/catalogue/functions.md`, read by the tests and by the docs.

A section per function: its meaning, then examples. An example is a title, a line "`formula` = value" (`null` for none;
"on the day clock" where the buckets are read) and the tables it reads. A table is written on its side: a line per column of
the tile, a cell per row. Months, days and buckets are counted back from D = 2026-09-14 (month 0 is 2026-08, the latest closed
month); `0..11` stands for twelve equal rows; `-` is null. What is not written has the defaults of `_default`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from lake.clock import add_months, latest_closed_month, month_end
from lake.errors import ContractBroken
from lake.schemas.derived import CATALOGUE
from lake.tables import table

FILE = CATALOGUE / "functions.md"
AS_OF = date(2026, 9, 14)
FIRM = "F1"
Row = dict[str, Any]
_HEAD = re.compile(r"`(?P<formula>[^`]+)` = (?P<value>\S+)(?P<day> on the day clock)?")
_FLOWS = dict.fromkeys(("in_amt", "in_cnt", "out_amt", "out_cnt"), 0)
_COVERED = dict.fromkeys(("tax_covered", "court_covered", "loan_covered", "registry_covered"), True)


@dataclass(frozen=True)
class Example:
    """One example: the value of a formula for firm F1 over the rows of some tiles. `lines` is its text as written."""

    function: str
    title: str
    formula: str
    day: bool
    expected: float | None
    lines: tuple[str, ...]
    tiles: dict[str, list[Row]]


@dataclass(frozen=True)
class Section:
    """A function with its meaning and examples."""

    function: str
    meaning: str
    examples: tuple[Example, ...]


def _value(cell: str, name: str) -> Any:
    if cell == "-":
        return None
    if cell in ("true", "false"):
        return cell == "true"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return date.fromisoformat(cell)
    if name in ("cpty_id", "firm_id", "region4", "industry2") or not re.fullmatch(r"-?\d+(\.\d+)?", cell):
        return cell
    return float(cell) if "." in cell else int(cell)


def _default(tile: str, row: Row, back: int, length: int) -> Row:
    """Columns an example need not write: a covered month, no flow, a firm that all sources cover."""
    closed = add_months(latest_closed_month(AS_OF), -back)
    match tile:
        case "firm_month":
            days = month_end(closed).day
            covered = min(int(row.get("days_covered") or days), days)
            flows = dict.fromkeys(("op_in_amt", "op_out_amt", "in_amt", "out_amt"), 0)
            return flows | {"month": closed, "days_in_month": days, "hist_months": length - back} | row | {"days_covered": covered}
        case "firm_counterparty_month":
            return {"month": closed, "cpty_kind": "corp", "is_related": False} | _FLOWS | row
        case "tax_month":
            return {"month": closed, "due_date": add_months(closed, 1).replace(day=15)} | row
        case "firm_day":
            return {"biz_date": AS_OF - timedelta(days=back)} | row
        case "firm_bucket":
            return {"snapshot_date": AS_OF, "bucket": back, "days_in_month": 30} | row
        case "court_event" | "registration_event":
            return {"event_id": f"E{back}"} | ({"via": "firm"} if tile == "court_event" else {}) | row
        case "registration":
            return {"snapshot_date": AS_OF, "industry_section": "C", "size_class": "MICRO", "status": "ACTIVE"} | _COVERED | row
    return {"month": closed} | row


def _rows(tile: str, lines: list[str]) -> list[Row]:
    """Rows of a tile from its table on its side; the first line counts back (`months ago`, `days ago`, `bucket`, `row`)."""
    cells = {name.strip(): [c.strip() for c in rest.strip().strip("|").split("|")] for name, rest in (x[1:].split("|", 1) for x in lines)}
    places = next(v for k, v in cells.items() if k in ("months ago", "days ago", "bucket", "row"))
    if len(places) == 1 and ".." in places[0]:
        first, _, last = places[0].partition("..")
        places = [str(k) for k in range(int(first), int(last) + 1)]
        cells = {name: values * len(places) for name, values in cells.items()}
    schema = table(f"tile.{tile}").names
    found = []
    for k, place in enumerate(places):
        given = {n: _value(v[k], n) for n, v in cells.items() if n in schema}
        if unknown := [n for n in cells if n not in schema and n not in ("months ago", "days ago", "row")]:
            raise ContractBroken(f"{FILE.name}: tile.{tile} has no column {unknown[0]!r}.")
        found.append(dict.fromkeys(schema) | {"firm_id": FIRM} | _default(tile, given, int(place), max(map(int, places)) + 1))
    return found


def _example(function: str, text: str) -> Example:
    title, _, body = text.partition("\n")
    lines = [x for x in body.splitlines() if x.strip()]
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if head is None:
        raise ContractBroken(f'{FILE.name}: example {title!r} of {function}: expected a line like "`sum(fm.op_in_amt,3)` = 290".')
    tiles: dict[str, list[str]] = {}
    tile = ""
    for line in lines[1:]:
        if line.startswith("|"):
            tiles.setdefault(tile, []).append(line)
        elif not line.startswith("```"):
            tile = line.strip()
            tiles[tile] = []
    expected = None if head["value"] == "null" else float(head["value"])
    rows = {name: _rows(name, found) for name, found in tiles.items()}
    return Example(function, title.strip(), head["formula"], bool(head["day"]), expected, tuple(lines), rows)


@lru_cache
def load() -> tuple[Section, ...]:
    """All sections in the order of the file; ContractBroken names the example that cannot be read."""
    found = []
    for part in FILE.read_text(encoding="utf-8").split("\n## ")[1:]:
        head, *examples = part.split("\n### ")
        function, _, meaning = head.partition("\n")
        found.append(Section(function.strip(), " ".join(meaning.split()), tuple(_example(function.strip(), e) for e in examples)))
    return tuple(found)

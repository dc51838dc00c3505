"""The catalogue of indicators: `conf/catalogue/indicators.csv`, the only source of their names, formulas, types and signs.

Feature tables, Feast views and the inputs of the model are generated from what is read here.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lake.errors import ContractBroken
from lake.schemas.derived import CATALOGUE

FILE = CATALOGUE / "indicators.csv"
FLOW_DIMENSIONS = ("fund_scale", "economic_benefit", "customer_dispersion", "flow_stability", "supply_chain_stability", "fund_usage")
"""The six dimensions computed from account flows; the other five are evidence from outside."""

_ALLOWED = {
    "window": {"point", "1m", "3m", "6m", "12m", "24m"},
    "clock": {"day", "point", "month"},
    "unit": {"ratio", "count", "CNY", "months", "days", "index", "pct_rank", "nats", "corr", "score", "flag"},
    "dtype": {"double", "int"},
    "null_policy": {"null", "0", "60"},
    "monotone": {"-1", "0", "1"},
}
_UNIQUE = ("id", "name", "name_zh", "formula")


@dataclass(frozen=True)
class Indicator:
    """One row of the catalogue.

    `monotone` is the sign of the default risk in the indicator: 1 risk rises with it, -1 falls, 0 not constrained.
    `null_policy` replaces a null value ('0', '60') where the source covers the firm; 'null' leaves it.
    """

    id: str
    name: str
    name_zh: str
    dimension: str
    description: str
    formula: str
    window: str
    clock: str
    unit: str
    dtype: str
    source_table: str
    tile: str
    null_policy: str
    monotone: int

    @property
    def family(self) -> str:
        """Name without its window: indicators of one family tell the same story over different windows."""
        stem, _, last = self.name.rpartition("_")
        return stem if stem and last == self.window else self.name


def checked(row: dict[str, str], where: str) -> Indicator:
    """The row as an indicator; ContractBroken names the column that is empty or not allowed."""
    fields = list(Indicator.__dataclass_fields__)
    if missing := [f for f in fields if not (row.get(f) or "").strip()]:
        raise ContractBroken(f"{where}: indicator {row.get('id') or '(no id)'} has no {', '.join(missing)}. Every column must be filled.")
    for column, allowed in _ALLOWED.items():
        if row[column] not in allowed:
            raise ContractBroken(
                f"{where}: indicator {row['id']}: {column} is {row[column]!r}, expected one of {', '.join(sorted(allowed))}."
            )
    values = {f: row[f] for f in fields if f != "monotone"}
    return Indicator(**values, monotone=int(row["monotone"]))


def read(path: Path) -> tuple[Indicator, ...]:
    """Indicators of a catalogue file in its order; ContractBroken names the row and column that is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
    except FileNotFoundError as e:
        raise ContractBroken(f"the catalogue {path} is missing; it belongs to the program.") from e
    found = tuple(checked(row, path.name) for row in rows)
    for column in _UNIQUE:
        counts = Counter(getattr(i, column).replace(" ", "") for i in found)
        if twice := [v for v, n in counts.items() if n > 1]:
            raise ContractBroken(f"{path.name}: {column} {twice[0]!r} is used by more than one indicator.")
    return found


@lru_cache
def load() -> tuple[Indicator, ...]:
    """The indicators of the program, in catalogue order."""
    return read(FILE)


@lru_cache
def by_name() -> dict[str, Indicator]:
    """Indicator by name."""
    return {i.name: i for i in load()}


def dimensions(indicators: Iterable[Indicator] | None = None) -> tuple[str, ...]:
    """Dimension names in catalogue order."""
    return tuple(dict.fromkeys(i.dimension for i in (load() if indicators is None else indicators)))

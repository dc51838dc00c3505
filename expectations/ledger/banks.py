"""Foreign ledgers loaded as banks of a home: which rules apply to them, with which tolerance, and what their currency counts.

A load leaves its mapping in `<home>/banks/<bank>.yaml`; the checks read it from there, so that a rerun of the night judges
as the load did.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from expectations.ledger.mapping import Mapping, load_mapping
from expectations.rules import load_rules
from lake.errors import ConfigError

FOLDER = "banks"


@dataclass(frozen=True)
class Foreign:
    """What the checks must know of a bank that is a foreign ledger. `tolerance` is in minor units, for one row."""

    bank_id: str
    not_applicable: tuple[str, ...]
    tolerance: int
    currency: str
    decimals: int

    @property
    def fen_per_minor(self) -> Decimal:
        """CNY fen of one minor unit when the currency counts at rate 1."""
        return Decimal(100) / Decimal(10) ** self.decimals


def not_applicable(mapping: Mapping) -> list[str]:
    """Ids of the rules that do not apply to the ledger: all that its mapping does not list.

    Raises ConfigError when the mapping lists a rule that does not exist.
    """
    assert mapping.load is not None
    known = [rule.id for rule in load_rules()]
    unknown = set(mapping.load.rules) - set(known)
    if unknown:
        raise ConfigError(f"mapping of {mapping.bank_id}: load.rules names {sorted(unknown)}; known: {', '.join(known)}")
    return [rule for rule in known if rule not in mapping.load.rules]


def remember(home: Path, mapping_file: str | Path, mapping: Mapping) -> None:
    """Keep the mapping with the home it was loaded into."""
    target = home / FOLDER / f"{mapping.bank_id}.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(Path(mapping_file).read_bytes())
    os.replace(partial, target)


def foreign_banks(home: Path) -> tuple[Foreign, ...]:
    """The foreign ledgers of a home, sorted; none in a province."""
    found = []
    for file in sorted((home / FOLDER).glob("*.yaml")):
        m = load_mapping(file)
        found.append(Foreign(m.bank_id, tuple(not_applicable(m)), m.tolerance_minor, m.currency, m.decimals))
    return tuple(found)


def applicable(violations: DataFrame, foreign: Sequence[Foreign]) -> DataFrame:
    """`violations` without findings of rules that do not apply to a foreign ledger."""
    for bank in foreign:
        violations = violations.where(~((F.col("bank_id") == bank.bank_id) & F.col("rule_id").isin(*bank.not_applicable)))
    return violations


def allowed(foreign: Sequence[Foreign]) -> Column:
    """Difference between neighbouring balances, in minor units, that still chains in a row with bank_id: 0 but for foreign ledgers."""
    column = F.lit(0)
    for bank in foreign:
        column = F.when(F.col("bank_id") == bank.bank_id, bank.tolerance).otherwise(column)
    return column.cast("bigint")

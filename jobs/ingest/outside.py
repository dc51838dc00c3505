"""The tables of tax, court, registry and loans as their sources send them, and as they are staged.

A source names the columns like the silver table, except identifiers, which it sends as they are; the entry replaces them by
tokens. Every row is one version of one record, with `row_version` and `updated_at`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from lake.arrow import arrow_schema, arrow_type
from lake.schemas.outside import OUTSIDE
from lake.tables import parse_columns, table

PARTY = "party"
"""Kind of identifiers that are a firm's code or a person's id, to be told apart by their text."""
_PARTIES = ("firm_id", "party_id", "other_party_id", "guarantor_id", "obligor_id", "target_firm_id")
_RENAMED = {
    "uscc_token": ("uscc", "firm"),
    "name_token": ("name", "name"),
    "legal_rep_token": ("legal_rep", "person"),
    "address_token": ("address", "address"),
    "related_person_token": ("related_person", "person"),
}
VERSION, UPDATED = "row_version", "updated_at"


@dataclass(frozen=True)
class Field:
    """One column: its silver name, what the source calls it, its registry type, and the kind of token made of it."""

    name: str
    raw: str
    type: str
    required: bool
    token: str | None = None

    @property
    def arrow(self) -> pa.DataType:
        return arrow_type(self.type)


@dataclass(frozen=True)
class Outside:
    """One table of a source."""

    source: str
    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def schema(self) -> pa.Schema:
        """Schema of the staged table: silver's columns, version and time of the change, and where in the pull it came."""
        own = [pa.field(f.name, f.arrow, not f.required) for f in self.fields]
        return pa.schema([*own, pa.field("pull_id", pa.string(), False), pa.field("record_no", pa.int64(), False)])


def _field(name: str, type_: str, required: bool) -> Field:
    if name in _PARTIES:
        return Field(name, name, type_, required, PARTY)
    raw, kind = _RENAMED.get(name, (name, None))
    return Field(name, raw, type_, required, kind)


def tables_of(source: str) -> tuple[Outside, ...]:
    """The tables of a source, in the registry's order."""
    found = []
    for name, (owner, key, text) in OUTSIDE.items():
        if owner == source:
            fields = [_field(c.name, c.type, not c.nullable) for c in parse_columns(text)]
            fields += [Field(VERSION, VERSION, "int", True), Field(UPDATED, UPDATED, "timestamp", True)]
            found.append(Outside(source, name, tuple(key.split()), tuple(fields)))
    return tuple(found)


def bad_schema() -> pa.Schema:
    """Schema of `<table>.bad.parquet`: the record as `bronze.record` keeps it, and why it does not read."""
    fields = [f.with_nullable(True) if f.name == UPDATED else f for f in arrow_schema(table("bronze.record"))]
    return pa.schema([*fields, pa.field("reason", pa.string(), False)])

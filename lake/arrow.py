"""Arrow schemas of registered tables, for the processes that run without Spark (pull, publish, report)."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import Table

_SIMPLE = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def _split(text: str) -> list[str]:
    """Split at top-level commas."""
    parts, depth, last = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "<(") - (c in ">)")
        if c == "," and depth == 0:
            parts.append(text[last:i])
            last = i + 1
    return [*parts, text[last:]]


def arrow_type(type_: str) -> pa.DataType:
    """Arrow type of a Spark SQL type text of the registry."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_]
    head, _, inner = type_.partition("<")
    inner = inner.rstrip()[:-1] if inner else ""
    if head == "array":
        return pa.list_(arrow_type(inner))
    if head == "map":
        key, value = _split(inner)
        return pa.map_(arrow_type(key), arrow_type(value))
    if head == "struct":
        return pa.struct([(name, arrow_type(t)) for name, t in (x.split(":", 1) for x in _split(inner))])
    if type_.startswith("decimal("):
        precision, scale = type_[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    raise ValueError(f"type {type_!r} is not known to the registry")


def arrow_schema(table: Table) -> pa.Schema:
    """Arrow schema of a registered table, nullability included."""
    return pa.schema([pa.field(c.name, arrow_type(c.type), c.nullable) for c in table.columns])


def arrow_fields(ddl: str) -> pa.Schema:
    """Arrow schema of columns given as SQL text: "firm_id string, n bigint"."""
    named = (c.strip().split(" ", 1) for c in _split(ddl))
    return pa.schema([(name, arrow_type(type_.strip())) for name, type_ in named])

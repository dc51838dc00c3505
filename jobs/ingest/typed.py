"""Values of outside sources as the registry's types. A column is converted at once; only where that fails, value by value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.entry import party_tokens, tokens
from jobs.ingest.outside import PARTY, Field, Outside
from lake.errors import ContractBroken
from lake.tokens import Tokenizer

FAILURES = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError)
DRIFT_FROM = 20
"""From so many records on, a column that reads in less than half of them has changed its meaning."""
Values = Any
"""A column before it is read: a list of JSON values, or an Arrow array."""
KINDS = {"string": "text", "int": "whole number", "bigint": "whole number", "date": "date", "timestamp": "time", "boolean": "true or false"}


def convert(values: Values, type_: str) -> pa.Array:
    """A column as the registry's type; raises one of FAILURES when a value is of another kind.

    Texts of dates and times are ISO; times are Shanghai times without zone and become instants. Whole numbers are never
    made of text or of fractions.
    """
    if type_ == "timestamp":
        local = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
        local = local.cast(pa.timestamp("us"))
        instants = pc.assume_timezone(local, "Asia/Shanghai", ambiguous="earliest", nonexistent="earliest")
        return instants.cast(pa.timestamp("us", "UTC"))
    if isinstance(values, pa.Array):
        return values.cast(Field("", "", type_, False).arrow)
    if type_ == "date":
        return pa.array(values, pa.string()).cast(pa.date32())
    if type_.startswith("decimal"):
        whole = [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
        return pa.array(whole, pa.string()).cast(Field("", "", type_, False).arrow)
    return pa.array(values, Field("", "", type_, False).arrow)


def read_column(values: Values, field: Field, where: str) -> tuple[pa.Array, dict[int, str]]:
    """The column and the positions (with reasons) of the values that do not read, which are null in it.

    Raises ContractBroken when so many do not read that the source must have changed the column.
    """
    bad: dict[int, str] = {}
    try:
        column = convert(values, field.type)
    except FAILURES:
        column, bad = _one_by_one(values, field)
    if field.token is not None:
        column = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)  # no token of nothing
    if field.required and column.null_count:
        for i in pc.indices_nonzero(column.is_null()).to_pylist():
            bad.setdefault(i, f"{field.raw}: missing")
    if len(values) >= DRIFT_FROM and 2 * len(bad) > len(values):
        first = min(bad)
        raise ContractBroken(
            f"{where}: column {field.raw} does not read in {len(bad)} of {len(values)} records, first in record {first + 1} of "
            f"the page ({bad[first]}). The source has changed it; compare with lake/schemas/outside.py."
        )
    return column, bad


def _one_by_one(values: Values, field: Field) -> tuple[pa.Array, dict[int, str]]:
    plain = values.to_pylist() if isinstance(values, pa.Array) else values
    bad: dict[int, str] = {}
    kept = list(plain)
    for i, value in enumerate(plain):
        try:
            convert([value], field.type)
        except FAILURES:
            bad[i], kept[i] = f"{field.raw}: {KINDS.get(field.type, 'decimal number')} expected, found {shown(value, field)}", None
    return convert(kept, field.type), bad


def shown(value: Any, field: Field) -> str:
    """A value for a message: identifiers are never told, only what kind of thing was found."""
    return type(value).__name__ if field.token else repr(value)[:40]


def tokenized(column: pa.Array, field: Field, tokenizer: Tokenizer) -> pa.Array:
    """The column with identifiers replaced by tokens."""
    if field.token is None:
        return column
    return party_tokens(column, tokenizer) if field.token == PARTY else tokens(column, tokenizer, field.token)


def page(columns: dict[str, Values], spec: Outside, tokenizer: Tokenizer) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """A page of records as typed, tokenized columns by silver name, and the records that do not read with their reasons."""
    bad: dict[int, str] = {}
    done = {}
    for field in spec.fields:
        column, wrong = read_column(columns[field.raw], field, f"{spec.source} table {spec.name}")
        done[field.name] = tokenized(column, field, tokenizer)
        for i, reason in wrong.items():
            bad[i] = f"{bad[i]}; {reason}" if i in bad else reason
    return done, bad

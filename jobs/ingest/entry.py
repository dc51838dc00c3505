"""What happens to identifiers at the entry: tokens beside them, long digit runs in texts masked (domain F).

Work is done once per distinct value: columns are dictionary-encoded, the dictionary is treated, the rows take from it.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from lake.tokens import Tokenizer

DIGITS = r"[0-9０-９]{6,}"
MASK = "******"

# file type -> (column, column it is made from, kind of token)
BANK_TOKENS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "ACCT": (
        ("account_id", "account_no", "account"), ("firm_id", "uscc", "firm"), ("name_token", "firm_name", "name"),
        ("parent_account_id", "parent_account_no", "account"),
    ),
    "BAL": (("account_id", "account_no", "account"),),
    "TXN": (
        ("account_id", "account_no", "account"), ("cpty_account_token", "cpty_account", "account"),
        ("cpty_name_token", "cpty_name", "name"),
    ),
    "GL": (),
    "CTL": (),
}  # fmt: skip


def per_value(column: pa.ChunkedArray, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`change` applied to the distinct values of a text column; null stays null."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    return change(encoded.dictionary).take(encoded.indices)


def tokens(column: pa.ChunkedArray, tokenizer: Tokenizer, kind: str) -> pa.Array:
    """Tokens of the values of a text column, all of one kind."""
    return per_value(column, lambda values: pa.array(tokenizer.tokens(kind, values.to_pylist()), pa.string()))


def party(value: str) -> str:
    """Kind of a raw party identifier: persons are `P…`, everything else is a firm's unified social credit code."""
    return "person" if value.startswith("P") else "firm"


def party_tokens(column: pa.ChunkedArray, tokenizer: Tokenizer) -> pa.Array:
    """Tokens of a column that holds firms and persons."""
    return per_value(column, lambda values: pa.array([tokenizer.token(party(v), v) for v in values.to_pylist()], pa.string()))


def tail4(column: pa.ChunkedArray) -> pa.Array:
    """Last four characters, enough for a person to recognise an account."""
    return per_value(column, lambda values: pc.utf8_slice_codeunits(values, -4, 2**31 - 1))


def masked(column: pa.ChunkedArray) -> pa.Array:
    """Texts with runs of six and more digits replaced: card, telephone and contract numbers."""
    return per_value(column, lambda values: pc.replace_substring_regex(values, DIGITS, MASK))


def with_tokens(rows: pa.Table, file_type: str, tokenizer: Tokenizer) -> dict[str, pa.Array]:
    """The columns the entry adds to rows of a bank file."""
    added = {name: tokens(rows[source], tokenizer, kind) for name, source, kind in BANK_TOKENS[file_type]}
    if file_type == "ACCT":
        added["account_no_tail4"] = tail4(rows["account_no"])
    if file_type == "TXN":
        added["summary_masked"] = masked(rows["summary"])
    return added

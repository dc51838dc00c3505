"""Text columns of a block of ledger rows to exact integers, and why a row does not parse. No float touches an amount."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.ledger.mapping import ColumnRef, Mapping

EPOCH = np.datetime64("1970-01-01", "D")


@dataclass
class Block:
    """Parsed rows of one block; `bad` maps a row's position to what is wrong with it (its numbers are then 0)."""

    day: np.ndarray
    signed: np.ndarray
    balance: np.ndarray
    order: np.ndarray | None
    blank: np.ndarray
    bad: dict[int, str]


class _Problems:
    def __init__(self, rows: int, blank: np.ndarray) -> None:
        self.bad: dict[int, str] = {}
        self._blank = blank

    def add(self, mask: np.ndarray, texts: pa.Array, sentence: str) -> None:
        for i in np.flatnonzero(mask & ~self._blank):
            self.bad.setdefault(int(i), sentence.format(texts[int(i)].as_py()))


def _amount_pattern(mapping: Mapping) -> str:
    fraction = f"({re.escape(mapping.file.decimal_mark)}[0-9]{{1,{mapping.decimals}}})?" if mapping.decimals else ""
    return rf"^[+-]?[0-9]{{1,{18 - mapping.decimals}}}{fraction}$"


def minor(texts: pa.Array, mapping: Mapping, ok: np.ndarray) -> np.ndarray:
    """Decimal texts as integer minor units; rows not `ok` are 0."""
    clean = pc.replace_with_mask(texts, pa.array(~ok), pa.scalar("0", pa.string()))
    if mapping.file.decimal_mark != ".":
        clean = pc.replace_substring(clean, mapping.file.decimal_mark, ".")
    clean = pc.utf8_ltrim(clean, "+")
    exact = pc.cast(clean, pa.decimal128(20, mapping.decimals))
    # a decimal128 is the unscaled integer in two words of 64 bits; 18 digits fit the lower one
    words = np.frombuffer(exact.buffers()[1], dtype=np.int64)[2 * exact.offset : 2 * (exact.offset + len(exact)) : 2]
    return words.copy()


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)


def _amount(
    columns: dict[ColumnRef, pa.Array], ref: ColumnRef, mapping: Mapping, problems: _Problems, empty_ok: bool = False
) -> np.ndarray:
    texts = columns[ref]
    ok = _matches(texts, _amount_pattern(mapping))
    allowed = ok | (pc.equal(texts, "").to_numpy(zero_copy_only=False) if empty_ok else False)
    form = f"decimal text with at most {mapping.decimals} places after '{mapping.file.decimal_mark}'"
    problems.add(~allowed, texts, f"{ref} {{!r}} is not an amount ({form})")
    return minor(texts, mapping, ok)


def _signed(columns: dict[ColumnRef, pa.Array], mapping: Mapping, problems: _Problems) -> np.ndarray:
    c = mapping.columns
    if c.debit is not None and c.credit is not None:
        debit, credit = (_amount(columns, x, mapping, problems, empty_ok=True) for x in (c.debit, c.credit))
        filled = [pc.not_equal(columns[x], "").to_numpy(zero_copy_only=False) for x in (c.debit, c.credit)]
        both = (filled[0] & filled[1] & (debit != 0) & (credit != 0)) | ~(filled[0] | filled[1])
        problems.add(both, columns[c.debit], f"exactly one of {c.debit} and {c.credit} must hold an amount; {c.debit} is {{!r}}")
        return credit - debit
    assert c.amount is not None
    amount = _amount(columns, c.amount, mapping, problems)
    if c.side is None:
        return amount
    side = columns[c.side]
    is_credit, is_debit = (
        pc.is_in(side, pa.array(w, pa.string())).to_numpy(zero_copy_only=False) for w in (mapping.credit_words, mapping.debit_words)
    )
    words = f"credit {mapping.credit_words}, debit {mapping.debit_words}"
    problems.add(~is_credit & ~is_debit, side, f"{c.side} {{!r}} is not a word of the mapping ({words})")
    return np.where(is_debit, -amount, amount)


def _days(texts: pa.Array, mapping: Mapping, problems: _Problems) -> np.ndarray:
    coded = pc.dictionary_encode(texts)
    values = [mapping.parse_date(x) for x in coded.dictionary.to_pylist()]
    days = np.array([0 if d is None else int((np.datetime64(d, "D") - EPOCH).astype(int)) for d in values], dtype=np.int32)
    real = np.array([d is not None for d in values], dtype=bool)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    problems.add(~real[codes], texts, f"{mapping.columns.date} {{!r}} is not a date of the form {mapping.date_format}")
    return days[codes]


def parse(columns: dict[ColumnRef, pa.Array], mapping: Mapping) -> Block:
    """The rows of one block of text columns (all of one length)."""
    c = mapping.columns
    needed = [columns[x] for x in c.named()]
    blank = np.logical_and.reduce([pc.equal(x, "").to_numpy(zero_copy_only=False) for x in needed])
    problems = _Problems(len(blank), blank)
    for ref in c.account:
        problems.add(pc.equal(columns[ref], "").to_numpy(zero_copy_only=False), columns[ref], f"{ref} {{!r}} identifies no account")
    day = _days(columns[c.date], mapping, problems)
    signed = _signed(columns, mapping, problems)
    balance = _amount(columns, c.balance, mapping, problems)
    order = None
    if c.order is not None:
        texts = columns[c.order]
        ok = _matches(texts, r"^[+-]?[0-9]{1,18}$")
        problems.add(~ok, texts, f"{c.order} {{!r}} is not a whole number")
        clean = pc.utf8_ltrim(pc.replace_with_mask(texts, pa.array(~ok), pa.scalar("0", pa.string())), "+")
        order = pc.cast(clean, pa.int64()).to_numpy(zero_copy_only=False)
    return Block(day, signed, balance, order, blank, problems.bad)

"""Running balances and sequence numbers of ordered rows, on whole columns.

The database sorts; what follows from the order is sums along it. A window of the database would sort a second time for the
lowest balance of a month, and takes twice as long.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.database import numbers
from simulator.ledger import TOP_J
from simulator.purposes import SWEEP, TOP_UP

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def _starts(*columns: Numbers) -> Flags:
    """Where one of the columns differs from the row before."""
    first = np.zeros(len(columns[0]), dtype=bool)
    first[:1] = True
    for c in columns:
        first[1:] |= c[1:] != c[:-1]
    return first


def _bits(flags: Flags) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _column(values: npt.NDArray, valid: Flags | None = None) -> pa.Array:
    """An Arrow column over the memory of an array; pa.array would import pandas too (see numbers)."""
    flags = values.dtype == np.bool_
    kind = pa.bool_() if flags else pa.from_numpy_dtype(values.dtype)
    data = _bits(values) if flags else pa.py_buffer(values)
    return pa.Array.from_buffers(kind, len(values), [None if valid is None else _bits(valid), data])


def chained(rows: pa.Table) -> pa.Table:
    """`rows` (ledger.ordered) with `s` of the rows that close a month, `after`, `seq` and `last`.

    Every account-month has one row TOP_UP with its opening balance and at most one row SWEEP with the balance it is to end at. `after` is
    the balance after the row, `seq` its number in the day (null for rows that only hold a balance), `last` whether it ends its day.
    """
    m, acct, day, pos, s, kind = (numbers(rows, c) for c in ("m", "acct", "day", "pos", "s", "kind"))
    months = _starts(m, acct)
    first = np.flatnonzero(months)
    if not np.array_equal(np.add.reduceat(kind == TOP_UP, first, dtype=np.int64), np.ones(len(first))):
        raise AssertionError("an account-month without exactly one opening balance")
    of = np.cumsum(months) - 1  # number of the row's account-month
    drawn = kind < TOP_UP
    moved = np.where(drawn, s, 0)
    total = np.cumsum(moved)
    run = total - (total - moved)[first][of]
    opening = s[kind == TOP_UP]
    top = np.maximum(0, -(opening + np.minimum.reduceat(run, first)))
    start = (opening + top)[of]
    sweep = kind == SWEEP
    closing = np.where(sweep, s - (start + np.add.reduceat(moved, first)[of]), 0)
    amount = np.where(kind == TOP_UP, top[of], np.where(sweep, closing, moved))
    days = _starts(m, acct, day)
    count = np.cumsum(drawn)
    nth: Numbers = count - (count - drawn)[np.flatnonzero(days)][np.cumsum(days) - 1]
    # the row at the start of the month counts on day 1 from its place on, the row at the end for itself
    started = (day == 1) & (top[of] > 0) & (pos >= TOP_J)
    seq = (nth + started + sweep).astype(np.int32)
    found = {
        "s": _column(amount),
        "after": _column(start + run + closing),
        "seq": _column(seq, valid=drawn | (amount != 0)),
        "last": _column(np.append(days[1:], True)),
    }
    return pa.table({c: rows.column(c) for c in rows.column_names} | found)

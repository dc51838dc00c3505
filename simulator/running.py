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


def _differs(column: Numbers) -> Flags:
    """Where a value differs from the one before; the first does."""
    found = np.ones(len(column), dtype=bool)
    found[1:] = column[1:] != column[:-1]
    return found


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
    month_starts = _differs(m) | _differs(acct)
    day_starts = month_starts | _differs(day)
    months, days = np.flatnonzero(month_starts), np.flatnonzero(day_starts)
    rows_of_month, rows_of_day = (np.diff(x, append=len(s)) for x in (months, days))
    if not np.array_equal(np.add.reduceat(kind == TOP_UP, months, dtype=np.int64), np.ones(len(months))):
        raise AssertionError("an account-month without exactly one opening balance")
    drawn = kind < TOP_UP
    moved = np.where(drawn, s, 0)
    run = np.cumsum(moved)
    run -= np.repeat(run[months] - moved[months], rows_of_month)
    opening, net = s[kind == TOP_UP], np.add.reduceat(moved, months)
    top = np.maximum(0, -(opening + np.minimum.reduceat(run, months)))
    sweep, month_top = kind == SWEEP, np.repeat(top, rows_of_month)
    closing = np.where(sweep, s - np.repeat(opening + top + net, rows_of_month), 0)
    amount = np.where(kind == TOP_UP, month_top, moved + closing)
    after = np.repeat(opening + top, rows_of_month) + run + closing
    nth = np.cumsum(drawn, dtype=np.int32)
    nth -= np.repeat(nth[days] - drawn[days], rows_of_day)
    # the row at the start of the month counts on day 1 from its place on, the row at the end for itself
    seq = nth + ((day == 1) & (month_top > 0) & (pos >= TOP_J)) + sweep
    found = {
        "s": _column(amount),
        "after": _column(after),
        "seq": _column(seq, valid=drawn | (amount != 0)),
        "last": _column(np.roll(day_starts, -1)),
    }
    return pa.table({c: rows.column(c) for c in rows.column_names} | found)

"""A checked ledger as the rows a bank would have sent: accounts, daily balances and transactions, as text fields.

Derived, and said to be: the sequence inside a day is the order the continuity check found (the order of the file on a day
without one); an account opens on its first day; the balance row of an account-day opens with the closing balance of the
account-day before; at month ends without movement the balance is carried, as sparse senders do. The ledger has no time of
day: all rows are of noon.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.ledger.continuity import Continuity
from expectations.ledger.mapping import Load, Meaning
from expectations.ledger.parse import EPOCH
from expectations.ledger.read import Ledger
from lake.errors import ConfigError
from lake.schemas.bank import FILE_FIELDS

NOON = "120000"
Codes = dict[tuple[str, str], str]
"""(category, side) -> purpose code that the category rules read as that category."""


def texts(minor: np.ndarray, decimals: int) -> pa.Array:
    """Amounts in minor units as decimal text, exactly."""
    words = np.empty(2 * len(minor), dtype=np.int64)
    words[0::2], words[1::2] = minor, minor >> 63  # a decimal128 is the integer in two words, the upper one its sign
    exact = pa.Array.from_buffers(pa.decimal128(38, decimals), len(minor), [None, pa.py_buffer(words)])
    return exact.cast(pa.string())


def day_texts(days: np.ndarray) -> pa.Array:
    """Day numbers as yyyymmdd."""
    return pc.strftime(pa.array(days.astype(np.int32), pa.date32()), "%Y%m%d")


def month_of(days: np.ndarray) -> np.ndarray:
    """Months (months since 1970) of day numbers."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _table(file_type: str, columns: dict[str, pa.Array | str | None], rows: int) -> pa.Table:
    """A table of the file type's fields; fields not given are empty."""
    fields = FILE_FIELDS[file_type]
    unknown = set(columns) - set(fields)
    assert not unknown, f"{unknown} are no fields of {file_type}"
    values = [columns.get(f) for f in fields]
    return pa.table([v if isinstance(v, pa.Array) else pa.repeat(pa.scalar(v, pa.string()), rows) for v in values], names=fields)


def _names(ledger: Ledger, accounts: np.ndarray) -> pa.Array:
    return pa.array(ledger.accounts, pa.string()).take(pa.array(accounts))


def accounts(ledger: Ledger, found: Continuity, load: Load) -> tuple[pa.Table, np.ndarray]:
    """ACCT rows, one per account, and the month each opens in."""
    first = found.first[np.unique(ledger.account[found.first], return_index=True)[1]]
    names = _names(ledger, ledger.account[first])
    fields: dict[str, pa.Array | str | None] = {
        "account_no": names, "uscc": names, "branch_id": load.branch, "account_type": "BASIC", "product_type": "DEMAND",
        "is_summary": "N", "currency": ledger.mapping.currency, "gl_subject": load.subject, "open_date": day_texts(ledger.day[first]),
        "status": "NORMAL", "overdraft_flag": "Y" if load.overdraft else "N",
    }  # fmt: skip
    return _table("ACCT", fields, len(first)), month_of(ledger.day[first])


def balances(ledger: Ledger, found: Continuity, load: Load, until: date) -> tuple[pa.Table, np.ndarray]:
    """BAL rows of every account-day and of the month ends up to `until` between and after them; and their months."""
    account, day = ledger.account[found.first], ledger.day[found.first].astype(np.int64)
    credit, debit = (
        np.add.reduceat(np.where(keep, np.abs(ledger.signed), 0), found.first) for keep in (ledger.signed >= 0, ledger.signed < 0)
    )
    credits = np.add.reduceat((ledger.signed >= 0).astype(np.int64), found.first)
    count = np.diff(np.append(found.first, len(ledger)))
    opening = np.empty_like(found.closing)
    opening[1:] = found.closing[:-1]
    new = np.ones(len(account), dtype=bool)
    new[1:] = account[1:] != account[:-1]
    opening[new] = _first_opening(ledger, found)[new]
    quiet_of, quiet_day = _quiet_month_ends(account, day, new, until)
    of = np.concatenate([np.arange(len(day)), quiet_of])
    moved = np.concatenate([np.ones(len(day), dtype=bool), np.zeros(len(quiet_of), dtype=bool)])
    days = np.concatenate([day, quiet_day])
    order = np.lexsort((days, account[of]))
    of, moved, days = of[order], moved[order], days[order]

    def money(values: np.ndarray) -> pa.Array:
        return texts(values, ledger.mapping.decimals)

    def number(values: np.ndarray) -> pa.Array:
        return pa.array(np.where(moved, values[of], 0)).cast(pa.string())

    fields: dict[str, pa.Array | str | None] = {
        "account_no": _names(ledger, account[of]), "currency": ledger.mapping.currency, "biz_date": day_texts(days),
        "opening": money(np.where(moved, opening[of], found.closing[of])), "credit": money(np.where(moved, credit[of], 0)),
        "debit": money(np.where(moved, debit[of], 0)), "closing": money(found.closing[of]), "credit_cnt": number(credits),
        "debit_cnt": number(count - credits), "last_seq_no": number(count), "branch_id": load.branch, "gl_subject": load.subject, "sparse": "Y",
    }  # fmt: skip
    return _table("BAL", fields, len(days)), month_of(days)


def _first_opening(ledger: Ledger, found: Continuity) -> np.ndarray:
    """Per account-day, the balance before the first row in the order found: what an account's first day opens with."""
    if ledger.mapping.first_minor is not None:
        return np.full(len(found.first), ledger.mapping.first_minor, dtype=np.int64)
    earliest = np.flatnonzero(found.position == 1)
    return (ledger.balance - ledger.signed)[earliest]


def _quiet_month_ends(account: np.ndarray, day: np.ndarray, new: np.ndarray, until: date) -> tuple[np.ndarray, np.ndarray]:
    """Month ends without an account-day, up to `until`: the account-day each is carried from, and the day."""
    end = int((np.datetime64(until, "D") - EPOCH).astype(int))
    following = np.append(day[1:], end + 1)
    following[np.append(new[1:], True)] = end + 1
    month, last = month_of(day), month_of(following - 1)
    spans = last - month + 1
    of = np.repeat(np.arange(len(day)), spans)
    months = month[of] + np.arange(len(of)) - np.repeat(np.cumsum(spans) - spans, spans)
    ends = ((months + 1).astype("datetime64[M]").astype("datetime64[D]") - EPOCH).astype(np.int64) - 1
    keep = (ends > day[of]) & (ends < following[of])
    return of[keep], ends[keep]


def transactions(ledger: Ledger, found: Continuity, load: Load, codes: Codes) -> tuple[pa.Table, np.ndarray]:
    """TXN rows in the order of account, date and place inside the day; and their months."""
    order = np.lexsort((found.position, ledger.day, ledger.account))
    signed, kept = ledger.signed[order], ledger.kept.take(pa.array(order)) if load.columns else ledger.kept
    credit = signed >= 0
    number = kept[load.transaction].combine_chunks() if load.transaction else pa.array(order + 1).cast(pa.string())
    code, cash, channel = _meanings(kept, credit, load, codes)
    fields: dict[str, pa.Array | str | None] = {
        "txn_no": number, "sub_no": "0", "account_no": _names(ledger, ledger.account[order]), "biz_date": day_texts(ledger.day[order]),
        "time": NOON, "seq_no": pa.array(found.position[order]).cast(pa.string()), "dr_cr": pa.array(np.where(credit, "C", "D")),
        "currency": ledger.mapping.currency, "amount": texts(np.abs(signed), ledger.mapping.decimals),
        "balance_after": texts(ledger.balance[order], ledger.mapping.decimals), "cpty_account": _joined(kept, load.counterparty, "/"),
        "instrument": pa.array(np.where(cash, "CASH", "TRANSFER")), "cash_flag": pa.array(np.where(cash, "CASH", "TRANSFER")),
        "channel": channel, "purpose_code": code, "summary": _joined(kept, load.summary, " "), "value_date": day_texts(ledger.day[order]),
        "reversal_flag": "N", "returned_flag": "N",
    }  # fmt: skip
    return _table("TXN", fields, len(order)), month_of(ledger.day[order])


def _joined(kept: pa.Table, columns: list[str], by: str) -> pa.Array | None:
    """Texts of several columns as one, null where all are empty."""
    if not columns:
        return None
    text = pc.utf8_trim_whitespace(kept[columns[0]].combine_chunks())
    for column in columns[1:]:
        part = pc.utf8_trim_whitespace(kept[column].combine_chunks())
        both = pc.and_(pc.not_equal(text, ""), pc.not_equal(part, ""))
        text = pc.binary_join_element_wise(text, part, pc.if_else(both, by, ""))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _meanings(kept: pa.Table, credit: np.ndarray, load: Load, codes: Codes) -> tuple[pa.Array, np.ndarray, pa.Array]:
    """Per row its purpose code (null: no meaning matches), whether it is cash, and the channel."""
    which = np.full(len(credit), -1)
    for i, meaning in enumerate(load.meanings):
        which[(which < 0) & _matching(kept, credit, meaning)] = i
    sides = np.where(credit, "C", "D")
    code = np.full(len(credit), None, dtype=object)
    cash = np.zeros(len(credit), dtype=bool)
    channel = np.full(len(credit), "BATCH", dtype=object)
    for i, meaning in enumerate(load.meanings):
        rows = which == i
        for side in np.unique(sides[rows]):
            if (meaning.category, str(side)) not in codes:
                known = sorted({c for c, s in codes if s == side})
                raise ConfigError(
                    f"load.meanings: no purpose code says {meaning.category!r} on side {side}. Known there: {', '.join(known)}"
                )
            code[rows & (sides == side)] = codes[meaning.category, str(side)]
        cash[rows], channel[rows] = meaning.cash, meaning.channel
    return pa.array(code, pa.string()), cash, pa.array(channel, pa.string())


def _matching(kept: pa.Table, credit: np.ndarray, meaning: Meaning) -> np.ndarray:
    rows = np.ones(len(credit), dtype=bool) if meaning.side is None else credit == (meaning.side == "C")
    for column, words in meaning.when.items():
        rows &= pc.is_in(kept[column].combine_chunks(), pa.array(words, pa.string())).to_numpy(zero_copy_only=False)
    return rows


def by_month(rows: pa.Table, months: np.ndarray) -> Iterator[tuple[date, pa.Table]]:
    """`rows` split by month: first day and rows, in order."""
    for month in np.unique(months):
        yield np.datetime64(int(month), "M").astype("datetime64[D]").astype(date), rows.filter(pa.array(months == month))

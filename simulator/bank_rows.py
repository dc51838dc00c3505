"""Lines of the two large bank files, transactions and balances: file_id and line (text with its newline), in the order of the file.

file_id = bank number * 10^8 + yyyymmdd of a daily file or yyyymm of a monthly one; bank numbers start at 0.
"""

from __future__ import annotations

from simulator.draws import Draws, lookup, select
from simulator.freezes import frozen_sql
from simulator.ledger import NUMBER_OF, ORDER_BITS, SECOND_OF
from simulator.params import Params, month_no
from simulator.purposes import BY_NO, MARK, SWEEP
from simulator.reference_data import BANKS

FILE_BANK = 100_000_000
SIDE = "IF(flag = 2, 'D', IF(s > 0, 'C', 'D'))"
AMOUNT = "IF(flag = 2, -s, abs(s))"
SENT = "seq IS NOT NULL"
"""Rows of `booked` that are transactions; the others only hold a balance."""


def year_month(m: str) -> str:
    """yyyymm of month m, as a number."""
    return f"((2000 + ({m}) // 12) * 100 + ({m}) % 12 + 1)"


def file_id(p: Params, m: str = "m", day: str = "day") -> str:
    """File a date belongs to: monthly before the dense days, daily in them."""
    dense = month_no(p.daily_from)
    daily = f"{m} > {dense} OR ({m} = {dense} AND {day} >= {p.daily_from.day})"
    return f"(bank::BIGINT * {FILE_BANK} + IF({daily}, {year_month(m)} * 100 + {day}, {year_month(m)}))"


def decimal(x: str, exponent: str = "exponent") -> str:
    """Minor units as decimal text with the currency's scale, which is 2 or 0."""
    return f"IF({exponent} = 2, (({x})::DECIMAL(16, 0) * 0.01::DECIMAL(2, 2))::VARCHAR, ({x})::VARCHAR)"


def joined(*parts: str) -> str:
    """Fields of a line, joined by `|`."""
    return ", '|', ".join(parts)


def _kinds(*fields: str) -> str:
    """Fields of the kind of a row, joined by `|`."""
    rows = (BY_NO.get(i) for i in range(max(BY_NO) + 1))
    return lookup(["|".join(getattr(k, f) or "" for f in fields) if k else "" for k in rows], "kind")


def transactions(p: Params, bank: int) -> str:
    """TXN lines of a bank, in the order of account, date and sequence number inside each file."""
    d = Draws(p.seed)
    rows = f"SELECT b.*, a.account_no, a.ccy, a.exponent, c.fields FROM booked b JOIN account a ON a.acct = b.acct LEFT JOIN counterparty c ON c.code = b.cpty WHERE b.bank = {bank} AND b.{SENT}"
    parts = select(
        rows,
        "*",
        f"{file_id(p)} AS file_id",
        f"({year_month('m')} * 100 + day)::VARCHAR AS day8",
        "lpad(acct::VARCHAR, 7, '0') AS acct7",
        f"{SECOND_OF} AS second",
        f"{SIDE} AS side",
        f"{_kinds('channel')} AS own_channel",
    )
    ref_day = f"{year_month('m')} * 100 + (ref >> {ORDER_BITS}) // 86400 + 1"
    orig = f"IF(ref > 0, concat({ref_day}, acct7, lpad({NUMBER_OF.replace('pos', 'ref')}::VARCHAR, 10, '0'), '|0'), '|')"
    time6 = "substr((1000000 + (second // 3600) * 10000 + (second // 60 % 60) * 100 + second % 60)::VARCHAR, 2, 6)"
    drawn = lookup(["NET"] * 11 + ["MOBILE"] * 5 + ["COUNTER"] * 3 + ["API"], d.pick("channel", 20, "acct", "m", "pos"))
    channel = f"IF(own_channel <> '', own_channel, IF(second BETWEEN 21600 AND 82799, {drawn}, 'MOBILE'))"
    number = f"lpad({NUMBER_OF}::VARCHAR, 10, '0')"
    reversal = "CASE WHEN flag IN (2, 3) THEN 'R' WHEN flag = 4 THEN 'S' ELSE 'N' END"
    fields = joined(
        "'D', '|', day8, acct7, " + number, "'0'", "account_no", "day8", time6, "seq", "side", "ccy", decimal(AMOUNT), decimal("after"),
        "coalesce(fields, '||')", _kinds("instrument", "cash"), channel, _kinds("purpose", "summary"), "IF(kind = 6, concat('W', day8, acct7), '')",
        "day8", reversal, orig, "IF(flag = 1, 'Y', 'N')", "'\n'",
    )  # fmt: skip
    return select(parts, "file_id", f"concat({fields}) AS line") + " ORDER BY file_id, acct, pos"


def transaction_totals(p: Params) -> str:
    """What the TXN files state: file_id, cur, side, n, amount."""
    rows = f"SELECT b.*, a.ccy FROM booked b JOIN account a ON a.acct = b.acct WHERE b.{SENT}"
    return totals(select(rows, f"{file_id(p)} AS file_id", "ccy AS cur", f"{SIDE} AS side", f"{AMOUNT} AS amount"))


def totals(rows: str) -> str:
    """Number and sum of rows (file_id, cur, side, amount) per file, currency and side."""
    return select(rows, "file_id", "cur", "side", "count(*) AS n", "sum(amount)::BIGINT AS amount") + " GROUP BY file_id, cur, side"


def balances() -> str:
    """One row per account-day that is sent: opening, credit, debit, closing, counts, last sequence number (minor units)."""
    credit, debit = f"{SENT} AND {SIDE} = 'C'", f"{SENT} AND {SIDE} = 'D'"
    days = select(
        "booked",
        "bank", "m", "acct", "day",
        "max(IF(last, after, NULL)) AS closing",
        f"sum(IF({credit}, {AMOUNT}, 0))::BIGINT AS credit",
        f"sum(IF({debit}, {AMOUNT}, 0))::BIGINT AS debit",
        f"count_if({credit})::INTEGER AS credit_cnt",
        f"count_if({debit})::INTEGER AS debit_cnt",
        "max(seq) AS last_seq",
        f"bool_or(kind IN ({SWEEP}, {MARK})) AS held",
    )  # fmt: skip
    return select(
        f"{days} GROUP BY bank, m, acct, day",
        "* EXCLUDE (held)",
        "closing - credit + debit AS opening",
        where="last_seq IS NOT NULL OR held",
    )


def balance_lines(p: Params, bank: int) -> str:
    """BAL lines of a bank, in the order of account and date inside each file; sparse = 1 before the dense days."""
    rows = f"SELECT b.*, a.account_no, a.ccy, a.exponent, a.branch, a.subject, fr.* FROM balance b JOIN account a ON a.acct = b.acct LEFT JOIN frozen_account fr ON fr.fa = b.acct WHERE b.bank = {bank}"
    laid = select(rows, "*", f"{file_id(p)} AS file_id", f"IF({frozen_sql()}, closing, 0) AS frozen")
    fields = joined(
        "'D'", "account_no", "ccy", f"{year_month('m')} * 100 + day", *(decimal(x) for x in ("opening", "credit", "debit", "closing")), "credit_cnt", "debit_cnt",
        decimal("frozen"), "coalesce(last_seq::VARCHAR, '')", "branch", "subject", f"IF(file_id % {FILE_BANK} < 1000000, '1', '0')", "'\n'",
    )  # fmt: skip
    return select(laid, "file_id", f"concat({fields}) AS line") + " ORDER BY file_id, acct, m, day"


def balance_totals(p: Params) -> str:
    """What the BAL files state: file_id, cur, side, n, amount."""
    rows = "SELECT b.*, a.ccy FROM balance b JOIN account a ON a.acct = b.acct"
    return totals(select(rows, f"{file_id(p)} AS file_id", "ccy AS cur", "'C' AS side", "closing AS amount"))


def bank_ids(p: Params) -> list[str]:
    """Banks of the province, by number."""
    return [b.bank_id for b in BANKS[: p.banks]]

"""Lines of the control files: general ledger totals (GL), the second channel's totals (CTL), account files (ACCT).

Each query has file_id, line (text with its newline), cur, side and amount for the totals.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from simulator.bank_rows import decimal, file_id, joined, year_month
from simulator.calendar_sql import date_sql
from simulator.draws import Draws, select, union
from simulator.params import Params, month_last, month_no

DAY8 = f"({year_month('m')} * 100 + day)"


def _controlled(p: Params) -> str:
    """Dates that have ledger totals: month ends, and every day of the dense days."""
    dense = month_no(p.daily_from)
    ends = " ".join(f"WHEN {m} THEN day = {month_last(m).day}" for m in range(p.first_m, p.end_m + 1))
    return f"(m > {dense} OR (m = {dense} AND day >= {p.daily_from.day}) OR CASE m {ends} ELSE false END)"


def prepare(con: DuckDBPyConnection) -> None:
    """The empty tables `ledger` and `flow`, which the blocks fill."""
    place = "bank INTEGER, branch VARCHAR, ccy VARCHAR, exponent INTEGER, m INTEGER, day INTEGER"
    con.execute(
        f"CREATE TABLE ledger ({place}, subject VARCHAR, cur INTEGER, opening BIGINT, debit BIGINT, credit BIGINT, closing BIGINT, accounts BIGINT)"
    )
    con.execute(f"CREATE TABLE flow ({place}, side VARCHAR, amount BIGINT, cnt BIGINT)")


def ledger_totals(p: Params) -> str:
    """Per bank, branch, subject, currency and date: sums over the delivered accounts of `balance` (minor units)."""
    sums = ", ".join(f"sum({c})::BIGINT AS {c}" for c in ("opening", "debit", "credit", "closing"))
    return f"SELECT b.bank, a.branch, a.subject, a.ccy, a.cur, a.exponent, b.m, b.day, {sums}, count(*) AS accounts FROM balance b JOIN account a ON a.acct = b.acct WHERE {_controlled(p)} GROUP BY ALL"


def flow_totals() -> str:
    """Per bank, branch, currency, date and side: sum and number of the transactions of `balance`."""
    days = "SELECT b.*, a.branch, a.ccy, a.exponent FROM balance b JOIN account a ON a.acct = b.acct"
    keys = ("bank", "branch", "ccy", "exponent", "m", "day")
    sides = (
        select(days, *keys, f"'{side}' AS side", f"sum({x})::BIGINT AS amount", f"sum({x}_cnt)::BIGINT AS cnt") + f" GROUP BY ALL HAVING sum({x}_cnt) > 0"
        for side, x in (("C", "credit"), ("D", "debit"))
    )  # fmt: skip
    return union(*sides)


def ledger_lines(p: Params) -> str:
    """GL lines of `ledger` (ledger_totals): the bank's ledger = delivered + not delivered (ne_*)."""
    d = Draws(p.seed)
    keys = ("branch::INTEGER", "subject::INTEGER", "cur")
    number = f"{date_sql('m', 'day')} - DATE '2020-01-01'"

    def rest(n: str) -> str:
        level = f"greatest(90000000, 24 * peak) * (0.5e0 + 0.5e0 * {d.u('not delivered', *keys)})"
        return f"(1000000 + floor({level} * (1e0 + 0.05e0 * {d.u('not delivered day', *keys, n)}))::BIGINT)"

    # a bank has many more accounts than those of the province's firms: what these do in a day hardly moves their share
    held = select(
        select("ledger", "*", "max(closing) OVER (PARTITION BY branch, subject, ccy) AS peak"), "*", f"{rest(number)} AS ne_close", f"{rest(number + ' - 1')} AS ne_open",
        f"floor(5000000e0 * {d.u('turned', *keys, number)})::BIGINT AS turned", f"20 + {d.pick('ne count', 80, *keys)} AS ne_cnt",
    )  # fmt: skip
    net = "ne_close - ne_open"
    moved = select(held, "*", f"turned + greatest({net}, 0) AS ne_credit", f"turned + greatest(-({net}), 0) AS ne_debit")
    pairs = (("opening", "open"), ("debit", "debit"), ("credit", "credit"), ("closing", "close"))
    whole = (decimal(f"{a} + ne_{b}") for a, b in pairs)
    rest_of = (decimal(f"ne_{b}") for _a, b in pairs)
    fields = joined("'D'", "branch", "subject", "ccy", DAY8, *whole, "accounts + ne_cnt", *rest_of, "ne_cnt")
    return select(
        moved, f"{file_id(p)} AS file_id", f"concat({fields}, '\n') AS line", "ccy AS cur", "'C' AS side", "closing + ne_close AS amount"
    )


def control_lines(p: Params) -> str:
    """CTL lines: `flow` (flow_totals), and balances of the dates with ledger totals."""
    keys = ("bank", "branch", "ccy", "exponent", "m", "day")
    held = select("ledger", *keys, "'B' AS side", "sum(closing)::BIGINT AS amount", "sum(accounts)::BIGINT AS cnt") + " GROUP BY ALL"
    kind, side = "IF(side = 'B', 'BALANCE', 'FLOW')", "IF(side = 'B', '', side)"
    fields = joined("'D'", kind, "branch", "ccy", DAY8, side, "cnt", decimal("amount"))
    return select(
        union(select("flow", *keys, "side", "amount", "cnt"), held),
        f"{file_id(p)} AS file_id", f"concat({fields}, '\n') AS line", "ccy AS cur", "side", "amount",
    )  # fmt: skip


def account_lines(p: Params) -> str:
    """ACCT lines: the full list in the first file, then openings, closings, freezes; a few accounts sent again in the dense days."""
    d = Draws(p.seed)
    base = "SELECT * FROM account JOIN (SELECT f, uscc, name FROM identity) USING (f)"
    hit = f"SELECT * FROM ({base}) JOIN frozen_account ON acct = fa"
    names = ("bank", "account_no", "uscc", "name", "branch", "account_type", "product", "ccy", "subject", "open_date", "close_date")

    def state(rows: str, at: str, status: str = "'NORMAL'", authority: str = "''", where: str = "") -> str:
        return select(rows, *names, f"{at} AS sent_on", f"{status} AS status", f"{authority} AS authority", where=where)

    again_on = f"DATE '{p.daily_from.isoformat()}' + {d.pick('sent again on', len(p.daily_dates), 'acct')}"
    again = f"slot = 0 AND {d.u('sent again', 'acct')} < {12.0 * p.banks / p.firms:.12f}e0 AND acct NOT IN (SELECT fa FROM frozen_account)"
    rows = union(
        state(base, f"greatest(open_date, DATE '{p.first_day.isoformat()}')"),
        state(base, "close_date", "'CLOSED'", where="close_date IS NOT NULL"),
        state(hit, date_sql("freeze_m", "5"), "'FROZEN'", "authority"),
        state(hit, date_sql("thaw_m", "5")),
        state(base, again_on, where=again),
    )
    known = select(rows, "*", where=f"sent_on <= DATE '{p.end.isoformat()}' AND sent_on >= open_date")
    closed = "IF(status = 'CLOSED', strftime(close_date, '%Y%m%d'), '')"
    fields = joined(
        "'D'", "account_no", "uscc", "name", "branch", "account_type", "product", "''", "'N'", "ccy", "subject", "strftime(open_date, '%Y%m%d')",
        closed, "status", "authority", "'N'", "'\n'",
    )  # fmt: skip
    month, day = "((year(sent_on) - 2000) * 12 + month(sent_on) - 1)", "day(sent_on)"
    return select(
        known, f"{file_id(p, month, day)} AS file_id", f"concat({fields}) AS line", "'CNY' AS cur", "'C' AS side", "0::BIGINT AS amount"
    )

"""The province as tables of a database: firms, accounts, defaults, months, loans, and block by block the booked rows of all accounts.

Tables: firm, account, defaulted, distress, state (a row per firm and month), contract, due, cell, identity, outside, frozen_account. A block is
some months of all firms: an account-month stands alone (see ledger), so a block needs no other, and the rows do not depend on its size.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from duckdb import DuckDBPyConnection

from simulator import distress, firms, freezes, ledger, loans, months, parties, running, slots, trade
from simulator.database import keep, load, rows
from simulator.draws import select, union
from simulator.layout import Layout
from simulator.params import Params

BLOCK_ROWS = 1_200_000
"""Transactions of a block, about; a month is not divided."""


def people(con: DuckDBPyConnection, p: Params, first: int = 0, last: int | None = None) -> None:
    """Firms (all, or `first` to `last` - 1), their defaults and distress."""
    keep(con, "firm", firms.firms(p, first, last))
    keep(con, "defaulted", distress.defaults(p))
    keep(con, "distress", distress.distress(p))


def states(con: DuckDBPyConnection, p: Params) -> None:
    """The state of every month of the firms, month by month so that a block reads its own part of the table."""
    keep(con, "state", f"{months.firm_months(p)} ORDER BY m, f")


def generate(con: DuckDBPyConnection, p: Params) -> None:
    """All tables but the booked rows."""
    people(con, p)
    with con.cursor() as cursor, ThreadPoolExecutor(1) as beside:
        made = beside.submit(states, cursor, p)
        keep(con, "account", firms.accounts(p))
        keep(con, "contract", loans.contracts(p))
        keep(con, "due", loans.instalments())
        keep(con, "cell", trade.grid(p))
        keep(con, "identity", parties.identities())
        keep(con, "outside", parties.outside_companies(p))
        keep(con, "frozen_account", freezes.freezes(p))
        made.result()


def blocks(p: Params, block_rows: int = BLOCK_ROWS) -> list[tuple[int, int]]:
    """First and last month of each block, covering the history and the month of the end."""
    n = max(1, round(block_rows / (p.firms * p.txns)))
    return [(m, min(m + n - 1, p.end_m)) for m in range(p.first_m, p.end_m + 1, n)]


def book(con: DuckDBPyConnection, p: Params, first: int, last: int) -> None:
    """The rows of all accounts in the months `first` to `last`, as the table `booked` of this cursor, in the order of the bank files.

    Columns: bank, m, acct, day, pos, s, kind, cpty, flag, ref, seq (null for rows that only hold a balance), after, last (of its day).
    """
    months_of = f"m BETWEEN {first} AND {last}"
    keep(con, "sold", trade.sales(p, months_of), own=True)
    inside = f"cpty BETWEEN 0 AND {Layout(p).outside - 1}"
    keep(con, "bought", select("sold", "cpty // 4 AS f", "m", "sum(s)::BIGINT AS amount", where=inside) + " GROUP BY ALL", own=True)
    legs = (select("sold", "*"), trade.settlements(p, months_of), trade.outside_purchases(p, months_of), slots.rows(p, first, last))
    keep(con, "target", ledger.targets(p, first - 1, last), own=True)
    paid = select(loans.payments(p), "*", where=months_of)
    found = union(ledger.timed(ledger.placed(select(union(*legs), *ledger.LEG), p)), ledger.loan_rows(paid), ledger.holders(p, first, last))
    load(con, "booked", "chained", running.chained(rows(con, ledger.ordered(p, found))), ledger.named(p))

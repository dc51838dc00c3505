"""Trade: every sale is drawn once, at the seller. A payer inside the population mirrors it, so both legs agree.

A seller has slots of customers; a slot keeps its customer for months and then passes to another one. Customers inside
are drawn by purchasing budget in the seller's region, industry or the whole province, large enough for the slot's flow.
"""

from __future__ import annotations

from math import log

from simulator.calendar_sql import days_in_month
from simulator.draws import Draws, clip, lookup, select
from simulator.firms import POS, SUPPLIER
from simulator.layout import Layout
from simulator.params import Params
from simulator.purposes import KINDS
from simulator.reference_data import PARTY_CODE, REGION_WEIGHTS

CELLS = 4096
GRIDS = len(REGION_WEIGHTS) + 7 + 1
SALES_J, POS_J, OUTSIDE_J = 1000, 5000, 8000


def cells_per_grid(p: Params) -> int:
    """Positions per grid: enough that small buyers fill one."""
    return max(CELLS, 1 << (p.firms // 4).bit_length())


def grid(p: Params) -> str:
    """Who buys: `cell` (grid * CELLS + position) -> buyer; a firm fills cells of its grids in proportion to its budget, largest first."""
    cells = cells_per_grid(p)
    region, arch = len(REGION_WEIGHTS), f"{len(REGION_WEIGHTS)} + arch"
    rows = select(
        "firm", "f", "open_m", "has1", "open1", "close1",
        f"trunc(exp(lnsize) * {lookup(SUPPLIER, 'arch')})::BIGINT AS weight", f"unnest([reg, {arch}, {region + 7}]) AS grid",
    )  # fmt: skip
    order = "PARTITION BY grid ORDER BY weight DESC, f ROWS UNBOUNDED PRECEDING"
    shared = select(rows, "*", f"sum(weight) OVER ({order})::BIGINT AS upto", "sum(weight) OVER (PARTITION BY grid)::BIGINT AS total")
    placed = select(shared, "*", f"(upto - weight) * {cells} // total AS low", f"upto * {cells} // total AS high")
    return select(
        placed, "f AS buyer", "open_m AS buyer_m", "has1 AS buyer_has1", "open1 AS buyer_open1", "close1 AS buyer_close1",
        f"unnest(range(grid * {cells} + low, grid * {cells} + high)) AS cell",
    )  # fmt: skip


CUSTOMER = ["f", "arch", "m", "reg", "lnsize", "d", "q", "payers", "has1", "open1", "close1", "cur2", "open2"]
"""Columns of a seller's month that say who its customers are."""


def customers(rows: str, p: Params) -> str:
    """`cpty`, the payer of each row of CUSTOMER, `k` (number in the month), `r` (slot) and `one_off`: an account inside, else a code outside.

    Reads `cell` and `distress`.
    """
    d, lay = Draws(p.seed), Layout(p)
    n_cells = cells_per_grid(p)
    life = f"(8e0 + 50e0 * {d.u('life', 'f', 'r')})"
    slot = select(rows, "*", f"IF(one_off, 100000 + m * 64 + k, floor(m / {life} + {d.u('phase', 'f', 'r')})::INTEGER) AS era")
    share = "pow((r + 1) / payers, 0.4e0) - pow(r / payers, 0.4e0)"
    flow = f"lnsize + ln((1e0 - {lookup(POS, 'arch')}) * ({share})) + {log(4)!r}::DOUBLE"
    reach = clip(f"1e0 / (1e0 + exp(-1.702e0 * (12.96e0 - ({flow})) / 1.1e0))", "0.01e0", "1e0")
    inside = f"NOT one_off AND {d.u('inside', 'f', 'r', 'era')} < IF(arch IN (2, 3), 0.3e0, 0.62e0)"
    which = select(slot, "*", f"{d.u('which grid', 'f', 'r', 'era')} AS u_grid", f"{inside} AS inside")
    grid = f"CASE WHEN u_grid < 0.6e0 THEN reg WHEN u_grid < 0.8e0 THEN {len(REGION_WEIGHTS)} + arch ELSE {GRIDS - 1} END"
    place = f"floor({d.u('cell', 'f', 'r', 'era')} * {reach} * {n_cells})::BIGINT"
    wanted = select(which, "* EXCLUDE (u_grid, inside)", f"IF(inside, ({grid}) * {n_cells} + {place}, NULL) AS cell")
    met = f"SELECT a.*, c.* EXCLUDE (cell), w.d AS wd FROM ({wanted}) a LEFT JOIN cell c ON c.cell = a.cell LEFT JOIN distress w ON w.f = c.buyer AND w.m = a.m AND w.d > 0.03e0"
    trades = f"buyer IS NOT NULL AND buyer <> f AND buyer_m <= m AND (wd IS NULL OR {d.u('buyer weak', 'f', 'm', 'k')} < exp(-0.75e0 * wd))"
    pays = f"IF(buyer_has1 AND m BETWEEN buyer_open1 AND buyer_close1 AND {d.u('pays from', 'buyer', 'f')} < 0.25e0, 1, 0)"
    person = lay.person(d.pick("person", p.firms, "f", "r", "era"), "8 + r % 4")
    out = f"IF(arch IN (2, 3, 5) AND {d.u('is person', 'f', 'r', 'era')} < 0.35e0, {person}, {lay.random_outside(d.u('outside', 'f', 'r', 'era'))})"
    return select(met, "*", f"IF({trades}, buyer * 4 + {pays}, {out}) AS cpty")


def sales(p: Params, months: str) -> str:
    """Rows of the sellers (see ledger) in `months`, a condition on m; a payer inside is the account the money comes from."""
    d = Draws(p.seed)
    rows = select("state", *CUSTOMER, "(inflow - pos) / greatest(1, n_sales) AS mean", "unnest(range(n_sales))::INTEGER AS k", where=months)
    drawn = select(
        rows,
        "*",
        f"floor(payers * pow({d.u('payer', 'f', 'm', 'k')}, 2.5e0))::INTEGER AS r",
        f"{d.u('one-off', 'f', 'm', 'k')} < {clip('0.05e0 - 0.01e0 * q + 0.35e0 * d', '0.01e0', '0.6e0')} AS one_off",
    )
    paid = select(customers(drawn, p), "*", f"{d.u('paid to', 'f', 'r')} AS u_paid")
    receives = "CASE WHEN has1 AND m BETWEEN open1 AND close1 AND u_paid < 0.3e0 THEN 1 WHEN cur2 = 0 AND m >= open2 AND u_paid > 0.88e0 THEN 2 ELSE 0 END"
    return select(
        paid, "f", "arch", "m", f"{receives} AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"greatest(100, round(mean * exp(0.5e0 * {d.z('ticket', 'f', 'm', 'k')} - 0.125e0))::BIGINT) AS s",
        f"{KINDS['SALES'].no} AS kind", "cpty", "0 AS flag", f"{SALES_J} + k AS j", "0 AS ref",
    )  # fmt: skip


def settlements(p: Params, months: str) -> str:
    """Card and platform settlements (see ledger)."""
    d = Draws(p.seed)
    rows = select("state", "f", "m", "arch", "pos / n_pos AS mean", "unnest(range(n_pos))::INTEGER AS k", where=f"{months} AND n_pos > 0")
    drawn = select(rows, "*", f"arch IN (2, 3) AND {d.u('platform', 'f', 'k')} < 0.3e0 AS platform")
    code = f"IF(platform, IF(f % 2 = 0, {PARTY_CODE['platform1']}, {PARTY_CODE['platform2']}), IF(f % 2 = 0, {PARTY_CODE['acquirer1']}, {PARTY_CODE['acquirer2']}))"
    return select(
        drawn, "f", "arch", "m", "0 AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"greatest(100, round(mean * exp(0.3e0 * {d.z('pos', 'f', 'm', 'k')} - 0.045e0))::BIGINT) AS s",
        f"IF(platform, {KINDS['PLATFORM'].no}, {KINDS['POS'].no}) AS kind", f"{code} AS cpty", "0 AS flag", f"{POS_J} + k AS j", "0 AS ref",
    )  # fmt: skip


def outside_purchases(p: Params, months: str) -> str:
    """What is left of a month's purchasing budget after the mirrored purchases (`bought`: f, m, amount), from outside suppliers (see ledger)."""
    d, lay = Draws(p.seed), Layout(p)
    joined = f"SELECT s.*, coalesce(b.amount, 0) AS bought FROM (SELECT * FROM state WHERE {months}) s LEFT JOIN bought b USING (f, m)"
    rows = select(
        joined, "f", "arch", "m", "d", "has1", "open1", "close1",
        "greatest(budget * 0.08e0, budget - bought) / n_outside AS mean", "unnest(range(n_outside))::INTEGER AS k",
    )  # fmt: skip
    slot = select(
        rows,
        "*",
        f"floor(12e0 * pow({d.u('payee', 'f', 'm', 'k')}, 2.2e0))::INTEGER AS r",
        f"{d.u('one-off payee', 'f', 'm', 'k')} < 0.05e0 + 0.25e0 * d AS one_off",
    )
    life = f"(10e0 + 50e0 * {d.u('payee life', 'f', 'r')})"
    era = select(slot, "*", f"IF(one_off, 100000 + m * 64 + k, floor(m / {life} + {d.u('payee phase', 'f', 'r')})::INTEGER) AS era")
    account = f"IF(has1 AND m BETWEEN open1 AND close1 AND {d.u('pays outside from', 'f', 'r')} < 0.2e0, 1, 0)"
    return select(
        era, "f", "arch", "m", f"{account} AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"-greatest(100, round(mean * exp(0.45e0 * {d.z('purchase', 'f', 'm', 'k')} - 0.10e0))::BIGINT) AS s",
        f"{KINDS['PURCHASE_OUTSIDE'].no} AS kind", f"{lay.random_outside(d.u('payee party', 'f', 'r', 'era'))} AS cpty", "0 AS flag", f"{OUTSIDE_J} + k AS j", "0 AS ref",
    )  # fmt: skip

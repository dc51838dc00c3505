"""Trade: every sale is drawn once, at the seller. A payer inside the population mirrors it, so both legs agree.

A seller has slots of customers; a slot keeps its customer for months and then passes to another one. Customers inside
are drawn by purchasing budget in the seller's region, industry or the whole province, large enough for the slot's flow.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import days_in_month
from simulator.draws import Draws, clip, lookup
from simulator.firms import POS, SUPPLIER
from simulator.layout import Layout
from simulator.params import Params
from simulator.purposes import KINDS
from simulator.reference_data import PARTY_CODE, REGION_WEIGHTS

CELLS = 4096
GRIDS = len(REGION_WEIGHTS) + 7 + 1
LEG = ["f", "arch", "m", "a", "lo", "hi", "s", "kind", "cpty", "flag", "j", "ref"]
"""Columns of a row before it has a time: firm, month, account slot, day range, signed CNY fen, kind, counterparty, flag, number, original."""
SALES_J, POS_J, OUTSIDE_J = 1000, 5000, 8000


def cells_per_grid(p: Params) -> int:
    """Positions per grid: enough that small buyers fill one."""
    return max(CELLS, 1 << (p.firms // 4).bit_length())


def grid(firm: DataFrame, p: Params) -> DataFrame:
    """Who buys: `cell` (grid * CELLS + position) -> buyer; a firm fills cells of its grids in proportion to its budget, largest first."""
    cells = cells_per_grid(p)
    region, arch = len(REGION_WEIGHTS), f"{len(REGION_WEIGHTS)} + arch"
    rows = firm.selectExpr(
        "f", "open_m", "has1", "open1", "close1",
        f"CAST(exp(lnsize) * {lookup(SUPPLIER, 'arch')} AS BIGINT) AS weight", f"explode(array(reg, {arch}, {region + 7})) AS grid",
    )  # fmt: skip
    order = "PARTITION BY grid ORDER BY weight DESC, f"
    shared = rows.selectExpr(
        "*", f"SUM(weight) OVER ({order} ROWS UNBOUNDED PRECEDING) AS upto", "SUM(weight) OVER (PARTITION BY grid) AS total"
    )
    low, high = f"(upto - weight) * {cells} div total", f"upto * {cells} div total"
    return shared.where(f"{high} > {low}").selectExpr(
        "f AS buyer", "open_m AS buyer_m", "has1 AS buyer_has1", "open1 AS buyer_open1", "close1 AS buyer_close1",
        f"explode(sequence(grid * {cells}L + {low}, grid * {cells}L + {high} - 1)) AS cell",
    )  # fmt: skip


CUSTOMER = ["f", "arch", "m", "reg", "lnsize", "d", "q", "payers", "has1", "open1", "close1", "cur2", "open2"]
"""Columns of a seller's month that say who its customers are."""


def customers(rows: DataFrame, state: DataFrame, cells: DataFrame, p: Params) -> DataFrame:
    """`cpty`, the payer of each row of CUSTOMER, `k` (number in the month), `r` (slot) and `one_off`: an account inside, else a code outside."""
    d, lay = Draws(p.seed), Layout(p)
    n_cells = cells_per_grid(p)
    life = f"(8D + 50D * {d.u('life', 'f', 'r')})"
    slot = rows.selectExpr("*", f"IF(one_off, 100000 + m * 64 + k, CAST(floor(m / {life} + {d.u('phase', 'f', 'r')}) AS INT)) AS era")
    share = "pow((r + 1D) / payers, 0.4D) - pow(CAST(r AS DOUBLE) / payers, 0.4D)"
    flow = f"lnsize + ln((1D - {lookup(POS, 'arch')}) * ({share})) + ln(4D)"
    reach = clip(f"1D / (1D + exp(-1.702D * (12.96D - ({flow})) / 1.1D))", "0.01D", "1D")
    which = d.u("which grid", "f", "r", "era")
    wanted = slot.selectExpr(
        "*", f"{d.u('inside', 'f', 'r', 'era')} < IF(arch IN (2, 3), 0.3D, 0.62D) AND NOT one_off AS inside",
        f"CASE WHEN {which} < 0.6D THEN reg WHEN {which} < 0.8D THEN {len(REGION_WEIGHTS)} + arch ELSE {GRIDS - 1} END AS grid",
        f"{d.u('cell', 'f', 'r', 'era')} * {reach} AS at",
    ).selectExpr("*", f"IF(inside, grid * {n_cells}L + CAST(floor(at * {n_cells}) AS BIGINT), NULL) AS cell")  # fmt: skip
    weak = state.where("d > 0.03D").selectExpr("f AS wf", "m AS wm", "d AS wd")
    met = wanted.join(F.broadcast(cells), "cell", "left").join(F.broadcast(weak), F.expr("buyer = wf AND m = wm"), "left")
    trades = f"buyer IS NOT NULL AND buyer <> f AND buyer_m <= m AND (wd IS NULL OR {d.u('buyer weak', 'f', 'm', 'k')} < exp(-0.75D * wd))"
    pays = f"IF(buyer_has1 AND m BETWEEN buyer_open1 AND buyer_close1 AND {d.u('pays from', 'buyer', 'f')} < 0.25D, 1, 0)"
    person = lay.person(d.pick("person", p.firms, "f", "r", "era"), "8 + r % 4")
    out = f"IF(arch IN (2, 3, 5) AND {d.u('is person', 'f', 'r', 'era')} < 0.35D, {person}, {lay.random_outside(d.u('outside', 'f', 'r', 'era'))})"
    return met.selectExpr("*", f"IF({trades}, buyer * 4 + {pays}, {out}) AS cpty")


def sales(state: DataFrame, cells: DataFrame, p: Params) -> DataFrame:
    """Rows of the sellers (LEG); a payer inside is the account the money comes from."""
    d = Draws(p.seed)
    rows = state.where(f"m >= {p.first_m}").selectExpr(
        *CUSTOMER, "(inflow - pos) / n_sales AS mean", "explode(sequence(0, n_sales - 1)) AS k"
    )
    drawn = rows.selectExpr(
        "*", f"CAST(floor(payers * pow({d.u('payer', 'f', 'm', 'k')}, 2.5D)) AS INT) AS r",
        f"{d.u('one-off', 'f', 'm', 'k')} < {clip('0.05D - 0.01D * q + 0.35D * d', '0.01D', '0.6D')} AS one_off",
    )  # fmt: skip
    receives = f"CASE WHEN has1 AND m BETWEEN open1 AND close1 AND {d.u('paid to', 'f', 'r')} < 0.3D THEN 1 WHEN cur2 = 0 AND m >= open2 AND {d.u('paid to', 'f', 'r')} > 0.88D THEN 2 ELSE 0 END"
    return customers(drawn, state, cells, p).selectExpr(
        "f", "arch", "m", f"{receives} AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"greatest(100L, CAST(round(mean * exp(0.5D * {d.z('ticket', 'f', 'm', 'k')} - 0.125D)) AS BIGINT)) AS s",
        f"{KINDS['SALES'].no} AS kind", "cpty", "0 AS flag", f"{SALES_J} + k AS j", "0 AS ref",
    )  # fmt: skip


def settlements(state: DataFrame, p: Params) -> DataFrame:
    """Card and platform settlements (LEG)."""
    d = Draws(p.seed)
    rows = state.where(f"m >= {p.first_m} AND n_pos > 0").selectExpr(
        "f", "m", "arch", "pos / n_pos AS mean", "explode(sequence(0, n_pos - 1)) AS k"
    )
    platform = f"arch IN (2, 3) AND {d.u('platform', 'f', 'k')} < 0.3D"
    code = f"IF({platform}, IF(f % 2 = 0, {PARTY_CODE['platform1']}, {PARTY_CODE['platform2']}), IF(f % 2 = 0, {PARTY_CODE['acquirer1']}, {PARTY_CODE['acquirer2']}))"
    return rows.selectExpr(
        "f", "arch", "m", "0 AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"greatest(100L, CAST(round(mean * exp(0.3D * {d.z('pos', 'f', 'm', 'k')} - 0.045D)) AS BIGINT)) AS s",
        f"IF({platform}, {KINDS['PLATFORM'].no}, {KINDS['POS'].no}) AS kind", f"{code} AS cpty", "0 AS flag", f"{POS_J} + k AS j", "0 AS ref",
    )  # fmt: skip


def outside_purchases(state: DataFrame, mirrored: DataFrame, p: Params) -> DataFrame:
    """What is left of a month's purchasing budget after the mirrored purchases (`f, m, bought`), from outside suppliers (LEG)."""
    d, lay = Draws(p.seed), Layout(p)
    joined = state.where(f"m >= {p.first_m}").join(mirrored, ["f", "m"], "left")
    rows = joined.selectExpr(
        "f", "arch", "m", "d", "has1", "open1", "close1",
        "greatest(budget * 0.08D, budget - coalesce(bought, 0L)) / n_outside AS mean", "explode(sequence(0, n_outside - 1)) AS k",
    )  # fmt: skip
    slot = rows.selectExpr(
        "*",
        f"CAST(floor(12D * pow({d.u('payee', 'f', 'm', 'k')}, 2.2D)) AS INT) AS r",
        f"{d.u('one-off payee', 'f', 'm', 'k')} < 0.05D + 0.25D * d AS one_off",
    )
    life = f"(10D + 50D * {d.u('payee life', 'f', 'r')})"
    era = f"IF(one_off, 100000 + m * 64 + k, CAST(floor(m / {life} + {d.u('payee phase', 'f', 'r')}) AS INT))"
    account = f"IF(has1 AND m BETWEEN open1 AND close1 AND {d.u('pays outside from', 'f', 'r')} < 0.2D, 1, 0)"
    return slot.selectExpr(
        "f", "arch", "m", f"{account} AS a", "1 AS lo", f"{days_in_month(p, 'm')} AS hi",
        f"-greatest(100L, CAST(round(mean * exp(0.45D * {d.z('purchase', 'f', 'm', 'k')} - 0.10D)) AS BIGINT)) AS s",
        f"{KINDS['PURCHASE_OUTSIDE'].no} AS kind", f"{lay.random_outside(d.u('payee party', 'f', 'r', era))} AS cpty", "0 AS flag", f"{OUTSIDE_J} + k AS j", "0 AS ref",
    )  # fmt: skip

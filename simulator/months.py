"""The state of every firm in every month: distress, inflow and what it is split into. Amounts in CNY fen (double).

Rows start one month before the history, because a month's closing balance and its taxes reach into the next month.
"""

from __future__ import annotations

from math import cos, pi

from simulator.calendar_cn import festival_factor
from simulator.distress import quality_sql
from simulator.draws import Draws, clip, lookup, select
from simulator.firms import MARGIN, PEAK, POS, SEASON, SUPPLIER, WAGE
from simulator.params import Params, month_date

IDLE = 0.04
"""What an idle month still costs of its usual trade; nothing is sold in it (n_sales and n_pos are 0)."""


def _season(p: Params) -> str:
    """Factor of the month by archetype; construction is paid at quarter ends."""
    wave = [[1 + SEASON[a] * cos(2 * pi * (month - (PEAK[a] - 1)) / 12) for month in range(12)] for a in range(len(SEASON))]
    wave[4] = [x * (1.35 if month % 3 == 2 else 0.82) for month, x in enumerate(wave[4])]
    flat = [round(x, 6) for row in wave for x in row]
    festival = [festival_factor(month_date(m).year, month_date(m).month) for m in range(p.first_m - 1, p.end_m + 1)]
    return f"{lookup(flat, 'arch * 12 + m % 12')} * {lookup(festival, f'm - {p.first_m - 1}')}"


def firm_months(p: Params, firm: str = "firm") -> str:
    """State per firm and month; reads `distress` too."""
    d = Draws(p.seed)
    rows = select(firm, "*", f"unnest(range(greatest(open_m, {p.first_m - 1}), {p.end_m + 1}))::INTEGER AS m")
    known = f"({rows}) LEFT JOIN distress USING (f, m)"
    state = f"SELECT * REPLACE (coalesce(d, 0e0) AS d), {quality_sql(d, 'f', 'm', 'q0')} AS q, {_season(p)} AS season FROM {known}"
    # off season on the land, between two sites, or worn out: for two months at a time nothing is sold
    chance = "0.002e0 + CASE arch WHEN 6 THEN IF(season < 0.75e0, 0.12e0, 0e0) WHEN 4 THEN 0.012e0 ELSE 0e0 END + 0.06e0 * d * d"
    idle = select(state, "*", f"{d.u('idle', 'f', '(m + f) // 2')} < {chance} AS idle")
    shock = f"0.20e0 * exp(-0.12e0 * q) * {d.z('inflow', 'f', 'm')}"
    level = select(
        idle,
        "*",
        f"100e0 * exp(lnsize + (growth + 0.02e0 * q) * (m - {p.end_m}) / 12e0) AS trend",
        f"season * exp({shock} - 0.75e0 * d * (1e0 + 0.2e0 * {d.z('inflow d', 'f', 'm')})) * IF(idle, {IDLE}e0, 1e0) AS factor",
        f"1e0 - {lookup(MARGIN, 'arch')} - {lookup(SUPPLIER, 'arch')} - {lookup(WAGE, 'arch')} AS other_share",
    )
    flow = select(level, "*", "trend * factor AS inflow", f"trend * factor * {lookup(POS, 'arch')} AS pos", "other_share / 0.14e0 AS cost")
    n_trade = "trade * season * exp(-0.4e0 * d)"
    card = lookup(POS, "arch")
    counted = select(
        flow,
        "*",
        f"inflow * ({lookup(SUPPLIER, 'arch')} + 0.10e0 * d * (1e0 + 0.3e0 * {d.z('margin d', 'f', 'm')}) - 0.012e0 * q + 0.03e0 * {d.z('margin', 'f', 'm')}) AS budget",
        f"IF(idle, 0, least(900, greatest(1, {d.count('n sales', f'{n_trade} * 0.52e0 * (1e0 - {card})', 'f', 'm')}))) AS n_sales",
        f"IF(pos > 0e0 AND NOT idle, {d.count('n pos', f'{n_trade} * 0.6e0 * {card} + 0.3e0', 'f', 'm')}, 0) AS n_pos",
        f"greatest(1, {d.count('n outside', f'{n_trade} * 0.26e0', 'f', 'm')}) AS n_outside",
        f"trend * {lookup(WAGE, 'arch')} * exp(-0.45e0 * d + 0.05e0 * {d.z('wage', 'f', 'm')}) AS wages",
        f"{d.u('wage missed', 'f', 'm')} < {clip('0.012e0 * exp(-0.3e0 * q) + 0.45e0 * d * d', '0e0', '0.9e0')} AS wage_missed",
        f"inflow * (0.006e0 + 0.022e0 * (1e0 - {lookup(SUPPLIER, 'arch')})) AS vat",
        f"trend * {lookup(WAGE, 'arch')} * 0.16e0 AS social",
        f"{d.u('social missed', 'f', 'm')} < {clip('0.012e0 * exp(-0.4e0 * q) + 0.30e0 * d', '0e0', '0.9e0')} AS social_missed",
        f"{d.u('tax missed', 'f', 'm')} < {clip('0.012e0 * exp(-0.4e0 * q) + 0.18e0 * d', '0e0', '0.9e0')} AS tax_missed",
        f"{d.u('late', 'f', 'm')} < {clip('0.006e0 * exp(-0.6e0 * q) + 0.30e0 * d * d', '0e0', '0.6e0')} AS late",
        "trend * 0.42e0 * exp(0.9e0 * (u_balance - 0.5e0) + 0.22e0 * q - 0.9e0 * d) AS reserve",
    )
    return select(counted, *COMPACT)


COMPACT = [
    "f",
    "arch",
    "reg",
    "lnsize",
    "open_m",
    "borrower",
    "payday",
    "rents",
    "u_rent",
    "paired",
    "pair_m",
    "ringed",
    "ring_m",
    "has1",
    "cur2",
    "kind3",
    "b0",
    "open1",
    "close1",
    "open2",
    "open3",
    "general",
    "payers",
    "staff",
    "tax_missing",
    "m",
    "d",
    "q",
    "season",
    "trend",
    "inflow",
    "pos",
    "cost",
    "budget",
    "n_sales",
    "n_pos",
    "n_outside",
    "wages",
    "wage_missed",
    "vat",
    "social",
    "social_missed",
    "tax_missed",
    "late",
    "reserve",
]
"""Columns that later steps read."""

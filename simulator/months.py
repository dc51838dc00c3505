"""The state of every firm in every month: distress, inflow and what it is split into. Amounts in CNY fen (double).

Rows start one month before the history, because a month's closing balance and its taxes reach into the next month.
"""

from __future__ import annotations

from math import cos, pi

from pyspark.sql import DataFrame

from simulator.calendar_cn import festival_factor
from simulator.distress import distress_sql, quality_sql
from simulator.draws import Draws, clip, lookup
from simulator.firms import MARGIN, PEAK, POS, SEASON, SUPPLIER, WAGE
from simulator.params import Params, month_date


def _season(p: Params) -> str:
    """Factor of the month by archetype; construction is paid at quarter ends."""
    wave = [[1 + SEASON[a] * cos(2 * pi * (month - (PEAK[a] - 1)) / 12) for month in range(12)] for a in range(len(SEASON))]
    wave[4] = [x * (1.35 if month % 3 == 2 else 0.82) for month, x in enumerate(wave[4])]
    flat = [round(x, 6) for row in wave for x in row]
    festival = [festival_factor(month_date(m).year, month_date(m).month) for m in range(p.first_m - 1, p.end_m + 1)]
    return f"{lookup(flat, 'arch * 12 + m % 12')} * {lookup(festival, f'm - {p.first_m - 1}')}"


def firm_months(firm: DataFrame, p: Params) -> DataFrame:
    """State per firm and month; `firm` has `events` (see distress)."""
    d = Draws(p.seed)
    rows = firm.selectExpr("*", f"explode(sequence(greatest(open_m, {p.first_m - 1}), {p.end_m})) AS m").where(f"open_m <= {p.end_m}")
    state = rows.selectExpr("*", f"{distress_sql('m')} AS d", f"{quality_sql(d, 'f', 'm', 'q0')} AS q", f"{_season(p)} AS season")
    shock = f"0.20D * exp(-0.12D * q) * {d.z('inflow', 'f', 'm')}"
    level = state.selectExpr(
        "*",
        f"100D * exp(lnsize + (growth + 0.02D * q) * (m - {p.end_m}) / 12D) AS trend",
        f"season * exp({shock} - 0.75D * d * (1D + 0.2D * {d.z('inflow d', 'f', 'm')})) AS factor",
        f"1D - {lookup(MARGIN, 'arch')} - {lookup(SUPPLIER, 'arch')} - {lookup(WAGE, 'arch')} AS other_share",
    )
    flow = level.selectExpr(
        "*", "trend * factor AS inflow", f"trend * factor * {lookup(POS, 'arch')} AS pos", "other_share / 0.14D AS cost"
    )
    n_trade = "trade * season * exp(-0.4D * d)"
    card = lookup(POS, "arch")
    return flow.selectExpr(
        "*",
        f"inflow * ({lookup(SUPPLIER, 'arch')} + 0.10D * d * (1D + 0.3D * {d.z('margin d', 'f', 'm')}) - 0.012D * q + 0.03D * {d.z('margin', 'f', 'm')}) AS budget",
        f"least(900, greatest(1, {d.count('n sales', f'{n_trade} * 0.52D * (1D - {card})', 'f', 'm')})) AS n_sales",
        f"IF(pos > 0D, {d.count('n pos', f'{n_trade} * 0.6D * {card} + 0.3D', 'f', 'm')}, 0) AS n_pos",
        f"greatest(1, {d.count('n outside', f'{n_trade} * 0.26D', 'f', 'm')}) AS n_outside",
        f"trend * {lookup(WAGE, 'arch')} * exp(-0.45D * d + 0.05D * {d.z('wage', 'f', 'm')}) AS wages",
        f"{d.u('wage missed', 'f', 'm')} < {clip('0.012D * exp(-0.3D * q) + 0.45D * d * d', '0D', '0.9D')} AS wage_missed",
        f"inflow * (0.006D + 0.022D * (1D - {lookup(SUPPLIER, 'arch')})) AS vat",
        f"trend * {lookup(WAGE, 'arch')} * 0.16D AS social",
        f"{d.u('social missed', 'f', 'm')} < {clip('0.012D * exp(-0.4D * q) + 0.30D * d', '0D', '0.9D')} AS social_missed",
        f"{d.u('tax missed', 'f', 'm')} < {clip('0.012D * exp(-0.4D * q) + 0.18D * d', '0D', '0.9D')} AS tax_missed",
        f"{d.u('late', 'f', 'm')} < {clip('0.006D * exp(-0.6D * q) + 0.30D * d * d', '0D', '0.6D')} AS late",
        "trend * 0.42D * exp(0.9D * (u_balance - 0.5D) + 0.22D * q - 0.9D * d) AS reserve",
    )


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

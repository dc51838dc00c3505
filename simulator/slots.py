"""Rows a firm has at most a few times a month (rent, wages, taxes, fees, transfers …), from its month's state.

Their columns are those of ledger.LEG.
"""

from __future__ import annotations

from simulator.draws import Draws, select, union
from simulator.layout import Layout
from simulator.params import Params
from simulator.reference_data import PARTY_CODE
from simulator.slots_rare import NONE, Slot, exceptional, foreign, slot


def slots(p: Params) -> list[Slot]:
    """Each row a firm-month may have."""
    d, lay = Draws(p.seed), Layout(p)

    def u(stream: str) -> str:
        return d.u(stream, "f", "m")

    def noise(stream: str, sd: float) -> str:
        return f"exp({sd}e0 * {d.z(stream, 'f', 'm')})"

    def yuan(amount: str, step: int = 100) -> str:
        return f"greatest(round(({amount}) / {step}e0) * {step}e0, {step}e0)"

    def code(key: str) -> str:
        return str(PARTY_CODE[key])

    any_day, live1 = ("1", "28"), "has1 AND m >= open1 AND m <= close1"
    live3 = "kind3 > 0 AND m >= open3"
    outside = lay.random_outside(u("slot party"))
    late = f"round(d * 8e0 * {u('pay late')})::INTEGER"
    n_wage = "CASE WHEN staff < 6 THEN 3 WHEN staff < 60 THEN 4 ELSE 5 END"
    small_cash = yuan(f"trend * 0.015e0 * {noise('cash out', 0.6)}", 10000)
    near_cash = f"4500000e0 + floor(49e0 * {u('near amount')}) * 10000e0"
    ring_day = f"5 + f % 3 + {d.pick('ring day', 15, 'f // 3', 'm')}"
    payday = f"least(28, payday + {late})"
    rows = [
        slot(
            f"rents AND {u('rent paid')} > 0.25e0 * d",
            1,
            "RENT",
            yuan("cost * exp(lnsize) * 100e0 * (0.02e0 + 0.02e0 * u_rent)", 10000),
            ("3", "9"),
            cpty=lay.random_outside(d.u("landlord", "f")),
        ),
        slot(
            f"{u('utility?')} < 0.9e0",
            2,
            "UTILITY",
            f"inflow * 0.012e0 * cost * {noise('utility', 0.25)}",
            ("8", "20"),
            cpty=f"IF(m % 2 = 0, {code('power')}, {code('water')})",
        ),
        slot(
            f"{u('freight?')} < 0.55e0",
            3,
            "LOGISTICS",
            f"inflow * 0.02e0 * cost * {noise('freight', 0.4)}",
            any_day,
            cpty=f"IF(f % 2 = 0, {code('freight1')}, {code('freight2')})",
        ),
        slot(f"{u('service?')} < 0.4e0", 4, "SERVICE", f"inflow * 0.015e0 * cost * {noise('service', 0.5)}", any_day, cpty=outside),
        slot("(m + f) % 12 = 0", 5, "INSURANCE", "trend * 0.03e0 * cost", any_day, cpty=code("insurer")),
        slot(f"{u('travel?')} < 0.5e0", 6, "TRAVEL", f"inflow * 0.006e0 * {noise('travel', 0.5)}", any_day, cpty=code("travel")),
        *(
            slot(
                f"NOT wage_missed AND {i} < {n_wage}",
                10 + i,
                "WAGE",
                f"wages / ({n_wage}) * {1 + 0.06 * (i - 1.5)}e0",
                (payday, payday),
                cpty=lay.person("f", f"4 + {i}"),
            )
            for i in range(5)
        ),
        slot("NOT tax_missed AND general", 20, "TAX", "vat * 1.12e0", ("9", "15"), cpty=code("treasury"), dm=1),
        slot("NOT tax_missed AND NOT general AND m % 3 = 2", 21, "TAX", "vat * 2.1e0", ("9", "15"), cpty=code("treasury"), dm=1),
        slot(
            "NOT tax_missed AND m % 3 = 2",
            22,
            "TAX",
            f"inflow * 3e0 * 0.008e0 * {noise('cit', 0.3)}",
            ("10", "18"),
            cpty=code("treasury"),
            dm=1,
        ),
        slot("NOT social_missed", 23, "SOCIAL", "social", ("15", "25"), cpty=code("social")),
        slot(f"m % 3 = 2 OR {u('fee?')} < 0.12e0", 25, "FEE", yuan(f"3000e0 + 12000e0 * {u('fee')}"), ("20", "24")),
        slot("m % 3 = 2", 26, "INTEREST", "reserve * 0.0006e0 + 50e0", ("21", "21")),
        slot(f"{live1} AND m % 3 = 2", 27, "INTEREST", "reserve * 0.0003e0 + 20e0", ("21", "21"), a="1"),
        slot(
            f"{u('owner out?')} < 0.28e0 * (1e0 + 1.4e0 * d)",
            30,
            "PERSON_OUT",
            yuan(f"trend * 0.03e0 * (1e0 + 1.2e0 * d) * {noise('owner out', 0.7)}"),
            any_day,
            cpty=lay.person("f", "0"),
        ),
        slot(
            f"{u('owner in?')} < 0.07e0 + 0.12e0 * d",
            31,
            "PERSON_IN",
            yuan(f"trend * 0.04e0 * {noise('owner in', 0.7)}", 10000),
            any_day,
            cpty=lay.person("f", "0"),
        ),
        slot(
            f"paired AND m >= pair_m AND {u('related?')} < 0.45e0",
            32,
            "RELATED_OUT",
            yuan(f"trend * 0.05e0 * (1e0 + 1.6e0 * d) * {noise('related', 0.5)}", 10000),
            any_day,
            cpty="xor(f, 1) * 4",
        ),
        slot(
            f"ringed AND m >= ring_m AND {d.u('ring month', 'f // 3', 'm')} < 0.5e0",
            33,
            "PURCHASE",
            yuan(f"3000000e0 * exp({d.z('ring', 'f // 3', 'm')})", 10000),
            (ring_day, ring_day),
            cpty="(f // 3 * 3 + (f + 1) % 3) * 4",
        ),
        slot(
            f"{u('cash out?')} < 0.25e0 + 0.2e0 * d",
            34,
            "CASH_OUT",
            f"IF({u('near')} < 0.06e0 + 0.1e0 * d, {near_cash}, {small_cash})",
            any_day,
        ),
        slot(
            f"{u('cash in?')} < IF(arch IN (2, 3, 6), 0.5e0, 0.06e0)",
            35,
            "CASH_IN",
            yuan(f"inflow * 0.03e0 * {noise('cash in', 0.5)}", 10000),
            any_day,
        ),
        slot(
            f"{live1} AND {u('own?')} < 0.55e0",
            36,
            "OWN_OUT",
            yuan(f"trend * 0.18e0 * {noise('own', 0.4)}", 10000),
            any_day,
            a="1",
            cpty="f * 4",
        ),
        slot(
            f"{live1} AND {u('own?')} < 0.55e0",
            37,
            "OWN_IN",
            yuan(f"trend * 0.18e0 * {noise('own', 0.4)}", 10000),
            any_day,
            cpty="f * 4 + 1",
        ),
        slot(
            f"{u('subsidy?')} < 0.02e0", 40, "SUBSIDY", yuan(f"2000000e0 * {noise('subsidy', 0.6)}", 10000), any_day, cpty=code("treasury")
        ),
        slot(f"general AND {u('refund tax?')} < 0.015e0", 41, "TAX_REFUND", "vat * 0.8e0", any_day, cpty=code("treasury")),
        slot(
            f"{u('return out?')} < 0.05e0 + 0.1e0 * d",
            42,
            "REFUND_OUT",
            f"inflow * 0.02e0 * {noise('return out', 0.5)}",
            any_day,
            cpty=outside,
        ),
        slot(f"{u('return in?')} < 0.03e0", 43, "REFUND_IN", f"inflow * 0.015e0 * {noise('return in', 0.5)}", any_day, cpty=outside),
        slot(
            f"{u('asset?')} < 0.04e0 * exp(0.3e0 * q - d)",
            44,
            "FIXED_ASSET",
            f"trend * 0.25e0 * {noise('asset', 0.6)}",
            any_day,
            cpty=outside,
        ),
        slot(
            f"{u('court?')} < 0.004e0 + 0.08e0 * greatest(d - 0.4e0, 0e0)",
            45,
            "COURT",
            f"trend * 0.05e0 * {noise('court', 0.6)}",
            any_day,
            cpty=code("court"),
        ),
        slot(
            f"{u('risk?')} < 0.002e0 + 0.03e0 * d",
            46,
            "RISK",
            yuan(f"500000e0 * {noise('risk', 0.8)}", 10000),
            any_day,
            cpty=f"IF(f % 2 = 0, {code('risk1')}, {code('risk2')})",
        ),
        slot(
            f"{u('capital?')} < 0.006e0",
            47,
            "CAPITAL",
            yuan(f"trend * 0.3e0 * {noise('capital', 0.5)}", 1000000),
            any_day,
            cpty=lay.person("f", "1"),
        ),
        slot(f"{u('other out?')} < 0.02e0", 48, "OTHER_OUT", f"trend * 0.01e0 * {noise('other', 0.5)}", any_day, cpty=NONE),
        slot(f"{u('other in?')} < 0.02e0", 49, "OTHER_IN", f"trend * 0.01e0 * {noise('other', 0.5)}", any_day, cpty=NONE),
        *exceptional(u, noise, outside, live3, d),
        *foreign(u, noise, outside),
    ]
    return rows


def rows(p: Params, first: int, last: int) -> str:
    """The rows that fall in the months `first` to `last`."""
    near = "m BETWEEN {} AND {}".format
    return union(*(select("state", *s.columns, where=f"{near(first - s.dm, last - s.dm)} AND ({s.when})") for s in slots(p)))

"""Rows a firm has at most a few times a month (rent, wages, taxes, fees, transfers …), from its month's state.

Each row: j (number in the month), dm (months later), a (account slot), lo and hi (days), s (signed CNY fen), kind,
cpty (counterparty code), flag (0 none, 1 returned, 2 red reversal, 3 blue reversal, 4 supplementary), ref (j of the original).
"""

from __future__ import annotations

from simulator.draws import Draws
from simulator.params import Params
from simulator.purposes import KINDS
from simulator.reference_data import PARTY_CODE

PERSONS = 12
"""Persons known per firm: 0 the owner, 1 to 3 holders, 4 to 11 staff."""


class Layout:
    """Ranges of counterparty codes: accounts, outside companies, persons; special parties and none are negative."""

    def __init__(self, p: Params) -> None:
        self.firms = p.firms
        self.outside = 4 * p.firms
        self.outside_n = max(400, 4 * p.firms)
        self.persons = self.outside + self.outside_n

    def person(self, f: str, j: str) -> str:
        """Code of a person of a firm."""
        return f"{self.persons} + ({f}) * {PERSONS} + ({j})"

    def random_outside(self, u: str) -> str:
        """Code of an outside company, drawn."""
        return f"{self.outside} + CAST(floor({u} * {self.outside_n}) AS INT)"


NONE = "-1"
TRADE_OUT = KINDS["PURCHASE_OUTSIDE"].no


def _slot(when: str, j: int, kind: str, amount: str, days: tuple[str, str], *, cpty: str = NONE, a: str = "0", dm: int = 0, flag: str = "0", ref: int = 0) -> str:
    k = KINDS[kind]
    sign = "" if k.side == "C" else "-"
    return (
        f"IF({when}, named_struct('j', {j}, 'dm', {dm}, 'a', CAST({a} AS INT), 'lo', CAST({days[0]} AS INT), 'hi', CAST({days[1]} AS INT), "
        f"'s', {sign}CAST(round({amount}) AS BIGINT), 'kind', {k.no}, 'cpty', CAST({cpty} AS INT), 'flag', {flag}, 'ref', {ref}), NULL)"
    )


def slots(p: Params) -> str:
    """SQL of the array of rows of a firm-month."""
    d, lay = Draws(p.seed), Layout(p)

    def u(stream: str) -> str:
        return d.u(stream, "f", "m")

    def noise(stream: str, sd: float) -> str:
        return f"exp({sd}D * {d.z(stream, 'f', 'm')})"

    def yuan(amount: str, step: int = 100) -> str:
        return f"greatest(round(({amount}) / {step}D) * {step}D, {step}D)"

    def code(key: str) -> str:
        return str(PARTY_CODE[key])

    any_day, live1 = ("1", "28"), "has1 AND m >= open1 AND m <= close1"
    live3 = "kind3 > 0 AND m >= open3"
    outside = lay.random_outside(u("slot party"))
    late = f"CAST(round(d * 8D * {u('pay late')}) AS INT)"
    n_wage = "CASE WHEN staff < 6 THEN 3 WHEN staff < 60 THEN 4 ELSE 5 END"
    small_cash = yuan(f"trend * 0.015D * {noise('cash out', 0.6)}", 10000)
    near_cash = f"4500000D + floor(49D * {u('near amount')}) * 10000D"
    ring_day = f"5 + f % 3 + {d.pick('ring day', 15, 'f div 3', 'm')}"
    payday = f"least(28, payday + {late})"
    rows = [
        _slot(f"rents AND {u('rent paid')} > 0.25D * d", 1, "RENT", yuan("cost * exp(lnsize) * 100D * (0.02D + 0.02D * u_rent)", 10000), ("3", "9"), cpty=lay.random_outside(d.u("landlord", "f"))),
        _slot(f"{u('utility?')} < 0.9D", 2, "UTILITY", f"inflow * 0.012D * cost * {noise('utility', 0.25)}", ("8", "20"), cpty=f"IF(m % 2 = 0, {code('power')}, {code('water')})"),
        _slot(f"{u('freight?')} < 0.55D", 3, "LOGISTICS", f"inflow * 0.02D * cost * {noise('freight', 0.4)}", any_day, cpty=f"IF(f % 2 = 0, {code('freight1')}, {code('freight2')})"),
        _slot(f"{u('service?')} < 0.4D", 4, "SERVICE", f"inflow * 0.015D * cost * {noise('service', 0.5)}", any_day, cpty=outside),
        _slot("(m + f) % 12 = 0", 5, "INSURANCE", "trend * 0.03D * cost", any_day, cpty=code("insurer")),
        _slot(f"{u('travel?')} < 0.5D", 6, "TRAVEL", f"inflow * 0.006D * {noise('travel', 0.5)}", any_day, cpty=code("travel")),
        *(
            _slot(f"NOT wage_missed AND {i} < {n_wage}", 10 + i, "WAGE", f"wages / ({n_wage}) * {1 + 0.06 * (i - 1.5)}D", (payday, payday), cpty=lay.person("f", f"4 + {i}"))
            for i in range(5)
        ),
        _slot("NOT tax_missed AND general", 20, "TAX", "vat * 1.12D", ("9", "15"), cpty=code("treasury"), dm=1),
        _slot("NOT tax_missed AND NOT general AND m % 3 = 2", 21, "TAX", "vat * 2.1D", ("9", "15"), cpty=code("treasury"), dm=1),
        _slot("NOT tax_missed AND m % 3 = 2", 22, "TAX", f"inflow * 3D * 0.008D * {noise('cit', 0.3)}", ("10", "18"), cpty=code("treasury"), dm=1),
        _slot("NOT social_missed", 23, "SOCIAL", "social", ("15", "25"), cpty=code("social")),
        _slot(f"m % 3 = 2 OR {u('fee?')} < 0.12D", 25, "FEE", yuan(f"3000D + 12000D * {u('fee')}"), ("20", "24")),
        _slot("m % 3 = 2", 26, "INTEREST", "reserve * 0.0006D + 50D", ("21", "21")),
        _slot(f"{live1} AND m % 3 = 2", 27, "INTEREST", "reserve * 0.0003D + 20D", ("21", "21"), a="1"),
        _slot(f"{u('owner out?')} < 0.28D * (1D + 1.4D * d)", 30, "PERSON_OUT", yuan(f"trend * 0.03D * (1D + 1.2D * d) * {noise('owner out', 0.7)}"), any_day, cpty=lay.person("f", "0")),
        _slot(f"{u('owner in?')} < 0.07D + 0.12D * d", 31, "PERSON_IN", yuan(f"trend * 0.04D * {noise('owner in', 0.7)}", 10000), any_day, cpty=lay.person("f", "0")),
        _slot(f"paired AND m >= pair_m AND {u('related?')} < 0.45D", 32, "RELATED_OUT", yuan(f"trend * 0.05D * (1D + 1.6D * d) * {noise('related', 0.5)}", 10000), any_day, cpty="(f ^ 1) * 4"),
        _slot(f"ringed AND m >= ring_m AND {d.u('ring month', 'f div 3', 'm')} < 0.5D", 33, "PURCHASE", yuan(f"3000000D * exp({d.z('ring', 'f div 3', 'm')})", 10000), (ring_day, ring_day), cpty="(f div 3 * 3 + (f + 1) % 3) * 4"),
        _slot(f"{u('cash out?')} < 0.25D + 0.2D * d", 34, "CASH_OUT", f"IF({u('near')} < 0.06D + 0.1D * d, {near_cash}, {small_cash})", any_day),
        _slot(f"{u('cash in?')} < IF(arch IN (2, 3, 6), 0.5D, 0.06D)", 35, "CASH_IN", yuan(f"inflow * 0.03D * {noise('cash in', 0.5)}", 10000), any_day),
        _slot(f"{live1} AND {u('own?')} < 0.55D", 36, "OWN_OUT", yuan(f"trend * 0.18D * {noise('own', 0.4)}", 10000), any_day, a="1", cpty="f * 4"),
        _slot(f"{live1} AND {u('own?')} < 0.55D", 37, "OWN_IN", yuan(f"trend * 0.18D * {noise('own', 0.4)}", 10000), any_day, cpty="f * 4 + 1"),
        _slot(f"{u('subsidy?')} < 0.02D", 40, "SUBSIDY", yuan(f"2000000D * {noise('subsidy', 0.6)}", 10000), any_day, cpty=code("treasury")),
        _slot(f"general AND {u('refund tax?')} < 0.015D", 41, "TAX_REFUND", "vat * 0.8D", any_day, cpty=code("treasury")),
        _slot(f"{u('return out?')} < 0.05D + 0.1D * d", 42, "REFUND_OUT", f"inflow * 0.02D * {noise('return out', 0.5)}", any_day, cpty=outside),
        _slot(f"{u('return in?')} < 0.03D", 43, "REFUND_IN", f"inflow * 0.015D * {noise('return in', 0.5)}", any_day, cpty=outside),
        _slot(f"{u('asset?')} < 0.04D * exp(0.3D * q - d)", 44, "FIXED_ASSET", f"trend * 0.25D * {noise('asset', 0.6)}", any_day, cpty=outside),
        _slot(f"{u('court?')} < 0.004D + 0.08D * greatest(d - 0.4D, 0D)", 45, "COURT", f"trend * 0.05D * {noise('court', 0.6)}", any_day, cpty=code("court")),
        _slot(f"{u('risk?')} < 0.002D + 0.03D * d", 46, "RISK", yuan(f"500000D * {noise('risk', 0.8)}", 10000), any_day, cpty=f"IF(f % 2 = 0, {code('risk1')}, {code('risk2')})"),
        _slot(f"{u('capital?')} < 0.006D", 47, "CAPITAL", yuan(f"trend * 0.3D * {noise('capital', 0.5)}", 1000000), any_day, cpty=lay.person("f", "1")),
        _slot(f"{u('other out?')} < 0.02D", 48, "OTHER_OUT", f"trend * 0.01D * {noise('other', 0.5)}", any_day, cpty=NONE),
        _slot(f"{u('other in?')} < 0.02D", 49, "OTHER_IN", f"trend * 0.01D * {noise('other', 0.5)}", any_day, cpty=NONE),
        *_exceptional(u, noise, outside, live3, d),
        *_foreign(u, noise, outside),
    ]
    return f"filter(array({', '.join(rows)}), x -> x IS NOT NULL)"


def _exceptional(u, noise, outside: str, live3: str, d: Draws) -> list[str]:  # type: ignore[no-untyped-def]
    """Returned payments, reversals, supplementary and zero rows; movements of the time or margin deposit."""
    returned, reversed_ = f"{u('bounce?')} < 0.008D + 0.10D * d", f"{u('reversal?')} < 0.09D"
    amount, wrong = f"inflow * 0.03D * {noise('bounce', 0.4)}", f"inflow * 0.02D * {noise('reversal', 0.5)}"
    day = (f"3 + CAST(floor({u('bounce day')} * 20D) AS INT)",) * 2
    back = (f"5 + CAST(floor({u('bounce day')} * 20D) AS INT)",) * 2
    rday = (f"3 + CAST(floor({u('reversal day')} * 22D) AS INT)",) * 2
    level, before = deposit_level(d, "m"), deposit_level(d, "(m - 1)")
    change = f"IF(m > open3, {level} - {before}, {level})"
    return [
        _slot(returned, 50, "RETURNED_OUT", amount, day, cpty=outside, flag="1"),
        _slot(returned, 51, "RETURNED_IN", amount, back, cpty=outside, flag="1", ref=50),
        _slot(reversed_, 52, "PURCHASE_OUTSIDE", wrong, rday, cpty=outside),
        # the opposite of row 52: a debit comes back, red (negative debit) or blue (credit)
        _slot(reversed_, 53, "REFUND_IN", wrong, rday, cpty=outside, flag=f"IF({u('red?')} < 0.5D, 2, 3)", ref=52),
        _slot(f"{u('supplement?')} < 0.02D", 54, "SALES", f"inflow * 0.02D * {noise('supplement', 0.4)}", ("4", "26"), cpty=outside, flag="4"),
        _slot(f"{u('zero?')} < 0.003D", 55, "ZERO", "0D", ("4", "26")),
        _slot(f"arch IN (0, 1, 4) AND {u('bill?')} < 0.12D", 56, "BILL_IN", f"inflow * 0.10D * {noise('bill', 0.4)}", ("4", "26"), cpty=outside),
        _slot(f"{live3} AND {change} > 0D", 60, "OWN_OUT", change, ("3", "5"), cpty="f * 4 + 3"),
        _slot(f"{live3} AND {change} > 0D", 61, "OWN_IN", change, ("6", "8"), a="3", cpty="f * 4"),
        _slot(f"{live3} AND {change} < 0D", 62, "OWN_OUT", f"-({change})", ("3", "5"), a="3", cpty="f * 4"),
        _slot(f"{live3} AND {change} < 0D", 63, "OWN_IN", f"-({change})", ("6", "8"), cpty="f * 4 + 3"),
    ]


def deposit_level(d: Draws, m: str) -> str:
    """Balance of the time or margin deposit at the end of month m, CNY fen: steps of half a year, multiples of 1,000 CNY."""
    step = f"floor(({m} + f) / 6)"
    return f"(1D + floor(exp(lnsize) * 0.3D * exp(0.5D * {d.z('deposit', 'f', step)}) / 1000D)) * 100000D"


def _foreign(u, noise, outside: str) -> list[str]:  # type: ignore[no-untyped-def]
    """Receipts from abroad on the foreign-currency account, and what is sold to the wealth desk from it."""
    live = "cur2 > 0 AND m >= open2"
    return [
        _slot(f"{live} AND {u('export?')} < 0.8D", 70, "SALES", f"trend * 0.20D * season * exp(-0.75D * d) * {noise('export', 0.4)}", ("4", "26"), a="2", cpty=outside),
        _slot(f"{live} AND {u('export2?')} < 0.3D", 71, "SALES", f"trend * 0.08D * {noise('export2', 0.4)}", ("4", "26"), a="2", cpty=outside),
    ]

"""Rows of a firm-month that are rare or of special accounts: returned payments, reversals, deposits, receipts from abroad."""

from __future__ import annotations

from collections.abc import Callable

from simulator.draws import Draws
from simulator.purposes import KINDS

NONE = "-1"


def slot(
    when: str,
    j: int,
    kind: str,
    amount: str,
    days: tuple[str, str],
    *,
    cpty: str = NONE,
    a: str = "0",
    dm: int = 0,
    flag: str = "0",
    ref: int = 0,
) -> str:
    k = KINDS[kind]
    sign = "" if k.side == "C" else "-"
    return (
        f"IF({when}, named_struct('j', {j}, 'dm', {dm}, 'a', CAST({a} AS INT), 'lo', CAST({days[0]} AS INT), 'hi', CAST({days[1]} AS INT), "
        f"'s', {sign}CAST(round({amount}) AS BIGINT), 'kind', {k.no}, 'cpty', CAST({cpty} AS INT), 'flag', {flag}, 'ref', {ref}), NULL)"
    )


def exceptional(u: Callable[[str], str], noise: Callable[[str, float], str], outside: str, live3: str, d: Draws) -> list[str]:
    """Returned payments, reversals, supplementary and zero rows; movements of the time or margin deposit."""
    returned, reversed_ = f"{u('bounce?')} < 0.008D + 0.10D * d", f"{u('reversal?')} < 0.09D"
    amount, wrong = f"inflow * 0.03D * {noise('bounce', 0.4)}", f"inflow * 0.02D * {noise('reversal', 0.5)}"
    day = (f"3 + CAST(floor({u('bounce day')} * 20D) AS INT)",) * 2
    back = (f"5 + CAST(floor({u('bounce day')} * 20D) AS INT)",) * 2
    rday = (f"3 + CAST(floor({u('reversal day')} * 22D) AS INT)",) * 2
    level, before = deposit_level(d, "m"), deposit_level(d, "(m - 1)")
    change = f"IF(m > open3, {level} - {before}, {level})"
    return [
        slot(returned, 50, "RETURNED_OUT", amount, day, cpty=outside, flag="1"),
        slot(returned, 51, "RETURNED_IN", amount, back, cpty=outside, flag="1", ref=50),
        slot(reversed_, 52, "PURCHASE_OUTSIDE", wrong, rday, cpty=outside),
        # the opposite of row 52: a debit comes back, red (negative debit) or blue (credit)
        slot(reversed_, 53, "REFUND_IN", wrong, rday, cpty=outside, flag=f"IF({u('red?')} < 0.5D, 2, 3)", ref=52),
        slot(
            f"{u('supplement?')} < 0.02D", 54, "SALES", f"inflow * 0.02D * {noise('supplement', 0.4)}", ("4", "26"), cpty=outside, flag="4"
        ),
        slot(f"{u('zero?')} < 0.003D", 55, "ZERO", "0D", ("4", "26")),
        slot(
            f"arch IN (0, 1, 4) AND {u('bill?')} < 0.12D",
            56,
            "BILL_IN",
            f"inflow * 0.10D * {noise('bill', 0.4)}",
            ("4", "26"),
            cpty=outside,
        ),
        slot(f"{live3} AND {change} > 0D", 60, "OWN_OUT", change, ("3", "5"), cpty="f * 4 + 3"),
        slot(f"{live3} AND {change} > 0D", 61, "OWN_IN", change, ("6", "8"), a="3", cpty="f * 4"),
        slot(f"{live3} AND {change} < 0D", 62, "OWN_OUT", f"-({change})", ("3", "5"), a="3", cpty="f * 4"),
        slot(f"{live3} AND {change} < 0D", 63, "OWN_IN", f"-({change})", ("6", "8"), cpty="f * 4 + 3"),
    ]


def deposit_level(d: Draws, m: str) -> str:
    """Balance of the time or margin deposit at the end of month m, CNY fen: steps of half a year, multiples of 1,000 CNY."""
    step = f"floor(({m} + f) / 6)"
    return f"(1D + floor(exp(lnsize) * 0.3D * exp(0.5D * {d.z('deposit', 'f', step)}) / 1000D)) * 100000D"


def foreign(u: Callable[[str], str], noise: Callable[[str, float], str], outside: str) -> list[str]:
    """Receipts from abroad on the foreign-currency account, and what is sold to the wealth desk from it."""
    live = "cur2 > 0 AND m >= open2"
    return [
        slot(
            f"{live} AND {u('export?')} < 0.8D",
            70,
            "SALES",
            f"trend * 0.20D * season * exp(-0.75D * d) * {noise('export', 0.4)}",
            ("4", "26"),
            a="2",
            cpty=outside,
        ),
        slot(
            f"{live} AND {u('export2?')} < 0.3D", 71, "SALES", f"trend * 0.08D * {noise('export2', 0.4)}", ("4", "26"), a="2", cpty=outside
        ),
    ]

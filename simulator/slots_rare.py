"""Rows of a firm-month that are rare or of special accounts: returned payments, reversals, deposits, receipts from abroad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.draws import Draws
from simulator.purposes import KINDS

NONE = "-1"


@dataclass(frozen=True)
class Slot:
    """A row that a firm-month may have: the condition, months later, and its columns (see ledger)."""

    when: str
    dm: int
    columns: tuple[str, ...]


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
) -> Slot:
    """One row of slots.rows."""
    k = KINDS[kind]
    columns = (
        "f", "arch", f"m + {dm} AS m", f"{a} AS a", f"{days[0]} AS lo", f"{days[1]} AS hi",
        f"{'' if k.side == 'C' else '-'}round({amount})::BIGINT AS s",
        f"{k.no} AS kind", f"{cpty} AS cpty", f"{flag} AS flag", f"{j} AS j", f"{ref} AS ref",
    )  # fmt: skip
    return Slot(when, dm, columns)


def exceptional(u: Callable[[str], str], noise: Callable[[str, float], str], outside: str, live3: str, d: Draws) -> list[Slot]:
    """Returned payments, reversals, supplementary and zero rows; movements of the time or margin deposit."""
    returned, reversed_ = f"{u('bounce?')} < 0.008e0 + 0.10e0 * d", f"{u('reversal?')} < 0.09e0"
    amount, wrong = f"inflow * 0.03e0 * {noise('bounce', 0.4)}", f"inflow * 0.02e0 * {noise('reversal', 0.5)}"
    day = (f"3 + floor({u('bounce day')} * 20e0)::INTEGER",) * 2
    back = (f"5 + floor({u('bounce day')} * 20e0)::INTEGER",) * 2
    rday = (f"3 + floor({u('reversal day')} * 22e0)::INTEGER",) * 2
    level, before = deposit_level(d, "m"), deposit_level(d, "(m - 1)")
    change = f"IF(m > open3, {level} - {before}, {level})"
    return [
        slot(returned, 50, "RETURNED_OUT", amount, day, cpty=outside, flag="1"),
        slot(returned, 51, "RETURNED_IN", amount, back, cpty=outside, flag="1", ref=50),
        slot(reversed_, 52, "PURCHASE_OUTSIDE", wrong, rday, cpty=outside),
        # the opposite of row 52: a debit comes back, red (negative debit) or blue (credit)
        slot(reversed_, 53, "REFUND_IN", wrong, rday, cpty=outside, flag=f"IF({u('red?')} < 0.5e0, 2, 3)", ref=52),
        slot(
            f"n_sales > 0 AND {u('supplement?')} < 0.02e0",
            54,
            "SALES",
            f"inflow * 0.02e0 * {noise('supplement', 0.4)}",
            ("4", "26"),
            cpty=outside,
            flag="4",
        ),
        slot(f"{u('zero?')} < 0.003e0", 55, "ZERO", "0e0", ("4", "26")),
        slot(
            f"n_sales > 0 AND arch IN (0, 1, 4) AND {u('bill?')} < 0.12e0",
            56,
            "BILL_IN",
            f"inflow * 0.10e0 * {noise('bill', 0.4)}",
            ("4", "26"),
            cpty=outside,
        ),
        slot(f"{live3} AND {change} > 0e0", 60, "OWN_OUT", change, ("3", "5"), cpty="f * 4 + 3"),
        slot(f"{live3} AND {change} > 0e0", 61, "OWN_IN", change, ("6", "8"), a="3", cpty="f * 4"),
        slot(f"{live3} AND {change} < 0e0", 62, "OWN_OUT", f"-({change})", ("3", "5"), a="3", cpty="f * 4"),
        slot(f"{live3} AND {change} < 0e0", 63, "OWN_IN", f"-({change})", ("6", "8"), cpty="f * 4 + 3"),
    ]


def deposit_level(d: Draws, m: str) -> str:
    """Balance of the time or margin deposit at the end of month m, CNY fen: steps of half a year, multiples of 1,000 CNY."""
    step = f"({m} + f) // 6"
    return f"((1e0 + floor(exp(lnsize) * 0.3e0 * exp(0.5e0 * {d.z('deposit', 'f', step)}) / 1000e0)) * 100000e0)"


def foreign(u: Callable[[str], str], noise: Callable[[str, float], str], outside: str) -> list[Slot]:
    """Receipts from abroad on the foreign-currency account, and what is sold to the wealth desk from it."""
    live = "n_sales > 0 AND cur2 > 0 AND m >= open2"
    return [
        slot(
            f"{live} AND {u('export?')} < 0.8e0",
            70,
            "SALES",
            f"trend * 0.20e0 * season * exp(-0.75e0 * d) * {noise('export', 0.4)}",
            ("4", "26"),
            a="2",
            cpty=outside,
        ),
        slot(
            f"{live} AND {u('export2?')} < 0.3e0",
            71,
            "SALES",
            f"trend * 0.08e0 * {noise('export2', 0.4)}",
            ("4", "26"),
            a="2",
            cpty=outside,
        ),
    ]

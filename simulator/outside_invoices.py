"""Invoices: each month one to each of a firm's main customers, the same invoice at the buyer, and one from outside."""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, select, union
from simulator.layout import Layout
from simulator.outside_tax import SALES
from simulator.params import Params
from simulator.records import Records, at, records, versions
from simulator.trade import CUSTOMER, customers

BUYERS = 3
WEIGHT = (0.5, 0.3, 0.2)


def sold(p: Params) -> str:
    """Sales by month to the three main customers, corporate ones: seller, m, r (0 to 2), d, cpty, seller_missing, amount."""
    d, lay = Draws(p.seed), Layout(p)
    month = f"n_sales > 0 AND m BETWEEN {p.first_m} AND {p.end_m - 1}"
    slots = select("state", *CUSTOMER, "inflow", "pos", "tax_missing", f"unnest(range({BUYERS}))::INTEGER AS r", where=month)
    weight = " ".join(f"WHEN {i} THEN {w}e0" for i, w in enumerate(WEIGHT))
    return select(
        customers(select(slots, "*", "r AS k", "false AS one_off"), p),
        "f AS seller", "m", "r", "d", "cpty", "tax_missing AS seller_missing",
        f"round((inflow - pos) * {SALES}e0 * (CASE r {weight} END) * exp(0.3e0 * {d.z('invoice', 'f', 'm', 'r')} - 0.045e0))::BIGINT AS amount",
        where=f"cpty < {lay.persons}",
    )  # fmt: skip


def invoices(p: Params) -> Records:
    """Invoices of `sold` at the seller and mirrored at buyers inside, and purchases from one outside supplier."""
    d, lay = Draws(p.seed), Layout(p)
    keys = ("issuer", "m", "r")
    supplier = lay.random_outside(d.u("invoice supplier", "f", f"floor(m / 24 + {d.u('supplier phase', 'f')})"))
    own = select(
        "sold",
        "seller AS me",
        "m",
        "r",
        "d",
        "cpty AS other",
        "'OUT' AS direction",
        "amount",
        "seller AS issuer",
        where="NOT seller_missing",
    )
    mirrored = select(
        "sold", "cpty // 4 AS me", "m", "r", "d", "seller * 4 AS other", "'IN' AS direction", "amount", "seller AS issuer",
        where=f"cpty < {lay.outside} AND cpty // 4 NOT IN (SELECT f FROM firm WHERE tax_missing)",
    )  # fmt: skip
    bought = select(
        "state", "f AS me", "m", "3 AS r", "d", f"{supplier} AS other", "'IN' AS direction", "round(budget * 0.6e0)::BIGINT AS amount", "f AS issuer",
        where=f"m BETWEEN {p.first_m} AND {p.end_m - 1} AND NOT tax_missing AND {d.u('invoice in', 'f', 'm')} < 0.8e0",
    )  # fmt: skip
    names = union(select("identity", "f * 4 AS id", "uscc"), select("outside", "code AS id", "uscc"))
    keyed = select(union(own, mirrored, bought), "*", f"IF(other < {lay.outside}, other // 4 * 4, other) AS who")
    named = f"SELECT a.*, me.uscc AS firm_id, they.uscc AS other_party_id FROM ({keyed}) a JOIN identity me ON me.f = a.me JOIN ({names}) they ON they.id = a.who"
    red = f"{d.u('red', *keys)} < 0.02e0 + IF(direction = 'OUT', 0.03e0 * d, 0e0)"
    dated = select(
        named, "*", f"{red} AS red", f"{date_sql('m', '1')} + {d.pick('invoice day', 28, *keys)} AS issue_date",
        "concat(IF(r = 3, '9', '2'), lpad(issuer::VARCHAR, 7, '0'), lpad(m::VARCHAR, 4, '0'), r) AS invoice_no",
        f"{d.u('void', *keys)} < 0.02e0 AS void", "IF(red, -(amount // 5), amount) AS amount_fen",
    )  # fmt: skip
    flat = select(
        dated,
        "*", "'' AS invoice_code", "trunc(amount_fen * 0.09e0)::BIGINT AS tax_fen", "IF(red, 'RED', 'BLUE') AS color",
        "IF(red, concat('2', substr(invoice_no, 2, 7), lpad((m - 1)::VARCHAR, 4, '0'), r), NULL) AS orig_invoice_no",
        f"issue_date + 1 + {d.pick('void day', 3, *keys)} AS void_date",
    )  # fmt: skip
    steps = versions(
        flat,
        ("true", {"row_version": "0", "status": "'VALID'", "updated_at": at(d, "issue_date", "invoice", *keys)}),
        ("void", {"row_version": "1", "status": "'VOID'", "updated_at": at(d, "void_date", "void", *keys)}),
    )
    return records("tax_invoice", steps, p)

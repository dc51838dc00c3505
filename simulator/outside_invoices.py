"""Invoices: each month one to each of a firm's main customers, the same invoice at the buyer, and one from outside."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import date_sql
from simulator.draws import Draws
from simulator.layout import Layout
from simulator.outside_tax import SALES
from simulator.params import Params
from simulator.records import Records, at, records, versions
from simulator.trade import CUSTOMER, customers

BUYERS = 3
WEIGHT = (0.5, 0.3, 0.2)


def invoices(state: DataFrame, cells: DataFrame, identity: DataFrame, outside: DataFrame, p: Params) -> Records:
    """Sales invoices to the three main customers (corporate ones), their mirror at buyers inside, purchases from one outside supplier."""
    d, lay = Draws(p.seed), Layout(p)
    month = state.where(f"m BETWEEN {p.first_m} AND {p.end_m - 1}")
    slots = month.selectExpr(*CUSTOMER, "inflow", "pos", "budget", "tax_missing", f"explode(sequence(0, {BUYERS - 1})) AS r").selectExpr(
        "*", "r AS k", "false AS one_off"
    )
    weight = " ".join(f"WHEN {i} THEN {w}D" for i, w in enumerate(WEIGHT))
    sold = customers(slots, state, cells, p).selectExpr(
        "f AS seller", "m", "r", "d", "cpty", "tax_missing AS seller_missing",
        f"CAST(round((inflow - pos) * {SALES}D * (CASE r {weight} END) * exp(0.3D * {d.z('invoice', 'f', 'm', 'r')} - 0.045D)) AS BIGINT) AS amount",
    ).where(f"cpty < {lay.persons}")  # fmt: skip
    supplier = lay.random_outside(d.u("invoice supplier", "f", f"floor(m / 24 + {d.u('supplier phase', 'f')})"))
    bought = month.where(f"NOT tax_missing AND {d.u('invoice in', 'f', 'm')} < 0.8D").selectExpr(
        "f AS me",
        "m",
        "3 AS r",
        "d",
        f"CAST({supplier} AS INT) AS other",
        "'IN' AS direction",
        "CAST(round(budget * 0.6D) AS BIGINT) AS amount",
        "f AS issuer",
    )
    own = sold.where("NOT seller_missing").selectExpr(
        "seller AS me", "m", "r", "d", "cpty AS other", "'OUT' AS direction", "amount", "seller AS issuer"
    )
    missing = state.where("tax_missing").select(F.col("f").alias("xf")).distinct()
    mirrored = sold.where(f"cpty < {lay.outside}").selectExpr(
        "cpty div 4 AS me", "m", "r", "d", "seller * 4 AS other", "'IN' AS direction", "amount", "seller AS issuer"
    )
    mirrored = mirrored.join(F.broadcast(missing), F.expr("me = xf"), "left_anti")
    rows = own.unionByName(mirrored).unionByName(bought)
    names = identity.selectExpr("f AS id", "uscc").unionByName(outside.selectExpr(f"code - {lay.outside} + {p.firms} AS id", "uscc"))
    who = f"IF(other < {lay.outside}, other div 4, other - {lay.outside} + {p.firms})"
    keyed = rows.selectExpr("*", f"{who} AS who")
    named = keyed.join(F.broadcast(names.selectExpr("id AS a", "uscc AS firm_id")), F.expr("me = a"), "inner").join(
        F.broadcast(names.selectExpr("id AS b", "uscc AS other_party_id")), F.expr("who = b"), "inner"
    )
    keys = ("issuer", "m", "r")
    red = f"{d.u('red', *keys)} < 0.02D + IF(direction = 'OUT', 0.03D * d, 0D)"
    dated = named.selectExpr(
        "*", f"{red} AS red", f"date_add({date_sql('m', '1')}, {d.pick('invoice day', 28, *keys)}) AS issue_date",
        "concat(IF(r = 3, '9', '2'), lpad(CAST(issuer AS STRING), 7, '0'), lpad(CAST(m AS STRING), 4, '0'), CAST(r AS STRING)) AS invoice_no",
        f"{d.u('void', *keys)} < 0.02D AS void",
    )  # fmt: skip
    first = f"struct(0 AS row_version, 'VALID' AS status, {at(d, 'issue_date', 'invoice', *keys)} AS updated_at)"
    void_day = f"date_add(issue_date, 1 + {d.pick('void day', 3, *keys)})"
    second = f"IF(void, struct(1 AS row_version, 'VOID' AS status, {at(d, void_day, 'void', *keys)} AS updated_at), NULL)"
    flat = dated.selectExpr(
        "firm_id", "direction", "'' AS invoice_code", "invoice_no", "other_party_id", "issue_date", "IF(red, -(amount div 5), amount) AS amount_fen",
        "CAST(IF(red, -(amount div 5), amount) * 0.09D AS BIGINT) AS tax_fen", "IF(red, 'RED', 'BLUE') AS color",
        "IF(red, concat('2', substr(invoice_no, 2, 7), lpad(CAST(m - 1 AS STRING), 4, '0'), CAST(r AS STRING)), NULL) AS orig_invoice_no", versions(first, second),
    )  # fmt: skip
    return records("tax_invoice", flat, p)

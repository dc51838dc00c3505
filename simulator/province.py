"""The province as Spark tables: firms, accounts, defaults, months, loans, and the booked rows of all accounts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from simulator import distress, firms, ledger, loans, months, slots, trade
from simulator.layout import Layout
from simulator.params import Params
from simulator.session import per_firm


@dataclass(frozen=True)
class Province:
    """What a run of the simulator generates before it is written down; `due` and `booked` are plans, the others computed."""

    p: Params
    firm: DataFrame
    account: DataFrame
    default: DataFrame
    state: DataFrame
    contract: DataFrame
    due: DataFrame
    booked: DataFrame


def partitions(p: Params) -> int:
    """Partitions of the large shuffles: about 400,000 rows each, at least 4."""
    return max(4, min(400, round(p.firms * p.months * p.txns / 400_000)))


def people(spark: SparkSession, p: Params) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Firms with their distress events, defaults, and the state of every firm-month (all computed)."""
    plain = per_firm(firms.firms(spark, p))
    default = distress.defaults(plain, p).localCheckpoint()
    firm = per_firm(distress.firm_events(plain, default, p))
    state = months.firm_months(firm, p).select(*months.COMPACT).localCheckpoint()
    return firm, default, state


def generate(spark: SparkSession, p: Params) -> Province:
    """All tables of the province of `p`."""
    firm, default, state = people(spark, p)
    account = per_firm(firms.accounts(firm, p))
    contract = loans.contracts(firm, default, p).localCheckpoint()
    due = loans.instalments(contract)
    sold = trade.sales(state, trade.grid(firm, p), p)
    inside = f"cpty BETWEEN 0 AND {Layout(p).outside - 1}"
    bought = sold.where(inside).selectExpr("cpty div 4 AS f", "m", "s").groupBy("f", "m").sum("s").withColumnRenamed("sum(s)", "bought")
    # a column per slot: one expression of all slots is too long to be compiled, and inside inline() it would be interpreted
    drawn = {f"slot{i}": sql for i, sql in enumerate(slots.slots(p))}
    wide = state.selectExpr("f", "arch", "m", *(f"{sql} AS {name}" for name, sql in drawn.items()))
    items = wide.selectExpr("f", "arch", "m", f"inline(array({', '.join(drawn)}))")
    fixed = items.where(f"j IS NOT NULL AND m + dm BETWEEN {p.first_m} AND {p.end_m}").selectExpr(
        "f", "arch", "m + dm AS m", "a", "lo", "hi", "s", "kind", "cpty", "flag", "j", "ref"
    )
    legs = [x.select(*trade.LEG) for x in (sold, trade.settlements(state, p), trade.outside_purchases(state, bought, p), fixed)]
    rows = ledger.timed(reduce(DataFrame.unionByName, legs), state, p)
    rows = rows.unionByName(ledger.loan_rows(loans.payments(due, state, p)).select(*ledger.ROW)).unionByName(
        ledger.holders(state, account, p).select(*ledger.ROW)
    )
    return Province(p, firm, account, default, state, contract, due, ledger.booked(rows, account, p, partitions(p)))

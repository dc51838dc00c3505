"""Lines of the bank files: each table has file_id, line (text with its newline), cur, side and amount for the totals.

file_id = bank number * 10^8 + yyyymmdd of a daily file or yyyymm of a monthly one; bank numbers start at 0.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.draws import Draws, lookup
from simulator.freezes import frozen_sql
from simulator.ledger import ACCOUNT_MONTH, NUMBER_OF, ORDER_BITS, SECOND_OF
from simulator.params import Params, month_no
from simulator.province import Province
from simulator.purposes import BY_NO, MARK, SWEEP
from simulator.reference_data import BANKS

FILE_BANK = 100_000_000
SIDE = "IF(flag = 2, 'D', IF(s > 0L, 'C', 'D'))"
AMOUNT = "IF(flag = 2, -s, abs(s))"


def year_month(m: str) -> str:
    """yyyymm of month m, as a number."""
    return f"((2000 + {m} div 12) * 100 + {m} % 12 + 1)"


def file_id(p: Params, m: str = "m", day: str = "day") -> str:
    """File a date belongs to: monthly before the dense days, daily in them."""
    dense = month_no(p.daily_from)
    daily = f"{m} > {dense} OR ({m} = {dense} AND {day} >= {p.daily_from.day})"
    return f"CAST(bank AS BIGINT) * {FILE_BANK} + IF({daily}, {year_month(m)} * 100 + {day}, {year_month(m)})"


def decimal(x: str, exponent: str) -> str:
    """Minor units as decimal text with the currency's scale."""
    cents = f"concat(IF({x} < 0, '-', ''), CAST(abs({x}) div 100 AS STRING), '.', substr(CAST(100 + abs({x}) % 100 AS STRING), 2, 2))"
    return f"IF({exponent} = 2, {cents}, CAST({x} AS STRING))"


def _kinds(value: str) -> str:
    top = max(BY_NO)
    return lookup([getattr(BY_NO[i], value) or "" if i in BY_NO else "" for i in range(top + 1)], "kind")


def transactions(g: Province, counterparty: DataFrame) -> DataFrame:
    """TXN lines, in the order of account, date and sequence number inside each bank and month."""
    d = Draws(g.p.seed)
    named = g.account.selectExpr("acct AS na", "account_no", "ccy", "exponent")
    rows = (
        g.booked.where("seq IS NOT NULL")
        .join(F.broadcast(named), F.expr("acct = na"), "inner")
        .join(F.broadcast(counterparty), F.expr("cpty = code"), "left")
    )
    day8 = f"CAST({year_month('m')} * 100 + day AS STRING)"
    head = "lpad(CAST(acct AS STRING), 7, '0')"
    txn_no = f"concat({day8}, {head}, lpad(CAST({NUMBER_OF} AS STRING), 10, '0'))"
    ref_day, ref_no = f"CAST(shiftright(ref, {ORDER_BITS}) div 86400 + 1 AS INT)", NUMBER_OF.replace("pos", "ref")
    orig = f"IF(ref > 0L, concat(CAST({year_month('m')} * 100 + {ref_day} AS STRING), {head}, lpad(CAST({ref_no} AS STRING), 10, '0'), '|0'), '|')"
    second = SECOND_OF
    time6 = f"substr(CAST(1000000 + ({second} div 3600) * 10000 + ({second} div 60 % 60) * 100 + {second} % 60 AS STRING), 2, 6)"
    drawn = lookup(["NET"] * 11 + ["MOBILE"] * 5 + ["COUNTER"] * 3 + ["API"], d.pick("channel", 20, "acct", "m", "pos"))
    night = f"IF({second} BETWEEN 21600 AND 82799, {drawn}, 'MOBILE')"
    channel = f"IF({_kinds('channel')} = '', {night}, {_kinds('channel')})"
    batch = f"IF(kind = 6, concat('W', {day8}, {head}), '')"
    line = (
        f"concat('D|', {txn_no}, '|0|', account_no, '|', {day8}, '|', {time6}, '|', CAST(seq AS STRING), '|', {SIDE}, '|', ccy, '|', {decimal(AMOUNT, 'exponent')}, '|', "
        f"{decimal('after', 'exponent')}, '|', coalesce(fields, '||'), '|', {_kinds('instrument')}, '|', {_kinds('cash')}, '|', {channel}, '|', {_kinds('purpose')}, '|', {_kinds('summary')}, "
        f"'|', {batch}, '|', {day8}, '|', CASE WHEN flag IN (2, 3) THEN 'R' WHEN flag = 4 THEN 'S' ELSE 'N' END, '|', {orig}, '|', IF(flag = 1, 'Y', 'N'), '|\\n')"
    )
    return rows.selectExpr(f"{file_id(g.p)} AS file_id", f"{line} AS line", "ccy AS cur", f"{SIDE} AS side", f"{AMOUNT} AS amount")


def balances(g: Province) -> DataFrame:
    """One row per account-day that is sent: opening, credit, debit, closing, counts, last sequence number (minor units)."""
    credit, debit = f"{SIDE} = 'C'", f"{SIDE} = 'D'"
    sent = "seq IS NOT NULL"
    rows = g.booked.groupBy("bank", "m", "acct", "day").agg(
        F.expr("max(IF(last, after, NULL))").alias("closing"),
        F.expr(f"sum(IF({sent} AND {credit}, {AMOUNT}, 0L))").alias("credit"),
        F.expr(f"sum(IF({sent} AND {debit}, {AMOUNT}, 0L))").alias("debit"),
        F.expr(f"CAST(sum(IF({sent} AND {credit}, 1, 0)) AS INT)").alias("credit_cnt"),
        F.expr(f"CAST(sum(IF({sent} AND {debit}, 1, 0)) AS INT)").alias("debit_cnt"),
        F.expr("max(seq)").alias("last_seq"),
        F.expr(f"max(IF(kind IN ({SWEEP}, {MARK}), 1, 0))").alias("held"),
    )
    kept = rows.where("last_seq IS NOT NULL OR held = 1").selectExpr("*", "closing - credit + debit AS opening").drop("held")
    return kept.withColumn("place", F.expr(f"({ACCOUNT_MONTH}) * 32 + day")).sortWithinPartitions("place").drop("place")


def balance_lines(g: Province, balance: DataFrame, freeze: DataFrame) -> DataFrame:
    """BAL lines; sparse = 1 before the dense days."""
    named = g.account.selectExpr("acct AS na", "account_no", "ccy", "exponent", "branch", "subject")
    rows = balance.join(F.broadcast(named), F.expr("acct = na"), "inner").join(F.broadcast(freeze), F.expr("acct = fa"), "left")
    day8 = f"CAST({year_month('m')} * 100 + day AS STRING)"
    amounts = ", '|', ".join(decimal(x, "exponent") for x in ("opening", "credit", "debit", "closing"))
    sparse = f"IF(file_id % {FILE_BANK} < 1000000, '1', '0')"
    line = (
        f"concat('D|', account_no, '|', ccy, '|', {day8}, '|', {amounts}, '|', CAST(credit_cnt AS STRING), '|', CAST(debit_cnt AS STRING), '|', "
        f"{decimal('frozen', 'exponent')}, '|', coalesce(CAST(last_seq AS STRING), ''), '|', branch, '|', subject, '|', {sparse}, '|\\n')"
    )
    laid = rows.selectExpr("*", f"{file_id(g.p)} AS file_id", f"IF({frozen_sql()}, closing, 0L) AS frozen")
    return laid.selectExpr("file_id", f"{line} AS line", "ccy AS cur", "'C' AS side", "closing AS amount")


def bank_ids(p: Params) -> list[str]:
    """Banks of the province, by number."""
    return [b.bank_id for b in BANKS[: p.banks]]

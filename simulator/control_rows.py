"""Lines of the control files: general ledger totals (GL), the second channel's totals (CTL), account files (ACCT)."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from simulator.bank_rows import decimal, file_id, year_month
from simulator.calendar_sql import date_sql
from simulator.draws import Draws
from simulator.params import Params, month_last, month_no
from simulator.province import Province


def _controlled(p: Params) -> str:
    """Dates that have ledger totals: month ends, and every day of the dense days."""
    dense = month_no(p.daily_from)
    ends = " ".join(f"WHEN {m} THEN day = {month_last(m).day}" for m in range(p.first_m, p.end_m + 1))
    return f"(m > {dense} OR (m = {dense} AND day >= {p.daily_from.day}) OR CASE m {ends} ELSE false END)"


def ledger_totals(g: Province, balance: DataFrame) -> DataFrame:
    """Per bank, branch, subject, currency and date: sums over the delivered accounts and over those not delivered (ne_*)."""
    d = Draws(g.p.seed)
    named = g.account.selectExpr("acct AS na", "branch", "subject", "ccy", "cur", "exponent")
    rows = balance.where(_controlled(g.p)).join(F.broadcast(named), F.expr("acct = na"), "inner")
    sums = rows.groupBy("bank", "branch", "subject", "ccy", "cur", "exponent", "m", "day").agg(
        *(F.sum(c).alias(c) for c in ("opening", "debit", "credit", "closing")), F.count("acct").alias("accounts")
    )
    keys = ("branch", "subject", "cur")
    number = f"datediff({date_sql('m', 'day')}, DATE'2020-01-01')"

    def rest(n: str) -> str:
        return f"CAST(1000000L + floor(90000000D * {d.u('not delivered', *keys)} * (1D + 0.05D * {d.u('not delivered day', *keys, n)})) AS BIGINT)"

    net = "ne_close - ne_open"
    return sums.selectExpr("*", f"{rest(number)} AS ne_close", f"{rest(number + ' - 1')} AS ne_open", f"CAST(floor(5000000D * {d.u('turned', *keys, number)}) AS BIGINT) AS turned").selectExpr(
        "*", f"turned + greatest({net}, 0L) AS ne_credit", f"turned + greatest(-({net}), 0L) AS ne_debit", f"20 + {d.pick('ne count', 80, *keys)} AS ne_cnt"
    )  # fmt: skip


def ledger_lines(totals: DataFrame, p: Params) -> DataFrame:
    """GL lines: the bank's ledger = delivered + not delivered."""
    day8 = f"CAST({year_month('m')} * 100 + day AS STRING)"
    whole = ", '|', ".join(
        decimal(f"({a} + ne_{b})", "exponent")
        for a, b in (("opening", "open"), ("debit", "debit"), ("credit", "credit"), ("closing", "close"))
    )
    rest = ", '|', ".join(decimal(f"ne_{b}", "exponent") for b in ("open", "debit", "credit", "close"))
    line = f"concat('D|', branch, '|', subject, '|', ccy, '|', {day8}, '|', {whole}, '|', CAST(accounts + ne_cnt AS STRING), '|', {rest}, '|', CAST(ne_cnt AS STRING), '\\n')"
    return totals.selectExpr(f"{file_id(p)} AS file_id", f"{line} AS line", "ccy AS cur", "'C' AS side", "closing + ne_close AS amount")


def control_lines(g: Province, balance: DataFrame, totals: DataFrame) -> DataFrame:
    """CTL lines: flows per side of every date with transactions, balances of the dates with ledger totals."""
    named = g.account.selectExpr("acct AS na", "branch", "ccy", "exponent")
    day8 = f"CAST({year_month('m')} * 100 + day AS STRING)"
    days = balance.join(F.broadcast(named), F.expr("acct = na"), "inner")
    names = ("bank", "branch", "ccy", "exponent", "m", "day")
    sums = days.groupBy(*names).agg(*(F.sum(c).alias(c) for c in ("credit", "credit_cnt", "debit", "debit_cnt")))
    sides = (
        "inline(array(struct('C' AS side, credit AS amount, credit_cnt AS cnt), struct('D' AS side, debit AS amount, debit_cnt AS cnt)))"
    )
    flow = sums.selectExpr(*names, sides).where("cnt > 0")
    held = totals.groupBy(*names).agg(F.sum("closing").alias("amount"), F.sum("accounts").alias("cnt")).withColumn("side", F.lit("B"))
    both = flow.unionByName(held)
    kind, side = "IF(side = 'B', 'BALANCE', 'FLOW')", "IF(side = 'B', '', side)"
    line = f"concat('D|', {kind}, '|', branch, '|', ccy, '|', {day8}, '|', {side}, '|', CAST(cnt AS STRING), '|', {decimal('amount', 'exponent')}, '\\n')"
    return both.selectExpr(f"{file_id(g.p)} AS file_id", f"{line} AS line", "ccy AS cur", "side", "amount")


def account_lines(spark: SparkSession, g: Province, identity: DataFrame, freeze: DataFrame) -> DataFrame:
    """ACCT lines: the full list in the first file, then openings, closings, freezes; a few accounts sent again in the dense days."""
    p, d = g.p, Draws(g.p.seed)
    base = g.account.join(identity.select("f", "uscc", "name"), "f", "inner")
    first = f"greatest(open_date, DATE'{p.first_day.isoformat()}')"
    opened = base.selectExpr("*", f"{first} AS at", "'NORMAL' AS status", "'' AS authority", "false AS closing")
    closed = base.where(f"close_date <= DATE'{p.end.isoformat()}'").selectExpr(
        "*", "close_date AS at", "'CLOSED' AS status", "'' AS authority", "true AS closing"
    )
    hit = base.join(freeze, F.expr("acct = fa"), "inner")
    names = opened.columns
    frozen = hit.selectExpr("*", f"{date_sql('freeze_m', '5')} AS at", "'FROZEN' AS status", "false AS closing").select(names)
    thawed = hit.selectExpr(
        *[c for c in hit.columns if c != "authority"],
        f"{date_sql('thaw_m', '5')} AS at",
        "'NORMAL' AS status",
        "'' AS authority",
        "false AS closing",
    ).select(names)
    again = base.where(f"slot = 0 AND {d.u('sent again', 'acct')} < {12.0 * p.banks / p.firms}D").selectExpr(
        "*", f"date_add(DATE'{p.daily_from.isoformat()}', {d.pick('sent again on', len(p.daily_dates), 'acct')}) AS at", "'NORMAL' AS status", "'' AS authority", "false AS closing"
    ).join(freeze.select("fa"), F.expr("acct = fa"), "left_anti")  # fmt: skip
    rows = (
        opened.unionByName(closed)
        .unionByName(frozen)
        .unionByName(thawed)
        .unionByName(again.select(names))
        .where(f"at <= DATE'{p.end.isoformat()}' AND at >= open_date")
    )
    day = "date_format({}, 'yyyyMMdd')"
    line = f"concat_ws('|', 'D', account_no, uscc, name, branch, account_type, product, '', 'N', ccy, subject, {day.format('open_date')}, IF(closing, {day.format('close_date')}, ''), status, authority, 'N', '\\n')"
    month, dom = "(year(at) - 2000) * 12 + month(at) - 1", "day(at)"
    return rows.selectExpr(f"{file_id(p, f'({month})', dom)} AS file_id", f"{line} AS line", "'CNY' AS cur", "'C' AS side", "0L AS amount")

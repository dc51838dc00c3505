"""Records of the tax office: returns, payments, arrears, ratings, social insurance. Firms without tax data are left out."""

from __future__ import annotations

from pyspark.sql import DataFrame

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, clip
from simulator.params import Params
from simulator.records import Records, at, records, versions

PERIOD = "CAST(((2000 + m div 12) * 100 + m % 12 + 1) AS STRING)"
SALES = 0.88
"""Sales without tax as a share of what comes in."""


def months_of(state: DataFrame, identity: DataFrame, p: Params) -> DataFrame:
    """Months of the firms the tax office knows, with their USCC as firm_id."""
    return state.where(f"NOT tax_missing AND m BETWEEN {p.first_m} AND {p.end_m - 1}").join(
        identity.selectExpr("f", "uscc AS firm_id"), "f", "inner"
    )


def vat_returns(month: DataFrame, p: Params) -> Records:
    """Monthly returns of general taxpayers, quarterly ones of small ones; late, missing and amended ones as versions."""
    d = Draws(p.seed)
    rows = month.where("general OR m % 3 = 2").selectExpr(
        "*", f"{PERIOD} AS period", "'VAT' AS return_type", "IF(general, 'GENERAL', 'SMALL') AS taxpayer_type", "IF(general, 'M', 'Q') AS filing_cycle",
        f"{date_sql('m + 1', '15')} AS due_date", f"{d.u('return late', 'f', 'm')} AS u_late", f"{d.u('return days', 'f', 'm')} AS u_days",
        f"{clip('0.02D * exp(-0.4D * q) + 0.12D * d', '0D', '0.7D')} AS p_late",
        f"IF(d > 0.8D AND {d.u('zero return', 'f', 'm')} < 0.25D, 0D, inflow * IF(general, 1D, 3D) * {SALES}D * (0.9D + 0.12D * {d.u('declared', 'f', 'm')})) AS sales",
        "vat * IF(general, 1D, 3D) AS payable", f"{d.u('amended', 'f', 'm')} AS u_amended",
    )  # fmt: skip
    filed = "date_add(due_date, IF(u_late < p_late, 3 + CAST(floor(40D * u_days) AS INT), -1 - CAST(floor(10D * u_days) AS INT)))"
    timed = rows.selectExpr("*", f"{filed} AS filed_on", "u_late < p_late * 0.3D AND d > 0.3D AS missing", "u_late < p_late AS is_late")

    def step(when: str, version: str, updated: str, filed_at: str, factor: str) -> str:
        known = f"{filed_at} IS NOT NULL"
        parts = ", ".join(
            f"IF({known}, CAST(round({x}) AS BIGINT), NULL) AS {c}"
            for c, x in (
                ("sales_taxable_fen", f"sales * 0.97D * {factor}"),
                ("sales_exempt_fen", "sales * 0.03D"),
                ("output_tax_fen", f"sales * {factor} * IF(general, 0.13D, 0.01D)"),
                ("input_tax_fen", f"greatest(0D, sales * {factor} * IF(general, 0.13D, 0.01D) - payable)"),
                ("payable_fen", f"payable * {factor}"),
            )
        )
        return f"IF({when}, struct(CAST({version} AS INT) AS row_version, {updated} AS updated_at, {filed_at} AS filed_at, {parts}), NULL)"

    none = "CAST(NULL AS TIMESTAMP_NTZ)"
    evening = at(d, "filed_on", "return", "f", "m")
    amended = at(d, f"date_add(filed_on, 30 + {d.pick('amend days', 90, 'f', 'm')})", "amended", "f", "m")
    steps = versions(
        step("NOT is_late", "0", evening, evening, "1D"),
        step("is_late", "0", at(d, "date_add(due_date, 1)", "not filed", "f", "m"), none, "1D"),
        step("is_late AND NOT missing", "1", evening, evening, "1D"),
        step("u_amended < 0.03D AND NOT missing", "IF(is_late, 2, 1)", amended, amended, "1.08D"),
    )
    return records(
        "tax_vat_return", timed.selectExpr("firm_id", "period", "return_type", "taxpayer_type", "filing_cycle", "due_date", steps), p
    )


def payments(month: DataFrame, p: Params) -> tuple[Records, Records]:
    """Payments and arrears: what was not paid in time is in arrears until it is paid with a late fee, or stays."""
    d = Draws(p.seed)
    due = month.selectExpr("*", f"{PERIOD} AS period", f"{date_sql('m + 1', '15')} AS due_date", "general OR m % 3 = 2 AS has_vat")
    pay = f"date_add(due_date, -{d.pick('pay day', 6, 'f', 'm')})"
    late = f"date_add(due_date, 20 + {d.pick('late pay', 180, 'f', 'm')})"
    settles = f"{d.u('settles', 'f', 'm')} < 1D - 0.6D * d"
    amount = "vat * IF(general, 1D, 3D)"
    rows = due.selectExpr("*", f"{pay} AS paid_on", f"{late} AS late_on", f"{settles} AS settles", f"{amount} AS owed")

    def item(when: str, kind: str, day: str, fen: str) -> str:
        return f"IF({when}, struct('{kind}' AS tax_type, {day} AS pay_date, CAST(round({fen}) AS BIGINT) AS amount_fen), NULL)"

    items = versions(
        item("has_vat AND NOT tax_missed", "VAT", "paid_on", "owed"),
        item("has_vat AND tax_missed AND settles", "VAT", "late_on", "owed"),
        item("has_vat AND NOT tax_missed AND general", "SURCHARGE", "paid_on", "owed * 0.12D"),
        item("has_vat AND tax_missed AND settles", "LATE_FEE", "late_on", "greatest(owed * 0.0005D * datediff(late_on, due_date), 1D)"),
        item("m % 3 = 2", "CIT", "IF(tax_missed, late_on, paid_on)", "inflow * 0.024D"),
        item(f"{d.u('fine', 'f', 'm')} < 0.002D + 0.02D * d", "FINE", "paid_on", f"20000D + 300000D * {d.u('fine size', 'f', 'm')}"),
    )
    flat = rows.selectExpr("f", "m", "firm_id", "period", "due_date", items)
    voucher = "concat('V', period, lpad(CAST(f AS STRING), 7, '0'), tax_type) AS voucher_no"
    paid = flat.selectExpr(
        "firm_id",
        voucher,
        "tax_type",
        "period",
        "due_date",
        "pay_date",
        "amount_fen",
        "0 AS row_version",
        f"{at(d, 'pay_date', 'paid', 'f', 'm')} AS updated_at",
    )
    open_ = f"struct(0 AS row_version, CAST(NULL AS DATE) AS end_date, {at(d, 'date_add(due_date, 2)', 'arrears', 'f', 'm')} AS updated_at)"
    closed = f"IF(settles, struct(1 AS row_version, late_on AS end_date, {at(d, 'late_on', 'arrears end', 'f', 'm')} AS updated_at), NULL)"
    behind = rows.where("has_vat AND tax_missed").selectExpr(
        "firm_id",
        "'VAT' AS tax_type",
        "period",
        "CAST(round(owed) AS BIGINT) AS arrears_fen",
        "date_add(due_date, 1) AS start_date",
        versions(open_, closed),
    )
    return records("tax_payment", paid, p), records("tax_arrears", behind, p)


def income_returns(month: DataFrame, p: Params) -> Records:
    """Quarterly income tax prepayment returns, amounts year to date."""
    d = Draws(p.seed)
    margin = "0.03D + 0.6D * (1D - budget / inflow - wages / inflow) * 0.5D - 0.10D * d + 0.01D * q"
    rows = month.where("m % 3 = 2").selectExpr(
        "*", f"inflow * 3D * {SALES}D AS revenue", f"inflow * 3D * {SALES}D * ({margin}) AS profit", "m div 12 AS y"
    )
    window = "OVER (PARTITION BY f, y ORDER BY m)"
    filed = at(d, f"date_add({date_sql('m + 1', '5')}, {d.pick('cit day', 11, 'f', 'm')})", "cit", "f", "m")
    summed = rows.selectExpr(
        "firm_id",
        f"{PERIOD} AS period",
        f"CAST(round(SUM(revenue) {window}) AS BIGINT) AS revenue_fen",
        f"CAST(round(SUM(profit) {window}) AS BIGINT) AS profit_fen",
        f"{filed} AS filed_at",
    )
    return records("tax_cit_return", summed.selectExpr("*", "0 AS row_version", "filed_at AS updated_at"), p)


def social_insurance(month: DataFrame, p: Params) -> Records:
    """Monthly contributions: unpaid ones appear the day after they were due, and again when they are paid."""
    d = Draws(p.seed)
    head = f"CAST(greatest(1, round(staff * (1D - 0.3D * d) * (0.95D + 0.1D * {d.u('headcount', 'f', 'm')}) * (1D + 0.004D * (m - {p.end_m})))) AS INT)"
    rows = month.selectExpr(
        "f", "m", "firm_id", f"{date_sql('m', '1')} AS month", f"{head} AS headcount", "CAST(round(social) AS BIGINT) AS due_fen", f"{date_sql('m', '25')} AS due_date",
        "social_missed", f"{d.u('social paid', 'f', 'm')} AS u", f"{d.pick('social days', 10, 'f', 'm')} AS early", f"{d.pick('social late', 100, 'f', 'm')} AS late",
    )  # fmt: skip
    none, paid, later = "CAST(NULL AS DATE)", "date_add(due_date, -early)", "date_add(due_date, 15 + late)"

    def step(when: str, version: int, fen: str, day: str, updated: str) -> str:
        return f"IF({when}, struct({version} AS row_version, {fen} AS paid_fen, {day} AS paid_date, {at(d, updated, f'social {version}', 'f', 'm')} AS updated_at), NULL)"

    steps = versions(
        step("NOT social_missed", 0, "due_fen", paid, "date_add(due_date, 1)"),
        step("social_missed", 0, "0L", none, "date_add(due_date, 1)"),
        step("social_missed AND u < 0.6D", 1, "due_fen", later, later),
    )
    return records("tax_social_insurance", rows.selectExpr("firm_id", "month", "headcount", "due_fen", "due_date", steps), p)


def ratings(state: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Yearly taxpayer ratings, published each April for the year before; a few are re-rated in June."""
    d = Draws(p.seed)
    april = state.where(f"NOT tax_missing AND (m % 12 = 3 OR m = {p.first_m})").join(
        identity.selectExpr("f", "uscc AS firm_id"), "f", "inner"
    )
    noise = d.z("rating", "f", "m")
    score = f"CAST(round({clip(f'82D + 6D * q - 32D * d + 7D * {noise}', '0D', '100D')}) AS INT)"
    year = "2000 + (m - 3) div 12 - 1"
    rows = april.selectExpr("f", "firm_id", f"{year} AS y", f"{score} AS points", "m - open_m AS age").selectExpr(
        "*", "make_date(y + 1, 4, 20) AS published"
    )

    def letter(x: str) -> str:
        return f"CASE WHEN age < 12 THEN 'M' WHEN {x} >= 90 THEN 'A' WHEN {x} >= 70 THEN 'B' WHEN {x} >= 40 THEN 'C' ELSE 'D' END"

    def step(when: str, version: int, x: str, day: str) -> str:
        return f"IF({when}, struct({version} AS row_version, {letter(x)} AS rating, CAST({x} AS INT) AS score, {day} AS published_at, {day} AS in_force_from, {at(d, day, f'rating {version}', 'f', 'y')} AS updated_at), NULL)"

    again = f"{d.u('re-rated', 'f', 'y')} < 0.02D"
    steps = versions(step("true", 0, "points", "published"), step(again, 1, "least(points + 12, 100)", "make_date(y + 1, 6, 15)"))
    flat = rows.selectExpr("firm_id", "y AS rating_year", steps, "make_date(y + 2, 4, 20) AS in_force_to")
    return records("tax_credit_rating", flat, p)

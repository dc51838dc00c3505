"""Records of the tax office: returns, payments, arrears, ratings, social insurance. Firms without tax data are left out.

All but the ratings read `taxed` (months_of), the months of the firms the tax office knows.
"""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, clip, select
from simulator.params import Params
from simulator.records import Records, at, records, versions

PERIOD = "((2000 + m // 12) * 100 + m % 12 + 1)::VARCHAR"
SALES = 0.88
"""Sales without tax as a share of what comes in."""
NO_DATE = "NULL::DATE"


def months_of(p: Params) -> str:
    """Months of the firms the tax office knows, with their USCC as firm_id."""
    return f"SELECT s.*, i.uscc AS firm_id FROM state s JOIN identity i USING (f) WHERE NOT tax_missing AND m BETWEEN {p.first_m} AND {p.end_m - 1}"


def vat_returns(p: Params) -> Records:
    """Monthly returns of general taxpayers, quarterly ones of small ones; late, missing and amended ones as versions."""
    d = Draws(p.seed)
    rows = select(
        "taxed", "*", f"{PERIOD} AS period", "'VAT' AS return_type", "IF(general, 'GENERAL', 'SMALL') AS taxpayer_type", "IF(general, 'M', 'Q') AS filing_cycle",
        f"{date_sql('m + 1', '15')} AS due_date", f"{d.u('return late', 'f', 'm')} AS u_late", f"{d.u('return days', 'f', 'm')} AS u_days",
        f"{clip('0.02e0 * exp(-0.4e0 * q) + 0.12e0 * d', '0e0', '0.7e0')} AS p_late",
        f"IF(general AND n_sales + n_pos = 0 OR d > 0.8e0 AND {d.u('zero return', 'f', 'm')} < 0.25e0, 0e0, inflow * IF(general, 1, 3) * {SALES}e0 * (0.9e0 + 0.12e0 * {d.u('declared', 'f', 'm')})) AS sales",
        "vat * IF(general, 1, 3) AS payable", f"{d.u('amended', 'f', 'm')} AS u_amended",
        where="general OR m % 3 = 2",
    )  # fmt: skip
    filed = "due_date + IF(u_late < p_late, 3 + floor(40e0 * u_days)::INTEGER, -1 - floor(10e0 * u_days)::INTEGER)"
    timed = select(rows, "*", f"{filed} AS filed_on", "u_late < p_late * 0.3e0 AND d > 0.3e0 AS missing", "u_late < p_late AS is_late")
    amounts = {
        "sales_taxable_fen": "sales * 0.97e0 * {}",
        "sales_exempt_fen": "sales * 0.03e0",
        "output_tax_fen": "sales * {} * IF(general, 0.13e0, 0.01e0)",
        "input_tax_fen": "greatest(0e0, sales * {} * IF(general, 0.13e0, 0.01e0) - payable)",
        "payable_fen": "payable * {}",
    }

    def filed_with(version: str, when: str, factor: str) -> dict[str, str]:
        known = {name: f"round({sql.format(factor)})::BIGINT" for name, sql in amounts.items()}
        return {"row_version": version, "updated_at": when, "filed_at": when, **known}

    nothing = {
        "row_version": "0", "updated_at": at(d, "due_date + 1", "not filed", "f", "m"), "filed_at": "NULL::TIMESTAMP", **dict.fromkeys(amounts, "NULL::BIGINT")
    }  # fmt: skip
    evening = at(d, "filed_on", "return", "f", "m")
    amended = at(d, f"filed_on + 30 + {d.pick('amend days', 90, 'f', 'm')}", "amended", "f", "m")
    steps = versions(
        timed,
        ("NOT is_late", filed_with("0", evening, "1e0")),
        ("is_late", nothing),
        ("is_late AND NOT missing", filed_with("1", evening, "1e0")),
        ("u_amended < 0.03e0 AND NOT missing", filed_with("IF(is_late, 2, 1)", amended, "1.08e0")),
    )
    return records("tax_vat_return", steps, p)


def _owed(p: Params) -> str:
    """Months with what is owed by when: VAT `owed`, paid on `paid_on`, or when missed on `late_on` where it `settles`."""
    d = Draws(p.seed)
    due = select("taxed", "*", f"{PERIOD} AS period", f"{date_sql('m + 1', '15')} AS due_date", "general OR m % 3 = 2 AS has_vat")
    return select(
        due,
        "*",
        f"due_date - {d.pick('pay day', 6, 'f', 'm')} AS paid_on",
        f"due_date + 20 + {d.pick('late pay', 180, 'f', 'm')} AS late_on",
        f"{d.u('settles', 'f', 'm')} < 1e0 - 0.6e0 * d AS settles",
        "vat * IF(general, 1, 3) AS owed",
    )


def payments(p: Params) -> Records:
    """Payments: what was not paid in time is paid later with a late fee, or stays open."""
    d = Draws(p.seed)

    def item(when: str, kind: str, day: str, fen: str) -> tuple[str, dict[str, str]]:
        return when, {"tax_type": f"'{kind}'", "pay_date": day, "amount_fen": f"round({fen})::BIGINT"}

    items = versions(
        _owed(p),
        item("has_vat AND NOT tax_missed", "VAT", "paid_on", "owed"),
        item("has_vat AND tax_missed AND settles", "VAT", "late_on", "owed"),
        item("has_vat AND NOT tax_missed AND general", "SURCHARGE", "paid_on", "owed * 0.12e0"),
        item("has_vat AND tax_missed AND settles", "LATE_FEE", "late_on", "greatest(owed * 0.0005e0 * (late_on - due_date), 1e0)"),
        item("m % 3 = 2", "CIT", "IF(tax_missed, late_on, paid_on)", "inflow * 0.024e0"),
        item(f"{d.u('fine', 'f', 'm')} < 0.002e0 + 0.02e0 * d", "FINE", "paid_on", f"20000e0 + 300000e0 * {d.u('fine size', 'f', 'm')}"),
    )
    voucher = "concat('V', period, lpad(f::VARCHAR, 7, '0'), tax_type) AS voucher_no"
    return records(
        "tax_payment", select(items, "*", voucher, "0 AS row_version", f"{at(d, 'pay_date', 'paid', 'f', 'm')} AS updated_at"), p
    )


def arrears(p: Params) -> Records:
    """Arrears: VAT that was not paid in time, until it is."""
    d = Draws(p.seed)
    behind = select(
        _owed(p),
        "*",
        "'VAT' AS tax_type",
        "round(owed)::BIGINT AS arrears_fen",
        "due_date + 1 AS start_date",
        where="has_vat AND tax_missed",
    )
    steps = versions(
        behind,
        ("true", {"row_version": "0", "end_date": NO_DATE, "updated_at": at(d, "due_date + 2", "arrears", "f", "m")}),
        ("settles", {"row_version": "1", "end_date": "late_on", "updated_at": at(d, "late_on", "arrears end", "f", "m")}),
    )
    return records("tax_arrears", steps, p)


def income_returns(p: Params) -> Records:
    """Quarterly income tax prepayment returns, amounts year to date."""
    d = Draws(p.seed)
    margin = "0.03e0 + 0.6e0 * (1e0 - budget / inflow - wages / inflow) * 0.5e0 - 0.10e0 * d + 0.01e0 * q"
    revenue = f"inflow * 3e0 * {SALES}e0"
    rows = select(
        "taxed", "f", "m", "firm_id", f"round({revenue})::BIGINT AS revenue", f"round({revenue} * ({margin}))::BIGINT AS profit", "m // 12 AS y", where="m % 3 = 2"
    )  # fmt: skip
    window = "OVER (PARTITION BY f, y ORDER BY m)"
    filed = at(d, f"{date_sql('m + 1', '5')} + {d.pick('cit day', 11, 'f', 'm')}", "cit", "f", "m")
    summed = select(
        rows,
        "*",
        f"{PERIOD} AS period",
        f"sum(revenue) {window} AS revenue_fen",
        f"sum(profit) {window} AS profit_fen",
        f"{filed} AS filed_at",
    )
    return records("tax_cit_return", select(summed, "*", "0 AS row_version", "filed_at AS updated_at"), p)


def social_insurance(p: Params) -> Records:
    """Monthly contributions: unpaid ones appear the day after they were due, and again when they are paid."""
    d = Draws(p.seed)
    head = f"greatest(1, round(staff * (1e0 - 0.3e0 * d) * (0.95e0 + 0.1e0 * {d.u('headcount', 'f', 'm')}) * (1e0 + 0.004e0 * (m - {p.end_m})))::INTEGER)"
    rows = select(
        "taxed", "f", "m", "firm_id", f"{date_sql('m', '1')} AS month", f"{head} AS headcount", "round(social)::BIGINT AS due_fen", f"{date_sql('m', '25')} AS due_date",
        "social_missed", f"{d.u('social paid', 'f', 'm')} AS u", f"{d.pick('social days', 10, 'f', 'm')} AS early", f"{d.pick('social late', 100, 'f', 'm')} AS late",
    )  # fmt: skip

    def step(when: str, version: int, fen: str, day: str, updated: str) -> tuple[str, dict[str, str]]:
        known = at(d, updated, f"social {version}", "f", "m")
        return when, {"row_version": str(version), "paid_fen": fen, "paid_date": day, "updated_at": known}

    later = "due_date + 15 + late"
    steps = versions(
        rows,
        step("NOT social_missed", 0, "due_fen", "due_date - early", "due_date + 1"),
        step("social_missed", 0, "0", NO_DATE, "due_date + 1"),
        step("social_missed AND u < 0.6e0", 1, "due_fen", later, later),
    )
    return records("tax_social_insurance", steps, p)


def ratings(p: Params) -> Records:
    """Yearly taxpayer ratings, published each April for the year before; a few are re-rated in June."""
    d = Draws(p.seed)
    april = "SELECT s.*, i.uscc AS firm_id FROM state s JOIN identity i USING (f)"
    level = f"82e0 + 6e0 * q - 32e0 * d + 7e0 * {d.z('rating', 'f', 'm')}"
    score = f"round({clip(level, '0e0', '100e0')})::INTEGER"
    points = select(
        april, "f", "firm_id", "2000 + (m - 3) // 12 - 1 AS y", f"{score} AS points", "m - open_m AS age",
        where=f"NOT tax_missing AND (m % 12 = 3 OR m = {p.first_m})",
    )  # fmt: skip
    rows = select(points, "*", "make_date(y + 1, 4, 20) AS published", "y AS rating_year", "make_date(y + 2, 4, 20) AS in_force_to")

    def step(when: str, version: int, x: str, day: str) -> tuple[str, dict[str, str]]:
        letter = f"CASE WHEN age < 12 THEN 'M' WHEN {x} >= 90 THEN 'A' WHEN {x} >= 70 THEN 'B' WHEN {x} >= 40 THEN 'C' ELSE 'D' END"
        known = at(d, day, f"rating {version}", "f", "y")
        return when, {
            "row_version": str(version), "rating": letter, "score": x, "published_at": day, "in_force_from": day, "updated_at": known
        }  # fmt: skip

    again = f"{d.u('re-rated', 'f', 'y')} < 0.02e0"
    steps = versions(rows, step("true", 0, "points", "published"), step(again, 1, "least(points + 12, 100)", "make_date(y + 1, 6, 15)"))
    return records("tax_credit_rating", steps, p)

"""Records of the lenders: contracts, monthly performance, instalment plans, queries, guarantees."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import date_sql
from simulator.distress import DUE_DAY
from simulator.draws import Draws, lookup
from simulator.params import Params
from simulator.records import Records, at, records
from simulator.reference_data import LENDERS

LOOK_BACK = 12
"""Months of performance known before the history."""


def _with_firm(rows: DataFrame, identity: DataFrame) -> DataFrame:
    return rows.join(identity.selectExpr("f", "uscc AS firm_id"), "f", "inner")


def contracts(contract: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Contracts, known from the day they are granted."""
    d = Draws(p.seed)
    granted = date_sql("grant_m", "grant_day")
    kind = "CASE WHEN lender_type <> 'BANK' OR u_guarantee < 0.35D THEN 'CREDIT' WHEN u_guarantee < 0.65D THEN 'GUARANTEE' WHEN u_guarantee < 0.92D THEN 'COLLATERAL' ELSE 'PLEDGE' END"
    flat = _with_firm(contract, identity).selectExpr(
        "lender_id", "loan_no", "firm_id", "lender_type", "IF(bullet, '流动资金贷款', '经营性分期贷款') AS product", f"{kind} AS guarantee_type", f"{granted} AS granted_date",
        f"{date_sql('grant_m + term', str(DUE_DAY))} AS maturity_date", "principal AS principal_fen", "CAST(principal * IF(u_guarantee < 0.5D, 1D, 1.25D) AS BIGINT) AS limit_fen",
        "rate_bp", "rollover AS rollover_flag", "0 AS row_version", f"{at(d, granted, 'contract', 'f', 'track', 'j')} AS updated_at",
    )  # fmt: skip
    return records("loan_contract", flat, p)


def schedule(due: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Instalments as agreed when the loan was granted."""
    d = Draws(p.seed)
    granted = date_sql("grant_m", "grant_day")
    flat = _with_firm(due.where(f"due_m >= {p.first_m - LOOK_BACK}"), identity).selectExpr(
        "lender_id", "loan_no", "firm_id", f"{date_sql('due_m', str(DUE_DAY))} AS due_date", "due_principal AS principal_fen", "due_interest AS interest_fen",
        "bullet AS bullet_flag", "0 AS row_version", f"{at(d, granted, 'contract', 'f', 'track', 'j')} AS updated_at",
    )  # fmt: skip
    return records("loan_schedule", flat, p)


def performance(contract: DataFrame, state: DataFrame, identity: DataFrame, p: Params) -> Records:
    """One row per loan and closed month end while it is on the lender's books: balance, dues, days past due, class."""
    d = Draws(p.seed)
    last = "CASE WHEN miss_m IS NULL THEN grant_m + term WHEN ends = 'cured' THEN miss_m + 3 + cure_m WHEN ends = 'written_off' THEN miss_m + 24 ELSE miss_m + 3 + cure_m + 12 END"
    begin = f"greatest(grant_m, {p.first_m - LOOK_BACK})"
    months = contract.selectExpr("*", f"{last} AS last_m").where(f"least(last_m, {p.end_m - 1}) >= {begin}")
    rows = months.selectExpr("*", f"explode(sequence({begin}, least(last_m, {p.end_m - 1}))) AS m").selectExpr("*", "m - grant_m AS i")
    w = "OVER (PARTITION BY f ORDER BY m)"
    lagged = state.selectExpr("f", "m", "late", f"coalesce(LAG(late) {w}, false) AS lag1", f"coalesce(LAG(late, 2) {w}, false) AS lag2")
    late = lagged.where("late").selectExpr("f AS sf", "m AS sm", "1 + IF(lag1, 1 + IF(lag2, 1, 0), 0) AS run")
    joined = rows.join(F.broadcast(late), F.expr("f = sf AND m = sm"), "left")
    end = "last_day(add_months(DATE'2000-01-01', m))"
    instalment = "principal div term"
    plan = f"CASE WHEN i >= term THEN 0L WHEN bullet THEN principal ELSE principal - i * ({instalment}) END"
    stuck = f"IF(bullet, principal, principal - (miss_m - grant_m - 1) * ({instalment}))"
    state_of = joined.selectExpr(
        "*", f"{end} AS month_end", f"{plan} AS plan", f"{stuck} AS stuck", "miss_m IS NOT NULL AND m >= miss_m AND NOT (ends <> 'written_off' AND m >= miss_m + 3 + cure_m) AS bad",
        "miss_m IS NOT NULL AND ends = 'restructured' AND m >= miss_m + 3 + cure_m AS restructured", "coalesce(run, 0) AS run0",
        f"CASE WHEN i < 1 OR i > term THEN 0L WHEN i = term THEN IF(bullet, principal, principal - (term - 1) * ({instalment})) WHEN bullet THEN 0L ELSE {instalment} END AS due_principal",
        f"IF(i BETWEEN 1 AND term, CAST(round(IF(bullet, principal, principal - (i - 1) * ({instalment})) * rate_bp / 120000D) AS BIGINT), 0L) AS due_interest",
    )  # fmt: skip
    slow = "NOT bad AND NOT restructured AND i BETWEEN 1 AND term - 1 AND run0 > 0 AND (miss_m IS NULL OR m < miss_m)"
    first_unpaid = f"IF(bad, {date_sql('miss_m', str(DUE_DAY))}, {date_sql('(m - run0 + 1)', str(DUE_DAY))})"
    judged = state_of.selectExpr("*", f"{slow} AS slow").selectExpr("*", f"IF(bad OR slow, datediff(month_end, {first_unpaid}), 0) AS dpd")
    overdue = "CASE WHEN bad AND m >= miss_m + 2 THEN stuck + due_interest WHEN bad THEN least(stuck, (m - miss_m + 1) * greatest(due_principal + due_interest, 10000L)) WHEN slow THEN run0 * greatest(due_principal + due_interest, 10000L) ELSE 0L END"
    out = "bad AND ends = 'written_off' AND m >= miss_m + 12"
    ended = "miss_m IS NOT NULL AND m >= miss_m AND ((ends = 'cured' AND m >= miss_m + 3 + cure_m) OR (ends = 'restructured' AND m >= miss_m + 15 + cure_m))"
    flat = _with_firm(judged, identity).selectExpr(
        "lender_id", "loan_no", "firm_id", "month_end", f"CASE WHEN {ended} THEN 0L WHEN bad OR restructured THEN stuck ELSE plan END AS balance_fen",
        "due_principal AS due_principal_fen", "due_interest AS due_interest_fen", "IF(bad OR slow, 0L, due_principal + due_interest) AS paid_fen", f"{overdue} AS overdue_fen", "dpd",
        f"CASE WHEN {out} OR dpd >= 360 THEN 5 WHEN dpd >= 180 THEN 4 WHEN dpd >= 90 OR restructured THEN 3 WHEN dpd > 0 THEN 2 ELSE 1 END AS class5",
        f"{out} AS written_off", "restructured", "0 AS row_version", f"{at(d, 'month_end', 'performance', 'f', 'track', 'j', 'm')} AS updated_at",
    )  # fmt: skip
    return records("loan_performance", flat, p)


def queries(state: DataFrame, contract: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Queries of lenders: more with distress, one before each grant, some after it."""
    d = Draws(p.seed)
    keys = ("f", "m", "k")
    n = d.count("queries", "IF(borrower, 0.11D, 0.02D) * (1D + 2.2D * d)", "f", "m")
    asked = (
        state.where(f"m >= {p.first_m}")
        .selectExpr("f", "m", f"{n} AS n")
        .where("n > 0")
        .selectExpr("f", "m", "explode(sequence(1, n)) AS k")
    )
    lenders = [x for x, _n, _t in LENDERS]
    free = asked.selectExpr(
        "f", "concat('Q', CAST(f AS STRING), '-', CAST(m AS STRING), '-', CAST(k AS STRING)) AS query_id", f"{lookup(lenders, d.pick('query lender', len(lenders), *keys))} AS lender_id",
        f"CASE WHEN {d.u('query purpose', *keys)} < 0.85D THEN 'LOAN_APPROVAL' ELSE 'OTHER' END AS purpose", f"{date_sql('m', '(1 + ' + d.pick('query day', 28, *keys) + ')')} AS query_date",
    )  # fmt: skip
    before = contract.where(f"grant_m >= {p.first_m}").selectExpr(
        "f",
        "concat('G', loan_no) AS query_id",
        "lender_id",
        "'LOAN_APPROVAL' AS purpose",
        f"date_add({date_sql('grant_m', 'grant_day')}, -2) AS query_date",
    )
    after = contract.where(f"grant_m + 6 BETWEEN {p.first_m} AND {p.end_m} AND term > 6").selectExpr(
        "f", "concat('P', loan_no) AS query_id", "lender_id", "'POST_LOAN' AS purpose", f"{date_sql('grant_m + 6', '11')} AS query_date"
    )
    rows = _with_firm(free.unionByName(before).unionByName(after), identity)
    flat = rows.selectExpr(
        "query_id",
        "firm_id",
        "lender_id",
        "purpose",
        "query_date",
        "0 AS row_version",
        f"{at(d, 'query_date', 'query', 'f')} AS updated_at",
    )
    return records("loan_query", flat, p)


def guarantees(firm: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Guarantees for other firms: for the next but one, so that some stand in a circle."""
    d = Draws(p.seed)
    start = date_sql(f"greatest(open_m, {p.first_m} - 6 + {d.pick('guarantee month', p.months + 6, 'f')})", "15")
    rows = firm.where(f"{d.u('guarantees', 'f')} < 0.06D AND open_m < {p.end_m}").selectExpr(
        "f",
        f"(f + 2) % {p.firms} AS of",
        f"{start} AS start_date",
        f"CAST(exp(lnsize) * 100D * (0.5D + 2D * {d.u('guarantee size', 'f')}) AS BIGINT) AS balance_fen",
    )
    named = _with_firm(rows, identity).join(identity.selectExpr("f AS of", "uscc AS obligor_id"), "of", "inner")
    end = f"date_add(start_date, 365 + {d.pick('guarantee end', 700, 'f')})"
    steps = (
        f"inline(array(struct(0 AS row_version, CAST(NULL AS DATE) AS end_date, {at(d, 'start_date', 'guarantee', 'f')} AS updated_at), "
        f"struct(1 AS row_version, {end} AS end_date, {at(d, end, 'guarantee end', 'f')} AS updated_at)))"
    )
    flat = named.selectExpr(
        "concat('GU', CAST(f AS STRING)) AS contract_no", "firm_id AS guarantor_id", "obligor_id", "balance_fen", "start_date", steps
    )
    return records("loan_guarantee", flat, p)

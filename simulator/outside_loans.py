"""Records of the lenders: contracts, monthly performance, instalment plans, queries, guarantees."""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.distress import DUE_DAY
from simulator.draws import Draws, lookup, select, union
from simulator.params import Params
from simulator.records import Records, at, records, versions
from simulator.reference_data import LENDERS

LOOK_BACK = 12
"""Months of performance known before the history."""
GRANTED = date_sql("grant_m", "grant_day")


def _with_firm(rows: str) -> str:
    return f"SELECT * FROM ({rows}) JOIN (SELECT f, uscc AS firm_id FROM identity) USING (f)"


def contracts(p: Params) -> Records:
    """Contracts, known from the day they are granted."""
    d = Draws(p.seed)
    kind = "CASE WHEN lender_type <> 'BANK' OR u_guarantee < 0.35e0 THEN 'CREDIT' WHEN u_guarantee < 0.65e0 THEN 'GUARANTEE' WHEN u_guarantee < 0.92e0 THEN 'COLLATERAL' ELSE 'PLEDGE' END"
    flat = select(
        _with_firm("SELECT * FROM contract"), "*", "IF(bullet, '流动资金贷款', '经营性分期贷款') AS product", f"{kind} AS guarantee_type", f"{GRANTED} AS granted_date",
        f"{date_sql('grant_m + term', str(DUE_DAY))} AS maturity_date", "principal AS principal_fen", "trunc(principal * IF(u_guarantee < 0.5e0, 1e0, 1.25e0))::BIGINT AS limit_fen",
        "rollover AS rollover_flag", "0 AS row_version", f"{at(d, GRANTED, 'contract', 'f', 'track', 'j')} AS updated_at",
    )  # fmt: skip
    return records("loan_contract", flat, p)


def schedule(p: Params) -> Records:
    """Instalments as agreed when the loan was granted."""
    d = Draws(p.seed)
    flat = select(
        _with_firm(f"SELECT * FROM due WHERE due_m >= {p.first_m - LOOK_BACK}"), "*", f"{date_sql('due_m', str(DUE_DAY))} AS due_date",
        "due_principal AS principal_fen", "due_interest AS interest_fen", "bullet AS bullet_flag", "0 AS row_version",
        f"{at(d, GRANTED, 'contract', 'f', 'track', 'j')} AS updated_at",
    )  # fmt: skip
    return records("loan_schedule", flat, p)


def _loan_months(p: Params) -> str:
    """Month ends of every loan on its lender's books, with `plan` (balance as agreed), `stuck` (balance a default leaves) and what was due."""
    last = "CASE WHEN miss_m IS NULL THEN grant_m + term WHEN ends = 'cured' THEN miss_m + 3 + cure_m WHEN ends = 'written_off' THEN miss_m + 24 ELSE miss_m + 3 + cure_m + 12 END"
    months = f"unnest(range(greatest(grant_m, {p.first_m - LOOK_BACK}), least(last_m, {p.end_m - 1}) + 1))::INTEGER AS m"
    rows = select(select(select("contract", "*", f"{last} AS last_m"), "*", months), "*", "m - grant_m AS i")
    w = "OVER (PARTITION BY f ORDER BY m)"
    lagged = select("state", "f", "m", "late", f"lag(late) {w} AS lag1", f"lag(late, 2) {w} AS lag2")
    late = select(lagged, "f", "m", "1 + IF(lag1, 1 + IF(lag2, 1, 0), 0) AS run", where="late")
    part = "principal // term"
    return select(
        f"SELECT * FROM ({rows}) LEFT JOIN ({late}) USING (f, m)",
        "*", f"last_day({date_sql('m', '1')}) AS month_end", "coalesce(run, 0) AS run0",
        f"CASE WHEN i >= term THEN 0 WHEN bullet THEN principal ELSE principal - i * ({part}) END AS plan",
        f"IF(bullet, principal, principal - (miss_m - grant_m - 1) * ({part})) AS stuck",
        "miss_m IS NOT NULL AND m >= miss_m AND NOT (ends <> 'written_off' AND m >= miss_m + 3 + cure_m) AS bad",
        "miss_m IS NOT NULL AND ends = 'restructured' AND m >= miss_m + 3 + cure_m AS restructured",
        f"CASE WHEN i < 1 OR i > term THEN 0 WHEN i = term THEN IF(bullet, principal, principal - (term - 1) * ({part})) WHEN bullet THEN 0 ELSE {part} END AS due_principal",
        f"IF(i BETWEEN 1 AND term, round(IF(bullet, principal, principal - (i - 1) * ({part})) * rate_bp / 120000e0)::BIGINT, 0) AS due_interest",
    )  # fmt: skip


def performance(p: Params) -> Records:
    """One row per loan and closed month end while it is on the lender's books: balance, dues, days past due, class."""
    d = Draws(p.seed)
    slow = "NOT bad AND NOT restructured AND i BETWEEN 1 AND term - 1 AND run0 > 0 AND (miss_m IS NULL OR m < miss_m)"
    first_unpaid = f"IF(bad, {date_sql('miss_m', str(DUE_DAY))}, {date_sql('m - run0 + 1', str(DUE_DAY))})"
    judged = select(
        select(_loan_months(p), "*", f"{slow} AS slow"),
        "*", f"IF(bad OR slow, month_end - {first_unpaid}, 0) AS dpd", "bad AND ends = 'written_off' AND m >= miss_m + 12 AS written_off",
        "greatest(due_principal + due_interest, 10000) AS rate",
    )  # fmt: skip
    overdue = "CASE WHEN bad AND m >= miss_m + 2 THEN stuck + due_interest WHEN bad THEN least(stuck, (m - miss_m + 1) * rate) WHEN slow THEN run0 * rate ELSE 0 END"
    ended = "miss_m IS NOT NULL AND m >= miss_m AND ((ends = 'cured' AND m >= miss_m + 3 + cure_m) OR (ends = 'restructured' AND m >= miss_m + 15 + cure_m))"
    flat = select(
        _with_firm(judged), "*", f"CASE WHEN {ended} THEN 0 WHEN bad OR restructured THEN stuck ELSE plan END AS balance_fen",
        "due_principal AS due_principal_fen", "due_interest AS due_interest_fen", "IF(bad OR slow, 0, due_principal + due_interest) AS paid_fen", f"{overdue} AS overdue_fen",
        "CASE WHEN written_off OR dpd >= 360 THEN 5 WHEN dpd >= 180 THEN 4 WHEN dpd >= 90 OR restructured THEN 3 WHEN dpd > 0 THEN 2 ELSE 1 END AS class5",
        "0 AS row_version", f"{at(d, 'month_end', 'performance', 'f', 'track', 'j', 'm')} AS updated_at",
    )  # fmt: skip
    return records("loan_performance", flat, p)


def queries(p: Params) -> Records:
    """Queries of lenders: more with distress, one before each grant, some after it."""
    d = Draws(p.seed)
    keys = ("f", "m", "k")
    n = d.count("queries", "IF(borrower, 0.11e0, 0.02e0) * (1e0 + 2.2e0 * d)", "f", "m")
    counted = select("state", "f", "m", f"{n} AS n", where=f"m >= {p.first_m}")
    asked = select(counted, "f", "m", "unnest(range(1, n + 1)) AS k")
    lenders = [x for x, _n, _t in LENDERS]
    day = f"(1 + {d.pick('query day', 28, *keys)})"
    free = select(
        asked, "f", "concat('Q', f, '-', m, '-', k) AS query_id", f"{lookup(lenders, d.pick('query lender', len(lenders), *keys))} AS lender_id",
        f"IF({d.u('query purpose', *keys)} < 0.85e0, 'LOAN_APPROVAL', 'OTHER') AS purpose", f"{date_sql('m', day)} AS query_date",
    )  # fmt: skip
    before = select(
        "contract", "f", "concat('G', loan_no) AS query_id", "lender_id", "'LOAN_APPROVAL' AS purpose", f"{GRANTED} - 2 AS query_date",
        where=f"grant_m >= {p.first_m}",
    )  # fmt: skip
    after = select(
        "contract", "f", "concat('P', loan_no) AS query_id", "lender_id", "'POST_LOAN' AS purpose", f"{date_sql('grant_m + 6', '11')} AS query_date",
        where=f"grant_m + 6 BETWEEN {p.first_m} AND {p.end_m} AND term > 6",
    )  # fmt: skip
    rows = _with_firm(union(free, before, after))
    return records("loan_query", select(rows, "*", "0 AS row_version", f"{at(d, 'query_date', 'query', 'f')} AS updated_at"), p)


def guarantees(p: Params) -> Records:
    """Guarantees for other firms: for the next but one, so that some stand in a circle."""
    d = Draws(p.seed)
    start = date_sql(f"greatest(open_m, {p.first_m} - 6 + {d.pick('guarantee month', p.months + 6, 'f')})", "15")
    rows = select(
        "firm", "f", f"(f + 2) % {p.firms} AS other", f"{start} AS start_date", "concat('GU', f) AS contract_no",
        f"trunc(exp(lnsize) * 100e0 * (0.5e0 + 2e0 * {d.u('guarantee size', 'f')}))::BIGINT AS balance_fen",
        where=f"{d.u('guarantees', 'f')} < 0.06e0 AND open_m < {p.end_m}",
    )  # fmt: skip
    named = f"SELECT a.*, i.uscc AS guarantor_id, o.uscc AS obligor_id FROM ({rows}) a JOIN identity i USING (f) JOIN identity o ON o.f = a.other"
    end = f"start_date + 365 + {d.pick('guarantee end', 700, 'f')}"
    steps = versions(
        named,
        ("true", {"row_version": "0", "end_date": "NULL::DATE", "updated_at": at(d, "start_date", "guarantee", "f")}),
        ("true", {"row_version": "1", "end_date": end, "updated_at": at(d, end, "guarantee end", "f")}),
    )
    return records("loan_guarantee", steps, p)

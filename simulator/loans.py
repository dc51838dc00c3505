"""Loans of firms: contracts on up to three tracks of consecutive loans, their instalments, and what went unpaid.

Instalments fall on the 20th. A default (see distress) leaves every loan open at its first missed due date unpaid.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import date_sql
from simulator.distress import DUE_DAY, distress_sql
from simulator.draws import Draws, lookup
from simulator.params import Params
from simulator.reference_data import LENDERS

# track: terms, share of borrowers, chance that the next loan follows, size as share of yearly inflow (low, spread)
TRACKS = (((12, 12, 12, 24, 36), 1.0, 0.90, 0.05, 0.17), ((6, 12, 12), 0.35, 0.60, 0.03, 0.09), ((6, 12), 0.18, 0.45, 0.02, 0.06))
LONGEST = 36


def contracts(firm: DataFrame, default: DataFrame, p: Params) -> DataFrame:
    """One row per loan: f, track, j, lender, terms, principal (fen), and the default that hits it (miss_m, cure_m, ends) or null."""
    d = Draws(p.seed)
    tracks = [
        f"IF({d.u('track', 'f', str(t))} < {share}D, struct({t} AS track, {lookup(terms, d.pick('term', len(terms), 'f', str(t)))} AS term), NULL)"
        for t, (terms, share, *_rest) in enumerate(TRACKS)
    ]
    base = firm.where("borrower").selectExpr("*", f"inline(filter(array({', '.join(tracks)}), x -> x IS NOT NULL))")
    phased = base.selectExpr("*", f"{d.pick('phase', 'term', 'f', 'track')} AS phase")
    rows = phased.selectExpr("*", f"explode(sequence({p.first_m - LONGEST} div term, {p.end_m} div term)) AS j").selectExpr(
        "*", "j * term + phase AS grant_m"
    )
    exists = f"{d.u('loan', 'f', 'track', 'j')} < {lookup([x[2] for x in TRACKS], 'track')} + IF(track = 2, 0.35D * {distress_sql('grant_m')}, 0D)"
    before = f"{d.u('loan', 'f', 'track', 'j - 1')} < {lookup([x[2] for x in TRACKS], 'track')} AND grant_m - term >= greatest(open_m + 2, borrow_m) AND track = 0"
    kept = rows.where(f"grant_m BETWEEN greatest(open_m + 2, borrow_m, {p.first_m - LONGEST}) AND {p.end_m} AND {exists}")
    n_bank = p.banks
    lender = f"IF(track = 2, {len(LENDERS) - 4} + {d.pick('lender', 4, 'f', 'track')}, IF(track = 0, b0, {d.pick('lender', n_bank, 'f', 'track')}))"
    share = f"{lookup([x[3] for x in TRACKS], 'track')} + {lookup([x[4] for x in TRACKS], 'track')} * {d.u('size', 'f', 'track', 'j')}"
    loans = kept.selectExpr(
        "f", "track", "j", "term", "grant_m", "lnsize", f"{before} AS renewal", f"{lender} AS lender_no",
        f"CAST(greatest(3, round(exp(lnsize) * 12D * ({share}) / 10000D)) AS BIGINT) * 1000000L AS principal",
        f"{d.u('bullet', 'f', 'track')} < 0.6D AS bullet",
        f"IF(track = 2, 900, 380) + {d.pick('rate', 40, 'f', 'track', 'j')} * 10 AS rate_bp",
        f"{d.u('guarantee', 'f', 'track')} AS u_guarantee",
        f"{distress_sql('grant_m')} AS d_grant",
    ).selectExpr("*", f"IF(renewal, {DUE_DAY}, 3 + {d.pick('grant day', 15, 'f', 'track', 'j')}) AS grant_day", f"renewal AND ({d.u('rollover', 'f', 'j')} < 0.2D OR d_grant > 0.3D) AS rollover")  # fmt: skip
    hits = default.selectExpr("f AS df", "miss_m", "cure_m", "ends")
    joined = loans.join(F.broadcast(hits), F.expr("f = df AND miss_m + 3 + cure_m + 3 >= grant_m AND miss_m <= grant_m + term"), "left")
    keys = ["f", "track", "j"]
    worst = F.expr("min(struct(miss_m, cure_m, ends))").alias("hit")
    first = joined.groupBy(*keys).agg(worst, *(F.first(c).alias(c) for c in loans.columns if c not in keys))
    # no lender grants while a default is open
    known = f"{date_sql('grant_m', 'grant_day')} <= DATE'{p.end.isoformat()}'"
    return first.where(f"(hit.miss_m IS NULL OR hit.miss_m > grant_m) AND {known}").selectExpr(
        *loans.columns, "hit.miss_m", "hit.cure_m", "hit.ends",
        f"{lookup([x for x, _n, _t in LENDERS], 'lender_no')} AS lender_id",
        f"{lookup([t for _x, _n, t in LENDERS], 'lender_no')} AS lender_type",
        "concat('LN', lpad(CAST(f AS STRING), 7, '0'), CAST(track AS STRING), lpad(CAST(j AS STRING), 3, '0')) AS loan_no",
    )  # fmt: skip


def instalments(contract: DataFrame) -> DataFrame:
    """One row per loan and due month i = 1..term: due principal and interest, balance before it (fen), due_m."""
    rows = contract.selectExpr("*", "explode(sequence(1, term)) AS i")
    left = "IF(bullet, principal, principal - (i - 1) * (principal div term))"
    return rows.selectExpr(
        "*", "grant_m + i AS due_m", f"{left} AS before",
        f"CASE WHEN i = term THEN {left} WHEN bullet THEN 0L ELSE principal div term END AS due_principal",
        f"CAST(round({left} * rate_bp / 120000D) AS BIGINT) AS due_interest",
    )  # fmt: skip


def payments(due: DataFrame, state: DataFrame, p: Params) -> DataFrame:
    """Rows of the borrower's basic account: disbursements, instalments paid (late ones in the next month), cures."""
    paid = due.where(f"(miss_m IS NULL OR due_m < miss_m) AND due_m BETWEEN {p.first_m - 1} AND {p.end_m}")
    late = state.where("late").selectExpr("f AS lf", "m AS lm")
    timed = paid.join(F.broadcast(late), F.expr("f = lf AND due_m = lm"), "left").selectExpr("*", "lf IS NOT NULL AS is_late")
    month, day = "due_m + IF(is_late, 1, 0)", f"IF(is_late, 9, {DUE_DAY})"
    out = timed.selectExpr(
        "f", "track", "lender_no", f"{month} AS m", f"{day} AS day",
        "inline(array(IF(due_principal > 0, struct(due_principal AS amount, 1 AS what), NULL), struct(due_interest AS amount, 2 AS what)))",
        "IF(is_late, 4, 0) AS shift",
    ).where("what IS NOT NULL")  # fmt: skip
    grants = due.where(f"i = 1 AND grant_m >= {p.first_m}").selectExpr(
        "f", "track", "lender_no", "grant_m AS m", "grant_day AS day", "principal AS amount", "0 AS what", "0 AS shift"
    )
    cured = due.where("due_m = miss_m AND ends = 'cured'").selectExpr(
        "f", "track", "lender_no", "miss_m + 3 + cure_m AS m", f"{DUE_DAY} AS day", "before AS amount", "1 AS what", "2 AS shift"
    )
    columns = ["f", "track", "lender_no", "m", "day", "amount", "what", "shift"]
    return out.select(columns).unionByName(grants.select(columns)).unionByName(cured.select(columns))

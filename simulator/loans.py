"""Loans of firms: contracts on up to three tracks of consecutive loans, their instalments, and what went unpaid.

Instalments fall on the 20th. A default (see distress) leaves every loan open at its first missed due date unpaid.
"""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.distress import DUE_DAY
from simulator.draws import Draws, lookup, select, union
from simulator.params import Params
from simulator.reference_data import LENDERS

# track: terms, share of borrowers, chance that the next loan follows, size as share of yearly inflow (low, spread)
TRACKS = (((12, 12, 12, 24, 36), 1.0, 0.90, 0.05, 0.17), ((6, 12, 12), 0.35, 0.60, 0.03, 0.09), ((6, 12), 0.18, 0.45, 0.02, 0.06))
LONGEST = 36


def contracts(p: Params) -> str:
    """One row per loan: f, track, j, lender, terms, principal (fen), and the default that hits it (miss_m, cure_m, ends) or null.

    Reads `firm`, `defaulted` and `distress`.
    """
    d = Draws(p.seed)
    tracks = union(
        *(
            select("firm", "*", f"{t} AS track", f"{lookup(terms, d.pick('term', len(terms), 'f', str(t)))} AS term", where=f"borrower AND {d.u('track', 'f', str(t))} < {share}e0")
            for t, (terms, share, *_rest) in enumerate(TRACKS)
        )
    )  # fmt: skip
    phased = select(tracks, "*", f"{d.pick('phase', 'term', 'f', 'track')} AS phase")
    numbers = f"unnest(range({p.first_m - LONGEST} // term, {p.end_m} // term + 1))::INTEGER AS j"
    rows = select(select(phased, "*", numbers), "*", "j * term + phase AS grant_m")
    near = select(rows, "*", where=f"grant_m BETWEEN greatest(open_m + 2, borrow_m, {p.first_m - LONGEST}) AND {p.end_m}")
    strained = f"SELECT a.*, coalesce(x.d, 0e0) AS d_grant FROM ({near}) a LEFT JOIN distress x ON x.f = a.f AND x.m = a.grant_m"
    follows = lookup([x[2] for x in TRACKS], "track")
    exists = f"{d.u('loan', 'f', 'track', 'j')} < {follows} + IF(track = 2, 0.35e0 * d_grant, 0e0)"
    before = f"{d.u('loan', 'f', 'track', 'j - 1')} < {follows} AND grant_m - term >= greatest(open_m + 2, borrow_m) AND track = 0"
    lender = f"IF(track = 2, {len(LENDERS) - 4} + {d.pick('lender', 4, 'f', 'track')}, IF(track = 0, b0, {d.pick('lender', p.banks, 'f', 'track')}))"
    share = f"{lookup([x[3] for x in TRACKS], 'track')} + {lookup([x[4] for x in TRACKS], 'track')} * {d.u('size', 'f', 'track', 'j')}"
    drawn = select(
        strained,
        "f", "track", "j", "term", "grant_m", "lnsize", f"{before} AS renewal", f"{lender} AS lender_no",
        f"greatest(3, round(exp(lnsize) * 12e0 * ({share}) / 10000e0)::BIGINT) * 1000000 AS principal",
        f"{d.u('bullet', 'f', 'track')} < 0.6e0 AS bullet",
        f"IF(track = 2, 900, 380) + {d.pick('rate', 40, 'f', 'track', 'j')} * 10 AS rate_bp",
        f"{d.u('guarantee', 'f', 'track')} AS u_guarantee",
        "d_grant",
        where=exists,
    )  # fmt: skip
    loans = select(
        drawn,
        "*",
        f"IF(renewal, {DUE_DAY}, 3 + {d.pick('grant day', 15, 'f', 'track', 'j')}) AS grant_day",
        f"renewal AND ({d.u('rollover', 'f', 'j')} < 0.2e0 OR d_grant > 0.3e0) AS rollover",
    )
    # of several defaults the first one hits
    hits = f"SELECT l.f, l.track, l.j, min({{'miss_m': h.miss_m, 'cure_m': h.cure_m, 'ends': h.ends}}) AS hit FROM ({loans}) l JOIN defaulted h ON h.f = l.f AND h.miss_m + 3 + h.cure_m + 3 >= l.grant_m AND h.miss_m <= l.grant_m + l.term GROUP BY ALL"
    joined = (
        f"SELECT l.*, hit.miss_m AS miss_m, hit.cure_m AS cure_m, hit.ends AS ends FROM ({loans}) l LEFT JOIN ({hits}) USING (f, track, j)"
    )
    # no lender grants while a default is open
    known = f"{date_sql('grant_m', 'grant_day')} <= DATE '{p.end.isoformat()}'"
    return select(
        joined,
        "*",
        f"{lookup([x for x, _n, _t in LENDERS], 'lender_no')} AS lender_id",
        f"{lookup([t for _x, _n, t in LENDERS], 'lender_no')} AS lender_type",
        "concat('LN', lpad(f::VARCHAR, 7, '0'), track, lpad(j::VARCHAR, 3, '0')) AS loan_no",
        where=f"(miss_m IS NULL OR miss_m > grant_m) AND {known}",
    )


def instalments() -> str:
    """One row per loan and due month i = 1..term: due principal and interest, balance before it (fen), due_m."""
    left = "IF(bullet, principal, principal - (i - 1) * (principal // term))"
    return select(
        select("contract", "*", "unnest(range(1, term + 1))::INTEGER AS i"),
        "*",
        "grant_m + i AS due_m",
        f"{left} AS before",
        f"CASE WHEN i = term THEN {left} WHEN bullet THEN 0 ELSE principal // term END AS due_principal",
        f"round({left} * rate_bp / 120000e0)::BIGINT AS due_interest",
    )


def payments(p: Params) -> str:
    """Rows of the borrower's basic account: disbursements, instalments paid (late ones in the next month), cures."""
    paid = f"SELECT a.*, coalesce(s.late, false) AS is_late FROM due a LEFT JOIN state s ON s.f = a.f AND s.m = a.due_m AND s.late WHERE (miss_m IS NULL OR due_m < miss_m) AND due_m BETWEEN {p.first_m - 1} AND {p.end_m}"
    keys = ("f", "track", "lender_no")
    late = ("due_m + IF(is_late, 1, 0) AS m", f"IF(is_late, 9, {DUE_DAY}) AS day", "IF(is_late, 4, 0) AS shift")
    return union(
        select(paid, *keys, *late, "due_principal AS amount", "1 AS what", where="due_principal > 0"),
        select(paid, *keys, *late, "due_interest AS amount", "2 AS what"),
        select("due", *keys, "grant_m AS m", "grant_day AS day", "0 AS shift", "principal AS amount", "0 AS what", where=f"i = 1 AND grant_m >= {p.first_m}"),
        select("due", *keys, "miss_m + 3 + cure_m AS m", f"{DUE_DAY} AS day", "2 AS shift", "before AS amount", "1 AS what", where="due_m = miss_m AND ends = 'cured'"),
    )  # fmt: skip

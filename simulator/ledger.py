"""From drawn rows to account ledgers: times, both legs, month by month balances that never fall below zero.

A month of an account starts from last month's target balance and ends at its own, a smooth function of the firm's
state. What the drawn rows leave open is closed by one row at the end (money put aside, taken back, spent) and, when the
month would dip below zero, one at the start (the owner steps in). So every account-month stands alone and the running
balance needs no window beyond it.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import days_in_month, minor, next_workday
from simulator.draws import Draws, lookup
from simulator.firms import WEEKEND
from simulator.layout import Layout
from simulator.params import Params
from simulator.purposes import KINDS, MARK, SWEEP, TOP_UP
from simulator.reference_data import LENDER_CODE, LENDERS, PARTY_CODE
from simulator.slots_rare import deposit_level

ORDER_BITS = 30
ROW = ["acct", "m", "pos", "s", "kind", "cpty", "flag", "ref"]
"""A timed row: account, month, position (second of the month and number), signed amount, kind, counterparty, flag, original's position or 0."""
LOAN_J, MIRROR = 12000, 100_000
TOP_J, MARK_J, SWEEP_J = 20000, 20001, 20100


def position(day: str, second: str, j: str) -> str:
    """Place of a row in its account-month: second of the month, then number; sorts as the bank books."""
    return f"shiftleft(({day} - 1) * 86400L + {second}, {ORDER_BITS}) | CAST({j} AS BIGINT)"


ACCOUNT_MONTH = "(bank * 1000L + m) * 10000000L + acct"
"""One number that orders like bank, month and account: sorts compare it alone instead of row by row."""
DAY_OF = f"CAST(shiftright(pos, {ORDER_BITS}) div 86400 + 1 AS INT)"
SECOND_OF = f"CAST(shiftright(pos, {ORDER_BITS}) % 86400 AS INT)"
NUMBER_OF = f"CAST(pos & {(1 << ORDER_BITS) - 1}L AS INT)"


def timed(legs: DataFrame, state: DataFrame, p: Params) -> DataFrame:
    """Legs (trade.LEG with arch) with day and second, and the mirrored leg of those paid between firms of the population."""
    d, lay = Draws(p.seed), Layout(p)
    base = "IF(flag IN (2, 3), ref, j)"  # a reversal is booked right after its original
    day0 = f"lo + CAST(floor({d.u('day', 'f', 'm', base)} * (hi - lo + 1)) AS INT)"
    rows = legs.selectExpr("*", f"{day0} AS day0")
    weekend = f"kind IN (4, 5, 31, 32) OR {d.u('weekend', 'f', 'm', 'day0')} < {lookup([round(w * 0.4, 3) for w in WEEKEND], 'arch')}"
    fixed = f"kind IN ({KINDS['INTEREST'].no}, {KINDS['FEE'].no})"
    u = d.u("second", "f", "m", base)
    second = f"CASE WHEN {u} < 0.02D AND kind IN (1, 3, 27, 29, 30) THEN CAST(floor({u} * 50D * 21600D) AS INT) ELSE 30600 + CAST(floor({u} * 34200D) AS INT) END"
    placed = rows.selectExpr(
        "*", f"IF({weekend} OR {fixed}, day0, {next_workday(p, 'm', 'day0')}) AS day", f"{second} + IF(flag IN (2, 3), 900, 0) AS t"
    )
    ref = f"IF(ref > 0, {position('day', 't - 900', 'ref')}, 0L)"
    own = f"struct(f * 4 + a AS acct, m, {position('day', 't', 'j')} AS pos, s, CAST(kind AS TINYINT) AS kind, cpty, CAST(flag AS TINYINT) AS flag, IF(flag IN (2, 3), {ref}, 0L) AS ref)"
    other_kind = f"CASE kind WHEN {KINDS['SALES'].no} THEN {KINDS['PURCHASE'].no} WHEN {KINDS['PURCHASE'].no} THEN {KINDS['SALES'].no} ELSE {KINDS['RELATED_IN'].no} END"
    mirror = f"struct(cpty AS acct, m, {position('day', 't', f'{MIRROR} + f * 1024 + IF(j >= 1000, j - 1000, 990 + j - 32)')} AS pos, -s AS s, CAST({other_kind} AS TINYINT) AS kind, f * 4 + a AS cpty, CAST(0 AS TINYINT) AS flag, 0L AS ref)"
    inside = f"cpty BETWEEN 0 AND {lay.outside - 1} AND kind IN ({KINDS['SALES'].no}, {KINDS['PURCHASE'].no}, {KINDS['RELATED_OUT'].no})"
    return placed.selectExpr(f"inline(IF({inside}, array({own}, {mirror}), array({own})))")


def loan_rows(paid: DataFrame) -> DataFrame:
    """Timed rows of loan payments (loans.payments)."""
    codes = lookup([LENDER_CODE[x] for x, _n, _t in LENDERS], "lender_no")
    kind = f"CASE what WHEN 0 THEN {KINDS['LOAN_IN'].no} WHEN 1 THEN {KINDS['LOAN_PRINCIPAL'].no} ELSE {KINDS['LOAN_INTEREST'].no} END"
    second = "CASE what WHEN 0 THEN 33000 WHEN 1 THEN 55000 ELSE 55100 END + track * 60"
    return paid.selectExpr(
        "f * 4 AS acct", "m", f"{position('day', second, f'{LOAN_J} + track * 16 + shift + what')} AS pos",
        "IF(what = 0, amount, -amount) AS s", f"CAST({kind} AS TINYINT) AS kind", f"{codes} AS cpty", "CAST(0 AS TINYINT) AS flag", "0L AS ref",
    )  # fmt: skip


def holders(state: DataFrame, account: DataFrame, p: Params) -> DataFrame:
    """Rows that hold an account-month: its opening at the start, its target at the end, a mark on every day of the dense days."""
    d = Draws(p.seed)
    known = account.selectExpr("acct", "f", "slot", "open_m AS acct_open", "close_m AS acct_close", "cur")
    months = known.join(state.select("f", "m", "lnsize", "reserve", "d"), "f", "inner").where("m >= acct_open AND m <= acct_close")
    share = "CASE slot WHEN 0 THEN 1D WHEN 1 THEN 0.35D ELSE 0.2D END"
    drawn = f"CAST(round(reserve * {share} * exp(0.3D * {d.z('target', 'acct', 'm')} - 0.045D)) AS BIGINT)"
    target = f"CASE WHEN m = acct_close THEN 0L WHEN slot = 3 THEN CAST({deposit_level(d, 'm')} AS BIGINT) ELSE {minor(p, drawn, 'cur', 'm')} END"
    rows = months.selectExpr("*", f"{target} AS target")
    dense = (p.daily_from.year - 2000) * 12 + p.daily_from.month - 1
    first_dense = f"IF(m = {dense}, {p.daily_from.day}, 1)"
    last = f"IF(m = {p.end_m}, {p.end.day}, {days_in_month(p, 'm')})"
    marks = f"IF(m >= {dense} AND {first_dense} <= {last}, transform(sequence({first_dense}, {last}), x -> struct(m, {position('x', '0', f'{MARK_J} + x')} AS pos, 0L AS s, {MARK} AS kind)), array())"
    sweep = f"array(struct(m, {position(last, '86399', str(SWEEP_J))} AS pos, IF(m < {p.end_m} AND slot < 3, target, NULL) AS s, {SWEEP} AS kind))"
    start = position("1", "0", str(TOP_J))
    opening = f"IF(m < acct_close, array(struct(m + 1 AS m, {start} AS pos, target AS s, {TOP_UP} AS kind)), array())"
    newly = f"IF(m = acct_open, array(struct(m, {start} AS pos, 0L AS s, {TOP_UP} AS kind)), array())"
    flat = rows.selectExpr("acct", f"inline(concat({opening}, {newly}, {sweep}, {marks}))")
    return flat.where(f"m BETWEEN {p.first_m} AND {p.end_m}").selectExpr(
        "acct", "m", "pos", "s", "CAST(kind AS TINYINT) AS kind", "-1 AS cpty", "CAST(0 AS TINYINT) AS flag", "0L AS ref"
    )


def booked(rows: DataFrame, account: DataFrame, p: Params, partitions: int) -> DataFrame:
    """All rows of all accounts with sequence number and balance after, ordered by bank, month, account and position.

    Columns: bank, m, acct, day, pos, s, kind, cpty, flag, ref, seq (null for rows that only hold a balance), after, last (of its day).
    """
    d = Draws(p.seed)
    attributes = account.selectExpr("acct AS ka", "bank", "slot", "cur")
    known = rows.where(f"m BETWEEN {p.first_m} AND {p.end_m} AND (m < {p.end_m} OR {DAY_OF} <= {p.end.day})").join(
        F.broadcast(attributes), F.expr("acct = ka"), "inner"
    )
    amount = f"IF(kind >= {TOP_UP}, s, {minor(p, 's', 'cur', 'm')})"
    laid = known.selectExpr(
        f"{ACCOUNT_MONTH} AS month", "bank", "m", "acct", f"{DAY_OF} AS day", "pos", f"{amount} AS s", "kind", "cpty", "flag", "ref"
    ).repartition(partitions, "bank", "m")
    # one order for all windows, so the rows are sorted once; `whole` is the account-month
    order = "PARTITION BY month, bank, m ORDER BY pos"
    upto, whole = f"{order} ROWS UNBOUNDED PRECEDING", f"{order} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
    drawn = f"kind < {TOP_UP}"
    summed = laid.selectExpr(
        "*", f"SUM(IF({drawn}, s, 0L)) OVER ({upto}) AS run", f"SUM(IF({drawn}, 1, 0)) OVER ({upto}) AS nth",
        f"LAG(day) OVER ({order}) AS day_before", f"LEAD(day) OVER ({order}) AS day_after",
        f"MAX(IF(kind = {TOP_UP}, s, NULL)) OVER ({whole}) AS opening", f"MAX(IF(kind = {SWEEP}, s, NULL)) OVER ({whole}) AS target",
        f"SUM(IF({drawn}, s, 0L)) OVER ({whole}) AS net",
    ).selectExpr(
        "*", f"MIN(run) OVER ({whole}) AS low",
        f"MAX(IF(day_before = day, NULL, nth - IF({drawn}, 1, 0))) OVER ({upto}) AS nth_before",
    )  # fmt: skip
    filled = summed.selectExpr("*", "IF(opening + low < 0L, -(opening + low), 0L) AS top").selectExpr(
        "bank", "m", "acct", "day", "pos", "kind", "cpty", "flag", "ref", "top", "nth - nth_before AS nth", "day_after",
        f"CASE kind WHEN {TOP_UP} THEN top WHEN {SWEEP} THEN coalesce(target - (opening + top + net), 0L) WHEN {MARK} THEN 0L ELSE s END AS s",
        f"opening + top + run + IF(kind = {SWEEP}, coalesce(target - (opening + top + net), 0L), 0L) AS after",
    )  # fmt: skip
    # the row at the start of the month counts on day 1 from its place on, the row at the end for itself
    started = f"IF(day = 1 AND top > 0L AND pos >= {position('1', '0', str(TOP_J))}, 1, 0)"
    seq = f"IF({drawn} OR s <> 0L, CAST(nth + {started} + IF(kind = {SWEEP}, 1, 0) AS INT), NULL)"
    return filled.selectExpr("*", f"{seq} AS seq", f"{_closing_kind(d, 'acct')} AS real_kind").selectExpr(
        "bank", "m", "acct", "day", "pos", "s", "IF(seq IS NULL, kind, real_kind) AS kind",
        f"IF(seq IS NOT NULL AND kind >= {TOP_UP}, {_closing_party(p)}, cpty) AS cpty", "flag", "ref", "seq", "after",
        "day_after IS NULL OR day_after <> day AS last",
    )  # fmt: skip


def _closing_kind(d: Draws, acct: str) -> str:
    """What the rows that close a month are: mostly financial products, sometimes equipment, the owner's or a related party's money."""
    u = d.u("closing", acct, "m")
    k = {name: kind.no for name, kind in KINDS.items()}
    top = f"CASE WHEN {u} < 0.5D THEN {k['INVEST_SELL']} WHEN {u} < 0.8D THEN {k['PERSON_IN']} ELSE {k['CAPITAL']} END"
    plus = f"CASE WHEN {u} < 0.75D THEN {k['INVEST_SELL']} ELSE {k['PERSON_IN']} END"
    minus = f"CASE WHEN {u} < 0.65D THEN {k['INVEST_BUY']} WHEN {u} < 0.85D THEN {k['FIXED_ASSET']} ELSE {k['PERSON_OUT']} END"
    return f"CAST(CASE kind WHEN {TOP_UP} THEN {top} WHEN {SWEEP} THEN IF(s > 0L, {plus}, {minus}) ELSE kind END AS TINYINT)"


def _closing_party(p: Params) -> str:
    """Counterparty of those rows, by their kind."""
    lay = Layout(p)
    persons = f"{KINDS['PERSON_IN'].no}, {KINDS['PERSON_OUT'].no}, {KINDS['CAPITAL'].no}"
    return f"CASE WHEN real_kind IN ({persons}) THEN {lay.person('acct div 4', '0')} WHEN real_kind = {KINDS['FIXED_ASSET'].no} THEN {lay.outside} + acct % {lay.outside_n} ELSE {PARTY_CODE['wealth']} END"

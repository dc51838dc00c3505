"""From drawn rows to account ledgers: times, both legs, month by month balances that never fall below zero.

A month of an account starts from last month's target balance and ends at its own, a smooth function of the firm's
state. What the drawn rows leave open is closed by one row at the end (money put aside, taken back, spent) and, when the
month would dip below zero, one at the start (the owner steps in). So every account-month stands alone and the running
balance needs no window beyond it.
"""

from __future__ import annotations

from simulator.calendar_sql import days_in_month, minor, next_workday
from simulator.draws import Draws, lookup, select, union
from simulator.firms import WEEKEND
from simulator.layout import Layout
from simulator.params import Params, month_no
from simulator.purposes import KINDS, MARK, SWEEP, TOP_UP
from simulator.reference_data import LENDER_CODE, LENDERS, PARTY_CODE
from simulator.slots_rare import deposit_level

ORDER_BITS = 30
LEG = ["f", "arch", "m", "a", "lo", "hi", "s", "kind", "cpty", "flag", "j", "ref"]
"""Columns of a row before it has a time: firm, archetype, month, account slot, first and last day, signed CNY fen, kind, counterparty,
flag (0 none, 1 returned, 2 red reversal, 3 blue reversal, 4 supplementary), number in the month, number of the original."""
ROW = ["acct", "m", "pos", "s", "kind", "cpty", "flag", "ref"]
"""A timed row: account, month, position (second of the month and number), signed amount, kind, counterparty, flag, original's position or 0."""
LOAN_J, MIRROR = 12000, 100_000
TOP_J, MARK_J, SWEEP_J = 20000, 20001, 20100


def position(day: str, second: str, j: str) -> str:
    """Place of a row in its account-month: second of the month, then number; sorts as the bank books."""
    return f"(((({day}) - 1) * 86400 + {second})::BIGINT << {ORDER_BITS}) + ({j})"


DAY_OF = f"((pos >> {ORDER_BITS}) // 86400 + 1)::INTEGER"
SECOND_OF = f"((pos >> {ORDER_BITS}) % 86400)::INTEGER"
NUMBER_OF = f"(pos & {(1 << ORDER_BITS) - 1})"


def placed(legs: str, p: Params) -> str:
    """Legs with `day`, second of the day `t`, and `inside`: whether the other side is an account of the population."""
    d, lay = Draws(p.seed), Layout(p)
    base = select(legs, "*", "IF(flag IN (2, 3), ref, j) AS base")  # a reversal is booked right after its original
    day0 = f"lo + floor({d.u('day', 'f', 'm', 'base')} * (hi - lo + 1))::INTEGER"
    drawn = select(base, "*", f"{day0} AS day0", f"{d.u('second', 'f', 'm', 'base')} AS u")
    weekend = f"{d.u('weekend', 'f', 'm', 'day0')} < {lookup([round(w * 0.4, 3) for w in WEEKEND], 'arch')}"
    any_day = ", ".join(str(KINDS[k].no) for k in ("POS", "PLATFORM", "CASH_OUT", "CASH_IN", "INTEREST", "FEE"))
    night = ", ".join(str(KINDS[k].no) for k in ("SALES", "PURCHASE_OUTSIDE", "RELATED_OUT", "PERSON_OUT", "PERSON_IN"))
    second = f"IF(u < 0.02e0 AND kind IN ({night}), floor(u * 50e0 * 21600e0)::INTEGER, 30600 + floor(u * 34200e0)::INTEGER)"
    paid = f"{KINDS['SALES'].no}, {KINDS['PURCHASE'].no}, {KINDS['RELATED_OUT'].no}"
    return select(
        drawn,
        "* EXCLUDE (lo, hi, base, day0, u)",
        f"IF(kind IN ({any_day}) OR {weekend}, day0, {next_workday(p, 'm', 'day0')}) AS day",
        f"{second} + IF(flag IN (2, 3), 900, 0) AS t",
        f"cpty BETWEEN 0 AND {lay.outside - 1} AND kind IN ({paid}) AS inside",
    )


def timed(legs: str) -> str:
    """Timed rows of `legs` (see placed), and the mirrored row of those paid between firms of the population."""
    sides = select(legs, "*", "unnest(IF(inside, [true, false], [true])) AS own")
    ref = f"IF(own AND flag IN (2, 3) AND ref > 0, {position('day', 't - 900', 'ref')}, 0)"
    other = f"CASE kind WHEN {KINDS['SALES'].no} THEN {KINDS['PURCHASE'].no} WHEN {KINDS['PURCHASE'].no} THEN {KINDS['SALES'].no} ELSE {KINDS['RELATED_IN'].no} END"
    number = f"IF(own, j, {MIRROR} + f::BIGINT * 1024 + IF(j >= 1000, j - 1000, 990 + j - 32))"
    account = "f * 4 + a"
    return select(
        sides, f"IF(own, {account}, cpty) AS acct", "m", f"{position('day', 't', number)} AS pos", "IF(own, s, -s) AS s", f"IF(own, kind, {other}) AS kind",
        f"IF(own, cpty, {account}) AS cpty", "IF(own, flag, 0) AS flag", f"{ref} AS ref",
    )  # fmt: skip


def loan_rows(paid: str) -> str:
    """Timed rows of loan payments (loans.payments)."""
    codes = lookup([LENDER_CODE[x] for x, _n, _t in LENDERS], "lender_no")
    kind = f"CASE what WHEN 0 THEN {KINDS['LOAN_IN'].no} WHEN 1 THEN {KINDS['LOAN_PRINCIPAL'].no} ELSE {KINDS['LOAN_INTEREST'].no} END"
    second = "CASE what WHEN 0 THEN 33000 WHEN 1 THEN 55000 ELSE 55100 END + track * 60"
    return select(
        paid, "f * 4 AS acct", "m", f"{position('day', second, f'{LOAN_J} + track * 16 + shift + what')} AS pos",
        "IF(what = 0, amount, -amount) AS s", f"{kind} AS kind", f"{codes} AS cpty", "0 AS flag", "0 AS ref",
    )  # fmt: skip


def targets(p: Params, first: int, last: int) -> str:
    """Account-months `first` to `last` with the balance each is to end at, in minor units of the account's currency."""
    d = Draws(p.seed)
    months = f"SELECT a.acct, a.slot, a.cur, a.open_m, a.close_m, s.f, s.m, s.lnsize, s.reserve FROM state s JOIN account a ON a.f = s.f AND s.m BETWEEN a.open_m AND a.close_m WHERE s.m BETWEEN {first} AND {last}"
    share = "CASE slot WHEN 0 THEN 1e0 WHEN 1 THEN 0.35e0 ELSE 0.2e0 END"
    drawn = f"round(reserve * {share} * exp(0.3e0 * {d.z('target', 'acct', 'm')} - 0.045e0))::BIGINT"
    target = f"CASE WHEN m = close_m THEN 0 WHEN slot = 3 THEN {deposit_level(d, 'm')}::BIGINT ELSE {minor(p, drawn, 'cur', 'm')} END"
    return select(months, "acct", "slot", "m", "open_m", "close_m", f"{target} AS target")


def holders(p: Params, first: int, last: int) -> str:
    """Rows that hold an account-month: its opening at the start, its target at the end, a mark on the day it is opened and on
    every day of the dense days.

    Reads `target` (see targets) of the months from `first` - 1 on.
    """
    dense = month_no(p.daily_from)
    start, month = position("1", "0", str(TOP_J)), f"m BETWEEN {first} AND {last}"
    swept = f"m < {p.end_m} AND slot < 3"
    before = "<" if p.daily_from.day == 1 else "<="
    last_day = f"IF(m = {p.end_m}, {p.end.day}, {days_in_month(p, 'm')})"
    days = select(
        "target",
        "acct",
        "m",
        f"unnest(range(IF(m = {dense}, {p.daily_from.day}, 1), {last_day} + 1)) AS x",
        where=f"{month} AND m >= {dense}",
    )
    rows = union(
        select("target", "acct", "m + 1 AS m", f"{start} AS pos", "target AS s", f"{TOP_UP} AS kind", where=f"m + 1 BETWEEN {first} AND {last} AND m < close_m"),
        select("target", "acct", "m", f"{start} AS pos", "0 AS s", f"{TOP_UP} AS kind", where=f"{month} AND m = open_m"),
        select("target", "acct", "m", f"{position(last_day, '86399', str(SWEEP_J))} AS pos", f"IF({swept}, target, 0) AS s", f"IF({swept}, {SWEEP}, {MARK}) AS kind", where=month),
        select("target", "acct", "m", f"{position('1', '0', f'{MARK_J} + 1')} AS pos", "0 AS s", f"{MARK} AS kind", where=f"{month} AND m = open_m AND m {before} {dense}"),
        select(days, "acct", "m", f"{position('x', '0', f'{MARK_J} + x')} AS pos", "0 AS s", f"{MARK} AS kind"),
    )  # fmt: skip
    return select(rows, "*", "-1 AS cpty", "0 AS flag", "0 AS ref")


def ordered(p: Params, rows: str) -> str:
    """Timed `rows` in minor units of their account's currency, ordered by bank, month, account and position."""
    amount = f"IF(kind >= {TOP_UP}, s, {minor(p, 's', 'cur', 'm')})"
    known = f"m < {p.end_m} OR {DAY_OF} <= {p.end.day}"
    attributes = "SELECT acct, bank, cur FROM account"
    return select(
        f"SELECT * FROM ({rows}) JOIN ({attributes}) USING (acct) WHERE {known}",
        "bank", "m::INTEGER AS m", "acct", f"{DAY_OF} AS day", "pos", f"{amount} AS s", "kind", "cpty", "flag", "ref",
    ) + " ORDER BY bank, m, acct, pos"  # fmt: skip


def named(p: Params) -> str:
    """Rows of `chained` (see running) with kind and counterparty of those that close a month."""
    d, lay = Draws(p.seed), Layout(p)
    no = {name: kind.no for name, kind in KINDS.items()}
    u = d.u("closing", "acct", "m")
    # mostly financial products, sometimes equipment, the owner's or a related party's money
    start = f"CASE WHEN {u} < 0.5e0 THEN {no['INVEST_SELL']} WHEN {u} < 0.8e0 THEN {no['PERSON_IN']} ELSE {no['CAPITAL']} END"
    plus = f"IF({u} < 0.75e0, {no['INVEST_SELL']}, {no['PERSON_IN']})"
    minus = f"CASE WHEN {u} < 0.65e0 THEN {no['INVEST_BUY']} WHEN {u} < 0.85e0 THEN {no['FIXED_ASSET']} ELSE {no['PERSON_OUT']} END"
    closes = f"seq IS NOT NULL AND kind >= {TOP_UP}"
    kind = f"CASE WHEN NOT ({closes}) THEN kind WHEN kind = {TOP_UP} THEN {start} WHEN s > 0 THEN {plus} ELSE {minus} END"
    persons = f"{no['PERSON_IN']}, {no['PERSON_OUT']}, {no['CAPITAL']}"
    party = f"CASE WHEN NOT closes THEN cpty WHEN kind IN ({persons}) THEN {lay.person('acct // 4', '0')} WHEN kind = {no['FIXED_ASSET']} THEN {lay.outside} + acct % {lay.outside_n} ELSE {PARTY_CODE['wealth']} END"
    told = select("chained", f"* REPLACE (({kind})::UTINYINT AS kind)", f"{closes} AS closes")
    return select(told, f"* EXCLUDE (closes) REPLACE ({party} AS cpty)")

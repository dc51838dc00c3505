"""Firms and their accounts: what does not change from month to month."""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, clip, lookup, select, union, weighted
from simulator.params import Params
from simulator.reference_data import BANKS, BRANCHES, CURRENCIES, INDUSTRIES, REGION_WEIGHTS, REGIONS, SUBJECTS

# by archetype: manufacturing, wholesale, retail, catering, construction, services and tech, farming
ARCHETYPES = ("manufacturing", "wholesale", "retail", "catering", "construction", "services", "farming")
ARCH_WEIGHTS = (20, 21, 18, 10, 10, 15, 6)
MARGIN = (0.12, 0.05, 0.08, 0.10, 0.07, 0.18, 0.09)
SUPPLIER = (0.55, 0.82, 0.70, 0.40, 0.60, 0.20, 0.50)
WAGE = (0.18, 0.05, 0.10, 0.28, 0.20, 0.45, 0.12)
POS = (0.02, 0.03, 0.45, 0.60, 0.01, 0.10, 0.05)
SEASON = (0.15, 0.10, 0.20, 0.25, 0.35, 0.12, 0.60)
PEAK = (10, 9, 1, 6, 9, 11, 10)
PAYERS = (25, 30, 22, 15, 8, 18, 6)
WEEKEND = (0.15, 0.2, 0.7, 0.8, 0.15, 0.1, 0.3)

CITIES = tuple(city for _c, _n, city in REGIONS)
BRAND = "华盛邦泰宏宇鑫源恒达瑞丰祥和嘉诚永顺金桂荣昌立信远航东升海润天成广合正兴隆安康德民富联创新科佳美乐善同仁百川万通顺发明辉"
WORDS = ("制造", "商贸", "百货", "餐饮", "建设", "科技", "农业")
SURNAMES = "韦黄陈梁李覃莫卢农蒙陆罗唐周廖潘吴刘杨何苏蓝谭张欧"
GIVEN = "建国明华志强秀英海燕文斌小丽永福春梅德胜玉兰世荣桂芳家豪雪晴"


def name_sql(city: str, code: str, word: str, form: str = "'有限公司'") -> str:
    """A name from a city, a number (three characters of it), a trade word and a legal form."""
    n, p = len(BRAND), f"(({code})::BIGINT * 48271 % {len(BRAND) ** 3})"
    chars = ", ".join(f"substr('{BRAND}', {p} // {n**i} % {n} + 1, 1)" for i in range(3))
    return f"concat({city}, {chars}, {word}, {form})"


def person_sql(code: str) -> str:
    """A person's name, masked as banks deliver it: first character and stars."""
    return f"concat(substr('{SURNAMES}', ({code}) % {len(SURNAMES)} + 1, 1), '*', substr('{GIVEN}', ({code}) * 7 % {len(GIVEN)} + 1, 1))"


def _open_sql(d: Draws, p: Params, f: str) -> str:
    """Month in which a firm's basic account opened: before the history for three of four, 3 to 23 months ago for the rest."""
    return f"IF({d.u('full', f)} < 0.75e0, {p.end_m} - 61 - {d.pick('age', 150, f)}, {p.end_m} - 3 - {d.pick('young', 21, f)})"


def firms(p: Params, first: int = 0, last: int | None = None) -> str:
    """One row per firm `f` (0 to firms - 1, or `first` to `last` - 1) with everything that is drawn once."""
    d = Draws(p.seed)
    # one firm in a thousand, and one at least, was given an organization code whose check character is odd
    odd = f"id = hash({p.seed}) % {p.firms} OR {d.u('organization', 'id')} < 0.001e0" if p.fault_scale > 0 else "false"
    base = select(
        f"SELECT range AS id FROM range({first}, {p.firms if last is None else last})",
        "id::INTEGER AS f",
        f"{weighted(ARCH_WEIGHTS, d.u('arch', 'id'))} AS arch",
        f"{weighted(REGION_WEIGHTS, d.u('region', 'id'))} AS reg",
        f"12.3e0 + {clip(d.z('size', 'id'), '-2.6e0', '2.6e0')} AS lnsize",
        f"{d.z('quality', 'id')} AS q0",
        f"{d.z('luck', 'id')} AS luck",
        f"{_open_sql(d, p, 'id')} AS open_m",
        f"greatest({_open_sql(d, p, 'id')}, {_open_sql(d, p, 'xor(id, 1)')}) AS pair_m",
        f"greatest({', '.join(_open_sql(d, p, f'(id // 3 * 3 + {i})') for i in range(3))}) AS ring_m",
        f"{d.u('borrower', 'id')} < {p.borrowed}e0 AS borrower",
        f"IF({d.u('late borrower', 'id')} < 0.8e0, 0, {p.end_m} - {d.pick('first loan', 40, 'id')}) AS borrow_m",
        f"{d.u('no tax', 'id')} < 0.12e0 AS tax_missing",
        f"greatest(6e0, {p.txns}e0 - 14e0) * exp(0.55e0 * {d.z('activity', 'id')} - 0.15e0) AS trade",
        f"{d.u('balance', 'id')} AS u_balance",
        f"0.03e0 + 0.06e0 * {d.z('growth', 'id')} AS growth",
        f"5 + {d.pick('payday', 11, 'id')} AS payday",
        f"{d.u('rents', 'id')} < 0.6e0 AS rents",
        f"{d.u('rent', 'id')} AS u_rent",
        f"{d.u('pair', 'id // 2')} < 0.12e0 AND xor(id, 1) < {p.firms} AS paired",
        f"{d.u('ring', 'id // 3')} < 0.01e0 AND id // 3 * 3 + 2 < {p.firms} AS ringed",
        f"{d.u('a1', 'id')} < 0.66e0 AS has1",
        f"CASE WHEN {d.u('a2', 'id')} < {p.share_foreign}e0 THEN 1 + {d.pick('ccy', 4, 'id')} WHEN {d.u('a2', 'id')} < 0.26e0 THEN 0 ELSE -1 END AS cur2",
        f"CASE WHEN {d.u('a3', 'id')} < 0.12e0 THEN 1 WHEN {d.u('a3', 'id')} < 0.18e0 THEN 2 ELSE 0 END AS kind3",
        f"floor({p.banks} * pow({d.u('bank', 'id')}, 1.4e0))::INTEGER AS b0",
        f"{d.u('second bank', 'id')} AS u_b1",
        f"{d.u('exempt', 'id')} < {0.001 if p.fault_scale > 0 else 0.0}e0 AS uscc_odd",
        f"{odd} AS org_odd",
        f"{d.pick('industry', 1000, 'id')} AS u_ind",
        f"{d.u('staff', 'id')} AS u_staff",
    )
    starts = [next(i for i, row in enumerate(INDUSTRIES) if row[0] == a) for a in range(len(ARCHETYPES))]
    counts = [sum(row[0] == a for row in INDUSTRIES) for a in range(len(ARCHETYPES))]
    b1 = f"IF({p.banks} > 1 AND u_b1 < 0.85e0, (b0 + 1 + floor(u_b1 / 0.85e0 * {p.banks - 1})::INTEGER) % {p.banks}, b0)"
    full = select(
        base,
        "*",
        f"{b1} AS b1",
        f"{lookup(starts, 'arch')} + u_ind % {lookup(counts, 'arch')} AS ind",
        f"round(greatest(4e0, {lookup([float(x) for x in PAYERS], 'arch')} * exp(0.3e0 * {d.z('payers', 'f')})))::INTEGER AS payers",
        f"greatest(open_m, IF({d.u('open1', 'f')} < 0.7e0, open_m, open_m + {d.pick('open1m', 48, 'f')})) AS open1",
        f"IF({d.u('close1', 'f')} < 0.06e0, {p.end_m} - 1 - {d.pick('close1m', 40, 'f')}, 99999) AS close1_",
        f"greatest(open_m, {p.end_m} - {d.pick('open2', 90, 'f')}) AS open2",
        f"greatest(open_m, {p.end_m} - {d.pick('open3', 90, 'f')}) AS open3",
        f"lnsize > 12.2e0 OR {d.u('general', 'f')} < 0.25e0 AS general",
        "greatest(2, round(exp(0.62e0 * (lnsize - 12.3e0) + 2.2e0 + 0.5e0 * (u_staff - 0.5e0)))::INTEGER) AS staff",
    )
    return select(full, "*", "IF(close1_ > open1 + 3, close1_, 99999) AS close1")


def accounts(p: Params) -> str:
    """One row per account `acct` = 4 f + slot: bank, branch, number, product, currency, opening and closing month.

    Slot 0 is the basic account, 1 a second one, 2 a third or a foreign-currency one, 3 a time or margin deposit.
    """
    slots = (
        (0, "b0", "open_m", "99999", "true"),
        (1, "b1", "open1", "close1", "has1"),
        (2, "IF(u_b1 * 64e0 % 1e0 < 0.5e0, b0, b1)", "open2", "99999", "cur2 >= 0"),
        (3, "b0", "open3", "99999", "kind3 > 0"),
    )
    held = union(
        *(
            select("firm", "f", "reg", "kind3", "cur2", "u_b1", f"{slot} AS slot", f"{bank} AS bank", f"{since} AS open_m", f"{until} AS close_m", where=when)
            for slot, bank, since, until, when in slots
        )
    )  # fmt: skip
    product = "CASE WHEN slot = 3 AND kind3 = 1 THEN 'TIME' WHEN slot = 3 THEN 'MARGIN' WHEN slot = 2 AND cur2 = 0 AND u_b1 > 0.9e0 THEN 'NOTICE' ELSE 'DEMAND' END"
    subjects = " ".join(f"WHEN '{k}' THEN '{v}'" for k, v in SUBJECTS.items())
    digits = lookup([b.digits - len(b.prefix) for b in BANKS], "bank")
    placed = select(
        held,
        "f", "slot", "bank", "f * 4 + slot AS acct", "open_m", "close_m",
        f"(reg + slot) % {BRANCHES} + 1 AS branch_no",
        f"{product} AS product",
        "CASE slot WHEN 0 THEN 'BASIC' WHEN 3 THEN 'SPECIAL' ELSE 'GENERAL' END AS account_type",
        "IF(slot = 2, cur2, 0) AS cur",
        where=f"open_m <= {p.end_m} AND close_m >= {p.first_m}",
    )  # fmt: skip
    return select(
        placed,
        "*",
        f"concat({lookup([b.prefix for b in BANKS], 'bank')}, lpad((acct + 1)::VARCHAR, {digits}, '0')) AS account_no",
        f"concat({lookup([b.bank_id[1:] for b in BANKS], 'bank')}, lpad(branch_no::VARCHAR, 2, '0')) AS branch",
        f"CASE product {subjects} END AS subject",
        f"{lookup([c for c, _e, _r in CURRENCIES], 'cur')} AS ccy",
        f"{lookup([e for _c, e, _r in CURRENCIES], 'cur')} AS exponent",
        f"{date_sql('open_m', '1')} AS open_date",
        f"IF(close_m < 9999, last_day({date_sql('close_m', '1')}), NULL) AS close_date",
    )

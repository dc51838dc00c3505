"""Firms and their accounts: what does not change from month to month."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from simulator.draws import Draws, clip, lookup, weighted
from simulator.params import Params
from simulator.reference_data import BANKS, BRANCHES, CURRENCIES, INDUSTRIES, REGION_WEIGHTS, REGIONS, SUBJECTS
from simulator.uscc import check_sql, org_check_sql

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


def name_sql(city: str, code: str, word: str) -> str:
    """A firm name from a city, a number (three characters of it) and a trade word."""
    n, p = len(BRAND), f"(({code}) * 48271L % {len(BRAND) ** 3}L)"
    chars = ", ".join(f"substr('{BRAND}', CAST({p} / {n**i} AS BIGINT) % {n} + 1, 1)" for i in range(3))
    return f"concat({city}, {chars}, {word}, '有限公司')"


def person_sql(code: str) -> str:
    """A person's name, masked as banks deliver it: first character and stars."""
    return f"concat(substr('{SURNAMES}', CAST(({code}) % {len(SURNAMES)} AS INT) + 1, 1), '*', substr('{GIVEN}', CAST(({code}) * 7 % {len(GIVEN)} AS INT) + 1, 1))"


def uscc_sql(region: str, serial: str, wrong: str = "false") -> str:
    """A USCC of an enterprise; where `wrong` holds its check character is off by one."""
    first8 = f"concat('MA', lpad(CAST({serial} AS STRING), 6, '0'))"
    first17 = f"concat('91', {region}, {first8}, {org_check_sql(first8)})"
    return f"element_at(transform(array({first17}), x -> concat(x, {check_sql('x', f'IF({wrong}, 1, 0)')})), 1)"


def _open_sql(d: Draws, p: Params, f: str) -> str:
    """Month in which a firm's basic account opened: before the history for three of four, 3 to 23 months ago for the rest."""
    return f"IF({d.u('full', f)} < 0.75D, {p.end_m} - 61 - {d.pick('age', 150, f)}, {p.end_m} - 3 - {d.pick('young', 21, f)})"


def firms(spark: SparkSession, p: Params) -> DataFrame:
    """One row per firm `f` (0 to firms - 1) with everything that is drawn once."""
    d = Draws(p.seed)
    # months are made where their firm is: about 400,000 rows each
    base = spark.range(0, p.firms, 1, max(2, round(p.firms * p.months / 400_000))).selectExpr(
        "CAST(id AS INT) AS f",
        f"{weighted(ARCH_WEIGHTS, d.u('arch', 'id'))} AS arch",
        f"{weighted(REGION_WEIGHTS, d.u('region', 'id'))} AS reg",
        f"12.3D + {clip(d.z('size', 'id'), '-2.6D', '2.6D')} AS lnsize",
        f"{d.z('quality', 'id')} AS q0",
        f"{d.z('luck', 'id')} AS luck",
        f"{_open_sql(d, p, 'id')} AS open_m",
        f"greatest({_open_sql(d, p, 'id')}, {_open_sql(d, p, '(id ^ 1)')}) AS pair_m",
        f"greatest({', '.join(_open_sql(d, p, f'(id div 3 * 3 + {i})') for i in range(3))}) AS ring_m",
        f"{d.u('borrower', 'id')} < {p.borrowed}D AS borrower",
        f"IF({d.u('late borrower', 'id')} < 0.8D, 0, {p.end_m} - {d.pick('first loan', 40, 'id')}) AS borrow_m",
        f"{d.u('no tax', 'id')} < 0.12D AS tax_missing",
        f"greatest(6D, {p.txns} - 14D) * exp(0.55D * {d.z('activity', 'id')} - 0.15D) AS trade",
        f"{d.u('balance', 'id')} AS u_balance",
        f"0.03D + 0.06D * {d.z('growth', 'id')} AS growth",
        f"5 + {d.pick('payday', 11, 'id')} AS payday",
        f"{d.u('rents', 'id')} < 0.6D AS rents",
        f"{d.u('rent', 'id')} AS u_rent",
        f"{d.u('pair', 'id div 2')} < 0.12D AND (id ^ 1) < {p.firms} AS paired",
        f"{d.u('ring', 'id div 3')} < 0.01D AND id div 3 * 3 + 2 < {p.firms} AS ringed",
        f"{d.u('a1', 'id')} < 0.66D AS has1",
        f"CASE WHEN {d.u('a2', 'id')} < {p.share_foreign}D THEN 1 + {d.pick('ccy', 4, 'id')} WHEN {d.u('a2', 'id')} < 0.26D THEN 0 ELSE -1 END AS cur2",
        f"CASE WHEN {d.u('a3', 'id')} < 0.12D THEN 1 WHEN {d.u('a3', 'id')} < 0.18D THEN 2 ELSE 0 END AS kind3",
        f"CAST(floor({p.banks} * pow({d.u('bank', 'id')}, 1.4D)) AS INT) AS b0",
        f"{d.u('second bank', 'id')} AS u_b1",
        f"{d.u('exempt', 'id')} < {0.001 if p.fault_scale > 0 else 0}D AS uscc_odd",
        f"{d.pick('industry', 1000, 'id')} AS u_ind",
        f"{d.u('staff', 'id')} AS u_staff",
    )
    starts = [next(i for i, row in enumerate(INDUSTRIES) if row[0] == a) for a in range(len(ARCHETYPES))]
    counts = [sum(row[0] == a for row in INDUSTRIES) for a in range(len(ARCHETYPES))]
    b1 = f"IF({p.banks} > 1 AND u_b1 < 0.85D, (b0 + 1 + CAST(floor(u_b1 / 0.85D * {p.banks - 1}) AS INT)) % {p.banks}, b0)"
    return base.selectExpr(
        "*",
        f"{b1} AS b1",
        f"{lookup(starts, 'arch')} + u_ind % {lookup(counts, 'arch')} AS ind",
        f"CAST(round(greatest(4D, {lookup([float(x) for x in PAYERS], 'arch')} * exp(0.3D * {d.z('payers', 'f')}))) AS INT) AS payers",
        f"greatest(open_m, IF({d.u('open1', 'f')} < 0.7D, open_m, open_m + {d.pick('open1m', 48, 'f')})) AS open1",
        f"IF({d.u('close1', 'f')} < 0.06D, {p.end_m} - 1 - {d.pick('close1m', 40, 'f')}, 99999) AS close1_",
        f"greatest(open_m, {p.end_m} - {d.pick('open2', 90, 'f')}) AS open2",
        f"greatest(open_m, {p.end_m} - {d.pick('open3', 90, 'f')}) AS open3",
        f"IF(lnsize > 12.2D OR {d.u('general', 'f')} < 0.25D, true, false) AS general",
        "CAST(greatest(2, round(exp(0.62D * (lnsize - 12.3D) + 2.2D + 0.5D * (u_staff - 0.5D)))) AS INT) AS staff",
    ).selectExpr("*", "IF(close1_ > open1 + 3, close1_, 99999) AS close1")


def accounts(firm: DataFrame, p: Params) -> DataFrame:
    """One row per account `acct` = 4 f + slot: bank, branch, number, product, currency, opening and closing month.

    Slot 0 is the basic account, 1 a second one, 2 a third or a foreign-currency one, 3 a time or margin deposit.
    """
    lists = firm.selectExpr(
        "f", "reg", "b0", "b1", "kind3", "cur2", "open_m", "open1", "close1", "open2", "open3", "u_b1",
        "inline(filter(array(struct(0 AS slot, b0 AS bank, open_m AS open, 99999 AS close),"
        " IF(has1, struct(1 AS slot, b1 AS bank, open1 AS open, close1 AS close), NULL),"
        " IF(cur2 >= 0, struct(2 AS slot, IF(u_b1 * 64D % 1D < 0.5D, b0, b1) AS bank, open2 AS open, 99999 AS close), NULL),"
        " IF(kind3 > 0, struct(3 AS slot, b0 AS bank, open3 AS open, 99999 AS close), NULL)), x -> x IS NOT NULL))",
    )  # fmt: skip
    product = "CASE WHEN slot = 3 AND kind3 = 1 THEN 'TIME' WHEN slot = 3 THEN 'MARGIN' WHEN slot = 2 AND cur2 = 0 AND u_b1 > 0.9D THEN 'NOTICE' ELSE 'DEMAND' END"
    subjects = " ".join(f"WHEN '{k}' THEN '{v}'" for k, v in SUBJECTS.items())
    digits = lookup([b.digits - len(b.prefix) for b in BANKS], "bank")
    return (
        lists.selectExpr(
            "f", "slot", "bank", "f * 4 + slot AS acct", "open AS open_m", "close AS close_m",
            f"(reg + slot) % {BRANCHES} + 1 AS branch_no",
            f"{product} AS product",
            "CASE slot WHEN 0 THEN 'BASIC' WHEN 3 THEN 'SPECIAL' ELSE 'GENERAL' END AS account_type",
            "IF(slot = 2, cur2, 0) AS cur",
        )
        .selectExpr(
            "*",
            f"concat({lookup([b.prefix for b in BANKS], 'bank')}, lpad(CAST(acct + 1 AS STRING), {digits}, '0')) AS account_no",
            f"concat({lookup([b.bank_id[1:] for b in BANKS], 'bank')}, lpad(CAST(branch_no AS STRING), 2, '0')) AS branch",
            f"CASE product {subjects} END AS subject",
            f"{lookup([c for c, _e, _r in CURRENCIES], 'cur')} AS ccy",
            f"{lookup([e for _c, e, _r in CURRENCIES], 'cur')} AS exponent",
            "add_months(DATE'2000-01-01', open_m) AS open_date",
            "IF(close_m < 9999, last_day(add_months(DATE'2000-01-01', close_m)), NULL) AS close_date",
        )
        .where(f"open_m <= {p.end_m} AND close_m >= {p.first_m}")
    )  # fmt: skip

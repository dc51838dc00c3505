"""Flow columns of tile.network: loops, mirror pairs, and money of and to risky counterparties; each by firm and month.

A month m is worked out from its own rows and those of the days before it that its window reaches back to (7 for loops, 3 for
pairs). The greedy choice starts with the first of them, and what ends before m uses its rows up without being counted. So
a month depends on no choice made in an earlier one, and a corrected day restates its own month and at most the next.

A loop of firm F is money that F paid out and that came back to it: F pays A and A pays F, or F pays A, A pays B and B pays F,
each row later than the one before (txn_ts, by the second). F's own rows tell the first and the last payment, the row of the
payer tells the one between A and B. A and B are counterparties; only the payer A in the middle must be a firm with accounts
here. A firm's loops are its own: that a row is in a loop of F takes it from no other firm.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.rowsets import ROUND_FEN

LEAST_FEN = ROUND_FEN
"""Payments below 10,000 CNY make no loop and no pair."""
LOOP_DAYS = 7
PAIR_DAYS = 3
APART = ("loan_disbursement", "loan_principal", "loan_interest", "interest_income", "tax", "tax_refund", "wage")
"""Categories of loans, interest, taxes and wages: they make no loop."""
RETURNS_SEEN = 20
"""Of one payment only so many returns, the earliest, are looked at: two firms that pay each other all day cannot fill the memory."""

PAYMENT = ("firm_id", "cpty_id", "biz_date", "ts", "txn_key", "credit", "amt", "category", "month", "receipt", "supply")

_PAIR = f"x -> x.credit <> r.credit AND abs(datediff(r.day, x.day)) <= {PAIR_DAYS}"
_PAIRS = f"""
aggregate(
  payments,
  named_struct('open', slice(payments, 1, 0), 'n', 0),
  (s, r) -> named_struct(
    'open', IF(exists(s.open, {_PAIR}), filter(s.open, o -> o.key <> get(filter(s.open, {_PAIR}), 0).key), concat(s.open, array(r))),
    'n', s.n + IF(exists(s.open, {_PAIR}) AND trunc(r.day, 'month') = reach, 1, 0)
  ),
  s -> s.n
)
"""
_LOOPS = """
aggregate(
  loops,
  named_struct('used', CAST(array() AS array<string>), 'amt', 0L, 'n', 0),
  (s, l) -> named_struct(
    'used', IF(arrays_overlap(s.used, l.keys), s.used, concat(s.used, l.keys)),
    'amt', s.amt + IF(arrays_overlap(s.used, l.keys) OR l.month <> reach, 0L, l.amt),
    'n', s.n + IF(arrays_overlap(s.used, l.keys) OR l.month <> reach, 0, 1)
  ),
  s -> named_struct('amt', s.amt, 'n', s.n)
)
"""


def payments(flows: DataFrame) -> DataFrame:
    """Rows of `rowsets.flows` (with txn_key) that loops, pairs or risky counterparties may need."""
    return flows.where(f"e AND cpty_id IS NOT NULL AND (amt >= {LEAST_FEN} OR receipt OR supply)").select(*PAYMENT)


def reaching(rows: DataFrame, days: int) -> DataFrame:
    """`rows` with `reach`, each month whose working reaches them: their own, and the next when it begins within `days`."""
    following = F.add_months("month", 1)
    near = F.datediff(following, "biz_date") <= days
    return rows.select("*", F.explode(F.when(near, F.array("month", following)).otherwise(F.array("month"))).alias("reach"))


def mirror_pairs(rows: DataFrame) -> DataFrame:
    """firm_id, month, mirror_cnt from `payments`: a row meets the earliest open one of the other side within 3 days."""
    found = reaching(rows.where(F.col("amt") >= LEAST_FEN), PAIR_DAYS).groupBy("firm_id", "cpty_id", "amt", "reach").agg(
        F.sort_array(F.collect_list(F.struct("ts", F.col("txn_key").alias("key"), F.col("biz_date").alias("day"), "credit"))).alias("payments"),
        F.min("credit").alias("_low"), F.max("credit").alias("_high"),
    )  # fmt: skip
    counted = found.where("_low <> _high").select("firm_id", F.col("reach").alias("month"), F.expr(_PAIRS).alias("n"))
    return counted.groupBy("firm_id", "month").agg(F.sum("n").cast("int").alias("mirror_cnt"))


def loop_payments(rows: DataFrame) -> DataFrame:
    """The `payments` that loops are made of, with `reach`, `payer`, `payee` and their hashes `p`, `q`.

    Parties are joined by hash, which sorts and moves at a fraction of the cost of their tokens, and compared by token in the end.
    """
    fit = rows.where((F.col("amt") >= LEAST_FEN) & ~F.col("category").isin(*APART) & (F.col("firm_id") != F.col("cpty_id")))
    debit = ~F.col("credit")
    sides = reaching(fit, LOOP_DAYS).select(
        "firm_id", "reach", "credit", F.col("txn_key").alias("key"), "ts", F.col("biz_date").alias("day"), "amt",
        F.when(debit, F.col("firm_id")).otherwise(F.col("cpty_id")).alias("payer"), F.when(debit, F.col("cpty_id")).otherwise(F.col("firm_id")).alias("payee"),
    )  # fmt: skip
    return sides.select("*", F.xxhash64("payer").alias("p"), F.xxhash64("payee").alias("q"))


def loops(rows: DataFrame, firms: DataFrame | None) -> DataFrame:
    """firm_id, month, circ_amt, circ_cnt from `loop_payments`; `firms` (firm_id, month): whose loops are wanted, all when None."""
    own = rows if firms is None else rows.join(firms.select("firm_id", F.col("month").alias("reach")), ["firm_id", "reach"], "left_semi")
    paid, back, between = own.where("NOT credit"), own.where("credit"), rows.where("NOT credit")
    first, last, middle = _leg("f", paid, "p", "q", "f", "a"), _leg("l", back, "q", "p", "f", "z"), _leg("m", between, "p", "q", "a", "z")
    inside = F.datediff("l_day", "f_day").between(0, LOOP_DAYS) & (F.col("l_ts") > F.col("f_ts")) & (F.col("f_payer") == F.col("l_payee"))
    started = _ways(paid, back, between).join(first, ["reach", "f", "a"], "inner").join(last, ["reach", "f", "z"], "inner").where(inside)
    direct = F.col("m_key").isNull() & (F.col("f_payee") == F.col("l_payer"))
    through = (F.col("f_payee") == F.col("m_payer")) & (F.col("m_payee") == F.col("l_payer"))
    later = F.col("m_ts").between(F.col("f_ts") + 1, F.col("l_ts") - 1) & F.col("m_day").between(F.col("f_day"), F.col("l_day"))
    found = started.join(middle, ["reach", "a", "z"], "left").where(direct | (through & later)).withColumnRenamed("f_payer", "firm")
    loop = found.select(
        "firm", "reach", "f_ts", "f_key", "l_ts", "l_key", F.coalesce("m_key", F.lit("")).alias("m_key"),
        F.trunc("l_day", "month").alias("month"), F.least("f_amt", "m_amt", "l_amt").alias("amt"),
        F.when(F.col("m_key").isNull(), F.array("f_key", "l_key")).otherwise(F.array("f_key", "m_key", "l_key")).alias("keys"),
    )  # fmt: skip
    order = ("l_ts", "l_key", "m_key")
    seen = loop.select("*", F.row_number().over(Window.partitionBy("firm", "reach", "f_ts", "f_key").orderBy(*order)).alias("_n"))
    in_order = F.sort_array(F.collect_list(F.struct("f_ts", "f_key", *order, "month", "amt", "keys")))
    chosen = seen.where(F.col("_n") <= RETURNS_SEEN).groupBy("firm", "reach").agg(in_order.alias("loops"))
    counted = chosen.select(F.col("firm").alias("firm_id"), F.col("reach").alias("month"), F.expr(_LOOPS).alias("c"))
    return counted.select("firm_id", "month", F.col("c.amt").alias("circ_amt"), F.col("c.n").alias("circ_cnt"))


def _ways(paid: DataFrame, back: DataFrame, between: DataFrame) -> DataFrame:
    """reach and hashes f, a, z: f pays a, and a itself (z = a) or one that a pays (z) pays f; by parties, before any row is paired."""
    out = paid.select("reach", F.col("p").alias("f"), F.col("q").alias("a")).distinct()
    home = back.select("reach", F.col("q").alias("f"), F.col("p").alias("z")).distinct()
    links = between.select("reach", F.col("p").alias("a"), F.col("q").alias("z"), F.lit(True).alias("paid")).distinct()
    ways = out.join(home, ["reach", "f"], "inner").join(links, ["reach", "a", "z"], "left")
    return ways.where("a = z OR paid").select("reach", "f", "a", "z")


def _leg(prefix: str, rows: DataFrame, begin: str, end: str, begin_as: str, end_as: str) -> DataFrame:
    kept = (F.col(c).alias(f"{prefix}_{c}") for c in ("key", "ts", "day", "amt", "payer", "payee"))
    return rows.select("reach", F.col(begin).alias(begin_as), F.col(end).alias(end_as), *kept)


def payers_of(rows: DataFrame, firms: DataFrame) -> DataFrame:
    """firm_id, month of those who paid one of `firms` (firm_id, month), from `loop_payments`: its payments may close their loops."""
    hit = firms.select(F.col("firm_id").alias("payee"), F.col("month").alias("reach"))
    return rows.where("NOT credit").join(hit, ["payee", "reach"], "left_semi").select("firm_id", F.col("reach").alias("month")).distinct()


def risky(rows: DataFrame, spans: DataFrame, close_after: int) -> DataFrame:
    """firm_id, month, risky_payer_amt, risky_payee_amt from `payments`.

    `spans`: party, begin, end, known_from, known_to of being dishonest, deregistered or abnormal. What counts is what was in
    force on the booking date and known on the night the month closed, `close_after` days after its end.
    """
    close = F.date_add(F.last_day("p.month"), close_after)
    on_day = (F.col("s.begin") <= F.col("p.biz_date")) & (F.col("s.end").isNull() | (F.col("s.end") > F.col("p.biz_date")))
    known = (F.col("s.known_from") <= close) & (close < F.col("s.known_to"))
    trade = rows.where("receipt OR supply").alias("p")
    hit = trade.join(F.broadcast(spans.alias("s")), (F.col("p.cpty_id") == F.col("s.party")) & on_day & known, "left_semi")
    sums = {side: F.sum(F.when(F.col(flag), F.col("amt")).otherwise(0)) for side, flag in (("payer", "receipt"), ("payee", "supply"))}
    return hit.groupBy("firm_id", "month").agg(*(x.alias(f"risky_{side}_amt") for side, x in sums.items()))

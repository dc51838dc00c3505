"""tile.firm_counterparty_month: receipts from and supplies paid to each named counterparty, and what is known of it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.firm_month import month_index
from features.tiles.rowsets import CPTY_KINDS, count, total
from lake.clock import CLOSE_AFTER_DAYS


def counterparty_month(flows: DataFrame, before: DataFrame, firms: DataFrame) -> DataFrame:
    """Measures of tile.firm_counterparty_month over the months of `flows`; rows without a counterparty name nobody.

    `before`: firm_id, cpty_id, first_in_month, first_out_month in months before those wanted; `firms` from `known_firms`.
    Relation and kind are those of the month's last row; region and industry those valid at the month end and known when
    the month closed.
    """
    packed = F.max(F.col("ts") * 16 + F.col("related").cast("int") * 8 + F.coalesce("kind", F.lit(7)))
    sums = (
        flows.where("(receipt OR supply) AND cpty_id IS NOT NULL")
        .groupBy("firm_id", "cpty_id", "month")
        .agg(
            total("amt", F.col("receipt")).alias("in_amt"),
            count(F.col("receipt")).alias("in_cnt"),
            total("amt", F.col("supply")).alias("out_amt"),
            count(F.col("supply")).alias("out_cnt"),
            packed.alias("packed"),
        )
    )
    w = Window.partitionBy("firm_id", "cpty_id")
    known = before.select("firm_id", "cpty_id", F.col("first_in_month").alias("_in"), F.col("first_out_month").alias("_out"))
    rows = sums.select(
        "*", F.min(F.when(F.col("in_cnt") > 0, F.col("month"))).over(w).alias("_in_here"),
        F.min(F.when(F.col("out_cnt") > 0, F.col("month"))).over(w).alias("_out_here"),
    ).join(known, ["firm_id", "cpty_id"], "left")  # fmt: skip

    def first(earlier: str, here: str) -> Column:
        return F.coalesce(F.col(earlier), F.when(F.col(here) <= F.col("month"), F.col(here)))

    kind = F.element_at(F.array(*(F.lit(k) for k in CPTY_KINDS)), F.when(F.col("packed") % 8 < 7, (F.col("packed") % 8 + 1).cast("int")))
    measures = rows.select(
        "firm_id", "cpty_id", "month", "in_amt", "in_cnt", "out_amt", "out_cnt",
        kind.alias("cpty_kind"),
        (F.floor(F.col("packed") / 8) % 2 == 1).alias("is_related"),
        first("_in", "_in_here").alias("first_in_month"),
        first("_out", "_out_here").alias("first_out_month"),
    )  # fmt: skip
    return _placed(measures, firms)


def known_firms(enterprises: DataFrame) -> DataFrame:
    """Region and industry of registered firms by validity and knowledge, from `versions.intervals` of reg_enterprise."""
    later = Window.partitionBy("firm_id").orderBy(F.unix_date("valid_from")).rangeBetween(1, Window.unboundedFollowing)
    until = F.least(F.col("valid_to"), F.min("valid_from").over(later))
    return enterprises.select(
        F.col("firm_id").alias("party"), "known_from", "known_to", "valid_from", until.alias("valid_until"),
        F.substring("region6", 1, 4).alias("region4"), F.substring("industry4", 2, 2).alias("industry2"), F.substring("region6", 1, 2).alias("province"),
    )  # fmt: skip


def _placed(rows: DataFrame, firms: DataFrame) -> DataFrame:
    """Adds region4, industry2 and out_province of the counterparty; null where it is not in the registry."""
    close = F.date_add(F.last_day("month"), CLOSE_AFTER_DAYS)

    def in_force(side: str) -> Column:
        c = {n: F.col(f"{side}.{n}") for n in ("known_from", "known_to", "valid_from", "valid_until")}
        end = F.last_day("month")
        valid = (c["valid_from"] <= end) & (c["valid_until"].isNull() | (c["valid_until"] > end))
        return valid & (c["known_from"] <= close) & (c["known_to"] > close)

    placed = rows.join(firms.alias("c"), (F.col("cpty_id") == F.col("c.party")) & in_force("c"), "left")
    both = placed.join(firms.alias("f"), (F.col("firm_id") == F.col("f.party")) & in_force("f"), "left")
    return both.select(
        *(rows[c] for c in rows.columns), F.col("c.region4").alias("region4"), F.col("c.industry2").alias("industry2"),
        (F.col("c.province") != F.col("f.province")).alias("out_province"),
    )  # fmt: skip


def roll_up(tile: DataFrame, top_before: DataFrame) -> DataFrame:
    """n_payer, n_payee, n_new_payer, n_new_payee, top1_payer_repeat per firm and month.

    `top_before`: firm_id, month, top of months before those wanted. Of equal payers the greater cpty_id is the largest.
    """
    months = tile.groupBy("firm_id", "month").agg(
        count(F.col("in_cnt") > 0).alias("n_payer"),
        count(F.col("out_cnt") > 0).alias("n_payee"),
        count((F.col("in_cnt") > 0) & (F.col("first_in_month") == F.col("month"))).alias("n_new_payer"),
        count((F.col("out_cnt") > 0) & (F.col("first_out_month") == F.col("month"))).alias("n_new_payee"),
    )
    tops = top_payers(tile).unionByName(top_before)
    w = Window.partitionBy("firm_id").orderBy(month_index("month")).rangeBetween(-1, -1)
    repeat = tops.select("firm_id", "month", (F.col("top") == F.max("top").over(w)).cast("int").alias("top1_payer_repeat"))
    return months.join(repeat, ["firm_id", "month"], "left")


def top_payers(tile: DataFrame) -> DataFrame:
    """firm_id, month, top: the counterparty that paid most."""
    top = F.max(F.when(F.col("in_amt") > 0, F.struct("in_amt", "cpty_id")))
    return tile.groupBy("firm_id", "month").agg(top.getField("cpty_id").alias("top")).where("top IS NOT NULL")

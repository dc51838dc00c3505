"""The monthly flow tiles of a night, from single flows and from tile.firm_day, which is read back as later readers will."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles import balances, category, counterparty, firm_month, loan_diversion, months
from features.tiles.versions import intervals, stamp
from jobs.tiles_days import Shared
from jobs.tiles_read import Night, holidays, only, partitions, read_accounts, read_balances, read_days, read_flows, read_months, read_states
from lake.clock import CLOSE_AFTER_DAYS, month_end
from lake.io import local_rows
from lake.tables import table

WRITERS = 2
"""Tables written at a time: one commits while the other computes."""
MONTH_TILES = ("tile.firm_month", "tile.firm_counterparty_month", "tile.firm_category_month", "tile.firm_bank_month")


@dataclass(frozen=True)
class Wanted:
    """Firms and months to build: `firms` has firm_id and from_month, months run to `last`; history builds all of them."""

    firms: DataFrame
    first: date
    last: date
    everything: bool

    def of(self, rows: DataFrame) -> DataFrame:
        """Rows of wanted firms, with from_month."""
        if self.everything:
            return rows.select("*", F.lit(self.first).alias("from_month"))
        return rows.join(F.broadcast(self.firms), "firm_id", "inner")

    def months(self, rows: DataFrame) -> DataFrame:
        """Rows of wanted firms and months."""
        return self.of(rows).where((F.col("month") >= F.col("from_month")) & (F.col("month") <= F.lit(self.last))).drop("from_month")

    def before(self, rows: DataFrame) -> DataFrame:
        """Rows of wanted firms in months before the wanted ones, with from_month."""
        return self.of(rows).where("month < from_month")


def write_months(night: Night, firms: DataFrame | None, shared: Shared | None) -> list[str]:
    """Build the four tiles for `firms` (`tiles_days.wanted_months`); nothing when no month closed or was restated.

    `shared`: a history load builds all months of all firms from what it made for the days.
    """
    first = only(firms.agg(F.min("from_month"))) if firms is not None else None
    if firms is None or first is None or first > night.last_month:
        if not any(night.as_of in partitions(night.lake, name) for name in MONTH_TILES):
            return []
        # an earlier run of this night wrote months: replace them by none
        first, firms = night.last_month, local_rows(night.lake.spark, [], "firm_id string, from_month date")
    wanted = Wanted(firms, first, night.last_month, shared is not None)
    made = shared or _made(night, wanted)
    flows, accounts = wanted.months(made.flows), read_accounts(made.states).persist()
    counterparties = counterparty.counterparty_month(flows, _seen_before(night, wanted), _places(night)).persist()
    account_sums = months.account_months(flows, accounts).persist()
    parts = [
        months.month_sums(account_sums), months.median_receipt(flows), months.near_threshold_cash(flows), months.wage_payees(flows),
        months.open_accounts(accounts, first, wanted.last), months.frozen(balances.frozen_days(made.states, first, month_end(wanted.last))),
        counterparty.roll_up(counterparties, _tops_before(night, wanted)), loan_diversion.loan_diversion(made.flows),
    ]  # fmt: skip
    end = F.date_add(F.lit(month_end(wanted.last)), 1)
    in_months = (
        made.runs.where(F.col("day_from") < end)
        .select("*", F.least("day_to", end).alias("_to"))
        .drop("day_to")
        .withColumnRenamed("_to", "day_to")
    )
    bank = months.bank_month(account_sums, accounts, balances.uncovered_days(in_months), first=first, last=wanted.last)
    tile = _firm_month(night, wanted, made.days, in_months, parts)
    work: list[tuple[str, DataFrame, Column]] = [
        ("tile.firm_counterparty_month", _with_vanished(night, wanted, "tile.firm_counterparty_month", counterparties), _closing()),
        ("tile.firm_category_month", _with_vanished(night, wanted, "tile.firm_category_month", category.category_month(flows)), _closing()),
        ("tile.firm_month", tile, F.col("night")), ("tile.firm_bank_month", wanted.months(bank), _closing()),
    ]  # fmt: skip
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda w: _write(night, *w), work))
    for frame in (accounts, counterparties, account_sums):
        frame.unpersist()
    if shared is None:
        made.release()
    return list(MONTH_TILES)


def _made(night: Night, wanted: Wanted) -> Shared:
    """A night's inputs of the wanted months; its days are read back from the tile, which has them all by now."""
    states = wanted.of(read_states(night)).drop("from_month").persist()
    wide = wanted.of(read_flows(night, wanted.first - timedelta(days=loan_diversion.WINDOW_DAYS + 1))).drop("from_month")
    rows = read_balances(night, states, wanted.first)
    end = month_end(wanted.last)
    spans = balances.account_spans(rows).persist()
    runs = balances.account_days(wanted.of(rows).drop("from_month"), read_accounts(states), spans, wanted.first, end)
    days = wanted.of(read_days(night, wanted.first - timedelta(days=firm_month.GAP_CAP))).drop("from_month")
    return Shared(balances.by_firm(wide).persist(), states, spans, runs.persist(), balances.by_firm(days).persist())


def _firm_month(night: Night, wanted: Wanted, days: DataFrame, runs: DataFrame, parts: list[DataFrame]) -> DataFrame:
    """Measures of tile.firm_month with `night`, its parts over days added."""
    reach = wanted.of(days).where(F.col("biz_date") <= F.lit(month_end(wanted.last)))
    inside = reach.where(F.col("biz_date") >= F.col("from_month"))
    sums = firm_month.day_sums(inside, holidays(night))
    earlier = wanted.before(read_months(night, "tile.firm_month"))
    size = F.dayofmonth(F.last_day("month")).alias("days_in_month")
    names = ("firm_id", "month", "days_in_month", "days_covered", "op_out_amt")
    of_months = sums.select("*", size).select(*names).unionByName(earlier.select(*names))
    of_days = [
        sums, firm_month.receipt_gaps(reach), firm_month.low_balance_days(inside, of_months), months.deposit_sums(balances.deposits(runs), inside)
    ]  # fmt: skip
    latest = Window.partitionBy("firm_id").orderBy(F.col("month").desc())
    hist = earlier.select(
        "firm_id", F.col("month").alias("hist_month"), F.col("hist_months").alias("hist"), F.row_number().over(latest).alias("n")
    )
    rows = wanted.months(firm_month.gathered([*of_days, *parts]))
    tile = firm_month.firm_month(rows, hist.where("n = 1").drop("n"), last=wanted.last)
    return _versions(tile, night.as_of) if night.history else tile.select("*", F.lit(night.as_of).alias("night"))


def _versions(tile: DataFrame, last: date) -> DataFrame:
    """History: the version of the month's close, and one 7 days after its end where more loan money had left by then."""
    later = F.least(F.date_add(F.last_day("month"), loan_diversion.WINDOW_DAYS), F.lit(last))
    at_close = F.struct(_closing().alias("night"), F.col("loan_div_at_close").alias("loan_div_amt"))
    after = F.struct(later.alias("night"), F.col("loan_div_amt").alias("loan_div_amt"))
    versions = F.when(F.col("loan_div_amt") == F.col("loan_div_at_close"), F.array(at_close)).otherwise(F.array(at_close, after))
    measures = [c for c in tile.columns if c not in ("loan_div_amt", "loan_div_at_close")]
    return tile.select(*measures, F.explode(versions).alias("v")).select(*measures, "v.*")


def _closing() -> Column:
    return F.date_add(F.last_day("month"), CLOSE_AFTER_DAYS)


def _write(night: Night, name: str, rows: DataFrame, known: Column) -> None:
    learnt = known if night.history else F.lit(night.as_of)
    night.lake.overwrite_partition(name, stamp(name, rows, learnt, as_of=night.as_of), as_of=night.as_of)


def _with_vanished(night: Night, wanted: Wanted, name: str, rows: DataFrame) -> DataFrame:
    """Rows of a sparse tile and, for keys that an earlier version had and a restatement no longer has, rows of zeros.

    Without them the earlier version would stay the current one.
    """
    if night.history:
        return rows
    key = list(table(name).key)
    gone = wanted.months(read_months(night, name)).join(rows.select(*key), key, "left_anti")
    zero = {c: F.lit(0).cast(kind) for c, kind in rows.dtypes if c.endswith(("amt", "cnt"))}
    nothing = {c: F.lit(None).cast(kind) for c, kind in rows.dtypes if c.startswith("first_")}
    return rows.unionByName(gone.select(*(zero.get(c, nothing.get(c, F.col(c))).alias(c) for c in rows.columns)))


def _seen_before(night: Night, wanted: Wanted) -> DataFrame:
    """First months of counterparties in months before those wanted."""
    rows = wanted.before(read_months(night, "tile.firm_counterparty_month"))
    return rows.groupBy("firm_id", "cpty_id").agg(
        F.min("first_in_month").alias("first_in_month"), F.min("first_out_month").alias("first_out_month")
    )


def _tops_before(night: Night, wanted: Wanted) -> DataFrame:
    rows = wanted.before(read_months(night, "tile.firm_counterparty_month"))
    return counterparty.top_payers(rows.where("month = add_months(from_month, -1)"))


def _places(night: Night) -> DataFrame:
    return counterparty.known_firms(intervals(night.known("silver.reg_enterprise"), ("firm_id", "valid_from")))

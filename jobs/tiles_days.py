"""What a night has touched, and tile.firm_day of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles import balances, firm_day
from features.tiles.loan_diversion import WINDOW_DAYS
from features.tiles.rowsets import TXN_COLUMNS
from features.tiles.versions import stamp
from jobs.tiles_read import Night, current, read_accounts, read_balances, read_flows, read_states
from lake.clock import add_months, latest_closed_month, month_start

FIRM_DAY = "tile.firm_day"


def touched_days(night: Night) -> DataFrame | None:
    """firm_id, biz_date to build again; None: all of them (history, first night).

    Firms with rows accepted since the last tiles night; every firm on the days after that night; every firm of a bank
    on a day which the bank delivered only now.
    """
    since = night.since
    if since is None:
        return None
    pairs = [night.known(f"silver.{t}").where(night.new).select("firm_id", "biz_date") for t in ("acct_balance_daily", "acct_txn")]
    firms = night.known("silver.acct_account").select("firm_id", "bank_id").distinct()
    days = [since + timedelta(days=k + 1) for k in range((night.as_of - since).days)]
    every = firms.select("firm_id", F.explode(F.array(*(F.lit(d) for d in days))).alias("biz_date"))
    late = night.known("silver.acct_balance_daily").where(F.col("biz_date") <= F.lit(since)).select("bank_id", "biz_date", "as_of")
    bank_days = late.where(night.new).select("bank_id", "biz_date").distinct()
    before = (
        late.where(~night.new).join(F.broadcast(bank_days), ["bank_id", "biz_date"], "left_semi").select("bank_id", "biz_date").distinct()
    )
    fresh = bank_days.join(before, ["bank_id", "biz_date"], "left_anti").join(firms, "bank_id", "inner").select("firm_id", "biz_date")
    return reduce(DataFrame.unionByName, [*pairs, every, fresh]).where(F.col("biz_date") <= F.lit(night.as_of)).distinct()


def days_of(touched: DataFrame) -> list[date]:
    """The days of `touched`, in order."""
    return sorted(r[0] for r in touched.select("biz_date").distinct().collect())


@dataclass(frozen=True)
class Shared:
    """What a history load makes once for days and months: flows, accounts, their spans of rows, runs and days, laid out by firm."""

    flows: DataFrame
    states: DataFrame
    spans: DataFrame
    runs: DataFrame
    days: DataFrame

    def release(self) -> None:
        """Give the memory back."""
        for frame in (self.flows, self.states, self.spans, self.runs, self.days):
            frame.unpersist()


def write_days(night: Night, touched: DataFrame | None, start: date) -> Shared | None:
    """tile.firm_day of the touched days, none before `start`; of all days when `touched` is None, then what was made is kept."""
    states, flows = read_states(night), read_flows(night, start)
    if touched is None:
        states, flows = states.persist(), balances.by_firm(flows).persist()
    rows = read_balances(night, states, start)
    spans = balances.account_spans(rows).persist()
    runs = balances.account_days(rows, read_accounts(states), spans, start, night.as_of)
    if touched is None:
        runs = runs.persist()
        days = firm_day.firm_day(balances.run_days(runs), flows).persist()
    else:
        days = firm_day.firm_day(_of(touched, balances.run_days(runs)), _of(touched, flows))
    known = F.col("biz_date") if night.history else F.lit(night.as_of)
    night.lake.overwrite_partition(FIRM_DAY, stamp(FIRM_DAY, days, known, as_of=night.as_of), as_of=night.as_of)
    if touched is None:
        return Shared(flows, states, spans, runs, days)
    spans.unpersist()
    return None


def _of(touched: DataFrame, rows: DataFrame) -> DataFrame:
    return rows.join(F.broadcast(touched), ["firm_id", "biz_date"], "left_semi")


def wanted_months(night: Night, touched: DataFrame | None, days: list[date], first: date) -> DataFrame | None:
    """firm_id, from_month: firms whose months from `from_month` to the latest closed one are built; None when there are none.

    `days` are those of `touched`.

    Newly closed months concern every firm; a restated day concerns its firm from its month on, because later months look
    back; and from the month before, when a loan was paid out in the 7 days before it.
    """
    firms = night.known("silver.acct_account").select("firm_id").distinct()
    if touched is None or night.since is None:
        return firms.select("firm_id", F.lit(first).alias("from_month"))
    built = latest_closed_month(night.since)
    early_days = [d for d in days if d.day <= WINDOW_DAYS and add_months(month_start(d), -1) <= built]
    if night.last_month <= built and not early_days and not any(month_start(d) <= built for d in days):
        return None
    month = F.trunc("biz_date", "month")
    restated = touched.where(month <= F.lit(built)).select("firm_id", month.alias("from_month"))
    rows = restated.unionByName(_lent_before(night, touched, early_days)) if early_days else restated
    if night.last_month > built:
        rows = rows.unionByName(firms.select("firm_id", F.lit(add_months(built, 1)).alias("from_month")))
    return rows.groupBy("firm_id").agg(F.min("from_month").alias("from_month"))


def _lent_before(night: Night, touched: DataFrame, days: list[date]) -> DataFrame:
    """Firms touched on `days` (at the beginning of a month) that were paid a loan in the 7 days before, last month."""
    early = touched.where(F.col("biz_date").isin(days))
    spans = reduce(lambda a, b: a | b, (F.col("biz_date").between(F.lit(d - timedelta(days=WINDOW_DAYS)), F.lit(d)) for d in days))
    loans = current(night, "silver.acct_txn", spans).where("category = 'loan_disbursement'").select(*TXN_COLUMNS[:4])
    near = (F.col("l.firm_id") == F.col("e.firm_id")) & F.datediff("e.biz_date", "l.biz_date").between(0, WINDOW_DAYS)
    earlier = F.trunc("l.biz_date", "month") < F.trunc("e.biz_date", "month")
    hit = loans.alias("l").join(early.alias("e"), near & earlier, "inner")
    return hit.select(F.col("l.firm_id").alias("firm_id"), F.trunc("l.biz_date", "month").alias("from_month"))

"""tile.network of a night: months that closed for every firm, and months that a corrected day reaches for those it may concern."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles import network, network_flows
from features.tiles.rowsets import TXN_COLUMNS, flows
from features.tiles.versions import intervals, stamp
from jobs.tiles_read import Night, current, partitions, read_months
from lake.clock import CLOSE_AFTER_DAYS, add_months, closed_on, latest_closed_month, month_end, month_start
from lake.io import local_rows

NAME = "tile.network"


@dataclass(frozen=True)
class Months:
    """Months to build: `closed` for every firm, `restated` for firms touched on a day that reaches them."""

    closed: list[date]
    restated: list[date]

    @property
    def all(self) -> list[date]:
        return sorted({*self.closed, *self.restated})


def months_of(night: Night, days: list[date], first: date) -> Months:
    """`days`: those touched; `first`: first month of a history, or of the first night."""
    built = latest_closed_month(night.since) if night.since else None
    begin = add_months(built, 1) if built else first
    closed = []
    while begin <= night.last_month:
        closed.append(begin)
        begin = add_months(begin, 1)
    reached = {month_start(d + timedelta(days=k)) for d in days for k in (0, network_flows.LOOP_DAYS)}
    return Months(closed, sorted(m for m in reached if built is not None and m <= built))


def write_network(night: Night, touched: DataFrame | None, days: list[date], first: date) -> list[str]:
    """Build and commit tile.network; `touched` (firm_id, biz_date), its `days` and `first` as for the other flow tiles."""
    months = months_of(night, days, first)
    if not months.all:
        if night.as_of not in partitions(night.lake, NAME):
            return []
        months = Months([], [night.last_month])  # an earlier run of this night wrote some: replace them by none
    rows = network_flows.payments(_read(night, months.all)).persist()
    looping = network_flows.loop_payments(rows)
    firms = night.known("silver.acct_account").select("firm_id").distinct().persist()
    keys = None
    if touched is not None and months.restated:
        keys = _concerned(looping, touched, months, firms).persist()
    members = firms if keys is None or months.closed else keys.select("firm_id").distinct()
    records = {name: intervals(night.known(f"silver.{name}"), key) for name, key in network.SOURCES.items()}
    ends = local_rows(night.lake.spark, [(m, month_end(m), closed_on(m)) for m in months.all], "month date, month_end date, close date")
    parts = [
        network_flows.mirror_pairs(rows), network_flows.loops(looping, keys),
        network_flows.risky(rows, network.risky_spans(records), CLOSE_AFTER_DAYS),
        network.related(records, ends, members), network.guarantee_circles(records["loan_guarantee"], ends, members),
    ]  # fmt: skip
    before = read_months(night, NAME) if not night.history else night.lake.empty(NAME)

    def wanted(part: DataFrame) -> DataFrame:
        inside = part.where(F.col("month").isin(months.all))
        return inside if keys is None else inside.join(keys, ["firm_id", "month"], "left_semi")

    tile = network.network([wanted(p) for p in parts], wanted(before))
    learnt = F.date_add(F.last_day("month"), CLOSE_AFTER_DAYS) if night.history else F.lit(night.as_of)
    night.lake.overwrite_partition(NAME, stamp(NAME, tile, learnt, as_of=night.as_of), as_of=night.as_of)
    for frame in (rows, firms, *([keys] if keys is not None else [])):
        frame.unpersist()
    return [NAME]


def _read(night: Night, months: list[date]) -> DataFrame:
    """Flows of the months and of the days before them that they reach back to."""
    days = F.col("biz_date")
    spans = (days.between(F.lit(m - timedelta(days=network_flows.LOOP_DAYS)), F.lit(month_end(m))) for m in months)
    rows = current(night, "silver.acct_txn", reduce(Column.__or__, spans))
    return flows(rows.select(*TXN_COLUMNS, "txn_key"), "txn_key")


def _concerned(looping: DataFrame, touched: DataFrame, months: Months, firms: DataFrame) -> DataFrame:
    """firm_id, month to build: those touched, those who paid them (their loops may run through them), and all in closed months."""
    reach = F.array(*(F.trunc(F.date_add("biz_date", k), "month") for k in (0, network_flows.LOOP_DAYS)))
    hit = touched.select("firm_id", F.explode(reach).alias("month")).where(F.col("month").isin(months.restated)).distinct()
    rows = hit.unionByName(network_flows.payers_of(looping, hit))
    if months.closed:
        rows = rows.unionByName(firms.select("firm_id", F.explode(F.array(*(F.lit(m) for m in months.closed))).alias("month")))
    return rows.distinct()

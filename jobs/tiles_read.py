"""What the tiles job reads: silver as one night knew it, tiles as they stood before, and what the night has touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.balances import BALANCE_COLUMNS, MAX_CARRY_DAYS, account_states, latest_states
from features.tiles.rowsets import TXN_COLUMNS, flows
from features.tiles.versions import version_of, without_superseded
from lake.clock import SHANGHAI, known_at, latest_closed_month, month_start
from lake.io import Lake, local_rows
from lake.settings import ref_path
from lake.store import read as read_small
from lake.tables import table

DORMANT_CARRY_DAYS = 400
COVERED_DAYS = 10
FIRST_MONTH = date(1990, 1, 1)
SOURCES = ("tax", "court", "loans", "registry")


@dataclass(frozen=True)
class Night:
    """The night that is built, and the last one built before it (None: everything known is new)."""

    lake: Lake
    as_of: date
    since: date | None
    history: bool

    @property
    def last_month(self) -> date:
        """Latest closed month."""
        return latest_closed_month(self.as_of)

    @property
    def new(self) -> Column:
        """Rows accepted after the last tiles night."""
        return F.col("as_of") > F.lit(self.since) if self.since else F.lit(True)

    def learnt(self, night: str) -> Column:
        """Whether something learnt on night `night` belongs to this run."""
        upto = F.col(night) <= F.lit(self.as_of)
        return upto & (F.col(night) > F.lit(self.since)) if self.since and not self.history else upto

    def known(self, name: str) -> DataFrame:
        """All versions known tonight."""
        return self.lake.read(name, known_by=known_at(self.as_of)).where(F.col("as_of") <= F.lit(self.as_of))

    def tile_before(self, name: str) -> DataFrame:
        """Rows of a tile written by earlier nights, all versions."""
        return self.lake.read(name).where(F.col("as_of") < F.lit(self.as_of))


def this_night(lake: Lake, as_of: date, *, history: bool) -> Night:
    """The night with the last tiles night before it, read from tile.firm_day (else tile.registration)."""
    since = None
    if not history:
        nights = [n for name in ("tile.firm_day", "tile.registration") for n in partitions(lake, name) if n < as_of]
        since = max(nights, default=None)
    return Night(lake, as_of, since, history)


def partitions(lake: Lake, name: str) -> list[date]:
    """Nights that wrote the table, from its log."""
    if not lake.exists(name):
        return []
    return sorted({date.fromisoformat(str(p["as_of"])) for p in DeltaTable(lake.uri(name)).partitions()})


def rows_written(lake: Lake, name: str, nights: list[date]) -> int:
    """Rows of the partitions of `nights`, from the log."""
    files = pa.table(DeltaTable(lake.uri(name)).get_add_actions(flatten=True)).select(["num_records", "partition.as_of"]).to_pylist()
    return sum(f["num_records"] for f in files if f["partition.as_of"] in nights)


def current(night: Night, name: str, where: Column | None = None) -> DataFrame:
    """Highest version of each key known tonight. Only rows with row_version > 0 can replace another, and they are few."""
    rows = night.known(name)
    rows = rows if where is None else rows.where(where)
    return without_superseded(rows, table(name).key, "row_version", F.col("row_version") > 0)


def read_flows(night: Night, first: date) -> DataFrame:
    """Flows from `first` on, by `rowsets.flows`."""
    rows = current(night, "silver.acct_txn", F.col("biz_date").between(F.lit(first), F.lit(night.as_of)))
    return flows(rows.select(*TXN_COLUMNS))


def read_states(night: Night) -> DataFrame:
    """Account states."""
    return account_states(night.lake.current("silver.acct_account", known_by=known_at(night.as_of)))


def read_balances(night: Night, states: DataFrame, first: date) -> DataFrame:
    """Balance rows from `first` on with those before that its days may be carried from."""
    dormant = bool(states.where("status = 'DORMANT'").head(1))
    back = DORMANT_CARRY_DAYS if dormant else MAX_CARRY_DAYS
    rows = F.col("biz_date").between(F.lit(first - timedelta(days=back + 1)), F.lit(night.as_of))
    return current(night, "silver.acct_balance_daily", rows).select(*BALANCE_COLUMNS)


def read_accounts(states: DataFrame) -> DataFrame:
    """One row per account."""
    return latest_states(states)


def read_days(night: Night, first: date) -> DataFrame:
    """tile.firm_day from `first` on as known tonight."""
    rows = night.known("tile.firm_day").where(F.col("biz_date").between(F.lit(first), F.lit(night.as_of)))
    return without_superseded(rows, ("firm_id", "biz_date"), "tile_version", F.col("tile_version") > version_of(F.col("biz_date")))


def read_months(night: Night, name: str) -> DataFrame:
    """A monthly tile as it stood before tonight."""
    rows = night.tile_before(name)
    key = table(name).key
    restated = F.col("tile_version") > version_of(F.date_add(F.last_day("month"), 5))
    return without_superseded(rows, key, "tile_version", restated)


def only(rows: DataFrame) -> Any:
    """The value of an aggregate without groups."""
    return rows.collect()[0][0]


def holidays(night: Night) -> DataFrame:
    """biz_date of the days that ref_calendar calls no workday."""
    text = [line.split(",") for line in ref_path("ref_calendar").read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    days = [(date.fromisoformat(day),) for day, is_workday, *_ in text if is_workday.strip() == "0"]
    return local_rows(night.lake.spark, days, "biz_date date")


def first_month(night: Night) -> date | None:
    """First month this run may have to build; None without any flows.

    A night after another one goes back as far as its restatements do, so it needs no bound of its own.
    """
    if night.since is not None:
        return FIRST_MONTH if partitions(night.lake, "silver.acct_balance_daily") else None
    first = only(night.known("silver.acct_balance_daily").agg(F.min("biz_date")))
    return month_start(first) if first else None


def coverage(lake: Lake, dates: list[date]) -> DataFrame:
    """snapshot_date with tax, court, loan, registry: whether the source delivered up to 10 days before D at least."""
    pulls = read_small(lake.settings, "ops.pull", columns=["source", "status", "watermark_from", "watermark_to"]).to_pylist()
    done = [
        (
            p["source"],
            p["watermark_from"] and p["watermark_from"].astimezone(SHANGHAI).date(),
            p["watermark_to"].astimezone(SHANGHAI).date(),
        )
        for p in pulls
        if p["status"] in ("DONE", "NOTHING")
    ]
    rows = [
        (
            d,
            *(
                any(s == source and (a is None or a <= d) and b >= d - timedelta(days=COVERED_DAYS) for s, a, b in done)
                for source in SOURCES
            ),
        )
        for d in dates
    ]
    return local_rows(lake.spark, rows, "snapshot_date date, tax boolean, court boolean, loan boolean, registry boolean")

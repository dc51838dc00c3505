"""Snapshot tiles: firm_bucket, registration and firm_state of one or several dates D, as each D knew the world."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.tiles import firm_bucket, firm_state, registration, size_class
from features.tiles.balances import account_states
from features.tiles.snapshots import closed_months, known_tiles, snapshot_dates
from features.tiles.versions import intervals, night_of, stamp, version_of
from jobs.tiles_read import coverage
from lake.clock import add_months, known_at
from lake.io import Lake
from lake.settings import ref_path
from lake.tables import table

TAX_TABLES = ("tax_vat_return", "tax_payment", "tax_social_insurance", "tax_invoice", "tax_cit_return", "tax_arrears", "tax_credit_rating")
STATE_SOURCES: dict[str, tuple[str, ...]] = {
    name: table(f"silver.{name}").key
    for name in ("reg_key_person", "court_dishonest", "court_case", "loan_contract", "loan_performance", "loan_schedule")
}
MONTHS_BACK = 24
NEAR_DAYS = 60


def write_snapshots(lake: Lake, days: list[date]) -> list[str]:
    """Build and commit the three tiles for `days`, one commit a table; returns their names."""
    if not days:
        return []
    dates = snapshot_dates(lake.spark, days).persist()
    months = closed_months(_tile(lake, "tile.firm_month", max(days)), dates, MONTHS_BACK).persist()
    firms = _registration(lake, dates, months, days).persist()
    with ThreadPoolExecutor(1) as aside:  # the buckets need nothing of the other two
        buckets = aside.submit(lambda: _write(lake, "tile.firm_bucket", _buckets(lake, dates, months, days), days))
        _write(lake, "tile.registration", firms, days)
        _write(lake, "tile.firm_state", _states(lake, dates, months, firms, days), days)
        buckets.result()
    for frame in (dates, months, firms):
        frame.unpersist()
    return ["tile.registration", "tile.firm_bucket", "tile.firm_state"]


def _write(lake: Lake, name: str, rows: DataFrame, days: list[date]) -> None:
    night = F.col("snapshot_date")
    lake.overwrite_partitions(name, stamp(name, rows, night, as_of=night), [{"as_of": d} for d in days])


def _silver(lake: Lake, name: str, last: date) -> DataFrame:
    return lake.read(f"silver.{name}", known_by=known_at(last))


def _records(lake: Lake, keys: dict[str, tuple[str, ...]], last: date) -> dict[str, DataFrame]:
    return {name: intervals(_silver(lake, name, last), key) for name, key in keys.items()}


def _tile(lake: Lake, name: str, last: date) -> DataFrame:
    """A tile as far as the last snapshot knows it; available_at may be absent in tiles made by other means."""
    rows = lake.read(name)
    at = F.coalesce(F.col("tile_version"), F.lit(0))
    return rows.where(at <= version_of(F.lit(last))).select(*(c for c in rows.columns if c != "tile_version"), at.alias("tile_version"))


def _registration(lake: Lake, dates: DataFrame, months: DataFrame, days: list[date]) -> DataFrame:
    last = max(days)
    without_registry = not _silver(lake, "reg_enterprise", last).head(1)
    taxed = [_silver(lake, name, last).groupBy("firm_id").agg(F.min(night_of()).alias("since")) for name in TAX_TABLES[:3]]
    first_tax = taxed[0].unionByName(taxed[1]).unionByName(taxed[2]).groupBy("firm_id").agg(F.min("since").alias("since"))
    return registration.registration(
        registration.firms_with_accounts(_silver(lake, "acct_account", last), dates), _records(lake, registration.SOURCES, last),
        months, first_tax, coverage(lake, days), dates, rules=size_class.read_rules(ref_path("ref_size_rule")), without_registry=without_registry,
    )  # fmt: skip


def _buckets(lake: Lake, dates: DataFrame, months: DataFrame, days: list[date]) -> DataFrame:
    first = min(days) - timedelta(days=firm_bucket.KEPT_DAYS)
    tile = _tile(lake, "tile.firm_day", max(days)).where(F.col("biz_date").between(F.lit(first), F.lit(max(days))))
    inside = (F.col("biz_date") <= F.col("snapshot_date")) & (F.col("biz_date") > F.date_sub("snapshot_date", firm_bucket.KEPT_DAYS))
    rows = known_tiles(tile, ("firm_id", "biz_date"), dates, inside, F.col("tile_version") > version_of(F.col("biz_date")))
    return firm_bucket.firm_bucket(rows, firm_bucket.outflow_limits(months))


def _states(lake: Lake, dates: DataFrame, months: DataFrame, firms: DataFrame, days: list[date]) -> DataFrame:
    last = max(days)
    records = _records(lake, STATE_SOURCES, last)
    closed = (F.col("month") <= F.col("month0")) & (F.col("month") > F.add_months("month0", -MONTHS_BACK))
    restated = F.col("tile_version") > version_of(F.date_add(F.last_day("month"), 5))
    wages = known_tiles(
        _tile(lake, "tile.firm_category_month", last),
        ("firm_id", "category", "month"),
        dates,
        closed & (F.col("category") == "wage"),
        restated,
    )
    banks = known_tiles(_tile(lake, "tile.firm_bank_month", last), ("firm_id", "bank_id", "month"), dates, closed, restated)
    k = F.months_between("month0", "month").cast("int")
    inflow = banks.where(k < 12).groupBy("firm_id", "snapshot_date", "bank_id").agg(F.sum("op_in_amt").alias("op_in_amt"))
    tax_from = add_months(min(days), -12)
    tax = _tile(lake, "tile.tax_month", last).where(F.col("month") >= F.lit(tax_from))
    tax_key = ("firm_id", "month")
    # every version but the first may replace one, and which is the first is not told by its night: all are candidates
    tax_rows = known_tiles(
        tax, tax_key, dates, (F.col("month") <= F.col("snapshot_date")) & (F.col("month") > F.add_months("snapshot_date", -12)), F.lit(True)
    )
    balances = _silver(lake, "acct_balance_daily", last).where(F.col("biz_date") > F.lit(min(days) - timedelta(days=NEAR_DAYS)))
    bank_days = balances.select("bank_id", "biz_date", night_of().alias("known_from")).distinct()
    parts = [
        firm_state.from_months(months), firm_state.wages(months, wages.where("amt > 0").select("firm_id", "snapshot_date", k.alias("k"))),
        firm_state.frozen_now(account_states(lake.current("silver.acct_account", known_by=known_at(last))), dates),
        firm_state.representative(records["reg_key_person"], records["court_dishonest"], dates), firm_state.insurance(tax_rows),
        firm_state.new_cases(records["court_case"], dates), firm_state.loans(records, dates), firm_state.data_gap(inflow, bank_days, dates),
        firm_state.low_quality(inflow, lake.read("dq.quality").select("bank_id", "month", "grade", "as_of"), dates),
    ]  # fmt: skip
    return firm_state.firm_state(firms, parts)

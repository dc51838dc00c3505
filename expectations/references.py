"""Reference data that checks need: currencies and central parities, from conf/ref/*.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lake.errors import ConfigError
from lake.io import local_rows
from lake.settings import ref_path

FAR = date(9999, 12, 31)


def rows(name: str) -> list[dict[str, str]]:
    """Rows of a reference table; lines that start with # state its source."""
    with ref_path(name).open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


@dataclass(frozen=True)
class Rate:
    """Central parity in force from `first` up to `last`: CNY fen for one minor unit of the currency."""

    currency: str
    first: date
    last: date
    fen_per_minor: Decimal


@lru_cache
def exponents() -> dict[str, int]:
    """Currency -> decimal places of its minor unit (ISO 4217)."""
    found = {r["code"]: int(r["exponent"]) for r in rows("ref_currency") if not r["alias_of"]}
    if found.get("CNY") != 2:
        raise ConfigError("conf/ref/ref_currency.csv: expected CNY with exponent 2; the file is not the list of currencies")
    return found


@lru_cache
def aliases() -> dict[str, str]:
    """Names that banks use for currencies -> the currency meant; accepted with a warning (V11)."""
    return {r["code"]: r["alias_of"] for r in rows("ref_currency") if r["alias_of"]}


@lru_cache
def rates() -> tuple[Rate, ...]:
    """Parities of all currencies but CNY, each in force until the next one of its currency."""
    quoted: dict[str, list[tuple[date, Decimal]]] = {}
    for r in rows("ref_fx_rate"):
        quoted.setdefault(r["currency"], []).append((date.fromisoformat(r["date"]), Decimal(r["rate_to_cny"])))
    found = []
    for currency, days in sorted(quoted.items()):
        if currency == "CNY":
            continue
        days.sort()
        factor = Decimal(100) / Decimal(10) ** exponents()[currency]
        lasts = [d for d, _ in days[1:]] + [FAR]
        found += [Rate(currency, first, last, rate * factor) for (first, rate), last in zip(days, lasts, strict=True)]
    return tuple(found)


@lru_cache
def _days_off() -> frozenset[str]:
    return frozenset(r["date"] for r in rows("ref_calendar") if r["is_workday"] == "0")


def workdays_after(day: date, n: int) -> date:
    """The n-th workday after `day` by ref_calendar."""
    while n:
        day += timedelta(days=1)
        n -= day.isoformat() not in _days_off()
    return day


def rate_frame(spark: SparkSession, fixed: Mapping[str, Decimal] | None = None) -> DataFrame:
    """Parities as rows: fx_currency, fx_from, fx_to (exclusive), fen_per_minor decimal(20,10).

    `fixed`: currencies with one parity for all time (a foreign ledger's own currency at rate 1), in place of quoted ones.
    """
    always = [(c, date(1, 1, 1), FAR, fen) for c, fen in sorted((fixed or {}).items())]
    values = [(r.currency, r.first, r.last, r.fen_per_minor) for r in rates() if r.currency not in (fixed or {})] + always
    return local_rows(spark, values, "fx_currency string, fx_from date, fx_to date, fen_per_minor decimal(20,10)")


def with_rate(df: DataFrame, fx: DataFrame) -> DataFrame:
    """`df` (with currency, biz_date) with fen_per_minor: null for CNY and where no parity is known."""
    on = (df["currency"] == fx["fx_currency"]) & (df["biz_date"] >= fx["fx_from"]) & (df["biz_date"] < fx["fx_to"])
    return df.join(F.broadcast(fx), on, how="left").drop("fx_currency", "fx_from", "fx_to")


def cny_fen(minor: str) -> Column:
    """CNY fen of a column of minor units in a frame made by `with_rate`, half up; null without a parity."""
    foreign = F.round(F.col(minor).cast("decimal(20,0)") * F.col("fen_per_minor"), 0).try_cast("bigint")
    return F.when(F.col("currency") == "CNY", F.col(minor)).otherwise(foreign)

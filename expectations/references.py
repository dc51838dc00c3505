"""Reference data that checks need: currencies and central parities, from conf/ref/*.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from lake.errors import ConfigError
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
def account_patterns() -> dict[str, str]:
    """Bank -> pattern of its account numbers (ref_bank.acct_regex)."""
    return {r["bank_id"]: r["acct_regex"] for r in rows("ref_bank") if r["acct_regex"]}


@lru_cache
def due_daily() -> dict[str, tuple[str, ...]]:
    """Bank -> file types it owes for every day (ref_submission_plan)."""
    found: dict[str, list[str]] = {}
    for r in rows("ref_submission_plan"):
        if r["frequency"] == "daily":
            found.setdefault(r["bank_id"], []).append(r["file_type"])
    return {bank: tuple(types) for bank, types in found.items()}


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


def parities(fixed: Mapping[str, Decimal] | None = None) -> dict[str, tuple[tuple[date, Decimal], ...]]:
    """Currency -> its parities, each (first date, CNY fen of a minor unit), in force until the next one.

    `fixed`: currencies with one parity for all time (a foreign ledger's own currency at rate 1), in place of quoted ones.
    """
    found: dict[str, tuple[tuple[date, Decimal], ...]] = {}
    for r in rates():
        found[r.currency] = (*found.get(r.currency, ()), (r.first, r.fen_per_minor))
    return found | {c: ((date(1, 1, 1), fen),) for c, fen in (fixed or {}).items()}

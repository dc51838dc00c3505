"""Random tiles of a few firms with everything that can go wrong: gaps, nulls, zeros, ties, restatements, silent sources."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from features.vocabulary import vocabulary
from lake.arrow import arrow_schema
from lake.clock import add_months, known_at, latest_closed_month, month_end
from lake.schemas.derived import day_clock_columns, tile_columns
from lake.tables import table

AS_OF = date(2026, 9, 14)
Row = dict[str, Any]
SHANGHAI = ZoneInfo("Asia/Shanghai")
CATEGORIES = sorted(vocabulary().columns["fcat"])
KINDS = ("corp", "person", "gov")


def firm(i: int) -> str:
    return f"F{i:04d}"


def _tech(r: random.Random, as_of: date, history: bool = True) -> Row:
    """Known well before D, at D's knowledge or after it (then it must not be read)."""
    night = as_of - timedelta(days=r.choice([400, 30, 1, 0]))
    return {"available_at": known_at(night).replace(tzinfo=SHANGHAI), "tile_version": int(night.strftime("%Y%m%d")), "as_of": night}


def _amount(r: random.Random) -> int:
    return r.choice([0, 0, 1, 100, 5_000_000, 5_000_000, r.randrange(1, 10**9), r.randrange(1, 10**12)])


def _measure(r: random.Random, type_: str) -> Any:
    if r.random() < 0.05:
        return None
    if type_ == "double":
        return r.choice([0.0, r.random() * 30, r.random() * 1e8])
    return _amount(r) if type_ == "bigint" else r.choice([0, 0, 1, 2, r.randrange(0, 60)])


def _measures(r: random.Random, tile: str, skip: tuple[str, ...] = ()) -> Row:
    return {c["column"]: _measure(r, c["type_unit"].split()[0]) for c in tile_columns(tile) if c["column"] not in skip}


def _month_rows(r: random.Random, who: str, as_of: date) -> dict[str, list[Row]]:
    """Monthly flow tiles of one firm: dense from its first month, some months badly covered."""
    out: dict[str, list[Row]] = {"firm_month": [], "firm_category_month": [], "firm_counterparty_month": [], "network": []}
    last = latest_closed_month(as_of)
    length, bad = r.choice([0, 1, 3, 7, 14, 26, 26, 40]), r.choice([0, 0, 0, 0.15, 0.5])
    for back in range(length):
        month = add_months(last, -back)
        days = month_end(month).day
        covered = r.randrange(0, days) if r.random() < bad else days - r.choice([0, 0, 1, 6])
        base = {"firm_id": who, "month": month, **_tech(r, as_of)}
        row = _measures(r, "firm_month") | {"days_in_month": days, "days_covered": covered, "hist_months": min(length - back, 36)}
        out["firm_month"].append(base | row)
        for c in CATEGORIES:
            if r.random() < 0.5:
                out["firm_category_month"].append(base | {"category": c, "amt": _amount(r), "cnt": r.randrange(0, 9)} | _tech(r, as_of))
        if r.random() < 0.7:
            out["network"].append(base | _measures(r, "network") | _tech(r, as_of))
    out["firm_counterparty_month"] = _party_rows(r, who, as_of, length)
    return out


def _party_rows(r: random.Random, who: str, as_of: date, length: int) -> list[Row]:
    rows = []
    last = latest_closed_month(as_of)
    for k in range(r.choice([0, 1, 3, 12]) if length else 0):
        kind = r.choice(KINDS)
        who_else = {
            "cpty_id": f"C{r.randrange(100):02d}{k}", "cpty_kind": kind, "is_related": r.choice([True, False, False, None]),
            "region4": r.choice(["4501", "4403", None]), "industry2": r.choice(["C1", "F2", None]), "out_province": r.choice([True, False, None]),
            "first_in_month": r.choice([None, add_months(last, -r.randrange(0, 50))]),
            "first_out_month": r.choice([None, add_months(last, -r.randrange(0, 50))]),
        }  # fmt: skip
        size = r.choice([3_000_000, 10**9])
        often = r.choice([0.05, 0.2, 0.7, 0.97])
        for back in range(length):
            if r.random() < often:
                month = add_months(last, -back)
                flows = {
                    "in_amt": r.choice([0, size, _amount(r)]),
                    "in_cnt": r.choice([0, 1, 1, 3]),
                    "out_amt": r.choice([0, size, _amount(r)]),
                    "out_cnt": r.choice([0, 1, 4]),
                }
                rows.append({"firm_id": who, "month": month} | who_else | flows | _tech(r, as_of))
    return rows


def _tax_rows(r: random.Random, who: str, as_of: date) -> list[Row]:
    rows = []
    stop = r.choice([0, 0, 1, 5])
    for back in range(stop, stop + r.choice([0, 2, 13, 27])):
        month = add_months(as_of, -back)
        row = _measures(r, "tax_month", ("due_date",)) | {"due_date": r.choice([add_months(month, 1).replace(day=15)] * 6 + [None])}
        rows.append({"firm_id": who, "month": month} | row | _tech(r, as_of))
    return rows


def _loan_rows(r: random.Random, who: str, as_of: date) -> list[Row]:
    last = latest_closed_month(as_of)
    return [
        {"firm_id": who, "month": add_months(last, -back)} | _measures(r, "loan") | _tech(r, as_of)
        for back in range(r.choice([0, 3, 13, 25]))
        if r.random() < 0.9
    ]


def _day_rows(r: random.Random, who: str, as_of: date, days: int = 130) -> list[Row]:
    schema = arrow_schema(table("tile.firm_day"))
    names = [n for n in schema.names if n not in ("firm_id", "biz_date", "available_at", "tile_version", "as_of")]
    share = r.choice([0, 0.5, 0.97])
    money = {"close_bal", "op_in_amt"}
    floor = r.choice([0, 10**6, 10**10])
    return [
        {"firm_id": who, "biz_date": as_of - timedelta(days=back)}
        | {n: (_amount(r) + (floor if n == "close_bal" else 0) if n in money else 0) for n in names}
        | _tech(r, as_of)
        for back in range(days)
        if r.random() < share
    ]


def _bucket_rows(r: random.Random, who: str, as_of: date) -> list[Row]:
    types = {c["column"]: c["type_unit"].split()[0] for c in tile_columns("firm_month")}
    rows = []
    for bucket in range(r.choice([0, 1, 3, 3])):
        covered = r.choice([0, 10, 25, 30, 30])
        measures = {c: _measure(r, types[c]) if covered else None for c in day_clock_columns("fm")}
        cats = {f"cat_{c}_amt": _amount(r) if covered else None for c in day_clock_columns("fcat")}
        rows.append(
            {"firm_id": who, "snapshot_date": as_of, "bucket": bucket}
            | measures
            | cats
            | {"days_in_month": 30, "days_covered": covered}
            | _tech(r, as_of)
        )
    return rows


def _event_rows(r: random.Random, who: str, as_of: date) -> list[Row]:
    rows = []
    for k in range(r.choice([0, 0, 1, 6])):
        published = as_of - timedelta(days=r.choice([-3, 0, 10, r.randrange(0, 900), 2500]))
        ends = r.choice([None, published + timedelta(days=r.randrange(1, 800))])
        kind = r.choice(["case_def", "case_pla", "judgment_lost", "enforcement", "dishonest", "restriction", "freeze"])
        rep = kind in ("enforcement", "dishonest", "restriction") and r.random() < 0.4
        term = (
            {"rep_from": r.choice([None, date(2015, 1, 1)]), "rep_to": r.choice([None, as_of - timedelta(days=r.choice([10, 1500]))])}
            if rep
            else {"rep_from": None, "rep_to": None}
        )
        rows.append({
            "event_id": f"{who}-{k}", "firm_id": who, "event_type": kind, "cause_group": r.choice(["loan", "sales", "labor", "other", None]),
            "via": "rep" if rep else "firm", "publish_date": published, "start_date": published if kind == "freeze" else None, "end_date": ends,
            "amount": r.choice([None, _amount(r), 5_000_000]), **term, **_tech(r, as_of),
        })  # fmt: skip
    return rows


def _change_rows(r: random.Random, who: str, as_of: date) -> list[Row]:
    kinds = ["legal_rep", "shareholder", "address", "capital_decrease", "abnormal", "penalty", "equity_pledge"]
    return [
        {
            "event_id": f"{who}+{k}",
            "firm_id": who,
            "kind": r.choice(kinds),
            "event_date": as_of - timedelta(days=r.randrange(-5, 900)),
            "end_date": None,
        }
        | _tech(r, as_of)
        for k in range(r.choice([0, 2, 5]))
    ]


def _registration(r: random.Random, who: str, as_of: date) -> Row:
    covered = {c: r.random() < 0.8 for c in ("tax_covered", "court_covered", "loan_covered", "registry_covered")}
    place = {"industry_section": r.choice(["C", "F", None]), "size_class": r.choice(["MICRO", "SMALL"]), "status": "ACTIVE"}
    skip = ("industry_section", "size_class", "status", *covered)
    tech = {"available_at": known_at(as_of).replace(tzinfo=SHANGHAI), "tile_version": int(as_of.strftime("%Y%m%d")), "as_of": as_of}
    return {"firm_id": who, "snapshot_date": as_of} | _measures(r, "registration", skip) | place | covered | tech


def _versions(r: random.Random, rows: list[Row], as_of: date) -> list[Row]:
    """The rows, some with a later version that is known only after D, some restated before it."""
    found = []
    for row in rows:
        found.append(row)
        if r.random() < 0.1:
            later = as_of + timedelta(days=5)
            wrong = {k: 7 for k in ("op_in_amt", "amt", "in_amt", "bal", "vat_sales", "amount") if k in row}
            found.append(
                row | wrong | {"available_at": datetime(later.year, later.month, later.day, tzinfo=SHANGHAI), "tile_version": 20991231}
            )
        if r.random() < 0.1:
            found.append(row | {"tile_version": 20100101} | {k: 9 for k in ("op_in_amt", "amt", "in_amt") if k in row})
    r.shuffle(found)
    return found


def random_rows(seed: int, firms: int, as_of: date = AS_OF) -> dict[str, list[Row]]:
    """Rows per tile (all tiles) of `firms` firms as of one snapshot."""
    r = random.Random(seed)
    rows: dict[str, list[Row]] = {t.removeprefix("tile."): [] for t in TILES}
    for i in range(firms):
        who = firm(i)
        for name, found in _month_rows(r, who, as_of).items():
            rows[name] += found
        rows["tax_month"] += _tax_rows(r, who, as_of)
        rows["loan"] += _loan_rows(r, who, as_of)
        rows["firm_day"] += _day_rows(r, who, as_of)
        rows["firm_bucket"] += _bucket_rows(r, who, as_of)
        rows["court_event"] += _event_rows(r, who, as_of)
        rows["registration_event"] += _change_rows(r, who, as_of)
    rows = {name: _versions(r, found, as_of) for name, found in rows.items()}
    rows["registration"] = [_registration(r, firm(i), as_of) for i in range(firms)]
    return rows


def night_rows(seed: str, firms: list[str], as_of: date) -> dict[str, list[Row]]:
    """What every night brings: a day and three buckets of each firm, and a court event of some."""
    r = random.Random(seed)
    rows: dict[str, list[Row]] = {
        "firm_day": [row for who in firms for row in _day_rows(r, who, as_of, 1)],
        "firm_bucket": [row for who in firms for row in _bucket_rows(r, who, as_of)],
    }
    return rows | {"court_event": [row for who in r.sample(firms, 3) for row in _event_rows(r, who, as_of)]}


TILES = (
    "tile.firm_month", "tile.firm_day", "tile.firm_bucket", "tile.firm_counterparty_month", "tile.firm_category_month", "tile.tax_month",
    "tile.court_event", "tile.registration", "tile.registration_event", "tile.loan", "tile.network",
)  # fmt: skip


def arrow(name: str, rows: list[Row]) -> pa.Table:
    """Rows of a tile as Arrow in the registry's schema (naive dates stay dates)."""
    return pa.Table.from_pylist(rows, schema=arrow_schema(table(f"tile.{name}")))


def tables(rows: dict[str, list[Row]]) -> dict[str, pa.Table]:
    """All tiles as Arrow."""
    return {name: arrow(name, found) for name, found in rows.items()}

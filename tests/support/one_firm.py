"""One firm's tiles written as short lists, for the spec tests: months newest first, money in fen."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import random_tiles as tile_support

from features import engine, formula, reference
from features.batch import Batch, Bucket
from features.compiled import tiles_of
from lake.clock import add_months, latest_closed_month, month_end
from lake.schemas.derived import day_clock_columns, tile_columns

D = date(2026, 9, 14)
LAST = latest_closed_month(D)  # 2026-08
FIRM = "F1"
Row = dict[str, Any]


def month(back: int) -> date:
    """First day of the closed month `back` months before month 0."""
    return add_months(LAST, -back)


def flow(covered: list[int] | int = 12, **columns: list[Any]) -> list[Row]:
    """firm_month rows; `covered` is a number of fully covered months or the covered days per month (None: no row)."""
    days = [31] * covered if isinstance(covered, int) else covered
    rows = []
    for back, d in enumerate(days):
        if d is None:
            continue
        m = month(back)
        row = {c["column"]: None for c in tile_columns("firm_month")} | {"op_in_amt": 0, "op_out_amt": 0, "in_amt": 0, "out_amt": 0}
        row |= {"days_in_month": month_end(m).day, "days_covered": min(d, month_end(m).day), "hist_months": len(days) - back}
        row |= {name: values[back] if back < len(values) else None for name, values in columns.items()}
        rows.append({"firm_id": FIRM, "month": m} | row)
    return rows


def category(name: str, amounts: list[int | None]) -> list[Row]:
    """firm_category_month rows of one category; None = no row. The count is the amount."""
    return [{"firm_id": FIRM, "month": month(b), "category": name, "amt": a, "cnt": a} for b, a in enumerate(amounts) if a is not None]


def party(cpty: str, amounts: list[int], column: str = "in_amt", first_back: int | None = None, **attributes: Any) -> list[Row]:
    """firm_counterparty_month rows of one counterparty, newest month first; 0 = no row."""
    base: Row = {"cpty_kind": "corp", "is_related": False, "region4": None, "industry2": None, "out_province": None} | attributes
    rows = []
    for back, amount in enumerate(amounts):
        if amount:
            flows = {"in_amt": 0, "in_cnt": 0, "out_amt": 0, "out_cnt": 0} | {column: amount}
            seen = month(first_back) if first_back is not None else None
            rows.append(
                {"firm_id": FIRM, "cpty_id": cpty, "month": month(back)} | flows | base | {"first_in_month": seen, "first_out_month": seen}
            )
    return rows


def monthly(tile: str, start: int = 0, **columns: list[Any]) -> list[Row]:
    """Rows of tax_month, loan or network; for taxes due on the 15th of the next month. A month is left out where all are '-'."""
    length = max(map(len, columns.values()))
    rows = []
    for back in range(length):
        values = {name: v[back] for name, v in columns.items()}
        if all(v == "-" for v in values.values()):
            continue
        m = month(back + start)
        row = {c["column"]: None for c in tile_columns(tile)} | {name: None if v == "-" else v for name, v in values.items()}
        row |= {"due_date": add_months(m, 1).replace(day=15)} if tile == "tax_month" else {}
        rows.append({"firm_id": FIRM, "month": m} | row)
    return rows


def days(column: str, values: list[int | None]) -> list[Row]:
    """firm_day rows, D first; None = no row."""
    return [{"firm_id": FIRM, "biz_date": D - timedelta(days=k), column: v} for k, v in enumerate(values) if v is not None]


def buckets(covered: list[int], **columns: list[Any]) -> list[Row]:
    """firm_bucket rows."""
    names = [*day_clock_columns("fm"), *(f"cat_{c}_amt" for c in day_clock_columns("fcat"))]
    rows = []
    for b, d in enumerate(covered):
        row = dict.fromkeys(names) | {"days_in_month": 30, "days_covered": d} | {name: v[b] for name, v in columns.items()}
        rows.append({"firm_id": FIRM, "snapshot_date": D, "bucket": b} | row)
    return rows


def event(kind: str, published: date, number: int = 0, **facts: Any) -> Row:
    """One court event of the firm."""
    none = dict.fromkeys(("cause_group", "rep_from", "rep_to", "start_date", "end_date", "amount"))
    return (
        {"event_id": f"{kind}{published}{number}", "firm_id": FIRM, "event_type": kind, "via": "firm", "publish_date": published}
        | none
        | facts
    )


def change(kind: str, on: date) -> Row:
    """One change in the register."""
    return {"event_id": f"{kind}{on}", "firm_id": FIRM, "kind": kind, "event_date": on, "end_date": None}


def registered(**facts: Any) -> list[Row]:
    covered = dict.fromkeys(("tax_covered", "court_covered", "loan_covered", "registry_covered"), True)
    place = {"industry_section": "C", "size_class": "MICRO", "status": "ACTIVE"}
    row = {c["column"]: None for c in tile_columns("registration") if c["column"] not in (*covered, *place)}
    return [{"firm_id": FIRM, "snapshot_date": D} | row | place | covered | facts]


def both(text: str, tiles: dict[str, list[Row]], clock: str = "month") -> tuple[float | None, float | None]:
    """Value of a formula for the firm by the kernels and by the reference."""
    tree = formula.parse(text, "spec")
    calendar = "day" if clock == "day" else "tax" if "tax_month" in tiles_of(tree) else "closed"
    whole = {name.removeprefix("tile."): [] for name in tile_support.TILES} | {"registration": registered()} | tiles
    batch = Batch(Bucket.of(tile_support.tables(whole)), D)
    fast = float(engine.Engine(batch).value(tree, calendar)[0])
    slow = reference.evaluate(tree, reference.Firm.of(whole, FIRM, D), calendar)
    return None if np.isnan(fast) else fast, None if slow is None else float(slow)

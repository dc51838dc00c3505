"""Random tiles of consecutive nights: what each night learns, as the tiles job would write it, in a partition of its own.

Nights cross the close of a month and a tax due date; firms come and go, months are restated, a source stops covering a firm.
"""

from __future__ import annotations

import random
from datetime import date

import random_tiles
from random_tiles import SHANGHAI, Row

from lake.clock import add_months, cut_off, latest_closed_month

MONTHLY = ("firm_month", "firm_category_month", "firm_counterparty_month", "tax_month", "loan", "network")
NIGHTS = tuple(date(2026, 9, d) for d in (2, 3, 5, 6, 19, 20))
"""The 5th closes August for every firm; the returns of August are due on the 15th and may be read from the 20th on."""


def learnt(night: date) -> Row:
    """Technical columns of a row that `night` learns."""
    return {"available_at": cut_off(night).replace(tzinfo=SHANGHAI), "tile_version": int(night.strftime("%Y%m%d")), "as_of": night}


def next_night(seed: int, rows: dict[str, list[Row]], night: date, restated: int = 2) -> dict[str, list[Row]]:
    """Rows that `night` adds to `rows` (all nights before it): the snapshot's own tiles, the month it closes, taxes, a new firm
    instead of one that vanished, and `restated` firms of which one tile each gets a changed row."""
    r = random.Random(f"{seed} {night}")
    new: dict[str, list[Row]] = {name: [] for name in rows}
    last = max(row["snapshot_date"] for row in rows["registration"])
    before = [row for row in rows["registration"] if row["snapshot_date"] == last]
    gone, other = r.sample(before, 2)
    for row in before:
        if row is not gone:
            flag = {"tax_covered": not row["tax_covered"]} if row is other else {}
            new["registration"].append(row | flag | {"snapshot_date": night} | learnt(night))
    fresh = random_tiles.random_rows(seed + night.toordinal(), 1, night)
    newcomer = f"N{night:%m%d}"
    for name, found in fresh.items():
        new[name] += [row | {"firm_id": newcomer} | learnt(night) for row in found]
    firms = [row["firm_id"] for row in new["registration"]]
    for name, found in random_tiles.night_rows(f"{seed} {night} day", firms, night).items():
        new[name] += [row | learnt(night) for row in found]
    for who, name in zip(r.sample(firms, restated), r.sample(MONTHLY, restated)):
        if mine := [row for row in rows[name] if row["firm_id"] == who]:
            wrong = {k: r.randrange(10**9) for k in ("op_in_amt", "amt", "in_amt", "bal", "vat_sales", "n_related") if k in mine[0]}
            new[name].append(r.choice(mine) | wrong | learnt(night))
    month = latest_closed_month(night)
    if month != latest_closed_month(last):
        for name in ("firm_month", "firm_category_month", "network"):
            latest = [row for row in rows[name] if row["month"] == add_months(month, -1)]
            new[name] += [row | {"month": month} | learnt(night) for row in latest]
    return new

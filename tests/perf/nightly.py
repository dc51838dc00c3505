"""Tiles of the night after the simulator's: snapshot tiles of the next day, and a share of the firms with a restated month."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from lake import files
from lake.clock import SHANGHAI, add_months, cut_off, latest_closed_month
from lake.settings import Settings
from lake.store import open_table, uri

SNAPSHOT = ("registration", "firm_bucket")
MONTHLY = ("firm_month", "firm_category_month", "firm_counterparty_month")
SEED = 7


def _instant(when: datetime) -> str:
    return f"make_timestamptz({int(when.replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)})"


def next_night(settings: Settings, last: date, share: float) -> date:
    """Write the tiles that the night after `last` learns; `share` of the firms has the rows of one month again, with other amounts."""
    night = last + timedelta(days=1)
    known = f"{_instant(cut_off(night))} AS available_at, {night:%Y%m%d} AS tile_version"
    month = add_months(latest_closed_month(night), -1)
    touched = f"hash(firm_id || '{SEED}') % 1000000 < {round(share * 1_000_000)}"
    work = settings.folder("run") / "next_night"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    con = duckdb.connect(config={"threads": 2})
    for name in (*SNAPSHOT, *MONTHLY):
        files_now = open_table(uri(settings, f"tile.{name}")).file_uris()
        listed = [f.removeprefix("file://") for f in files_now if f"as_of={night}" not in f]
        rows = f"read_parquet({listed}, hive_partitioning = false)"
        if name in SNAPSHOT:
            query = f"SELECT * REPLACE (DATE '{night}' AS snapshot_date, {known}) FROM {rows} WHERE snapshot_date = DATE '{last}'"
        else:
            amount = "amt" if name == "firm_category_month" else "in_amt"
            query = f"SELECT * REPLACE ({amount} + 100 AS {amount}, {known}) FROM {rows} WHERE month = DATE '{month}' AND {touched}"
        file = work / f"{name}.parquet"
        con.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
        files.publish(settings, f"tile.{name}", [Path(file)], as_of=night)
    shutil.rmtree(work)
    return night

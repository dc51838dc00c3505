"""Job `tiles`: silver of the night (or of the history) into the tiles.

Reads silver.* and the tiles of earlier nights; writes tile.*, partition as_of. A night D writes the days accepted since the
last tiles night, the months that closed since then or were restated, tax, court, registry and loan tiles of firms with new
records, and the snapshot tiles of D. A history load H writes the same tables as the nights before it would have, each row
with the knowledge time of its night, without the snapshot tiles (`snapshots` makes those for chosen dates). A rerun of
D replaces what it wrote with the same rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from jobs.runner import Report
from jobs.tiles_days import FIRM_DAY, Shared, days_of, touched_days, wanted_months, write_days
from jobs.tiles_lake import tile_lake
from jobs.tiles_months import write_months
from jobs.tiles_network import write_network
from jobs.tiles_outside import write_court, write_loans, write_registration_events, write_tax
from jobs.tiles_read import Night, first_month, rows_written, this_night
from jobs.tiles_snapshots import write_snapshots
from lake.io import Lake

log = logging.getLogger(__name__)
WRITERS = 2
"""Tables written at a time: commits wait for the disk while another table computes."""


def run(lake: Lake, as_of: date, *, history: bool = False) -> Report:
    """Build the tiles of night `as_of`, or of the whole history up to it. Report.rows counts the tile rows written."""
    started = time.monotonic()
    with tile_lake(lake, small=not history) as short:
        written = _write_all(this_night(short, as_of, history=history))
        log.info("phase=tiles as_of=%s seconds=%.1f", as_of, time.monotonic() - started)
        if not history:
            written += write_snapshots(short, [as_of])
    counts = {name: rows_written(lake, name, [as_of]) for name in written}
    return Report(rows=sum(counts.values()), detail={"rows": counts, "seconds": round(time.monotonic() - started, 1)})


def _write_all(night: Night) -> list[str]:
    first = first_month(night)
    written: list[str] = []
    tasks: list[Callable[[], list[str]]] = [
        lambda: write_loans(night, first),
        lambda: write_tax(night),
        lambda: write_court(night) + write_registration_events(night),
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        outside = [pool.submit(task) for task in tasks]
        if first is not None:
            written += _write_flows(night, first)
        return written + [name for task in outside for name in task.result()]


def snapshots(lake: Lake, dates: list[date]) -> Report:
    """Build registration, firm_bucket and firm_state of past snapshot dates, one commit per table; partition as_of = D."""
    with tile_lake(lake, small=False) as short:
        written = write_snapshots(short, sorted(set(dates)))
    counts = {name: rows_written(lake, name, dates) for name in written}
    return Report(rows=sum(counts.values()), detail={"rows": counts, "dates": [d.isoformat() for d in sorted(set(dates))]})


def _write_flows(night: Night, first: date) -> list[str]:
    touched = touched_days(night)
    touched = touched.persist() if touched is not None else None
    days = days_of(touched) if touched is not None else []
    shared = write_days(night, touched, min(days, default=first))
    firms = wanted_months(night, touched, days, first)
    firms = firms.persist() if firms is not None else None
    written = [FIRM_DAY, *write_months(night, firms, shared), *write_network(night, touched, days, first)]
    if firms is not None:
        firms.unpersist()
    for frame in (touched, shared):
        if isinstance(frame, Shared):
            frame.release()
        elif frame is not None:
            frame.unpersist()
    return written

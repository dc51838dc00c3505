"""The simulator in memory: `python -m tests.perf.simulator` prints one JSON line about the booked rows of a preset.

{rows, seconds, processor_seconds, peak_mb}: transactions generated with their balances in a new process, firms and states included,
from the first import on. The checksum reads every column, so nothing is left out; nothing is written.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

STARTED = time.monotonic()


def generated(preset_name: str, firms: int | None, work: Path) -> int:
    """Transactions of a preset, generated block by block and added up."""
    from concurrent.futures import ThreadPoolExecutor

    from simulator import province
    from simulator.database import THREADS, connect
    from simulator.params import preset

    p = preset(preset_name, firms=firms)
    with connect(work) as con, ThreadPoolExecutor(THREADS) as pool:
        province.generate(con, p)

        def rows(months: tuple[int, int]) -> int:
            with con.cursor() as cursor:
                province.book(cursor, p, *months)
                found = cursor.execute("SELECT count(seq), sum(hash(booked)) FROM booked").fetchone()
            assert found is not None
            return int(found[0])

        return sum(pool.map(rows, province.blocks(p)))


def main() -> None:
    from simulator.params import PRESETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="ci")
    parser.add_argument("--firms", type=int)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = generated(args.preset, args.firms, Path(folder))
    seconds, used = time.monotonic() - STARTED, resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "rows": rows,
        "seconds": round(seconds, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": used.ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

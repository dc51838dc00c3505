"""The simulator in memory: `python -m tests.perf.simulator` prints one JSON line {seconds, rows} of the booked rows of a preset.

The checksum reads every column, so nothing is left out of the plan; nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from simulator import province
from simulator.params import PRESETS, preset
from simulator.session import spark_session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="ci")
    parser.add_argument("--firms", type=int)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spark = spark_session(Path(folder), partitions=8)
        started = time.monotonic()
        booked = province.generate(spark, preset(args.preset, firms=args.firms)).booked
        rows = booked.selectExpr("count(seq)", f"sum(CAST(xxhash64({', '.join(booked.columns)}) AS DECIMAL(38, 0)))").first()
        seconds = time.monotonic() - started
        spark.stop()
    sys.stdout.write(json.dumps({"seconds": round(seconds, 1), "rows": rows[0]}) + "\n")


if __name__ == "__main__":
    main()

"""The simulator in memory: `python -m tests.perf.simulator` prints one JSON line about the booked rows of a preset.

{rows, seconds, warm_rows, warm_seconds}: transactions generated with their balances, firms and states included; `warm` is a second
province (the next seed) in the same process, whose code Java has compiled. The checksum reads every column, so nothing is left out
of the plan; nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pyspark.sql import SparkSession

from simulator import province
from simulator.params import PRESETS, Params, preset
from simulator.session import spark_session


def generated(spark: SparkSession, p: Params) -> tuple[int, float]:
    """Transactions of `p` and the seconds it took to generate them."""
    started = time.monotonic()
    booked = province.generate(spark, p).booked
    checksum = f"sum(CAST(xxhash64({', '.join(booked.columns)}) AS DECIMAL(38, 0)))"
    (rows, _sum) = booked.selectExpr("count(seq)", checksum).collect()[0]
    return rows, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="ci")
    parser.add_argument("--firms", type=int)
    args = parser.parse_args()
    p = preset(args.preset, firms=args.firms)
    with tempfile.TemporaryDirectory() as folder:
        spark = spark_session(p, Path(folder))
        rows, seconds = generated(spark, p)
        warm_rows, warm_seconds = generated(spark, replace(p, seed=p.seed + 1))
        spark.stop()
    found = {"rows": rows, "seconds": round(seconds, 1), "warm_rows": warm_rows, "warm_seconds": round(warm_seconds, 1)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

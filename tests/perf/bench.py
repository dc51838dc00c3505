"""`make bench`: figures as JSON lines, each with its peer from the same run on the same data.

`python -m tests.perf.bench [--only NAME]`. Every line has bench, seconds, rows, rows_per_second, peak_mb where it is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def line(bench: str, seconds: float, rows: int | None = None, **more: object) -> None:
    """One figure."""
    out: dict[str, object] = {"bench": bench, "seconds": round(seconds, 2)}
    if rows:
        out |= {"rows": rows, "rows_per_second": int(rows / seconds)}
    sys.stdout.write(json.dumps(out | more, default=str) + "\n")
    sys.stdout.flush()


def run(*command: str, home: Path) -> float:
    """Wall seconds of `python -m command`; its output is shown when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=os.environ | {"LIUSHUI_HOME": str(home)}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return time.monotonic() - started


def bank_day(args: argparse.Namespace) -> None:
    """pull + check of one bank-day file of 1 M rows, beside a plain Parquet scan-and-aggregate of the same rows."""
    import duckdb

    from tests.perf.bank_day import BANK, write

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write(home / "landing" / "banks", args.rows)
        pulled = run("jobs", "pull", "flows", "--bank", BANK, "--as-of", "2026-09-14", home=home)
        line("bank_day.pull", pulled, args.rows)
        checked = run("jobs", "check", "flows", "--as-of", "2026-09-14", home=home)
        line("bank_day.check", checked, args.rows)
        started = time.monotonic()
        con = duckdb.connect()
        con.execute("SET threads = 2")
        scan = f"SELECT dr_cr, count(*), sum(try_cast(amount AS DECIMAL(20, 4))) FROM '{home}/staging/flows/**/bank_txn.parquet' GROUP BY 1"
        found = con.execute(scan).fetchall()
        peer = time.monotonic() - started
        if sum(x[1] for x in found) != args.rows:
            sys.exit(f"bank_day: expected {args.rows} staged rows, found {found}")
        line("bank_day.peer_parquet_scan", peer, args.rows)
        line("bank_day.pull_and_check", pulled + checked, args.rows, ratio_to_peer=round((pulled + checked) / peer, 1), limit_seconds=60)


def simulator(args: argparse.Namespace) -> None:
    """The province of a preset in memory, and into files, records and truth."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.perf.simulator", "--preset", args.preset], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    found = json.loads(made.stdout.splitlines()[-1])
    used = {k: found[k] for k in ("processor_seconds", "peak_mb")}
    line("simulator.memory", found["seconds"], found["rows"], preset=args.preset, **used, limit_rows_per_second=1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        command = [sys.executable, "-m", "simulator", "--preset", args.preset, "--seed", "7", "--out", folder]
        made = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.monotonic() - started
        rows = sum(json.loads(x.read_text())["row_cnt"] for x in Path(folder).glob("landing/banks/*/*.ok"))
        steps = {k: float(v.removesuffix("s")) for k, v in (x.split("=") for x in made.stdout.split())}
        # from firms and months in memory to packed files, the rows drawn on the way; the records of the other sources are written beside them
        written = steps["rows_and_files"] + steps["control_files"]
        line("simulator.files", written, rows, preset=args.preset, limit_rows_per_second=250_000)
        line("simulator.all", seconds, rows, preset=args.preset)


def indicators(args: argparse.Namespace) -> None:
    """A full pass, then the night after it with 1 % of the firms restated; the firm_month indicators beside Spark and DuckDB."""
    from lake.settings import load_settings
    from tests.perf import firm_month, measure, nightly

    n = args.firms
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        home = Path(folder)
        run("simulator", "tiles", "--firms", str(n), "--months", "24", "--out", str(home), home=home)
        settings = load_settings("local", home)
        first = firm_month.AS_OF
        full = measure.run("jobs", "indicators", "--as-of", str(first), home=home)
        limits = {"limit_seconds": 480} if n >= 420_000 else {}
        shown = {"firms": n, "microseconds_per_firm": int(full.seconds / n * 1e6), "phases": phases(settings)}
        line("indicators.full", full.seconds, n, **shown, peak_mb=full.peak_mb, limit_mb=14_336, **limits)
        night = nightly.next_night(settings, first, 0.01)
        part = measure.run("jobs", "indicators", "--as-of", str(night), home=home)
        limits = {"limit_seconds": 120} if n >= 420_000 else {}
        shown = {"firms": n, "ratio_to_full": round(part.seconds / full.seconds, 2), "phases": phases(settings)}
        line("indicators.night", part.seconds, n, **shown, peak_mb=part.peak_mb, **limits)
        ways = {way: measure.run("tests.perf.firm_month", way, home=home) for way in firm_month.WAYS}
        seconds = {way: json.loads(x.out.splitlines()[-1])["seconds"] for way, x in ways.items()}
        best, count = min(seconds["spark"], seconds["duckdb"]), len(firm_month.chosen())
        for way, x in ways.items():
            line(f"firm_month.{way}", seconds[way], n, indicators=count, peak_mb=x.peak_mb)
        other = firm_month.differences(settings)
        line(
            "firm_month",
            seconds["engine"],
            n,
            times_faster_than_the_better=round(best / seconds["engine"], 2),
            limit=1.5,
            other_values=other,
        )


def phases(settings: object) -> dict[str, object]:
    """What the last run of `indicators` says of itself in ops.run."""
    from lake import store

    rows = store.read(settings, "ops.run", columns=["job", "at", "detail"]).to_pylist()  # type: ignore[arg-type]
    detail = json.loads(max((r for r in rows if r["job"] == "indicators"), key=lambda r: r["at"])["detail"])
    return {k: detail[k] for k in ("pass", "why", "firms_whole", "firms_checked", "seconds")}


def retrieval(args: argparse.Namespace) -> None:
    """A training frame of 70,000 firms x 370 over 12 monthly snapshots, beside Feast's Spark store on the same tables."""
    from tests.perf import measure

    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        home, n = Path(folder), str(args.sample)
        measure.run("tests.perf.retrieval", "make", n, home=home)
        found = {way: measure.run("tests.perf.retrieval", way, n, home=home) for way in ("ours", "spark")}
        told = {way: json.loads(x.out.splitlines()[-1]) for way, x in found.items()}
        if any(told["ours"][k] != told["spark"][k] for k in ("rows", "filled")):
            sys.exit(f"retrieval: the two stores differ: {told}")
        line("retrieval.ours", told["ours"]["seconds"], args.sample, peak_mb=found["ours"].peak_mb, limit_seconds=12, limit_mb=3_072)
        ratio = round(told["spark"]["seconds"] / told["ours"]["seconds"], 1)
        line("retrieval.feast_spark", told["spark"]["seconds"], args.sample, peak_mb=found["spark"].peak_mb, times_slower=ratio)


BENCHES: dict[str, Callable[[argparse.Namespace], None]] = {
    "bank_day": bank_day, "simulator": simulator, "indicators": indicators, "retrieval": retrieval,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--firms", type=int, default=42_000)
    parser.add_argument("--sample", type=int, default=70_000, help="firms of the training frame")
    parser.add_argument("--preset", default="ci")
    parser.add_argument("--work", type=Path, help="folder for the homes of the benches (default: the system's)")
    args = parser.parse_args()
    for name, bench in BENCHES.items():
        if args.only in (None, name):
            bench(args)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    line("peak_of_one_process", 0, peak_mb=int(peak))


if __name__ == "__main__":
    main()

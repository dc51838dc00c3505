"""The indicators of firm_month that are plain aggregates, three ways over the same tiles: `python -m tests.perf.firm_month WAY`.

Ours is the engine (spread the tile over buckets, kernels in Spark's workers), the others are the SQL of the catalogue's pages in
one groupBy with conditional aggregates: in Spark, and in DuckDB. Each runs twice in its own process and tells the second run, so
that nobody pays for starting; each writes its values to Parquet.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features import compiled, formula, intake, sql_form
from features.batch import COVERED_SHARE
from features.compiled import Compiled
from features.series import MONTHS
from lake.settings import Settings, load_settings
from lake.store import open_table, uri

AS_OF = date(2026, 9, 14)


def chosen() -> list[Compiled]:
    """By closed months of firm_month, with a SQL form; runs up to now need a row for months that are not there."""
    return [
        c for c in compiled.load()
        if c.calendar == "closed" and c.tiles == {"firm_month"} and sql_form.has_form(c) and not c.peers and "currun" not in c.indicator.formula
    ]  # fmt: skip


def sql(firm_month: str) -> str:
    """One statement over a relation of firm_month rows, in DuckDB's words."""
    selected, derived, columns = [], {}, set()
    for c in chosen():
        expression, rows = sql_form.select(c) or ("", {})
        selected.append(f"{expression} AS {c.indicator.name}")
        derived |= rows
        columns |= {name for _, name in formula.columns(c.tree)}
    known = f"days_covered >= {COVERED_SHARE} * days_in_month"
    read = [f"CAST({n if n == 'hist_months' else f'CASE WHEN {known} THEN {n} END'} AS DOUBLE) AS {n}" for n in sorted(columns)]
    j = f"({AS_OF.year * 12 + AS_OF.month - 2} - (year(month) * 12 + month(month) - 1))"
    m = f"SELECT firm_id, {j} AS j, month, {known} AS covered, {', '.join(read)} FROM {firm_month} WHERE {j} BETWEEN 0 AND {MONTHS - 1}"
    s = ", ".join(["*", *(f"{x} AS {name}" for name, x in derived.items())])
    return f"WITH m AS ({m}), s AS (SELECT {s} FROM m) SELECT firm_id, {', '.join(selected)} FROM s GROUP BY firm_id"


def _files(settings: Settings) -> list[str]:
    return [f.removeprefix("file://") for f in open_table(uri(settings, "tile.firm_month")).file_uris() if f"as_of={AS_OF}" in f]


def by_duckdb(settings: Settings, out: Path) -> Callable[[], Any]:
    con = duckdb.connect(config={"threads": 2})
    query = sql(f"read_parquet({_files(settings)}, hive_partitioning = false)")
    return lambda: con.execute(f"COPY ({query}) TO '{out}/duckdb.parquet' (FORMAT parquet, COMPRESSION lz4)")


def by_spark(settings: Settings, out: Path) -> Callable[[], Any]:
    from lake.session import spark_session

    spark = spark_session(settings)
    spark.read.parquet(*_files(settings)).createOrReplaceTempView("fm")
    query = re.sub(r"FILTER \(", "FILTER (WHERE ", sql("fm")).replace("quantile_cont(", "percentile(")
    return lambda: spark.sql(query).write.mode("overwrite").option("compression", "zstd").parquet(str(out / "spark.parquet"))


def by_engine(settings: Settings, out: Path) -> Callable[[], Any]:
    from features.compute import scratch
    from jobs import indicators, indicators_plan
    from lake.io import Lake
    from lake.session import spark_session

    lake, plan = Lake(spark_session(settings), settings), indicators_plan.full(chosen(), "bench")

    def once() -> None:
        with scratch(str(out / "engine")) as folder:
            found = {t: intake.tile_files(settings, t, [AS_OF], chosen()) for t in ("registration", "firm_month")}
            tiles = {t: f for t, f in found.items() if f is not None}
            passes = indicators._passes(lake, f"{folder}/", (AS_OF,), tiles, plan, intake.count_firms(tiles["registration"], folder))
            indicators._gather(lake, passes)
            indicators._compute(lake, passes)
            Path(passes[0].folder, "_values").rename(out / f"engine-{time.monotonic_ns()}")

    return once


WAYS = {"engine": by_engine, "spark": by_spark, "duckdb": by_duckdb}


def main() -> None:
    settings = load_settings()
    out = settings.folder("run") / "firm_month"
    out.mkdir(parents=True, exist_ok=True)
    once = WAYS[sys.argv[1]](settings, out)
    once()
    started = time.monotonic()
    once()
    sys.stdout.write(json.dumps({"seconds": time.monotonic() - started, "indicators": len(chosen())}) + "\n")


def differences(settings: Settings) -> dict[str, int]:
    """Values of the other ways that are not the engine's (relative 1e-6), after all three have run."""
    out = settings.folder("run") / "firm_month"
    con = duckdb.connect()
    newest = sorted(out.glob("engine-*"))[-1]
    found = {}
    for way in ("spark", "duckdb"):
        path = out / (f"{way}.parquet/*.parquet" if way == "spark" else f"{way}.parquet")
        far = " + ".join(
            f"count(*) FILTER (e.{n} IS DISTINCT FROM w.{n} AND NOT coalesce(abs(e.{n} - w.{n}) <= 1e-6 * greatest(abs(e.{n}), 1e-6), false))"
            for n in (c.indicator.name for c in chosen())
        )
        query = f"SELECT {far} FROM read_parquet('{newest}/*.parquet') e JOIN read_parquet('{path}') w USING (firm_id)"
        found[way] = con.execute(query).fetchall()[0][0]
    return found


if __name__ == "__main__":
    main()

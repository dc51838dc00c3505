"""The Spark session of a simulator run: plain Spark, business time zone, no tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake.session import class_archive
from lake.settings import load_settings
from simulator.params import Params

# The expressions are long, so their methods are larger than the 8,000 bytes Java otherwise interprets for ever.
# The second compiler waits forty times as long as usual: it is worth its time for what runs per row, not for parser, planner and
# code generator, which are over before it has finished them. A heap that starts small is collected whole each time it grows.
JAVA_OPTIONS = (
    "-Duser.timezone=Asia/Shanghai -XX:+UseParallelGC -XX:-DontCompileHugeMethods -XX:ReservedCodeCacheSize=256m "
    "-XX:Tier4InvocationThreshold=200000 -XX:Tier4MinInvocationThreshold=24000 -XX:Tier4CompileThreshold=600000 -XX:Tier4BackEdgeThreshold=1600000 "
    "-XX:MetaspaceSize=256m"
)


def _java_options(scratch: Path) -> str:
    archive = class_archive(load_settings("local", scratch))
    if archive is None or not archive.is_file() or not archive.stat().st_size:
        return JAVA_OPTIONS
    return f"{JAVA_OPTIONS} -XX:SharedArchiveFile={archive} -Xlog:cds=off -Xlog:cds+dynamic=off"


def spark_session(p: Params, scratch: Path, cores: int = 2, memory: str = "3g") -> SparkSession:
    """A local session for a province of `p` whose temporary files lie below `scratch`."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    scratch.mkdir(parents=True, exist_ok=True)
    spark = (
        SparkSession.builder.appName("simulator")
        .master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        # about 100,000 firm-months each: a task costs more than the rows of a smaller one
        .config("spark.sql.shuffle.partitions", max(cores, round(p.firms * p.months / 100_000)))
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        # dimension tables of a large province still fit: account and counterparty texts
        .config("spark.sql.autoBroadcastJoinThreshold", "200m")
        # plans are written for the sizes at hand; re-planning each stage costs more than it saves here
        .config("spark.sql.adaptive.enabled", "false")
        # the expressions are long: methods of whole stages grow so large that Java spends more on compiling them than they save
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.driver.extraJavaOptions", _java_options(scratch))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def per_firm(df: DataFrame) -> DataFrame:
    """`df` computed now, its rows kept and broadcast where it is joined.

    Later plans start from the rows: with the way they came about in every plan, planning takes longer than the work.
    """
    return F.broadcast(df.localCheckpoint())

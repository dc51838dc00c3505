"""The Spark session of a simulator run: plain Spark, business time zone, no tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def spark_session(scratch: Path, cores: int = 2, memory: str = "3g", partitions: int = 12) -> SparkSession:
    """A local session whose temporary files lie below `scratch`."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    scratch.mkdir(parents=True, exist_ok=True)
    spark = (
        SparkSession.builder.appName("simulator")
        .master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.sql.shuffle.partitions", partitions)
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
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=Asia/Shanghai -XX:+UseParallelGC -XX:-DontCompileHugeMethods")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def per_firm(df: DataFrame) -> DataFrame:
    """`df` computed now, its rows kept and broadcast where it is joined.

    Later plans start from the rows: with the way they came about in every plan, planning takes longer than the work.
    """
    return F.broadcast(df.localCheckpoint())

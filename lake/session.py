"""The Spark session of a process; made by the command line and the test fixture only (it costs seconds, so one per process)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from lake.errors import ConfigError
from lake.settings import Settings

DELTA_COORDINATES = "io.delta:delta-spark_4.1_2.13:4.4.0"
# Java interprets methods of more than 8,000 bytes for ever; Spark generates many of them for wide rows: reading 3.6 million
# transactions takes 51 s without this option and 31 s with it
JAVA_OPTIONS = "-Duser.timezone=Asia/Shanghai -XX:+UseParallelGC -XX:-DontCompileHugeMethods"


def class_archive(settings: Settings) -> Path | None:
    """Where `make setup` puts the archive of Spark's loaded classes, beside the jars; starting with it saves 4 s of CPU a session."""
    jars = settings.spark.jars_dir
    return None if jars is None else jars.with_name("spark.jsa")


def _java_options(settings: Settings, night: bool) -> str:
    options, archive = [JAVA_OPTIONS], class_archive(settings)
    if night:
        options.append(settings.spark.night_java_options)
    if archive and archive.is_file() and archive.stat().st_size:
        # Java goes on without an archive that it cannot use (another Java, other jars), and need not tell
        options.append(f"-XX:SharedArchiveFile={archive} -Xlog:cds=off -Xlog:cds+dynamic=off")
    return " ".join(filter(None, options))


def spark_session(settings: Settings, app: str = "liushui", *, night: bool = False) -> SparkSession:
    """A session that reads and writes Delta, in business time (Asia/Shanghai); `night`: for the steps of one night."""
    s = settings.spark
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the workers take another Python without pyarrow
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    b = (
        SparkSession.builder.appName(app)
        .master(s.master)
        .config("spark.driver.memory", s.driver_memory)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.shuffle.partitions", s.shuffle_partitions)
        # default 50: every small commit would cost 10 s instead of 1.5 s
        .config("spark.databricks.delta.snapshotPartitions", 2)
        # part of the portable profile: readers other than Spark must understand every table
        .config("spark.databricks.delta.properties.defaults.enableDeletionVectors", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 20_000)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.warehouse.dir", str(settings.home / "run" / "spark-warehouse"))
        .config("spark.driver.extraJavaOptions", _java_options(settings, night))
    )
    if s.jars_dir is not None:
        jars = sorted(str(p) for p in s.jars_dir.glob("*.jar"))
        if not jars:
            raise ConfigError(f"no Delta jars in {s.jars_dir}. Run `make setup`, which fetches them once.")
        b = b.config("spark.jars", ",".join(jars))
    for key, value in s.conf.items():
        b = b.config(key, value)
    spark = b.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark

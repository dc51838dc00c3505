"""Fetch the Delta jars once into a folder, so that no later start needs the network, and archive Spark's classes beside it.

`python -m lake.jars DIR` lets Spark's own resolver (Ivy) fetch the Maven coordinates; what Spark brings itself is excluded.
`python -m lake.jars --archive` writes spark.jsa (Java's class data sharing): loading 20,000 classes takes 4 s of CPU without it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lake.io import local_rows
from lake.session import DELTA_COORDINATES, JAVA_OPTIONS, class_archive, spark_session
from lake.settings import load_settings

EXCLUDES = (
    "org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime,org.apache.parquet:parquet-hadoop,"
    "com.fasterxml.jackson.core:jackson-core,com.fasterxml.jackson.core:jackson-databind,com.fasterxml.jackson.core:jackson-annotations,"
    "com.fasterxml.jackson.datatype:jackson-datatype-jsr310,com.fasterxml.jackson.datatype:jackson-datatype-jdk8,"
    "org.slf4j:slf4j-api,org.apache.logging.log4j:log4j-slf4j2-impl,org.roaringbitmap:RoaringBitmap,org.scala-lang:scala-library,"
    "org.apache.parquet:parquet-column,org.apache.parquet:parquet-common,org.apache.parquet:parquet-encoding,org.apache.parquet:parquet-format-structures,org.apache.parquet:parquet-jackson"
)


def fetch(target: Path) -> list[Path]:
    """Resolve the Delta coordinates into `target`; returns the jars."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with tempfile.TemporaryDirectory() as ivy:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.jars.packages", DELTA_COORDINATES)
            .config("spark.jars.excludes", EXCLUDES)
            .config("spark.jars.ivy", ivy)
            .getOrCreate()
        )
        spark.stop()
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for jar in Path(ivy, "jars").glob("*.jar"):
            shutil.copy2(jar, partial / jar.name)
        partial.replace(target)
    return sorted(target.glob("*.jar"))


def archive() -> None:
    """Write the archive of the classes that a session loads for its first few queries."""
    settings = load_settings(home=tempfile.mkdtemp())
    target = class_archive(settings)
    assert target is not None
    options = f"{JAVA_OPTIONS} -XX:ArchiveClassesAtExit={target} -Xlog:cds=off -Xlog:cds+dynamic=off"
    spark_settings = settings.spark.model_copy(update={"conf": {"spark.driver.extraJavaOptions": options}})
    spark = spark_session(settings.model_copy(update={"spark": spark_settings}))
    rows = local_rows(spark, [("a", 1), ("b", 2)], "name string, n bigint")
    folder = str(settings.home / "delta")
    rows.groupBy("name").agg(F.sum("n").alias("n")).write.format("delta").save(folder)
    both = spark.read.format("delta").load(folder).join(rows.select("name"), "name")
    both.write.parquet(str(settings.home / "parquet"))
    java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    spark.stop()
    java.stdin.close()  # what ends Java; it writes the archive then
    java.wait(120)
    shutil.rmtree(settings.home)


if __name__ == "__main__":
    if sys.argv[1:] == ["--archive"]:
        archive()
    else:
        for path in fetch(Path(sys.argv[1])):
            sys.stdout.write(f"{path.name}\n")

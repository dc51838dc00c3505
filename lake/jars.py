"""Fetch the Delta jars once into a folder, so that no later start needs the network.

`python -m lake.jars DIR` lets Spark's own resolver (Ivy) fetch the Maven coordinates; what Spark brings itself is excluded.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

from lake.session import DELTA_COORDINATES

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


if __name__ == "__main__":
    for path in fetch(Path(sys.argv[1])):
        sys.stdout.write(f"{path.name}\n")

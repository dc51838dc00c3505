"""Intermediate results of one check on disk: written once, read as often as needed, counted from their footers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from lake import files

UNREPEATED = {f"parquet.enable.dictionary#{c}": "false" for c in ("txn_key", "txn_no", "key_hash", "row_no", "violation_id")}
"""Columns whose values hardly repeat: for them Parquet would build a dictionary and throw it away, a sixth of the time that transactions take."""


class Scratch:
    """A folder of Parquet frames by name; a new one starts empty."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def save(self, name: str, df: DataFrame) -> DataFrame:
        """Write `df` and return it as read back."""
        path = str(self._folder / name)
        df.write.mode("overwrite").options(**UNREPEATED).parquet(path)
        return self._spark.read.schema(df.schema).parquet(path)

    def save_all(self, frames: Mapping[str, DataFrame]) -> list[DataFrame]:
        """`save` of several, two at a time: one is planned while the other runs."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self.save, frames, frames.values()))

    def folder(self, name: str) -> Path:
        """Where to write the files of a frame by other means than Spark; `load` reads them."""
        return self._folder / name

    def load(self, name: str) -> DataFrame:
        """A frame whose files were written into `folder(name)`."""
        return self._spark.read.parquet(str(self._folder / name))

    def paths(self, *names: str) -> list[Path]:
        """Files of saved frames, sorted."""
        return sorted(p for n in names for p in (self._folder / n).glob("*.parquet"))

    def file(self, name: str) -> Path:
        """Where to write a single file."""
        return self._folder / name

    def rows(self, *names: str) -> int:
        """Rows in saved frames."""
        return files.row_count(self.paths(*names))

    def drop(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

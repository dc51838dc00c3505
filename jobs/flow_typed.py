"""Typed rows of bank files: the night's staged ones, and those of nights before. DuckDB reads and writes them, Spark goes on with them.

Reading text fields is a third of a check's work; DuckDB does it in a fifth of Spark's time (ADR 0017), and before Spark has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError

from expectations import parse
from expectations.fields import quoted
from jobs.ingest import staging
from lake import store
from lake.arrow import arrow_schema
from lake.settings import Settings
from lake.tables import table

MEMORY = "3GB"
"""What DuckDB may hold; more than that it spills beside its output."""


def _write(con: duckdb.DuckDBPyConnection, file_type: str, refs: parse.References, folder: Path) -> None:
    folder.mkdir(parents=True)
    con.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 2; SET temp_directory = {quoted(str(folder.parent / '.spill'))}")
    con.execute(
        f"COPY ({parse.typed_sql(file_type, refs)}) TO {quoted(str(folder / 'part-0.parquet'))} (FORMAT parquet, COMPRESSION snappy)"
    )


def tonight(settings: Settings, as_of: date, file_type: str, refs: parse.References, folder: Path) -> None:
    """Type the night's staged rows of a file type into `folder`, in the order they came."""
    name = f"bank_{file_type.lower()}"
    paths = [str(p) for p in staging.staged(settings, "flows", as_of, name)]
    with duckdb.connect() as con:
        if paths:
            con.read_parquet(paths).create_view("raw")
        else:
            con.register("raw", arrow_schema(table(f"bronze.{name}")).empty_table())
        _write(con, file_type, refs, folder)


def before(settings: Settings, as_of: date, file_type: str, ids: Sequence[str], refs: parse.References, folder: Path) -> None:
    """Type the rows of submissions `ids` that nights before `as_of` brought into `folder`."""
    name = f"bronze.bank_{file_type.lower()}"
    with duckdb.connect() as con:
        try:
            rows = store.open_table(store.uri(settings, name)).to_pyarrow_dataset()
            con.register("raw", rows.filter((ds.field("as_of") < as_of) & ds.field("submission_id").isin(list(ids))))
        except TableNotFoundError:
            con.register("raw", arrow_schema(table(name)).empty_table())
        _write(con, file_type, refs, folder)

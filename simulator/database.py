"""The database in which a run computes: DuckDB in this process, its tables in memory, what does not fit below the run's own folder."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

MEMORY = "3g"
"""Tables and sorts beyond it go to files in the work folder."""
THREADS = 2
"""Blocks computed side by side, each by one thread: queries of this size lose more to threads of their own than they gain."""


def connect(work: Path, memory: str = MEMORY, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A new empty database whose queries run in `threads` each; nothing is downloaded, because every function that the queries use is built in."""
    work.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory,
        "temp_directory": str(work),
        "preserve_insertion_order": True,  # files hold their rows in the order of the query
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=config)


def keep(con: duckdb.DuckDBPyConnection, name: str, query: str, *, own: bool = False) -> None:
    """Compute `query` into the table `name`; `own`: only this cursor sees it, so that several may work side by side."""
    con.execute(f"CREATE OR REPLACE {'TEMP ' if own else ''}TABLE {name} AS {query}")


def rows(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """The rows of a query."""
    return con.execute(query).to_arrow_table()


def load(con: duckdb.DuckDBPyConnection, name: str, source: str, table: pa.Table, query: str) -> None:
    """Compute `query`, which reads the Arrow table as `source`, into the table `name` of this cursor."""
    # a stream can be read once, which is enough; to read a table, DuckDB would first import pandas through pyarrow.dataset
    con.register(source, table.__arrow_c_stream__())
    keep(con, name, query, own=True)
    con.unregister(source)


def numbers(table: pa.Table, column: str) -> npt.NDArray:
    """A column of numbers without nulls. Arrow's own to_numpy would first import pandas, which takes half a second."""
    parts = [np.from_dlpack(chunk) for chunk in table.column(column).chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.zeros(0, dtype=np.int64)])


def save(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    """Write the rows of a query to a Parquet file, in their order; returns their number."""
    name = str(file).replace("'", "''")
    found = con.execute(f"COPY ({query}) TO '{name}' (FORMAT parquet)").fetchone()
    assert found is not None
    return int(found[0])

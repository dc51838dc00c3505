"""Tables as a night knew them, in DuckDB: for the jobs that judge banks by month."""

from __future__ import annotations

from datetime import date

import duckdb
from deltalake.exceptions import TableNotFoundError

from lake import store
from lake.arrow import arrow_schema
from lake.settings import Settings
from lake.tables import table


def known(con: duckdb.DuckDBPyConnection, settings: Settings, name: str, night: date) -> None:
    """Register view `<table>_known`: the rows of a table that nights up to `night` wrote; empty when never written."""
    short = name.split(".")[1]
    try:
        con.register(f"{short}_all", store.open_table(store.uri(settings, name)).to_pyarrow_dataset())
    except TableNotFoundError:
        con.register(f"{short}_all", arrow_schema(table(name)).empty_table())
    con.execute(f"CREATE OR REPLACE VIEW {short}_known AS SELECT * FROM {short}_all WHERE as_of <= DATE '{night}'")

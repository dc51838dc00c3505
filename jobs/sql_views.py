"""The published tables as SQL: a DuckDB connection with one view per table, each at the version of a published night."""

from __future__ import annotations

from datetime import date

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from features import published
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings


def open_published(settings: Settings, as_of: date | None = None) -> duckdb.DuckDBPyConnection:
    """Views `layer.table` at the versions of night `as_of` (default: the last PUBLISHED one), read lazily and in business time.

    UsageError when the night is not published, ContractBroken when one of its versions is no longer kept.
    """
    night = published.night(settings.lake_uri, as_of)
    con = duckdb.connect(config={"TimeZone": "Asia/Shanghai"})
    for name, version in sorted(night.versions.items()):
        layer, _, short = name.partition(".")
        try:
            rows = DeltaTable(store.uri(settings, name), version=version).to_pyarrow_dataset()
        except (DeltaError, OSError) as e:
            raise ContractBroken(
                f"{name}: version {version} of night {night.as_of} cannot be read ({e}). Vacuum must keep what ops.night names."
            ) from e
        con.register(f"{layer}__{short}", rows)
        con.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
        con.execute(f'CREATE VIEW "{layer}"."{short}" AS SELECT * FROM "{layer}__{short}"')
    return con

"""The published tables as SQL: a DuckDB connection with one view per table, each at the version of a published night."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from features import published
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings

SHANGHAI_US = 8 * 3_600_000_000


def open_published(settings: Settings, as_of: date | None = None) -> duckdb.DuckDBPyConnection:
    """Views `layer.table` at the versions of night `as_of` (default: the last PUBLISHED one), read lazily; timestamps are business time.

    UsageError when the night is not published, ContractBroken when one of its versions is no longer kept.
    """
    night = published.night(settings.lake_uri, as_of)
    con = duckdb.connect()
    for name, version in sorted(night.versions.items()):
        layer, _, short = name.partition(".")
        try:
            rows = store.open_table(store.uri(settings, name), version).to_pyarrow_dataset()
        except (DeltaError, OSError) as e:
            raise ContractBroken(
                f"{name}: version {version} of night {night.as_of} cannot be read ({e}). Vacuum must keep what ops.night names."
            ) from e
        con.register(f"{layer}__{short}", rows)
        con.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
        con.execute(f'CREATE VIEW "{layer}"."{short}" AS SELECT {_columns(rows.schema)} FROM "{layer}__{short}"')
    return con


def _columns(schema: pa.Schema) -> str:
    """Select list: instants as naive Shanghai time (a fixed +8 h since 1992; DuckDB's zones need an extension)."""
    return ", ".join(
        f'make_timestamp(epoch_us("{f.name}") + {SHANGHAI_US}) AS "{f.name}"'
        if pa.types.is_timestamp(f.type) and f.type.tz
        else f'"{f.name}"'
        for f in schema
    )

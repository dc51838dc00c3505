"""Feast's offline store on Delta, reading whole nights only.

Feast's own DuckDB store would read the latest version of a table, in the middle of a night too, and applies the
created-timestamp filter only when asked. This one reads the published versions, and always filters.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import ibis
import pandas as pd
import pyarrow.dataset as ds
from feast.infra.offline_stores import ibis as engine
from feast.infra.offline_stores import offline_utils
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig, _write_data_source
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata

from features import published
from features.point_in_time import Job, View, join
from lake import store


class PublishedOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """`versions`: published (what the last PUBLISHED night names) or latest (for training on snapshots just built)."""

    type: str = "features.feast_store.PublishedOfflineStore"
    versions: Literal["published", "latest"] = "published"


def reader(which: str) -> Callable[[Any, str], ibis.Table]:
    """Function that opens a Delta source at the version readers see; Arrow is scanned lazily."""
    rows = datasets(which)
    return lambda source, repo_path: ibis.memtable(rows(source))


def datasets(which: str) -> Callable[[Any], ds.Dataset]:
    """Function that opens a Delta source as an Arrow dataset at the version readers see."""
    nights: dict[str, published.PublishedNight] = {}

    def read(source: Any) -> ds.Dataset:
        lake_uri, layer, name = source.path.rstrip("/").rsplit("/", 2)
        version = None
        if which == "published":
            if lake_uri not in nights:
                nights[lake_uri] = published.night(lake_uri)
            version = nights[lake_uri].versions[f"{layer}.{name}"]
        return store.open_table(source.path, version).to_pyarrow_dataset()

    return read


class PublishedOfflineStore(DuckDBOfflineStore):
    """DuckDB offline store at published versions."""

    @staticmethod
    def get_historical_features(
        config: Any, feature_views: list[Any], feature_refs: list[str], entity_df: pd.DataFrame | str, registry: Any, project: str,
        full_feature_names: bool = False, filter_by_created_timestamp: bool = True,
    ) -> RetrievalJob:  # fmt: skip
        """Point-in-time features; rows created after the entity's time never count, whatever is asked."""
        if not isinstance(entity_df, pd.DataFrame) or any(v.projection.join_key_map for v in feature_views):
            return engine.get_historical_features_ibis(
                config=config, feature_views=feature_views, feature_refs=feature_refs, entity_df=entity_df, registry=registry, project=project,
                full_feature_names=full_feature_names, data_source_reader=reader(config.offline_store.versions),
                data_source_writer=_write_data_source, filter_by_created_timestamp=True,
            )  # fmt: skip
        moment = offline_utils.infer_event_timestamp_from_entity_df(dict(zip(entity_df.columns, entity_df.dtypes)))
        open_rows = datasets(config.offline_store.versions)
        views: list[View] = []
        spoken: dict[str, str] = {}
        for v in feature_views:
            wanted = tuple(r.split(":")[1] for r in feature_refs if r.startswith(f"{v.projection.name_to_use()}:"))
            spoken |= {n: f"{v.projection.name_to_use()}__{n}" for n in wanted} if full_feature_names else {}
            key = v.entity_columns[0].name
            source = v.batch_source
            views.append(View(open_rows(source), key, source.timestamp_field, source.created_timestamp_column, wanted, v.ttl))
        found = join(entity_df, moment, views)
        times = pd.to_datetime(entity_df[moment], utc=True)
        return Job(
            found.rename_columns([spoken.get(n, n) for n in found.column_names]), full_feature_names=full_feature_names, on_demand_feature_views=[],
            metadata=RetrievalMetadata(feature_refs, [c for c in entity_df.columns if c != moment], times.min(), times.max()),
            data_source_writer=_write_data_source, staging_location=None, staging_location_endpoint_override=None, repo_path=str(config.repo_path),
        )  # fmt: skip

    @staticmethod
    def pull_latest_from_table_or_query(
        config: Any, data_source: Any, join_key_columns: list[str], feature_name_columns: list[str], timestamp_field: str,
        created_timestamp_column: str | None, start_date: datetime, end_date: datetime,
    ) -> RetrievalJob:  # fmt: skip
        """Latest rows of a published table."""
        return engine.pull_latest_from_table_or_query_ibis(
            config=config, data_source=data_source, join_key_columns=join_key_columns, feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field, created_timestamp_column=created_timestamp_column, start_date=start_date, end_date=end_date,
            data_source_reader=reader(config.offline_store.versions), data_source_writer=_write_data_source,
        )  # fmt: skip

    @staticmethod
    def pull_all_from_table_or_query(
        config: Any, data_source: Any, join_key_columns: list[str], feature_name_columns: list[str], timestamp_field: str,
        created_timestamp_column: str | None = None, start_date: datetime | None = None, end_date: datetime | None = None,
    ) -> RetrievalJob:  # fmt: skip
        """All rows of a published table in a time span."""
        return engine.pull_all_from_table_or_query_ibis(
            config=config, data_source=data_source, join_key_columns=join_key_columns, feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field, created_timestamp_column=created_timestamp_column, start_date=start_date, end_date=end_date,
            data_source_reader=reader(config.offline_store.versions), data_source_writer=_write_data_source,
        )  # fmt: skip

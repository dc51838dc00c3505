"""Point-in-time features for training and analysis, through Feast."""

from __future__ import annotations

import pandas as pd

from features import inputs
from features.feast_client import apply, open_store
from lake.errors import ContractBroken
from lake.settings import Settings

_ROW = "_row"
_TECHNICAL = ("created_timestamp", "snapshot_date")
"""Columns of the feature tables: in the entity frame they would stand for the times that decide what counts."""


def training_frame(settings: Settings, entity_df: pd.DataFrame, service: str = "full_v1", *, published: bool = True) -> pd.DataFrame:
    """`entity_df` with the inputs of `service` as they were known at each row's event_timestamp.

    entity_df needs firm_id and event_timestamp (time zone aware); its other columns, every row (duplicates and unknown firms
    too, their inputs null) and the order stay. Rows created later than the event_timestamp never count. Reads the versions
    of the last PUBLISHED night, or with published=False the latest ones (snapshots just built, not yet in any night).
    Columns after those of entity_df: the inputs in catalogue order.
    """
    names = inputs.feature_names(service)
    needed = {"firm_id", "event_timestamp"} - set(entity_df.columns)
    if needed or (clash := set(entity_df.columns) & {*names, _ROW, *_TECHNICAL}):
        what = f"lacks {', '.join(sorted(needed))}" if needed else f"already has {', '.join(sorted(clash))}"
        raise ContractBroken(f"the entity frame {what}. Expected firm_id, event_timestamp and columns that no feature table has.")
    if getattr(entity_df["event_timestamp"].dtype, "tz", None) is None:
        raise ContractBroken("event_timestamp has no time zone. Localize it: snapshots are known at 06:00 Asia/Shanghai.")
    if entity_df.empty:
        return entity_df.reindex(columns=[*entity_df.columns, *names])
    client = open_store(settings, "published" if published else "latest")
    apply(settings, client)
    asked = entity_df.reset_index(drop=True).assign(**{_ROW: range(len(entity_df))})
    job = client.get_historical_features(asked, client.get_feature_service(service), filter_by_created_timestamp=True)
    found = job.to_df().sort_values(_ROW).reset_index(drop=True)
    if len(found) != len(entity_df):
        raise ContractBroken(f"retrieval of {service} returned {len(found)} rows for {len(entity_df)} asked.")
    found.index = entity_df.index
    return pd.concat([entity_df, found[names]], axis=1)  # Feast hands back moments in UTC: the caller keeps its own

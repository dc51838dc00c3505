"""Training frames from Feast over many snapshots: `python -m tests.perf.retrieval make|ours|spark FIRMS` on the home of LIUSHUI_HOME.

`make` writes feature tables of 12 monthly snapshots. `ours` asks our offline store, `spark` Feast's own Spark store over the same
Delta tables, for one moment per firm, drawn from the twelve months. Both tell the seconds of the retrieval (Spark's session is
started and warm), rows and a sum of the values, so that they can be held against each other.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features import catalogue, inputs
from lake import store
from lake.clock import SHANGHAI, add_months, known_at
from lake.settings import Settings, load_settings
from lake.tables import table

LAST = date(2026, 9, 5)
SNAPSHOTS = tuple(add_months(LAST, -k).replace(day=5) for k in range(11, -1, -1))


def firm(k: int) -> str:
    return f"{k * 2654435761 % 2**32:08X}{k:018d}"


def make(settings: Settings, firms: int) -> None:
    """Values of few digits and a tenth null, as indicators have them."""
    names = [firm(k) for k in range(firms)]
    for as_of in SNAPSHOTS:
        r = np.random.default_rng(as_of.toordinal())
        moment = pa.array([known_at(as_of).replace(tzinfo=SHANGHAI)] * firms, pa.timestamp("us", "UTC"))
        for dimension in catalogue.dimensions():
            columns: dict[str, Any] = {"firm_id": names, "snapshot_date": pa.array([as_of] * firms, pa.date32())}
            columns |= {"event_timestamp": moment, "created_timestamp": moment}
            for c in table(f"feature.{dimension}").columns[4:]:
                x = np.round(r.gamma(2, 50, firms), 2 if c.type == "double" else 0)
                columns[c.name] = pa.array(x if c.type == "double" else x.astype(np.int64), mask=r.random(firms) < 0.1)
            store.replace(settings, f"feature.{dimension}", pa.table(columns), f"snapshot_date = '{as_of}'")


def asked(firms: int) -> pd.DataFrame:
    """A moment per firm: the knowledge time of one of the snapshots, or some days later."""
    r = np.random.default_rng(1)
    days = [SNAPSHOTS[k] + timedelta(days=int(d)) for k, d in zip(r.integers(len(SNAPSHOTS), size=firms), r.integers(28, size=firms))]
    moments = pd.to_datetime([known_at(d) for d in days]).tz_localize(SHANGHAI)
    return pd.DataFrame({"firm_id": [firm(k) for k in range(firms)], "event_timestamp": moments, "label": r.integers(2, size=firms)})


def ours(settings: Settings, firms: int) -> tuple[float, pd.DataFrame]:
    from features.feast_client import apply, open_store
    from features.retrieval import training_frame

    apply(settings, open_store(settings, "latest"))  # importing Feast and writing its registry take longer than the retrieval
    frame = asked(firms)
    started = time.monotonic()
    found = training_frame(settings, frame, published=False)
    return time.monotonic() - started, found


def spark(settings: Settings, firms: int) -> tuple[float, pd.DataFrame]:
    """Feast's Spark store, its views over the same tables; filter_by_created_timestamp as ours always has it."""
    from feast import FeatureStore, FeatureView
    from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
    from feast.repo_config import RepoConfig

    from features.views import TTL, entity, field
    from lake.session import spark_session

    session = spark_session(settings)
    folder = settings.folder("run") / "feast_spark"
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "project": "peer", "provider": "local", "registry": str(folder / "registry.db"), "offline_store": {"type": "spark"},
        "online_store": None, "entity_key_serialization_version": 3,
    }  # fmt: skip
    client = FeatureStore(config=RepoConfig(**config, repo_path=folder))
    views = [
        FeatureView(
            name=d, entities=[entity()], ttl=TTL, online=False, schema=[field(i) for i in catalogue.load() if i.dimension == d],
            source=SparkSource(
                name=d, path=store.uri(settings, f"feature.{d}"), file_format="delta", timestamp_field="event_timestamp",
                created_timestamp_column="created_timestamp",
            ),
        )
        for d in catalogue.dimensions()
    ]  # fmt: skip
    client.apply([entity(), *views])
    names = [f"{i.dimension}:{i.name}" for i in catalogue.load()]
    session.range(1000).selectExpr("sum(id)").collect()
    frame = asked(firms).assign(event_timestamp=lambda f: f["event_timestamp"].dt.tz_convert("UTC"))
    started = time.monotonic()
    found = client.get_historical_features(frame, names, filter_by_created_timestamp=True).to_df()
    return time.monotonic() - started, found


def main() -> None:
    way, firms = sys.argv[1], int(sys.argv[2])
    settings = load_settings()
    if way == "make":
        make(settings, firms)
        return
    seconds, found = {"ours": ours, "spark": spark}[way](settings, firms)
    names = inputs.feature_names()
    whole = float(sum(found[n].astype("float64").sum() for n in names))
    filled = int(sum(found[n].notna().sum() for n in names))
    sys.stdout.write(json.dumps({"seconds": seconds, "rows": len(found), "filled": filled, "sum": round(whole, 2)}) + "\n")


if __name__ == "__main__":
    main()

"""Feast objects generated from the catalogue: the entity, a view per dimension, the services, and the two online views.

Importing Feast takes seconds, so nothing imports this module before it is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_format import DeltaFormat
from feast.types import Array, Bool, Float32, Float64, Int64, String

from features import catalogue, inputs
from features.catalogue import Indicator
from lake import store
from lake.settings import Settings
from lake.tables import table

TTL = timedelta(days=45)
SCORECARD, VECTOR = "firm_scorecard", "firm_vector"
_TYPES = {"string": String, "int": Int64, "bigint": Int64, "double": Float64, "boolean": Bool, "date": String}
OWNERS = {"acct": "account flows", "tax": "tax records", "court": "court records", "reg": "registry", "tag": "registry", "loan": "loans"}
"""Who answers for a value, by the first part of the table its catalogue row names first."""
SERVICE_OWNER = "scoring"
_TIMES = ("event_timestamp", "created_timestamp")


def entity() -> Entity:
    """The firm, by its token. One surrogate key: composite keys of Feast collide."""
    return Entity(
        name="firm", join_keys=["firm_id"], value_type=ValueType.STRING, description="small firm, by token", owner=OWNERS["reg"]
    )  # fmt: skip


def owner(indicators: Iterable[Indicator]) -> str:
    """Who answers for most of the indicators."""
    return Counter(OWNERS[i.source_table.partition("_")[0]] for i in indicators).most_common(1)[0][0]


def _source(settings: Settings, name: str) -> FileSource:
    return FileSource(
        name=name.replace(".", "_"), path=store.uri(settings, name), file_format=DeltaFormat(),
        timestamp_field="event_timestamp", created_timestamp_column="created_timestamp", description=table(name).meaning,
    )  # fmt: skip


def field(i: Indicator) -> Field:
    """An indicator as a field: description and tags from its catalogue row."""
    tags = {
        "id": i.id, "name_zh": i.name_zh, "unit": i.unit, "window": i.window, "clock": i.clock, "formula": i.formula,
        "null_policy": i.null_policy, "monotone": str(i.monotone), "source": i.source_table, "owner": owner([i]),
    }  # fmt: skip
    return Field(name=i.name, dtype=Float64 if i.dtype == "double" else Int64, description=i.description, tags=tags)


def sources(indicators: Iterable[Indicator]) -> list[str]:
    """Source tables of some indicators."""
    return sorted({t for i in indicators for t in i.source_table.split(";")})


def feature_views(settings: Settings, indicators: Iterable[Indicator] | None = None) -> dict[str, FeatureView]:
    """One view per dimension over `feature.<dimension>`, offline only (online is the packed vector)."""
    members: dict[str, list[Indicator]] = {}
    for i in catalogue.load() if indicators is None else indicators:
        members.setdefault(i.dimension, []).append(i)
    return {
        name: FeatureView(
            name=name, entities=[entity()], ttl=TTL, online=False, schema=[field(i) for i in found], source=_source(settings, f"feature.{name}"),
            tags={"indicators": str(len(found)), "codes": found[0].id[:2], "sources": ", ".join(sources(found))},
            description=f"{name.replace('_', ' ')}: {len(found)} indicators per firm and night", owner=owner(found),
        )
        for name, found in members.items()
    }  # fmt: skip


def services(views: dict[str, FeatureView]) -> list[FeatureService]:
    """full_v1 (370) and flow_only_v1 (264); the tag `hash` is that of the ordered inputs."""
    return [
        FeatureService(
            name=name, features=[views[d] for d in dict.fromkeys(inputs.dimension_of(name).values())], owner=SERVICE_OWNER,
            description=f"inputs of the model {name.removesuffix('_v1')}, as known at the time asked for",
            tags={"inputs": str(len(inputs.feature_names(name))), "hash": inputs.feature_hash(name)},
        )
        for name in inputs.SERVICES
    ]  # fmt: skip


def scorecard_columns() -> dict[str, str]:
    """Columns of score.firm_score that are served -> registry type; arrays and maps travel as JSON text."""
    return {c.name: c.type for c in table("score.firm_score").columns if c.name not in ("firm_id", *_TIMES)}


def online_views(settings: Settings) -> list[FeatureView]:
    """The scorecard (fields of score.firm_score) and the packed vector of the 370 values with the hash of their names."""
    card = [Field(name=n, dtype=_TYPES.get(t, String)) for n, t in scorecard_columns().items()]
    packed = [Field(name="values", dtype=Array(Float32)), Field(name="names_hash", dtype=String), Field(name="snapshot_date", dtype=String)]
    return [
        FeatureView(
            name=name, entities=[entity()], ttl=TTL, online=True, schema=schema, description=meaning, owner=SERVICE_OWNER,
            source=PushSource(name=f"{name}_push", batch_source=_source(settings, source)),
        )
        for name, schema, source, meaning in (
            (SCORECARD, card, "score.firm_score", "last published score of a firm"),
            (VECTOR, packed, f"feature.{catalogue.dimensions()[0]}", "the indicators of a firm in catalogue order, null as NaN"),
        )
    ]  # fmt: skip


def objects(settings: Settings) -> list[Any]:
    """Everything the registry holds."""
    views = feature_views(settings)
    return [entity(), *views.values(), *services(views), *online_views(settings)]

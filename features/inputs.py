"""The inputs of the models, generated from the catalogue: ordered names, monotone signs, dimensions and their hash.

The hash goes into every bundle and into the packed online vector, so that a model never reads another order.
"""

from __future__ import annotations

import hashlib

from features import catalogue, retired
from features.catalogue import FLOW_DIMENSIONS, Indicator
from lake.errors import ContractBroken

SERVICES = ("full_v1", "flow_only_v1")


def service_indicators(service: str) -> tuple[Indicator, ...]:
    """Indicators of a feature service in catalogue order: `full_v1` (all), `flow_only_v1` (the six flow dimensions)."""
    if service == "full_v1":
        return catalogue.load()
    if service == "flow_only_v1":
        return tuple(i for i in catalogue.load() if i.dimension in FLOW_DIMENSIONS)
    raise ContractBroken(f"no feature service {service!r}; known: {', '.join(SERVICES)}.")


def feature_names(service: str = "full_v1") -> list[str]:
    """Ordered names of the inputs."""
    return [i.name for i in service_indicators(service)]


def monotone(service: str = "full_v1") -> list[int]:
    """Sign of the default risk per input, in the order of `feature_names`."""
    return [i.monotone for i in service_indicators(service)]


def dimension_of(service: str = "full_v1") -> dict[str, str]:
    """Dimension of each input, in the order of `feature_names`."""
    return {i.name: i.dimension for i in service_indicators(service)}


def family_of(service: str = "full_v1") -> dict[str, str]:
    """Family (name without window) of each input."""
    return {i.name: i.family for i in service_indicators(service)}


def code_of(service: str = "full_v1") -> dict[str, str]:
    """Catalogue id of each input, the code of a reason."""
    return {i.name: i.id for i in service_indicators(service)}


def table_columns(service: str = "full_v1") -> dict[str, list[str]]:
    """Per feature table (`feature.<dimension>`) the inputs it holds, for readers that join the tables themselves."""
    tables: dict[str, list[str]] = {}
    for i in service_indicators(service):
        tables.setdefault(f"feature.{i.dimension}", []).append(i.name)
    return tables


def feature_hash(service: str = "full_v1") -> str:
    """sha256 over the ordered names, with the version of those whose meaning has changed."""
    versions = ((n, retired.version(n)) for n in feature_names(service))
    return hashlib.sha256("\n".join(n if v == 1 else f"{n}@{v}" for n, v in versions).encode()).hexdigest()

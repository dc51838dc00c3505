"""A Feast client of one home: its configuration rendered, its registry brought up to the catalogue."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import yaml

from features import catalogue, inputs
from features.vocabulary import FILE as TILE_FILE
from lake.settings import Settings

os.environ.setdefault("FEAST_USAGE", "False")
TEMPLATE = Path(__file__).parent / "feast_repo" / "feature_store.template.yaml"


def render(settings: Settings, versions: str = "published") -> str:
    """Text of feature_store.yaml for this home."""
    folder = settings.folder("feast")
    return TEMPLATE.read_text(encoding="utf-8").replace("{feast}", str(folder)).replace("{versions}", versions)


def open_store(settings: Settings, versions: str = "published") -> Any:
    """feast.FeatureStore of the home; `versions` is what retrieval reads (published or latest)."""
    from feast import FeatureStore
    from feast.repo_config import RepoConfig

    folder = settings.folder("feast")
    (folder / "feature_store.yaml").write_text(render(settings), encoding="utf-8")
    return FeatureStore(config=RepoConfig(**yaml.safe_load(render(settings, versions)), repo_path=folder))


def applied_mark(settings: Settings) -> str:
    """What the registry was made from: catalogue, tile dictionary, and where the lake lies."""
    content = catalogue.FILE.read_bytes() + TILE_FILE.read_bytes() + settings.lake_uri.encode() + inputs.feature_hash().encode()
    return hashlib.sha256(content).hexdigest()


def apply(settings: Settings, client: Any) -> bool:
    """Bring the registry up to the catalogue; False when it is already."""
    from features.views import objects

    mark = settings.folder("feast") / "applied"
    wanted = applied_mark(settings)
    if mark.is_file() and mark.read_text() == wanted and (mark.parent / "registry.db").is_file():
        return False
    client.apply(objects(settings))
    mark.write_text(wanted)
    return True

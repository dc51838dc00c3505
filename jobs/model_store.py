"""Model bundles on disk: `<home>/models/<model_id>/`, and the pointers `champion` and `challenger` (text files with an id).

A bundle appears whole or not at all (written beside, then renamed); pointers are replaced in one step. The `flow_only`
model has pointers of its own (`champion.flow_only`).
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from lake.errors import ConfigError
from lake.settings import Settings
from models.bundle import Bundle

log = logging.getLogger(__name__)


def pointer_name(role: str, kind: str) -> str:
    """File name of a pointer: role is champion, challenger or previous."""
    return role if kind == "full" else f"{role}.{kind}"


def _folder(settings: Settings) -> Path:
    return settings.folder("models")


def exists(settings: Settings, model_id: str) -> bool:
    """Whether the bundle is stored."""
    return (_folder(settings) / model_id).is_dir()


def save(settings: Settings, model_id: str, files: dict[str, bytes]) -> Path:
    """Store a bundle's files; one that is there already stays as it is."""
    target = _folder(settings) / model_id
    if target.is_dir():
        return target
    draft = target.with_name(f".{model_id}.{os.getpid()}")
    try:
        draft.mkdir()
        for name, content in files.items():
            (draft / name).write_bytes(content)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    log.info("stored model=%s", model_id)
    return target


def write(settings: Settings, model_id: str, name: str, content: bytes) -> None:
    """Add or replace one file beside a stored bundle (evaluation, card)."""
    path = _folder(settings) / model_id / name
    draft = path.with_name(f".{name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def read(settings: Settings, model_id: str, name: str) -> bytes | None:
    """Content of a file beside a stored bundle, None when it is not there."""
    path = _folder(settings) / model_id / name
    return path.read_bytes() if path.is_file() else None


def point(settings: Settings, role: str, kind: str, model_id: str) -> None:
    """Let `role` mean this bundle from now on."""
    path = _folder(settings) / pointer_name(role, kind)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(model_id + "\n", encoding="utf-8")
    draft.replace(path)


def unpoint(settings: Settings, role: str, kind: str) -> None:
    """Let `role` mean no bundle."""
    (_folder(settings) / pointer_name(role, kind)).unlink(missing_ok=True)


def pointed(settings: Settings, role: str, kind: str = "full") -> str | None:
    """Id that `role` means, None when there is none."""
    path = _folder(settings) / pointer_name(role, kind)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def load(settings: Settings, model_id: str) -> Bundle:
    """The stored bundle. Raises ConfigError when it is not there, ContractBroken when its parts do not fit."""
    folder = _folder(settings) / model_id
    if not folder.is_dir():
        raise ConfigError(f"model {model_id}: expected the folder {folder}, found none. Train again, or point champion to a stored model.")
    return Bundle.of_files({p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}, str(folder))


def champion(settings: Settings, kind: str = "full") -> Bundle:
    """The bundle that scores. Raises ConfigError when no model was trained yet."""
    model_id = pointed(settings, "champion", kind)
    if model_id is None:
        raise ConfigError(f"no champion model ({kind}) in {_folder(settings)}. Run `liushui samples` and `liushui train` first.")
    return load(settings, model_id)

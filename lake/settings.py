"""Settings: `conf/<profile>.yaml`, validated, overridden by the environment.

`LIUSHUI_HOME` is where everything is written (default `./var`), `LIUSHUI_PROFILE` chooses the file (default `local`),
`LIUSHUI__SECTION__KEY=value` overrides one value (`LIUSHUI__SPARK__DRIVER_MEMORY=4g`). Unknown keys are errors.
"""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lake.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SparkSettings(Section):
    """How Spark runs."""

    master: str = "local[2]"
    driver_memory: str = "6g"
    shuffle_partitions: int = Field(8, ge=1)
    night_java_options: str = Field("", description="more options of Java for the steps of one night")
    jars_dir: Path | None = ROOT / ".cache" / "jars"
    conf: dict[str, str] = {}


class SourceSettings(Section):
    """Where the source systems are. `{home}` in a value is replaced by the home folder."""

    bank_files: str = Field(description="fsspec URL of the folder with one folder per bank")
    bank_keys: str = Field("conf/banks/keys.yaml", description="file with the public keys of banks that sign")
    entrusted: str = Field("conf/banks/entrusted", description="folder with a list <bank>.csv of the accounts entrusted to the platform")
    tax_db: str = Field(description="PostgreSQL URI of the tax database")
    court_api: str = Field(description="base URL of the court records API")
    registry_api: str = Field(description="base URL of the registry API")
    loans_api: str = Field(description="base URL of the loan records API")
    page_size: int = Field(5000, ge=1)
    timeout_seconds: float = Field(30, gt=0)
    retry_seconds: float = Field(60, gt=0, description="how long to go on retrying one request")


class LimitSettings(Section):
    """Bounds on what a delivery may be."""

    max_file_bytes: int = 8_000_000_000
    max_ratio: int = Field(200, description="uncompressed / compressed bytes")
    max_line_bytes: int = 65_536


class ModelSettings(Section):
    """What the model is trained with."""

    seed: int = 20260914
    rounds: int = Field(400, ge=10)
    threads: int = Field(2, ge=1)
    bootstrap: int = Field(200, ge=10)
    contract_rate_bp: int = Field(500, description="loan rate assumed for limits, basis points")


class Settings(Section):
    """All settings of a process."""

    profile: str
    home: Path
    lake: str | None = Field(None, description="URI of the lake; default <home>/lake")
    key_file: Path | None = Field(None, description="file with the token key; default <home>/keys/token.key, LIUSHUI_TOKEN_KEY wins")
    key_version: int = Field(1, ge=1, description="version of the token key; raised when it is rotated")
    history_from: date | None = None
    spark: SparkSettings = SparkSettings()
    sources: SourceSettings
    limits: LimitSettings = LimitSettings()
    model: ModelSettings = ModelSettings()
    token_hash: Literal["sm3", "sha256"] = "sm3"

    @property
    def lake_uri(self) -> str:
        return self.lake or str(self.home / "lake")

    def folder(self, name: str) -> Path:
        """A folder of the home (landing, feast, airflow, models, reports, run, staging), made when absent."""
        path = self.home / name
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise ConfigError(f"cannot create {path}: {e.strerror}. Give LIUSHUI_HOME a folder that this user may write to.") from e
        return path


def _merge(base: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        base = base.setdefault(part, {})
    base[path[-1]] = yaml.safe_load(value)


def load_settings(profile: str | None = None, home: Path | str | None = None) -> Settings:
    """Settings of `profile` (default from LIUSHUI_PROFILE, `local`) with the environment's overrides.

    Raises ConfigError naming the file, the key and what was wrong.
    """
    profile = profile or os.environ.get("LIUSHUI_PROFILE", "local")
    home = Path(home or os.environ.get("LIUSHUI_HOME", "var")).resolve()
    file = CONF / f"{profile}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(p.stem for p in CONF.glob("*.yaml")))
        raise ConfigError(f"no profile {profile!r}: {file} does not exist. Known: {known}. Set LIUSHUI_PROFILE.")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8").replace("{home}", str(home))) or {}
    except yaml.YAMLError as e:
        raise ConfigError(f"{file} is not valid YAML: {e}") from e
    for name, value in os.environ.items():
        if name.startswith("LIUSHUI__"):
            _merge(values, name.removeprefix("LIUSHUI__").lower().split("__"), value.replace("{home}", str(home)))
    try:
        return Settings(profile=profile, home=home, **values)
    except ValidationError as e:
        problems = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors())
        raise ConfigError(f"settings of profile {profile!r} ({file} and LIUSHUI__ variables): {problems}") from e


@lru_cache
def ref_path(name: str) -> Path:
    """Path of a reference table `conf/ref/<name>.csv`."""
    path = CONF / "ref" / f"{name}.csv"
    if not path.is_file():
        raise ConfigError(f"reference table {name!r} is missing: {path}")
    return path

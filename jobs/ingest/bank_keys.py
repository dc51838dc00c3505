"""The banks' public keys, and whether a manifest is signed with one of them. Where a bank has a key, its signature is required."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from lake.errors import ConfigError
from lake.settings import ROOT, Settings
from lake.signatures import public_key, verify

ALGORITHM = "Ed25519"
_KEYS = {"id", "algorithm", "public_key"}


@dataclass(frozen=True)
class BankKeys:
    """Public keys of one bank by id; none: the bank does not sign."""

    bank: str
    public: dict[str, str]

    def fault(self, manifest: dict[str, Any]) -> str | None:
        """What is wrong with the manifest's signature; None when it is good, or the bank has no key."""
        if not self.public:
            return None
        known = f"bank {self.bank} signs with {', '.join(sorted(self.public))}"
        if "signature" not in manifest:
            return f"signature: missing; {known}"
        signer = manifest.get("signer")
        if not isinstance(signer, str) or signer not in self.public:
            return f"signature: the signer is none of the bank's keys; {known}"
        wrong = verify(public_key(self.public[signer]), manifest)
        return f"signature: {wrong}; the manifest says that {signer} signed it" if wrong else None


def load(settings: Settings) -> dict[str, BankKeys]:
    """Keys by bank from `sources.bank_keys`; raises ConfigError naming bank and key when one is of no use."""
    path = ROOT / settings.sources.bank_keys
    if not path.is_file():
        if settings.profile == "local":
            return {}
        raise ConfigError(f"sources.bank_keys: {path} does not exist; expected the banks' public keys (an empty file: no bank signs)")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as e:
        raise ConfigError(f"{path} is not valid YAML: {e}") from e
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a list of keys per bank id")
    return {str(bank): BankKeys(str(bank), _checked(path, bank, keys)) for bank, keys in values.items()}


def _checked(path: object, bank: object, keys: object) -> dict[str, str]:
    if not isinstance(keys, list) or not keys or not all(isinstance(k, dict) and set(k) == _KEYS for k in keys):
        raise ConfigError(f"{path}, bank {bank}: expected a list of keys, each with {', '.join(sorted(_KEYS))}")
    found: dict[str, str] = {}
    for key in keys:
        name = str(key["id"])
        if key["algorithm"] != ALGORITHM:
            raise ConfigError(f"{path}, bank {bank}, key {name}: algorithm {key['algorithm']!r}; only {ALGORITHM} can be verified")
        if name in found:
            raise ConfigError(f"{path}, bank {bank}: key {name} is there twice")
        try:
            public_key(str(key["public_key"]))
        except ValueError as e:
            raise ConfigError(f"{path}, bank {bank}, key {name}: public_key is {e}; expected the base64 lines of its PEM file") from e
        found[name] = str(key["public_key"])
    return found

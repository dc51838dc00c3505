"""Keyed tokens for identifiers: firms, accounts, persons and names never leave the entry as they are (domain F).

token = base32(HMAC(key, kind + value)[:16]), 26 characters. USCCs can be enumerated, so a plain hash would be no
protection. The key comes from LIUSHUI_TOKEN_KEY (hex) or the key file; it is never in the repository.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import unicodedata
from hashlib import algorithms_available
from pathlib import Path

import numpy as np
import pyarrow as pa

from lake.errors import ConfigError
from lake.settings import Settings

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
DIGEST_BYTES = 16
_ENTITY = re.compile(r"[\s·•・,，.。'\"“”‘’()（）\-—]+")


def normalize_name(name: str) -> str:
    """A firm or person name for matching: NFKC, upper case, without spaces and punctuation."""
    return _ENTITY.sub("", unicodedata.normalize("NFKC", name)).upper()


def load_key(settings: Settings) -> bytes:
    """The token key; the local profile makes one on first use, every other profile must be given it."""
    text = os.environ.get("LIUSHUI_TOKEN_KEY")
    file = settings.key_file or settings.home / "keys" / "token.key"
    if text is None:
        if not file.is_file():
            if settings.profile != "local":
                raise ConfigError(f"no token key: set LIUSHUI_TOKEN_KEY or put one (hex, 32 bytes) into {file}")
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                    f.write(secrets.token_hex(32))
            except FileExistsError:
                pass  # another pull of the same night made it first
        return key_of(file)
    return _key(text)


def key_of(file: Path) -> bytes:
    """The key in a key file (hex)."""
    try:
        return _key(file.read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"the token key {file} cannot be read: {e}") from e


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as e:
        raise ConfigError("the token key is not hexadecimal text") from e
    if len(key) < 16:
        raise ConfigError(f"the token key has {len(key)} bytes; at least 16 are needed")
    return key


class Tokenizer:
    """Makes tokens; remembers what it made, so that a repeated value costs a look-up."""

    def __init__(self, key: bytes, hash_name: str = "sm3") -> None:
        self._key = key
        self._hash = hash_name if hash_name in algorithms_available else "sha256"
        self._made: dict[str, dict[str, str]] = {}

    def token(self, kind: str, value: str) -> str:
        """Token of one value of a kind: `firm` (USCC), `account`, `person`, `name` (normalized here), `address`."""
        return self.tokens(kind, [value])[0]

    def tokens(self, kind: str, values: list[str]) -> list[str]:
        """Tokens of many values of one kind; what was not made before is made in one go, five times as fast as one by one."""
        made = self._made.setdefault(kind, {})
        new = [v for v in dict.fromkeys(values) if v not in made]
        if new:
            made.update(zip(new, base32([self._digest(kind, v) for v in new]), strict=True))
        return [made[v] for v in values]

    def made(self) -> pa.Table:
        """Every token made so far with the value it stands for: kind, token, value, in the order of kinds and tokens."""
        rows = [(kind, token, value) for kind in sorted(self._made) for value, token in self._made[kind].items()]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        table = pa.table([pa.array(c, pa.string()) for c in columns], ["kind", "token", "value"])
        return table.sort_by([("kind", "ascending"), ("token", "ascending"), ("value", "ascending")])

    def _digest(self, kind: str, value: str) -> bytes:
        text = normalize_name(value) if kind == "name" else value.strip().upper()
        return hmac.digest(self._key, f"{kind}\0{text}".encode(), self._hash)[:DIGEST_BYTES]


def base32(digests: list[bytes]) -> list[str]:
    """RFC 4648 base32 without padding of digests of DIGEST_BYTES each (the standard library does one in 6 us)."""
    bits = np.unpackbits(np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), DIGEST_BYTES), axis=1)
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 5))).reshape(len(digests), -1, 5)
    index = padded @ np.array([16, 8, 4, 2, 1], np.uint8)
    text = np.frombuffer(ALPHABET, np.uint8)[index].tobytes().decode("ascii")
    width = index.shape[1]
    return [text[i : i + width] for i in range(0, len(text), width)]

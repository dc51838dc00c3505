"""Ed25519 signatures of JSON objects, and the platform's own signing keys.

What is signed is the canonical form of the object without its key `signature`: RFC 8785 of what our objects hold (texts, whole
numbers, true, false, null, lists, objects with ASCII keys). A bank makes the same bytes with `jq -jcS 'del(.signature)'` and
signs or verifies them with openssl (docs/data-provider.md).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import ConfigError
from lake.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# the library is imported where a key is used: a pull of banks without keys need not load it

SIGNATURE = "signature"
SAFE_INTEGER = 2**53
"""Larger numbers read differently in different programs; they go into texts."""
_PLATFORM = re.compile(r"platform-([1-9][0-9]{0,5})\.pem")


def canonical(values: dict[str, Any]) -> bytes:
    """The bytes that are signed; raises ValueError when the object holds something that has no one form."""
    kept = {k: v for k, v in values.items() if k != SIGNATURE}
    try:
        _plain(kept)
        return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e


def _plain(value: Any) -> None:
    if isinstance(value, dict):
        if not all(k.isascii() for k in value):
            raise ValueError("a key is not ASCII")
        for v in value.values():
            _plain(v)
    elif isinstance(value, list):
        for v in value:
            _plain(v)
    elif isinstance(value, str) and "\x7f" in value:
        raise ValueError("a text holds the character DEL, which jq and RFC 8785 write differently")
    elif isinstance(value, float):
        raise ValueError("a number is not whole; amounts are texts")
    elif isinstance(value, int) and abs(value) > SAFE_INTEGER:
        raise ValueError("a number is above 2^53; amounts are texts")


def public_key(text: str) -> Ed25519PublicKey:
    """The key of a PEM file or of its base64 body (DER, SubjectPublicKeyInfo); raises ValueError when it is no Ed25519 key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    body = "".join(line for line in text.split("\n") if not line.startswith("-----"))
    try:
        key = load_der_public_key(base64.b64decode("".join(body.split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as e:
        raise ValueError("not a public key in PEM") from e
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """Base64 of the public half, the body of its PEM file."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode("ascii")


def sign(key: Ed25519PrivateKey, values: dict[str, Any]) -> dict[str, Any]:
    """The object with its signature (base64)."""
    return {**values, SIGNATURE: base64.b64encode(key.sign(canonical(values))).decode("ascii")}


def verify(key: Ed25519PublicKey, values: dict[str, Any]) -> str | None:
    """None when the object's signature is the key's; else what is wrong with it."""
    from cryptography.exceptions import InvalidSignature

    text = values.get(SIGNATURE)
    if not isinstance(text, str) or not text:
        return "missing"
    try:
        key.verify(base64.b64decode(text, validate=True), canonical(values))
    except (binascii.Error, UnicodeEncodeError):
        return "not base64, or the object holds text that is no Unicode"
    except InvalidSignature:
        return "wrong: another key made it, or what was signed was changed"
    except ValueError as e:
        return f"cannot be checked: {e}"
    return None


def platform_key(settings: Settings) -> tuple[str, Ed25519PrivateKey]:
    """Id and private key that sign today: the highest `keys/platform-<n>.pem` of the home; the first is made on first use.

    A new version is a new file (`liushui rotate-key`); public halves of old ones stay, so that old receipts can be verified.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    folder = settings.home / "keys"
    newest = latest_version(folder) or new_platform_key(settings)
    path = folder / f"platform-{newest}.pem"
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others than its owner; expected mode 0600: chmod 600 it, and rotate when it was read")
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as e:
        raise ConfigError(f"{path} is not a private key in PEM without password; expected one that `liushui rotate-key` made") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is not an Ed25519 key")
    return f"platform-{newest}", key


def latest_version(folder: Path) -> int:
    """The highest version of a platform key in the folder; 0 when there is none."""
    found = [_PLATFORM.fullmatch(p.name) for p in folder.glob("platform-*.pem")]
    return max((int(m[1]) for m in found if m), default=0)


def new_platform_key(settings: Settings) -> int:
    """Make the next version of the platform's key, private half 0600; returns its number."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    folder = settings.home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = latest_version(folder) + 1
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = folder / f".platform-{number}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(text)
    try:
        os.link(temporary, folder / f"platform-{number}.pem")
    except FileExistsError:
        return number  # another process made this version first; its key is the one
    finally:
        temporary.unlink()
    (folder / f"platform-{number}.pub.pem").write_text(pem(public_text(key)))
    return number


def pem(public: str) -> str:
    """A public key's PEM file."""
    return f"-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n"

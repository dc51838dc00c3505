"""The manifest beside each bank file (`….dat.gz.ok`, JSON): what the bank says it sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from jobs.ingest.bank_keys import BankKeys
from jobs.ingest.gunzip import Unreadable
from jobs.ingest.names import MODES, parse_day, parse_time

MAX_BYTES = 4_000_000
DIGESTS = {"SHA-256": "sha256", "SHA256": "sha256", "SM3": "sm3"}
"""Digest algorithms a manifest may name, and what hashlib calls them."""
_HEX = re.compile(r"[0-9a-f]{64}")
INT64 = 2**63


@dataclass(frozen=True)
class Total:
    """Rows and amount (decimal text) stated for one currency and side."""

    currency: str
    dr_cr: str
    rows: int
    amount: str


@dataclass(frozen=True)
class Manifest:
    """A manifest whose every needed key is there and of its kind."""

    bank: str
    file_type: str
    first: date
    last: date
    version: int
    mode: str
    file_name: str
    rows: int
    totals: tuple[Total, ...]
    digest_alg: str
    digest: str
    sent_at: datetime
    signer: str | None = None
    text: str | None = None
    """The manifest as signed, with its signature; None when the bank does not sign."""


class Unsigned(Unreadable):
    """The bank signs its manifests, and this one has no signature or a wrong one."""


def parse_manifest(text: bytes, keys: BankKeys | None = None) -> Manifest:
    """The manifest in `text`. Raises Unsigned before any of its keys is looked at when the bank has keys and none of them
    signed it, Unreadable naming the key that is missing or not of its kind."""
    if len(text) > MAX_BYTES:
        raise Unreadable(f"manifest: more than {MAX_BYTES} bytes")
    try:
        values = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as e:
        raise Unreadable("manifest: not JSON in UTF-8 with every key once") from e
    if not isinstance(values, dict):
        raise Unreadable("manifest: not a JSON object")
    signed = keys is not None and bool(keys.public)
    if keys is not None and (fault := keys.fault(values)):
        raise Unsigned(fault)
    alg = _text(values, "digest_alg").upper()
    digest = _text(values, "digest").lower()
    mode = _text(values, "mode")
    if alg not in DIGESTS:
        raise Unreadable("manifest: digest_alg is neither SHA-256 nor SM3")
    if not _HEX.fullmatch(digest):
        raise Unreadable("manifest: digest is not 64 hexadecimal digits")
    if mode not in MODES:
        raise Unreadable(f"manifest: mode is none of {', '.join(MODES)}")
    totals = values.get("totals", [])
    if not isinstance(totals, list) or not all(isinstance(t, dict) for t in totals):
        raise Unreadable("manifest: totals is not a list of objects")
    return Manifest(
        bank=_text(values, "bank_id"), file_type=_text(values, "file_type"), first=_day(values, "from_date"), last=_day(values, "to_date"),
        version=_count(values, "version"), mode=mode, file_name=_text(values, "file_name"), rows=_count(values, "row_cnt"),
        totals=unique("manifest", [Total(_text(t, "currency"), _text(t, "dr_cr"), _count(t, "row_cnt"), _amount(t)) for t in totals]),
        digest_alg=alg, digest=digest, sent_at=_time(values, "sent_at"), signer=_text(values, "signer") if signed else None,
        text=whole(values) if signed else None,
    )  # fmt: skip


def whole(values: dict[str, Any]) -> str:
    """A signed manifest with its signature, in canonical form."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; a key stated twice would mean one thing to the signer and another to the reader."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is stated twice")
    return values


def unique(where: str, totals: list[Total]) -> tuple[Total, ...]:
    """The totals; raises Unreadable when one currency and side is stated twice."""
    keys = [(t.currency, t.dr_cr) for t in totals]
    if len(set(keys)) < len(keys):
        raise Unreadable(f"{where}: states a currency and side twice")
    return tuple(totals)


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value or len(value) > 255 or not value.isprintable():
        raise Unreadable(f"manifest: {key} is missing or not a short text")
    return value


def _count(values: dict[str, Any], key: str) -> int:
    value = values.get(key)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < INT64:
        raise Unreadable(f"manifest: {key} is missing or not a whole number")
    return value


def _amount(values: dict[str, Any]) -> str:
    value = values.get("amount")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(values, "amount")


def _day(values: dict[str, Any], key: str) -> date:
    day = parse_day(values.get(key))
    if day is None:
        raise Unreadable(f"manifest: {key} is missing or not a date yyyymmdd")
    return day


def _time(values: dict[str, Any], key: str) -> datetime:
    time = parse_time(values.get(key))
    if time is None:
        raise Unreadable(f"manifest: {key} is missing or not a time yyyymmddHHMMSS")
    return time

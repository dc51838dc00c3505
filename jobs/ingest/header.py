"""The first and the last line of a bank file: `H|layout|bank|type|from|to|version|mode|sent_at` and `T|rows|currency|side|count|amount|…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from jobs.ingest.gunzip import Unreadable
from jobs.ingest.manifest import Manifest, Total, unique
from jobs.ingest.names import MODES, Name, parse_day, parse_time

LAYOUT = "1"
_COUNT = re.compile(r"[0-9]{1,18}", re.ASCII)
_FIELDS = ("layout", "bank", "type", "from date", "to date", "version", "mode", "time of sending")


@dataclass(frozen=True)
class Header:
    """What a file says of itself in its first line."""

    bank: str
    file_type: str
    first: date
    last: date
    version: int
    mode: str
    sent_at: datetime


@dataclass(frozen=True)
class Trailer:
    """What a file says of itself in its last line."""

    rows: int
    totals: tuple[Total, ...]


def parse_header(line: bytes) -> Header:
    """The header in `line`; raises Unreadable naming the field that cannot be read."""
    fields = _split(line, "header")
    if fields[0] != "H":
        raise Unreadable("header: the first line does not start with H|")
    if len(fields) != len(_FIELDS) + 1:
        raise Unreadable(f"header: {len(_FIELDS) + 1} fields expected, {len(fields)} found")
    _, layout, bank, file_type, first_text, last_text, version, mode, sent_text = fields
    first, last, sent_at = parse_day(first_text), parse_day(last_text), parse_time(sent_text)
    if layout != LAYOUT:
        raise Unreadable(f"header: layout {LAYOUT} expected")
    if first is None or last is None or last < first:
        raise Unreadable("header: from and to are not two dates in order")
    if not re.fullmatch(r"[0-9]{2}", version, re.ASCII) or mode not in MODES or sent_at is None:
        raise Unreadable("header: version, mode or time of sending cannot be read")
    return Header(bank, file_type, first, last, int(version), mode, sent_at)


def check_header(header: Header, name: Name, manifest: Manifest) -> None:
    """Raise Unreadable when header, file name and manifest do not speak of the same submission."""
    said = (header.bank, header.file_type, header.first, header.last, header.version, header.mode, header.sent_at)
    stated = (manifest.bank, manifest.file_type, manifest.first, manifest.last, manifest.version, manifest.mode, manifest.sent_at)
    for what, a, b in zip(_FIELDS[1:], said, stated, strict=True):
        if a != b:
            raise Unreadable(f"header and manifest differ in {what}: {_show(a)} and {_show(b)}")
    for what, a, b in zip(_FIELDS[1:3], said, (name.bank, name.file_type), strict=False):
        if a != b:
            raise Unreadable(f"header and file name differ in {what}: {_show(a)} and {_show(b)}")
    if header.version != name.version:
        raise Unreadable(f"header and file name differ in version: {header.version} and {name.version}")
    inside = name.first <= header.first and header.last <= name.last
    if not inside or (not name.monthly and header.first != name.first):
        raise Unreadable(f"header covers {header.first} to {header.last}, the file name {name.first} to {name.last}")


def parse_trailer(line: bytes) -> Trailer:
    """The trailer in `line`; raises Unreadable when it is none."""
    fields = _split(line, "trailer")
    groups = fields[2:]
    if fields[0] != "T" or len(fields) < 2 or len(groups) % 4 or not _COUNT.fullmatch(fields[1]):
        raise Unreadable("trailer: T|rows and groups of currency, side, count, amount expected")
    totals = []
    for i in range(0, len(groups), 4):
        currency, side, count, amount = groups[i : i + 4]
        if not (currency and side and amount and _COUNT.fullmatch(count)):
            raise Unreadable(f"trailer: group {i // 4 + 1} is not currency, side, count, amount")
        totals.append(Total(currency, side, int(count), amount))
    return Trailer(int(fields[1]), unique("trailer", totals))


def _split(line: bytes, what: str) -> list[str]:
    try:
        text = line.rstrip(b"\r\n").decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Unreadable(f"{what}: not UTF-8") from e
    if not text.isprintable():
        raise Unreadable(f"{what}: control characters")
    return text.split("|")


def _show(value: object) -> str:
    return str(value)[:40]

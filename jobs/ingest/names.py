"""Names of bank files and the texts in them that both the manifest and the header use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from lake.clock import month_end

SUFFIX = ".dat.gz"
MANIFEST_SUFFIX = ".ok"
MODES = ("FULL", "REPLACE", "DELTA", "ZERO")
_NAME = re.compile(r"([A-Z0-9]{1,16})_(ACCT|BAL|TXN|GL|CTL)_(\d{8}|\d{6})_v(\d{2})\.dat\.gz", re.ASCII)
_STAMP = re.compile(r"\d{14}", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)


@dataclass(frozen=True)
class Name:
    """What a file's name says: bank, type, the dates it covers at most, version."""

    bank: str
    file_type: str
    first: date
    last: date
    version: int

    @property
    def monthly(self) -> bool:
        return self.first != self.last


def parse_name(name: str) -> Name | None:
    """The parts of `{bank}_{type}_{yyyymmdd}_v{nn}.dat.gz` (history `{yyyymm}`); None when the name is another."""
    m = _NAME.fullmatch(name)
    if m is None:
        return None
    bank, file_type, day, version = m.groups()
    try:
        first = date(int(day[:4]), int(day[4:6]), int(day[6:] or 1))
    except ValueError:
        return None
    return Name(bank, file_type, first, first if day[6:] else month_end(first), int(version))


def parse_day(text: object) -> date | None:
    """A date `yyyymmdd` or ISO; None when it is not one."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date() if _DAY.fullmatch(text) else date.fromisoformat(text)
    except ValueError:
        return None


def parse_time(text: object) -> datetime | None:
    """A Shanghai time `yyyymmddHHMMSS` or ISO without zone, naive; None when it is not one."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.strptime(text, "%Y%m%d%H%M%S") if _STAMP.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is None else None


def submission_id(bank: str, file_type: str, first: date, version: int) -> str:
    """Identity of a submission: bank, type, first date covered, version."""
    return f"{bank}_{file_type}_{first:%Y%m%d}_v{version:02d}"

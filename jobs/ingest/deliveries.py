"""Which files of a bank a night takes: those sent by its cut-off that no earlier night has received."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from deltalake.exceptions import TableNotFoundError

from jobs.ingest.bank_keys import BankKeys
from jobs.ingest.gunzip import Unreadable
from jobs.ingest.landing import Found, Landing
from jobs.ingest.manifest import Manifest, Unsigned, parse_manifest
from jobs.ingest.names import Name, parse_name
from lake import store
from lake.clock import SHANGHAI, cut_off
from lake.settings import Settings

_COLUMNS = [
    "bank_id", "submission_id", "file_name", "manifest_status", "read_error", "digest_expected", "digest_actual", "duplicate_of",
    "size_bytes", "sent_at",
]  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A delivery received before: by an earlier night, or earlier in this one."""

    file_name: str
    submission_id: str
    manifest_status: str
    digest_expected: str | None
    digest_actual: str
    size: int
    sent_at: datetime | None
    good: bool
    """Its rows were read."""


@dataclass(frozen=True)
class Delivery:
    """A file this night takes. `problem` says why its name or manifest cannot be trusted."""

    found: Found
    name: Name | None
    manifest: Manifest | None
    manifest_status: str
    problem: str | None

    @property
    def order(self) -> tuple[datetime, str]:
        """Order of processing: as sent, so that of two copies the first counts."""
        return (self.manifest.sent_at if self.manifest else datetime.max, self.found.name)


def received_before(settings: Settings, as_of: date) -> dict[str, list[Seen]]:
    """Deliveries that nights before `as_of` committed to bronze, by bank. Later nights are not looked at, so that a rerun
    of a past night takes the same files again."""
    try:
        table = store.open_table(store.uri(settings, "bronze.bank_file"))
    except TableNotFoundError:
        return {}
    seen: dict[str, list[Seen]] = {}
    for r in table.to_pyarrow_table(columns=_COLUMNS, filters=[("as_of", "<", as_of)]).to_pylist():
        seen.setdefault(r["bank_id"], []).append(_seen(r))
    return seen


def _seen(r: dict[str, Any]) -> Seen:
    sent_at = r["sent_at"].astimezone(SHANGHAI).replace(tzinfo=None) if r["sent_at"] else None
    whole = r["manifest_status"] == "OK" and r["digest_actual"] == r["digest_expected"]
    good = whole and r["read_error"] is None and r["duplicate_of"] is None
    return Seen(
        r["file_name"], r["submission_id"], r["manifest_status"], r["digest_expected"], r["digest_actual"], r["size_bytes"], sent_at, good
    )


def select(
    landing: Landing, bank: str, files: Iterable[Found], seen: Iterable[Seen], as_of: date, keys: BankKeys | None = None
) -> list[Delivery]:
    """The files that belong to night `as_of`, in the order they were sent. Where the bank has `keys`, one must have signed."""
    by_name: dict[str, list[Seen]] = {}
    for s in seen:
        by_name.setdefault(s.file_name, []).append(s)
    taken = []
    for found in files:
        name = parse_name(found.base)
        if name is not None and name.first > as_of:
            continue
        delivery = _delivery(landing, bank, found, name, keys)
        m = delivery.manifest
        if m is not None and (m.sent_at > cut_off(as_of) or m.last > as_of):
            continue
        if not any(_same(delivery, s) for s in by_name.get(found.name, ())):
            taken.append(delivery)
    return sorted(taken, key=lambda d: d.order)


def _delivery(landing: Landing, bank: str, found: Found, name: Name | None, keys: BankKeys | None) -> Delivery:
    if not found.manifest:
        return Delivery(found, name, None, "MISSING", _name_problem(bank, name))
    try:
        manifest = parse_manifest(landing.manifest(found), keys)
    except Unsigned as e:
        return Delivery(found, name, None, "UNSIGNED", str(e))
    except Unreadable as e:
        return Delivery(found, name, None, "UNREADABLE", str(e))
    problem = _name_problem(bank, name)
    if problem is None and manifest.file_name != found.base:
        problem = "manifest: is for a file of another name"
    return Delivery(found, name, manifest, "OK", problem)


def _name_problem(bank: str, name: Name | None) -> str | None:
    if name is None:
        return "file name: {bank}_{type}_{yyyymmdd}_v{nn}.dat.gz expected"
    if name.bank != bank:
        return f"file name: says bank {name.bank}, it lies in the folder of {bank}"
    return None


def _same(d: Delivery, s: Seen) -> bool:
    """Whether an earlier night has received exactly this delivery. Bytes are compared by the caller when they were bad then."""
    if d.found.size != s.size or d.manifest_status != s.manifest_status:
        return False
    if d.manifest is None:
        return True
    return (d.manifest.digest, d.manifest.sent_at) == (s.digest_expected, s.sent_at) and s.digest_actual == s.digest_expected


def already(digest: str, delivery: Delivery, seen: Iterable[Seen]) -> bool:
    """Whether a delivery whose bytes were wrong before still has the same bytes and the same manifest."""
    m = delivery.manifest
    return any(
        s.file_name == delivery.found.name and s.digest_actual == digest
        and m is not None and (m.digest, m.sent_at) == (s.digest_expected, s.sent_at)
        for s in seen
    )  # fmt: skip

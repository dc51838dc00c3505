"""What was pulled and up to when: rows of `ops.pull`, and the watermark the next pull starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from deltalake.exceptions import TableNotFoundError

from lake import store
from lake.clock import SHANGHAI, cut_off
from lake.settings import Settings


@dataclass(frozen=True)
class Unit:
    """One line of a pull: a file type of a bank, or a table of a source."""

    name: str
    status: str
    rows: int = 0
    deliveries: int = 0
    bytes: int = 0
    message: str | None = None


@dataclass(frozen=True)
class Pull:
    """One pull: who, which night, and what changed after `watermark_from` (naive Shanghai time, None = from the beginning)."""

    source: str
    provider: str
    as_of: date
    history: bool
    watermark_from: datetime | None
    units: tuple[Unit, ...]
    staged_path: str

    @property
    def pull_id(self) -> str:
        return pull_id(self.source, self.provider, self.as_of)


def pull_id(source: str, provider: str, as_of: date) -> str:
    """Identity of a pull: the same for every rerun of its night."""
    who = source if provider == source else f"{source}-{provider}"
    return f"{who}-{as_of:%Y%m%d}"


def instant(local: datetime | None) -> datetime | None:
    """The instant of a naive Shanghai time."""
    return None if local is None else local.replace(tzinfo=SHANGHAI)


def watermark(settings: Settings, source: str, provider: str, as_of: date) -> datetime | None:
    """Up to when nights before `as_of` have pulled from the provider (naive Shanghai time); None when never.

    Later nights are not looked at, so that a rerun of a past night asks for the same changes again.
    """
    try:
        table = store.open_table(store.uri(settings, "ops.pull"))
    except TableNotFoundError:
        return None
    filters = [
        ("source", "=", source),
        ("provider_id", "=", provider),
        ("as_of", "<", as_of),
        ("status", "in", ["DONE", "NOTHING", "LATE"]),
    ]
    rows = table.to_pyarrow_table(columns=["watermark_to"], filters=filters)
    times = [t for t in rows["watermark_to"].to_pylist() if t is not None]
    return max(times).astimezone(SHANGHAI).replace(tzinfo=None) if times else None


def record(settings: Settings, pulls: Iterable[Pull]) -> None:
    """Write the pulls' rows in one commit, replacing those of an earlier run of the same pulls."""
    rows = [
        {
            "pull_id": p.pull_id, "source": p.source, "provider_id": p.provider, "unit": u.name, "as_of": p.as_of,
            "watermark_from": instant(p.watermark_from), "watermark_to": instant(cut_off(p.as_of)),
            "deliveries": u.deliveries, "rows": u.rows, "bytes": u.bytes, "status": u.status,
            "message": None if u.message is None else u.message[:1000], "staged_path": p.staged_path, "is_history": p.history,
            "at": datetime.now(UTC),
        }
        for p in pulls
        for u in p.units
    ]  # fmt: skip
    if not rows:
        return
    nights = " OR ".join(f"(as_of = DATE '{d}' AND pull_id = '{i}')" for d, i in sorted({(r["as_of"], r["pull_id"]) for r in rows}))
    store.replace(settings, "ops.pull", store.rows_of("ops.pull", rows), nights)

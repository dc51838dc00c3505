"""Which Delta version of each table readers see: the one named by the last PUBLISHED night in `ops.night`.

Interfaces (SQL, retrieval, online store) read whole nights only; what a running night has already written is not theirs yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from deltalake.exceptions import TableNotFoundError

from lake import store
from lake.errors import UsageError
from lake.tables import TABLES, table


@dataclass(frozen=True)
class PublishedNight:
    """A published night and the versions it reads."""

    as_of: date
    versions: dict[str, int]


def night(lake_uri: str, as_of: date | None = None) -> PublishedNight:
    """The last published night, or night `as_of`; UsageError when it is not published."""
    try:
        rows = (
            store.open_table(f"{lake_uri.rstrip('/')}/{table('ops.night').path}")
            .to_pyarrow_table(columns=["as_of", "versions"])
            .to_pylist()
        )
    except TableNotFoundError:
        rows = []
    chosen = [r for r in rows if as_of is None or r["as_of"] == as_of]
    if not chosen:
        which = f"night {as_of} is not published" if as_of else "no night is published yet"
        known = f" Last published: {max(r['as_of'] for r in rows)}." if rows else ""
        raise UsageError(f"{which}.{known} Run `liushui run` or `liushui publish` first.")
    last = max(chosen, key=lambda r: r["as_of"])
    return PublishedNight(last["as_of"], {k: int(v) for k, v in json.loads(last["versions"]).items() if k in TABLES})

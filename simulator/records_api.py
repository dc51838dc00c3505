"""HTTP JSON API of court, registry and lenders: pages in the order of changes, a cursor, and now and then 429 or 503.

GET /{source}/records?table=T&updated_since=ISO&updated_until=ISO&cursor=C&limit=N -> {"records": […], "next_cursor": …}.
`updated_since` is exclusive, `updated_until` inclusive, both Shanghai time. GET /health -> 200.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zlib import crc32

import duckdb
import numpy as np
import pyarrow as pa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SOURCES = ("court", "registry", "loans")
DEFAULT_LIMIT, MAX_LIMIT = 1000, 20_000
BUSY_EVERY, DOWN_EVERY = 23, 29
"""One page in so many is first answered with 429 or 503."""


class Table:
    """One table in the order of changes: the JSON text of every record, and when it was changed."""

    def __init__(self, file: Path) -> None:
        with duckdb.connect() as db:
            described = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
            names = [f'"{name}"::VARCHAR AS "{name}"' if kind.startswith("DECIMAL") else f'"{name}"' for name, kind, *_ in described]
            shown = [
                f'strftime("{name}", \'%Y-%m-%dT%H:%M:%S\') AS "{name}"' if kind.startswith("TIMESTAMP") else n
                for n, (name, kind, *_r) in zip(names, described, strict=True)
            ]
            texts = f"SELECT to_json(t)::VARCHAR AS text FROM (SELECT {', '.join(shown)} FROM read_parquet(?)) t"
            self.texts: pa.ChunkedArray = _arrow(db, texts, file).column("text")
            times = _arrow(db, "SELECT epoch_us(updated_at) AS at FROM read_parquet(?)", file)
        self.at = times.column("at").to_numpy()

    def page(self, start: int, end: int) -> str:
        """Records start..end as text, joined by commas."""
        return ",".join(self.texts.slice(start, end - start).to_pylist())

    def span(self, since: str | None, until: str | None) -> tuple[int, int]:
        """Positions of the records changed after `since` and up to `until`; ValueError for a text that is no time."""
        low = 0 if since is None else int(np.searchsorted(self.at, _micros(since), side="right"))
        high = len(self.at) if until is None else int(np.searchsorted(self.at, _micros(until), side="right"))
        return low, max(low, high)


def _arrow(db: duckdb.DuckDBPyConnection, sql: str, file: Path) -> pa.Table:
    db.execute("SET preserve_insertion_order = true")
    table: pa.Table = db.execute(sql, [str(file)]).to_arrow_table()
    return table


def _micros(text: str) -> int:
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


class Api:
    """The tables of all sources, and which pages were already refused once."""

    def __init__(self, records: Path, busy: bool = True) -> None:
        self.tables = {(s, f.stem): Table(f) for s in SOURCES for f in sorted((records / s).glob("*.parquet"))}
        self.busy = busy
        self._refused: set[tuple[str, str, int]] = set()

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(routes=[Route("/health", self.health), Route("/{source}/records", self.records)])

    async def health(self, request: Request) -> Response:
        """Whether the sources are up, and what they hold."""
        return JSONResponse({"status": "ok", "tables": {f"{s}.{t}": len(x.at) for (s, t), x in self.tables.items()}})

    async def records(self, request: Request) -> Response:
        """One page."""
        source, q = request.path_params["source"], request.query_params
        table = self.tables.get((source, q.get("table", "")))
        if table is None:
            known = ", ".join(t for s, t in self.tables if s == source)
            return _error(404 if not known else 400, f"table must be one of: {known}" if known else f"no source {source!r}")
        try:
            low, high = table.span(q.get("updated_since"), q.get("updated_until"))
            start = low if q.get("cursor") is None else int(q["cursor"].removeprefix("c"))
            limit = int(q.get("limit", DEFAULT_LIMIT))
        except ValueError as e:
            return _error(400, f"updated_since, updated_until, cursor or limit cannot be read: {e}")
        if not low <= start <= high or not 1 <= limit <= MAX_LIMIT:
            return _error(400, f"cursor outside the window, or limit outside 1 to {MAX_LIMIT}")
        refusal = self._refuse(source, q["table"], start)
        if refusal is not None:
            return refusal
        end = min(start + limit, high)
        cursor = f'"c{end}"' if end < high else "null"
        return Response(f'{{"records":[{table.page(start, end)}],"next_cursor":{cursor}}}', media_type="application/json")

    def _refuse(self, source: str, table: str, start: int) -> Response | None:
        """429 or 503 the first time for some pages, always the same ones."""
        key = (source, table, start)
        draw = crc32(f"{source}/{table}/{start}".encode())
        if not self.busy or key in self._refused:
            return None
        if draw % BUSY_EVERY == 0:
            self._refused.add(key)
            return _error(429, "too many requests", {"Retry-After": "1"})
        if draw % DOWN_EVERY == 0:
            self._refused.add(key)
            return _error(503, "maintenance, try again")
        return None


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status_code=status, headers=headers)

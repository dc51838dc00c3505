"""The record APIs of courts, registry and lenders: pages of versions in the order they were made, with a cursor.

GET /{source}/records?table=T&updated_since=ISO&updated_until=ISO&cursor=C&limit=N answers {"records": […], "next_cursor": …}.
Now and then the server is busy (429 with Retry-After, 503), as real ones are.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MOST = 10_000
BUSY_EVERY, DOWN_EVERY = 41, 67


@dataclass(frozen=True)
class Records:
    """Versions of one table in the order of their change: JSON texts and times."""

    texts: list[str]
    times: list[datetime]


def records(rows: pa.Table) -> Records:
    """JSON texts of `rows`, ordered by the time of change, then by content."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.register("rows", rows)
    fields = ", ".join(
        f"'{f.name}', strftime(\"{f.name}\", '%Y-%m-%dT%H:%M:%S.%f')" if pa.types.is_timestamp(f.type) else f"'{f.name}', \"{f.name}\""
        for f in rows.schema
    )
    found = con.execute(f"SELECT json_object({fields})::VARCHAR AS text, updated_at FROM rows ORDER BY updated_at, text").fetchall()
    return Records([x[0] for x in found], [x[1] for x in found])


def _when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def page(table: Records, since: datetime | None, until: datetime | None, cursor: int | None, limit: int) -> tuple[list[str], int | None]:
    """Texts of one page and where the next begins; since is exclusive, until inclusive."""
    first = cursor if cursor is not None else bisect_right(table.times, since) if since else 0
    last = bisect_right(table.times, until) if until else len(table.times)
    end = min(first + limit, last)
    return table.texts[first:end], end if end < last else None


def application(sources: dict[str, dict[str, pa.Table]], calm: bool) -> Starlette:
    """The server of all record sources; `calm` leaves out the busy answers."""
    tables = {(s, name): records(rows) for s, found in sources.items() for name, rows in found.items()}
    counter = itertools.count(1)

    async def answer(request: Request) -> Response:
        n = next(counter)
        if not calm and n % BUSY_EVERY == 0:
            return Response(status_code=429, headers={"Retry-After": "1"})
        if not calm and n % DOWN_EVERY == 0:
            return Response(status_code=503)
        q = request.query_params
        key = (request.path_params["source"], q.get("table", ""))
        if key not in tables:
            return JSONResponse({"error": f"no table {key[1]!r} at {key[0]!r}"}, status_code=404)
        try:
            since, until, cursor = _when(q.get("updated_since")), _when(q.get("updated_until")), q.get("cursor")
            texts, following = page(tables[key], since, until, int(cursor) if cursor else None, min(int(q.get("limit", "1000")), MOST))
        except ValueError as e:
            return JSONResponse({"error": str(e)}, status_code=400)
        body = f'{{"records": [{", ".join(texts)}], "next_cursor": {"null" if following is None else f"{chr(34)}{following}{chr(34)}"}}}'
        return Response(body, media_type="application/json")

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "tables": len(tables)})

    return Starlette(routes=[Route("/health", health), Route("/{source}/records", answer)])

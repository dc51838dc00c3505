"""Pulling the tax tables from their PostgreSQL database by SQL into Arrow (ADBC), in one read-only snapshot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from adbc_driver_manager import Error as AdbcError
from adbc_driver_manager import OperationalError
from adbc_driver_postgresql import dbapi
from tenacity import before_sleep_log, retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from jobs.ingest.outside import UPDATED, Field, Outside
from jobs.ingest.source_pull import Page, Window, pull_source
from jobs.runner import Report
from lake.errors import ContractBroken, SourceUnavailable
from lake.settings import Settings

log = logging.getLogger(__name__)
SOURCE = "tax"
_TEXT = ("text", "character varying", "character")
_WHOLE = ("smallint", "integer", "bigint", "numeric")
_TIMES = ("timestamp without time zone", "timestamp with time zone", *_TEXT)
# registry type -> (types a column may have in the database, type it is read as)
_TYPES: dict[str, tuple[tuple[str, ...], str]] = {
    "string": (_TEXT, "text"),
    "int": (_WHOLE, "integer"),
    "bigint": (_WHOLE, "bigint"),
    "date": (("date", *_TEXT), "date"),
    "timestamp": (_TIMES, "timestamp"),
    "boolean": (("boolean",), "boolean"),
}


def pull(settings: Settings, as_of: date, history: bool) -> Report:
    """Pull every tax table's changes up to the night's cut-off.

    Raises SourceUnavailable when the database does not answer within `sources.retry_seconds` or breaks off, ContractBroken
    when its tables are not the agreed ones.
    """
    database = _Database(settings)
    try:
        return pull_source(settings, SOURCE, as_of, history, database.read)
    finally:
        database.close()


class _Database:
    """One connection in one read-only transaction, so that all tables are read as of the same moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.sources
        self._connection: Any = None
        self._columns: dict[str, dict[str, str]] = {}

    def read(self, spec: Outside, window: Window) -> Iterator[Page]:
        """Changes of one table in the window, in the order they were made."""
        if self._connection is None:
            self._open()
        sql = self._query(spec, window)
        bounds = [window.until] if window.since is None else [window.until, window.since]
        with _translated(spec.name), self._connection.cursor() as cursor:
            cursor.execute(sql, bounds)
            for batch in cursor.fetch_record_batch():
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield Page(columns, batch.num_rows, batch.nbytes)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        seconds = self._settings.retry_seconds
        again = retry(
            retry=retry_if_exception_type(OperationalError), stop=stop_after_delay(seconds), wait=wait_exponential_jitter(0.1, 5, jitter=0.1),
            reraise=True, before_sleep=before_sleep_log(log, logging.INFO),
        )  # fmt: skip
        try:
            self._connection = again(dbapi.connect)(_with_timeout(self._settings.tax_db, self._settings.timeout_seconds))
        except AdbcError as e:
            raise SourceUnavailable(
                f"the tax database {_place(self._settings.tax_db)} did not answer for {seconds:.0f} s: "
                f"{_reason(e)}. The night goes on without it; try again later."
            ) from e
        with _translated("its catalogue"), self._connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(
                "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns "
                "WHERE table_schema = ANY (current_schemas(false))"
            )
            for name, column, type_ in cursor.fetchall():
                self._columns.setdefault(name, {})[column] = type_

    def _query(self, spec: Outside, window: Window) -> str:
        """The SELECT of a table, after its columns were compared with the registry."""
        found = self._columns.get(spec.name, {})
        wanted = {f.raw: f for f in spec.fields}
        missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        other = [f"{c} is {found[c]}" for c, f in wanted.items() if c in found and found[c] not in _TYPES[f.type][0]]
        if missing or extra or other:
            raise ContractBroken(
                f"tax table {spec.name}: missing {missing}, not registered {extra}, of another type {other}. "
                f"Expected are the columns of lake/schemas/outside.py with raw identifiers, row_version and updated_at."
            )
        selected = ", ".join(f'{_expression(f, found[f.raw])} AS "{f.raw}"' for f in spec.fields)
        updated = _expression(wanted[UPDATED], found[UPDATED]) if found[UPDATED] in _TEXT else UPDATED
        since = f" AND {updated} > $2" if window.since is not None else ""
        raw = {f.name: f.raw for f in spec.fields}
        order = ", ".join(f'"{c}"' for c in [UPDATED, *(raw[k] for k in spec.key), "row_version"])
        return f'SELECT {selected} FROM "{spec.name}" WHERE {updated} <= $1{since} ORDER BY {order}'


def _expression(field: Field, found: str) -> str:
    """How a column is read; a number with a fraction becomes null, never another number."""
    column, target = f'"{field.raw}"', _TYPES[field.type][1]
    if found == "numeric":
        return f"(CASE WHEN {column} = trunc({column}) THEN {column} END)::{target}"
    if found in _TEXT:
        return f"{column}::text"
    if found == "timestamp with time zone":
        return f"({column} AT TIME ZONE 'Asia/Shanghai')"
    return f"{column}::{target}"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Errors of the database: a broken connection is a source that is down, everything else a broken contract."""
    try:
        yield
    except OperationalError as e:
        raise SourceUnavailable(f"the tax database broke off while {what} was read: {_reason(e)}. Try again later.") from e
    except AdbcError as e:
        raise ContractBroken(f"the tax database refuses to read {what}: {_reason(e)}. Compare it with lake/schemas/outside.py.") from e


def _place(uri: str) -> str:
    """Database and host of the URI, without user and password."""
    parts = urlsplit(uri)
    return f"{parts.path.strip('/')} at {parts.hostname or ', '.join(parse_qs(parts.query).get('host', ['the local socket']))}"


def _with_timeout(uri: str, seconds: float) -> str:
    """The URI with a bound on how long a connection may take to be made, unless it has one."""
    if "connect_timeout" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}connect_timeout={max(int(seconds), 2)}"


def _reason(e: Exception) -> str:
    """The database's words on one line."""
    return " ".join(str(e).split())[:300]

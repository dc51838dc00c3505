"""Pulling court, registry and loan records over HTTP: pages by cursor, patience with 429 and 503, no loops of our own for that."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
from tenacity import (
    RetryCallState,
    before_sleep_log,
    retry,
    retry_if_exception_type,
    retry_if_not_exception_type,
    wait_exponential_jitter,
)
from tenacity.stop import stop_base

from jobs.ingest.outside import Outside
from jobs.ingest.source_pull import Page, Window, pull_source
from jobs.runner import Report
from lake.errors import ConfigError, ContractBroken, SourceUnavailable
from lake.settings import Settings, SourceSettings

log = logging.getLogger(__name__)
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers that mean: ask again."""
_WAIT = wait_exponential_jitter(0.1, 10, jitter=0.1)


class Busy(Exception):
    """The server asks for patience. `after` is for how long, in seconds, if it says so."""

    def __init__(self, status: int, after: float | None) -> None:
        super().__init__(f"status {status}")
        self.after = after


def pull(settings: Settings, source: str, as_of: date, history: bool, transport: httpx.BaseTransport | None = None) -> Report:
    """Pull every table of court, registry or loans; `transport` stands in for the network in tests.

    Raises SourceUnavailable when a request fails for longer than `sources.retry_seconds`, ContractBroken when an answer is
    not what was agreed, ConfigError when the server refuses the address or the credentials.
    """
    with httpx.Client(timeout=settings.sources.timeout_seconds, transport=transport) as http:
        client = _Client(http, source, settings.sources)
        return pull_source(settings, source, as_of, history, client.read)


class _Client:
    """Reads the records of one source."""

    def __init__(self, http: httpx.Client, source: str, settings: SourceSettings) -> None:
        self._http, self._source, self._settings = http, source, settings
        self._url = f"{getattr(settings, f'{source}_api').rstrip('/')}/records"
        self._get = retry(
            retry=retry_if_exception_type((Busy, httpx.TransportError)) & retry_if_not_exception_type(httpx.UnsupportedProtocol),
            stop=_Patience(settings.retry_seconds), wait=_wait, reraise=True,
            before_sleep=before_sleep_log(log, logging.INFO),
        )(self._ask)  # fmt: skip

    def read(self, spec: Outside, window: Window) -> Iterator[Page]:
        """Changes of one table in the window, page by page as the server cuts them."""
        asked = {"table": spec.name, "updated_until": window.until.isoformat(), "limit": str(self._settings.page_size)}
        if window.since is not None:
            asked["updated_since"] = window.since.isoformat()
        cursor, cursors = None, set()
        while True:
            text = self._fetch({**asked, **({"cursor": cursor} if cursor is not None else {})})
            records, cursor = self._parse(text, spec)
            yield Page({f.raw: [r[f.raw] for r in records] for f in spec.fields}, len(records), len(text))
            if cursor is None:
                return
            if cursor in cursors:
                raise ContractBroken(f"{self._what(spec)}: the cursor of a page comes twice; the pages would never end")
            cursors.add(cursor)

    def _fetch(self, params: dict[str, str]) -> bytes:
        try:
            return self._get(params)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as e:
            raise ConfigError(f"sources.{self._source}_api: {self._url} is no address: {e}") from e
        except (Busy, httpx.TransportError) as e:
            raise SourceUnavailable(
                f"{self._source} records at {self._url}: no answer within {self._settings.retry_seconds:.0f} s "
                f"({str(e) or type(e).__name__}). The night goes on without it; try again later."
            ) from e

    def _ask(self, params: dict[str, str]) -> bytes:
        answer = self._http.get(self._url, params=params)
        status = answer.status_code
        if status in BUSY:
            raise Busy(status, _seconds(answer.headers.get("Retry-After")))
        if status in (401, 403):
            raise ConfigError(f"{self._source} records at {self._url}: access refused (status {status})")
        if status != 200:
            raise ContractBroken(
                f"{self._source} records at {self._url}: status 200 expected, {status} found for table {params['table']}: "
                f"{' '.join(answer.text.split())[:200]}"
            )
        return answer.content

    def _parse(self, text: bytes, spec: Outside) -> tuple[list[dict[str, Any]], str | None]:
        try:
            answer = json.loads(text, parse_float=str, parse_constant=_no_number)
        except (ValueError, RecursionError) as e:
            raise ContractBroken(f"{self._what(spec)}: the answer is not JSON ({' '.join(str(e).split())[:120]})") from e
        records = answer.get("records") if isinstance(answer, dict) else None
        cursor = answer.get("next_cursor") if isinstance(answer, dict) else None
        if not isinstance(records, list) or not (cursor is None or (isinstance(cursor, str) and cursor)):
            raise ContractBroken(f'{self._what(spec)}: {{"records": [...], "next_cursor": text or null}} expected')
        expected = {f.raw for f in spec.fields}
        for i, record in enumerate(records):
            if not isinstance(record, dict):
                raise ContractBroken(f"{self._what(spec)}: record {i + 1} of the page is no object")
            if record.keys() != expected:
                missing, extra = sorted(expected - record.keys()), sorted(map(ascii, record.keys() - expected))
                raise ContractBroken(f"{self._what(spec)}: record {i + 1} of the page: fields missing {missing}, not registered {extra}")
        return records, cursor

    def _what(self, spec: Outside) -> str:
        return f"{self._source} table {spec.name} at {self._url}"


class _Patience(stop_base):
    """Ends when the time is over, or when the server asks for more than is left of it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        spent = retry_state.seconds_since_start or 0
        return spent + (_asked_for(retry_state) or 0) >= self._seconds


def _wait(state: RetryCallState) -> float:
    """As long as the server asks, else longer each time."""
    after = _asked_for(state)
    return _WAIT(state) if after is None else after


def _asked_for(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, Busy) else None


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; the form with a date is not used, it would need a clock that agrees with the server's."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number of JSON")

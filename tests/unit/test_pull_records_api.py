"""Pulling court, registry and loan records over HTTP: pages, patience, contract, typing, bad records, windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.ingest import records_api, staging
from jobs.ingest.outside import tables_of
from lake import store
from lake.clock import SHANGHAI
from lake.errors import ConfigError, ContractBroken, LiushuiError, SourceUnavailable
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

NIGHT = date(2026, 9, 14)
USCC = "91450100123456788F"
CASE = {
    "case_no": "(2026)1", "party_id": USCC, "role": "DEFENDANT", "court": "C1", "cause_code": "c", "cause_group": "loan",
    "filed_date": "2026-08-30", "publish_date": "2026-09-02", "claim_fen": 12_345, "judged_date": None, "judgment_publish_date": None,
    "judged_payable_fen": None, "status": "OPEN", "row_version": 0, "updated_at": "2026-09-14T10:00:00",
}  # fmt: skip
HOLDER = {
    "firm_id": USCC, "party_id": "P000000000001", "party_kind": "PERSON", "holding_pct": 0.25, "valid_from": "2020-01-01", "valid_to": None,
    "row_version": 1, "updated_at": "2026-09-14T10:00:00",
}  # fmt: skip
Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """A records API in memory: tables of records, two to a page, and answers to give first."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]], first: list[httpx.Response] | None = None) -> None:
        self.tables, self.first, self.asked = tables, first or [], []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(dict(request.url.params))
        if self.first:
            return self.first.pop(0)
        start = int(request.url.params.get("cursor", 0))
        rows = self.tables.get(request.url.params["table"], [])
        text = json.dumps({"records": rows[start : start + 2], "next_cursor": str(start + 2) if start + 2 < len(rows) else None})
        return httpx.Response(200, text=text)


def pull(settings: Settings, server: Answer, source: str = "court", history: bool = True, as_of: date = NIGHT) -> Any:
    return records_api.pull(settings, source, as_of, history, transport=httpx.MockTransport(server))


def staged(settings: Settings, name: str, source: str = "court", as_of: date = NIGHT) -> pa.Table:
    (path,) = staging.staged(settings, source, as_of, name)
    return pq.read_table(path)


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with little patience."""
    return settings.model_copy(update={"sources": settings.sources.model_copy(update={"retry_seconds": 1.0})})


def cases(n: int, **changed: Any) -> list[dict[str, Any]]:
    return [CASE | {"case_no": f"(2026){i}"} | changed for i in range(n)]


def test_pages_are_followed_and_typed(settings: Settings) -> None:
    server = Server({"court_case": cases(5)})
    report = pull(settings, server)
    table = staged(settings, "court_case")
    spec = next(s for s in tables_of("court") if s.name == "court_case")
    assert report.rows == 5 and table.schema.equals(spec.schema)
    row = table.to_pylist()[4]
    assert row["party_id"] == Tokenizer(load_key(settings), settings.token_hash).token("firm", USCC)
    assert (row["filed_date"], row["claim_fen"], row["row_version"], row["record_no"]) == (date(2026, 8, 30), 12_345, 0, 5)
    assert row["updated_at"] == datetime(2026, 9, 14, 10, tzinfo=SHANGHAI) and row["pull_id"] == "court-20260914"
    assert staged(settings, "court_dishonest").num_rows == 0
    assert [a.get("cursor") for a in server.asked if a["table"] == "court_case"] == [None, "2", "4"]
    assert server.asked[0]["updated_until"] == "2026-09-15T04:00:00" and "updated_since" not in server.asked[0]


def test_persons_and_firms_get_tokens_of_their_kind_and_shares_stay_exact(settings: Settings) -> None:
    pull(settings, Server({"reg_shareholder": [HOLDER, HOLDER | {"party_id": USCC, "holding_pct": "0.333333"}]}), "registry")
    rows = staged(settings, "reg_shareholder", "registry").to_pylist()
    tokenizer = Tokenizer(load_key(settings), settings.token_hash)
    assert [r["party_id"] for r in rows] == [tokenizer.token("person", "P000000000001"), tokenizer.token("firm", USCC)]
    assert [str(r["holding_pct"]) for r in rows] == ["0.250000", "0.333333"]


def test_the_next_night_asks_from_where_the_last_one_ended_and_a_rerun_asks_the_same(settings: Settings) -> None:
    pull(settings, Server({"court_case": cases(1)}))
    for _ in range(2):
        server = Server({"court_case": cases(1, updated_at="2026-09-15T10:00:00")})
        pull(settings, server, history=False, as_of=date(2026, 9, 15))
        assert {a["updated_since"] for a in server.asked} == {"2026-09-15T04:00:00"}
    rows = [r for r in store.read(settings, "ops.pull").to_pylist() if r["unit"] == "court_case"]
    assert [(r["as_of"].day, r["rows"], r["status"], r["pull_id"]) for r in sorted(rows, key=lambda r: r["as_of"])] == [
        (14, 1, "DONE", "court-20260914"), (15, 1, "DONE", "court-20260915"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [429, 503, 502])
def test_a_busy_server_is_asked_again(quick: Settings, status: int) -> None:
    server = Server({"court_case": cases(3)}, [httpx.Response(status, headers={"Retry-After": "0"}), httpx.Response(status)])
    assert pull(quick, server).rows == 3


def test_a_broken_connection_is_tried_again(quick: Settings) -> None:
    server, failures = Server({"court_case": cases(1)}), [httpx.ConnectError("no"), httpx.ReadTimeout("slow")]

    def flaky(request: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return server(request)

    assert pull(quick, flaky).rows == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "3600"}),
    ],
)
def test_a_server_that_stays_busy_is_down(quick: Settings, answer: httpx.Response) -> None:
    with pytest.raises(SourceUnavailable, match="no answer within 1 s") as e:
        pull(quick, lambda _: answer)
    assert e.value.exit_code == 11
    assert {r["status"] for r in store.read(quick, "ops.pull").to_pylist()} == {"FAILED"}
    assert staging.staged(quick, "court", NIGHT, "court_case") == []


def test_a_pull_that_fails_halfway_leaves_the_watermark_and_the_staging_of_before(quick: Settings) -> None:
    pull(quick, Server({"court_case": cases(3)}))
    calls = iter(range(100))

    def dies(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if next(calls) else Server({"court_case": cases(5)})(request)

    with pytest.raises(SourceUnavailable):
        pull(quick, dies)
    assert staged(quick, "court_case").num_rows == 3
    server = Server({})
    pull(quick, server, history=False, as_of=date(2026, 9, 15))
    assert all("updated_since" not in a for a in server.asked)


def body(value: object) -> Answer:
    return lambda _: httpx.Response(200, content=value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (body(b"<html>"), ContractBroken, "is not JSON"),
        (body(b'{"records": [{"a": NaN}]}'), ContractBroken, "is not JSON"),
        (body(b"[" * 100_000), ContractBroken, "is not JSON"),
        (body([]), ContractBroken, "expected"),
        (body({"records": {}, "next_cursor": None}), ContractBroken, "expected"),
        (body({"records": [], "next_cursor": 7}), ContractBroken, "expected"),
        (body({"records": [7], "next_cursor": None}), ContractBroken, "record 1 of the page is no object"),
        (
            body({"records": [CASE, CASE | {"new": 1}], "next_cursor": None}),
            ContractBroken,
            r"court_case .*record 2 .*not registered \[\"'new'",
        ),
        (body({"records": [{k: v for k, v in CASE.items() if k != "court"}], "next_cursor": None}), ContractBroken, r"missing \['court'\]"),
        (body({"records": [], "next_cursor": "same"}), ContractBroken, "cursor of a page comes twice"),
        (
            body({"records": cases(30, filed_date="30.08.2026"), "next_cursor": None}),
            ContractBroken,
            "court_case: column filed_date does not",
        ),
        (
            body({"records": cases(1, updated_at="2026-09-15T04:00:01"), "next_cursor": None}),
            ContractBroken,
            "does not keep to updated_since",
        ),
        (lambda _: httpx.Response(404, text="no such table"), ContractBroken, "status 200 expected, 404 found"),
        (lambda _: httpx.Response(403), ConfigError, "access refused"),
    ],
)
def test_answers_other_than_agreed(quick: Settings, answer: Answer, error: type[LiushuiError], text: str) -> None:
    with pytest.raises(error, match=text):
        pull(quick, answer)
    assert staging.staged(quick, "court", NIGHT, "court_case") == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"filed_date": "2026-02-30"}, "filed_date: date expected, found '2026-02-30'"),
        ({"claim_fen": "12,50"}, "claim_fen: whole number expected, found '12,50'"),
        ({"claim_fen": 1.5}, "claim_fen: whole number expected"),
        ({"claim_fen": True}, "claim_fen: whole number expected, found True"),
        ({"claim_fen": 2**70}, "claim_fen: whole number expected"),
        ({"claim_fen": None}, "claim_fen: missing"),
        ({"status": 7}, "status: text expected, found 7"),
        ({"court": "\ud800"}, "court: text expected"),
        ({"party_id": " "}, "party_id: missing"),
        ({"party_id": 914501}, "party_id: text expected, found int"),
        ({"updated_at": "yesterday"}, "updated_at: time expected"),
        ({"filed_date": [], "claim_fen": {}}, "filed_date: date expected, found []; claim_fen: whole number expected, found {}"),
    ],
)
def test_a_record_that_does_not_read_is_set_aside_and_the_others_go_on(settings: Settings, changed: dict[str, Any], reason: str) -> None:
    report = pull(settings, Server({"court_case": [CASE, CASE | changed, CASE]}))
    assert staged(settings, "court_case")["record_no"].to_pylist() == [1, 3]
    (bad,) = staged(settings, "court_case.bad").to_pylist()
    assert bad["reason"].startswith(reason) and (bad["record_no"], bad["table_name"]) == (2, "court_case")
    assert USCC not in bad["payload"] and "914501" not in bad["payload"] + bad["reason"]
    assert report.detail["bad_records"] == 1


def test_an_address_that_is_none_is_a_matter_of_configuration(settings: Settings) -> None:
    sources = settings.sources.model_copy(update={"court_api": "nonsense"})
    with pytest.raises(ConfigError, match="court_api"):
        records_api.pull(settings.model_copy(update={"sources": sources}), "court", NIGHT, True)

"""Text fields of bank files as typed values, by the SQL that the check runs (DuckDB)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from expectations import fields, parse, references, uscc
from expectations.parse import FIELDS, References, typed_sql
from lake.arrow import arrow_schema
from lake.clock import SHANGHAI
from lake.schemas.bank import FILE_FIELDS
from lake.tables import table

REFS = References.load()
DAY = date(2026, 2, 10)
TXN = {
    "txn_no": "1", "sub_no": "0", "account_no": "211", "biz_date": "20260210", "time": "101502", "seq_no": "1", "dr_cr": "C", "currency": "CNY",
    "amount": "12.50", "balance_after": "100.00", "instrument": "TRANSFER", "cash_flag": "TRANSFER", "channel": "NET", "reversal_flag": "N",
    "returned_flag": "N", "account_id": "A", "bank_id": "B0001", "submission_id": "B0001_TXN_20260210_v00", "file_name": "f", "file_type": "TXN",
    "from_date": DAY, "to_date": DAY, "version": 0, "mode": "FULL", "sent_at": datetime(2026, 2, 11, tzinfo=SHANGHAI), "row_no": 2,
    "is_history": False, "as_of": DAY,
}  # fmt: skip


def value(expression: str, **columns: Any) -> Any:
    """What an expression gives for one row of columns."""
    with duckdb.connect() as con:
        con.register("t", pa.table({n: [v] for n, v in columns.items()}))
        row = con.execute(f"SELECT {expression} FROM t").fetchone()
    assert row is not None
    return row[0]


def typed(*changes: dict[str, Any], refs: References = REFS) -> list[dict[str, Any]]:
    """TXN rows, each the plain one with changes, as the check reads them."""
    schema = arrow_schema(table("bronze.bank_txn"))
    with duckdb.connect() as con:
        con.register("raw", pa.Table.from_pylist([{n: (TXN | c).get(n) for n in schema.names} for c in changes], schema=schema))
        return con.execute(typed_sql("TXN", refs)).to_arrow_table().to_pylist()


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [("12.50", 2, 1250), ("-12.5", 2, -1250), ("12", 2, 1200), ("1200", 0, 1200), ("0.00", 2, 0), ("-0.01", 2, -1), ("1e5", 2, None),
     ("12,50", 2, None), ("+1", 2, None), (" 1", 2, None), ("1 ", 2, None), ("1\n", 2, None), ("12.505", 2, 1251), ("-12.505", 2, -1251),
     ("12.504", 2, 1250), ("9999999999999999", 4, None), ("922337203685477.5807", 4, 9223372036854775807), ("922337203685477.5808", 4, None),
     ("", 2, None), ("12.500", 3, 12500), (".5", 2, None), ("5.", 2, None), ("12.5", None, None), ("１２", 2, None), (None, 2, None)],
)  # fmt: skip
def test_amounts_are_read_exactly_or_not_at_all(text: str | None, places: int | None, expected: int | None) -> None:
    columns = {"a": pa.scalar(text, pa.string()), "places": pa.scalar(places, pa.int32())}
    with duckdb.connect() as con:
        con.register("t", pa.table({n: pa.array([v.as_py()], v.type) for n, v in columns.items()}))
        read = f"SELECT *, {fields.reads('a')} AS _a_reads, {fields.places_sent('a')} AS _a_places FROM t"
        assert con.execute(f"SELECT {fields.minor('a')} FROM ({read})").fetchone() == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20260228", date(2026, 2, 28)), ("20240229", date(2024, 2, 29)), ("20260230", None), ("20261301", None), ("2026022", None),
     ("2026-2-8", None), ("202602 8", None), ("00000000", None), ("", None), (None, None)],
)  # fmt: skip
def test_dates_that_do_not_exist_are_null(text: str | None, expected: date | None) -> None:
    assert value(fields.day("d"), d=text) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [("101502", "10:15:02"), ("000000", "00:00:00"), ("235959", "23:59:59"), ("240000", None), ("246060", None), ("106000", None),
     ("101560", None), ("1015", None), ("10:150", None)],
)  # fmt: skip
def test_times_are_shanghai_times_and_those_that_do_not_exist_are_null(time: str, expected: str | None) -> None:
    at = value(fields.moment("d", "t"), d="20260228", t=time)
    assert (None if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")) == (expected and f"2026-02-28 {expected}")
    assert value(fields.moment("d", "t"), d="20260230", t=time) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("7", 7), ("-7", -7), ("007", 7), ("7.0", None), ("1e3", None), ("9" * 19, None), ("9" * 18, 10**18 - 1)]
)
def test_whole_numbers(text: str, expected: int | None) -> None:
    assert value(fields.whole("n"), n=text) == expected


def test_a_count_beyond_its_type_does_not_read() -> None:
    assert value(fields.whole("n", "INTEGER"), n="2147483648") is None and value(fields.whole("n", "INTEGER"), n="2147483647") == 2**31 - 1


def test_flags() -> None:
    assert [value(fields.flag("f"), f=x) for x in ("Y", "1", "N", "0", "y", "", None)] == [True, True, False, False, None, None, None]


def test_a_plain_row_reads_whole() -> None:
    row = typed({})[0]
    assert row["bad_fields"] == "" and row["parse_error"] is None and not row["finer"] and not row["too_large"] and not row["no_parity"]
    assert (row["amt_minor"], row["amt_cny_fen"], row["balance_after_minor"], row["seq_no"]) == (1250, 1250, 10000, 1)
    assert row["biz_date"] == DAY and row["txn_ts"].astimezone(SHANGHAI) == datetime(2026, 2, 10, 10, 15, 2, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("change", "bad"),
    [({"amount": "1e5"}, "amount"), ({"seq_no": "x"}, "seq_no"), ({"time": None}, "time"), ({"amount": None, "dr_cr": None}, "dr_cr,amount"),
     ({"biz_date": "20260230"}, ""), ({"biz_date": None}, "biz_date"), ({"currency": None}, "currency"), ({"currency": "XXX"}, "")],
)  # fmt: skip
def test_fields_that_do_not_read_are_named(change: dict[str, Any], bad: str) -> None:
    assert typed(change)[0]["bad_fields"] == bad


def test_of_a_line_that_is_no_row_nothing_else_is_told() -> None:
    row = typed({"parse_error": "field count", "amount": None, "seq_no": None, "txn_no": None})[0]
    assert row["bad_fields"] == "" and row["key_hash"] is None


def test_an_amount_finer_than_its_currency_or_too_large_is_told() -> None:
    fine, yen, large, unknown = typed(
        {"amount": "1.005"},
        {"currency": "JPY", "amount": "1.5", "balance_after": "2"},
        {"amount": "9999999999999999.99"},
        {"currency": "XXX"},
    )
    assert fine["finer"] and fine["amt_minor"] == 101 and yen["finer"] and yen["amt_minor"] == 2
    assert not large["finer"] and not large["too_large"] and large["amt_minor"] == 999999999999999999
    assert unknown["places"] is None and unknown["amt_minor"] is None and not unknown["too_large"] and not unknown["no_parity"]


def test_rows_of_one_key_hash_alike_and_others_do_not() -> None:
    a, same, other = typed({}, {"amount": "99.00", "row_no": 3}, {"sub_no": "1"})
    assert a["key_hash"] == same["key_hash"] != other["key_hash"]


def test_an_alias_is_read_as_its_currency_and_what_was_sent_is_kept() -> None:
    row = typed({"currency": "RMB"})[0]
    assert (row["currency"], row["currency_sent"], row["places"], row["amt_cny_fen"]) == ("CNY", "RMB", 2, 1250)


def test_cny_values_are_rounded_half_up_at_the_parity_of_the_day() -> None:
    usd_rates, yen_rates = ((date(2026, 1, 1), Decimal("7.05")), (DAY, Decimal("8.05"))), ((date(2026, 3, 1), Decimal(4)),)
    refs = replace(REFS, fx={"USD": usd_rates, "JPY": yen_rates})
    before = {"biz_date": "20260209"}
    usd = {"currency": "USD", "amount": "0.10"}
    rows = typed(
        usd,
        usd | before,
        usd | {"amount": "-0.10"},
        {"currency": "JPY", "amount": "10", "balance_after": "1"},
        {"amount": "0.10"},
        refs=refs,
    )
    assert [r["amt_cny_fen"] for r in rows] == [81, 71, -81, None, 10]
    assert [r["no_parity"] for r in rows] == [False, False, False, True, False]


def test_a_known_parity_is_in_force_from_its_date() -> None:
    rates = {(r.currency, r.first): r for r in references.rates()}
    (currency, first), rate = min(rates.items())
    row = typed({"currency": currency, "amount": "1", "balance_after": "1", "biz_date": f"{first:%Y%m%d}"})[0]
    expected = (Decimal(row["amt_minor"]) * rate.fen_per_minor).quantize(Decimal(1), rounding="ROUND_HALF_UP")
    assert row["amt_cny_fen"] == int(expected)


@pytest.mark.parametrize("file_type", FILE_FIELDS)
def test_every_file_type_reads_an_empty_delivery(file_type: str) -> None:
    with duckdb.connect() as con:
        con.register("raw", arrow_schema(table(f"bronze.bank_{file_type.lower()}")).empty_table())
        names = con.execute(typed_sql(file_type, REFS)).to_arrow_table().column_names
    assert len(names) == len(set(names)) and {*parse.SOURCE, *FIELDS[file_type]().named, "key_hash"} <= set(names)


VALID = ["914501000000000195", "91450100123456788F", "91450100MA5KXT070Y", "92450900MAC1B2D325", "93451000MA0000YY1Q", "52450000500000007J"]
WRONG = ["914501000000000196", "91450100123456788I"]


def test_credit_codes_by_the_test_vectors() -> None:
    assert all(value(uscc.uscc_ok_sql("c"), c=c) for c in VALID) and not any(value(uscc.uscc_ok_sql("c"), c=c) for c in WRONG)
    assert value(uscc.uscc_shape_sql("c"), c=WRONG[0]) and not value(uscc.uscc_shape_sql("c"), c=WRONG[1])
    assert value(uscc.uscc_ok_sql("c"), c=None) is None

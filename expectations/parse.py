"""Rows of bank files as sent -> typed rows, one SQL text per file type for DuckDB, over a view `raw`.

Every typed row keeps where it came from (`SOURCE`), `parse_error` of a line that is no row, and `bad_fields`, the names of
fields whose text does not read (joined by commas, '' when all do). `currency` is the code meant, `currency_sent` the text;
`finer` and `too_large` say that an amount does not fit the currency's minor unit, `no_parity` that it has no CNY value,
`number_ok` whether the account number (ACCT) or the counterparty's card number (TXN) is one that can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations import references
from expectations.fields import (
    account_shape,
    bad_fields,
    card_ok,
    currency,
    day,
    exponent,
    finer,
    flag,
    minor,
    moment,
    places_sent,
    quoted,
    reads,
    whole,
)
from expectations.ledger.banks import Foreign
from expectations.uscc import org_ok_sql, uscc_ok_sql, uscc_shape_sql
from lake.schemas.bank import FILE_FIELDS

SOURCE = ["bank_id", "submission_id", "row_no", "file_type", "from_date", "to_date", "version", "mode", "sent_at", "is_history", "as_of"]
AMOUNTS = {
    "ACCT": [], "BAL": ["opening", "credit", "debit", "closing", "frozen"], "TXN": ["amount", "balance_after"],
    "GL": ["open", "debit", "credit", "close", "ne_open", "ne_debit", "ne_credit", "ne_close"], "CTL": ["amount"],
}  # fmt: skip
KEYS = {
    # an account may change more than once in the month of a history file: only equal rows are the same row
    "ACCT": ["bank_id", "submission_id", *FILE_FIELDS["ACCT"]], "BAL": ["bank_id", "biz_date", "account_no", "currency"],
    "TXN": ["bank_id", "biz_date", "txn_no", "sub_no"], "GL": ["bank_id", "biz_date", "branch_id", "gl_subject", "currency"],
    "CTL": ["bank_id", "biz_date", "kind", "branch_id", "currency", "dr_cr"],
}  # fmt: skip
"""What makes two rows of a file type the same row."""
VALUED = {"BAL": ("closing_minor", "closing_cny_fen"), "TXN": ("amt_minor", "amt_cny_fen")}
"""The amount of a file type that is also told in CNY fen, and the name of that."""


@dataclass(frozen=True)
class References:
    """What the reading of amounts needs: exponents, aliases of currencies, and parities by currency (see `references.parities`).

    `foreign`: ledgers loaded as banks of this home, to which not every rule applies (expectations.ledger.banks). `patterns`:
    what account numbers look like, by bank.
    """

    exponents: Mapping[str, int]
    aliases: Mapping[str, str]
    fx: Mapping[str, tuple[tuple[date, Decimal], ...]]
    foreign: tuple[Foreign, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def load(foreign: tuple[Foreign, ...] = ()) -> References:
        """From conf/ref, and the currencies of foreign ledgers at rate 1."""
        exponents = {**references.exponents(), **{b.currency: b.decimals for b in foreign}}
        fx = references.parities({b.currency: b.fen_per_minor for b in foreign if b.currency != "CNY"})
        return References(exponents, references.aliases(), fx, foreign, references.account_patterns())


@dataclass(frozen=True)
class _Fields:
    """How the fields of a file type are read: `must` may not be empty, `may` may; `keep` are columns taken as they are."""

    must: Mapping[str, str]
    may: Mapping[str, str]
    keep: tuple[str, ...]
    named: Mapping[str, str]


def _same(*names: str) -> dict[str, str]:
    return {n: n for n in names}


def _readable(*names: str) -> dict[str, str]:
    """An amount reads when its text is decimal, whatever the currency (V11 judges that)."""
    return {n: f"nullif(_{n}_reads, false)" for n in names}


def _acct() -> _Fields:
    """The credit code itself stays behind; `uscc_shape`, `uscc_ok` and `org_ok` say what it is worth."""
    read = {"is_summary": flag("is_summary"), "open_date": day("open_date"), "overdraft_flag": flag("overdraft_flag")}
    closed = {"close_date": day("close_date")}
    codes = {"uscc_shape": uscc_shape_sql("uscc"), "uscc_ok": uscc_ok_sql("uscc"), "org_ok": org_ok_sql("uscc")}
    must = _same("account_no", "uscc", "branch_id", "account_type", "product_type", "currency", "gl_subject", "status")
    keep = (
        "account_id", "account_no_tail4", "firm_id", "name_token", "parent_account_id", "branch_id", "account_type", "product_type",
        "gl_subject", "status", "freeze_authority", "op",
    )  # fmt: skip
    return _Fields({**must, **read}, closed, keep, {**read, **closed, **codes})


def _bal() -> _Fields:
    """Amounts in minor units as `*_minor`, closing also in CNY fen."""
    amounts = ("opening", "credit", "debit", "closing")
    counts = {"credit_cnt": whole("credit_cnt", "INTEGER"), "debit_cnt": whole("debit_cnt", "INTEGER"), "sparse": flag("sparse")}
    last = {"last_seq_no": whole("last_seq_no")}
    # frozen and last_seq_no may be empty: nothing frozen, no movement
    frozen = {"frozen_minor": "coalesce(frozen_minor, 0)"}
    must = {**_same("account_no", "currency", "branch_id", "gl_subject"), "biz_date": "biz_date_sent", **_readable(*amounts), **counts}
    keep = ("account_id", "biz_date", "biz_date_sent", "branch_id", "gl_subject", "op", *(f"{n}_minor" for n in amounts))
    return _Fields(must, {**_readable("frozen"), **last}, keep, {**frozen, **counts, **last})


def _txn() -> _Fields:
    """Amounts in minor units and CNY fen, time as Shanghai time, texts as sent."""
    names = ("txn_no", "sub_no", "account_no", "dr_cr", "currency", "instrument", "cash_flag", "channel", "reversal_flag", "returned_flag")
    seq, at, value = whole("seq_no"), moment("biz_date_sent", "time"), day("value_date")
    must = {**_same(*names), "biz_date": "biz_date_sent", "time": "time", "seq_no": seq, **_readable("amount", "balance_after")}
    keep = (
        "txn_no", "sub_no", "account_id", "biz_date", "biz_date_sent", "dr_cr", "instrument", "cash_flag", "channel", "purpose_code",
        "summary_masked", "batch_no", "reversal_flag", "orig_txn_no", "orig_sub_no", "returned_flag", "op", "cpty_account_token",
        "cpty_name_token", "cpty_name", "cpty_bank_no", "balance_after_minor",
    )  # fmt: skip
    named = {
        "seq_no": seq, "txn_ts": at, "value_date": value, "value_date_bad": f"value_date IS NOT NULL AND ({value}) IS NULL",
        "time_bad": f"time IS NOT NULL AND biz_date IS NOT NULL AND ({at}) IS NULL", "amt_minor": "amount_minor",
    }  # fmt: skip
    return _Fields(must, {}, keep, named)


def _gl() -> _Fields:
    counts = {n: whole(n, "INTEGER") for n in ("account_cnt", "ne_cnt")}
    must = {**_same("branch_id", "gl_subject", "currency"), "biz_date": "biz_date_sent", **_readable(*AMOUNTS["GL"]), **counts}
    keep = ("branch_id", "gl_subject", "biz_date", "biz_date_sent", *(f"{n}_minor" for n in AMOUNTS["GL"]))
    return _Fields(must, {}, keep, counts)


def _ctl() -> _Fields:
    """Rows of both kinds."""
    count = {"cnt": whole("cnt")}
    must = {**_same("kind", "branch_id", "currency"), "biz_date": "biz_date_sent", **count, **_readable("amount")}
    return _Fields(must, {}, ("kind", "branch_id", "biz_date", "biz_date_sent", "dr_cr", "amount_minor"), count)


FIELDS = {"ACCT": _acct, "BAL": _bal, "TXN": _txn, "GL": _gl, "CTL": _ctl}


def typed_sql(file_type: str, refs: References) -> str:
    """The query that reads the rows of view `raw` (columns of bronze.bank_<type>) as typed ones, in their order."""
    amounts, f, dated = AMOUNTS[file_type], FIELDS[file_type](), "biz_date" in FILE_FIELDS[file_type]
    code = currency(refs.aliases, "raw.currency")
    # one text is hashed, not several values: DuckDB joins the hashes of several without mixing them, so that keys could meet
    key = " || chr(31) || ".join(f"coalesce(raw.{k}, chr(30))" for k in KEYS[file_type])
    hashed = f"CASE WHEN raw.parse_error IS NULL THEN CAST(hash({key}) >> 1 AS BIGINT) END"
    dates = f", raw.biz_date AS biz_date_sent, {day('raw.biz_date')} AS biz_date" if dated else ""
    coded = f"""SELECT raw.* EXCLUDE (currency{", biz_date" if dated else ""}), raw.currency AS currency_sent, {code} AS currency,
      {hashed} AS key_hash{dates}{"".join(f", {reads(f'raw.{n}')} AS _{n}_reads" for n in amounts)} FROM raw"""
    placed = f"SELECT *, {exponent(refs.exponents, 'currency')} AS places{''.join(f', {places_sent(n)} AS _{n}_places' for n in amounts)} FROM ({coded})"
    counted = f"SELECT *{''.join(f', {minor(n)} AS {n}_minor' for n in amounts)} FROM ({placed})"
    too_fine = " OR ".join(finer(n) for n in amounts) or "false"
    large = " OR ".join(f"(_{n}_reads AND places IS NOT NULL AND {n}_minor IS NULL)" for n in amounts) or "false"
    numbers = {"ACCT": [account_shape(refs.patterns)], "TXN": [card_ok("cpty_account")]}.get(file_type, [])
    # the fields of a line that is no row are not looked at
    bad = f"CASE WHEN parse_error IS NOT NULL THEN '' ELSE {bad_fields(must=f.must, may=f.may)} END"
    columns = [
        *SOURCE, "parse_error", f"{bad} AS bad_fields", "currency", "currency_sent", "places", "key_hash", f"{too_fine} AS finer",
        f"{large} AS too_large", *(f"coalesce({x}, true) AS number_ok" for x in numbers), *f.keep, *(f"{read} AS {name}" for name, read in f.named.items()),
    ]  # fmt: skip
    # a column read anew hides the text of the same name only outside: inside, names mean what was sent
    rows = f"SELECT {', '.join(columns)} FROM ({counted})"
    return _valued(rows, refs, *VALUED[file_type]) if file_type in VALUED else rows


def _valued(rows: str, refs: References, minor_name: str, fen_name: str) -> str:
    """`rows` with the CNY value of an amount, half up, and whether it has none. A minor unit of CNY is a fen.

    Parities stand in the text, newest first: a join would not keep the rows in the order in which they came.
    """
    cases = []
    for code, quotes in sorted(refs.fx.items()):
        listed = ", ".join(f"{{'first': DATE '{first}', 'fen': {fen}::DECIMAL(19,10)}}" for first, fen in sorted(quotes, reverse=True))
        cases.append(f"WHEN {quoted(code)} THEN list_filter([{listed}], lambda q: q.first <= biz_date)[1].fen")
    rate = f"CASE currency {' '.join(cases)} END" if cases else "NULL::DECIMAL(19,10)"
    value = f"TRY_CAST(round(CAST({minor_name} AS DECIMAL(19,0)) * {rate}, 0) AS BIGINT)"
    return f"""SELECT *, places IS NOT NULL AND {minor_name} IS NOT NULL AND biz_date IS NOT NULL AND {fen_name} IS NULL AS no_parity
      FROM (SELECT *, CASE WHEN currency = 'CNY' THEN {minor_name} ELSE {value} END AS {fen_name} FROM ({rows}))"""


def contents(raw: DataFrame, file_type: str) -> DataFrame:
    """submission_id, row_no and content_hash, equal for rows of equal fields; reads all columns, so ask for few rows."""
    return raw.select("submission_id", "row_no", F.xxhash64(*FILE_FIELDS[file_type]).alias("content_hash"))

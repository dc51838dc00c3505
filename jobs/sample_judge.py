"""`sample answers` reads what a bank found on its vouchers; `judge` decides what the samples of a month prove (domain B5)."""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from expectations import references, sampling
from jobs.runner import Report
from jobs.sample_draw import EXPORT, frames, rows_of
from lake import store
from lake.clock import add_months
from lake.errors import UsageError
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

Row = dict[str, Any]
ANSWER = (*EXPORT, "voucher_date", "dr_cr", "currency", "amount", "balance_after", "account_no", "cpty_account", "cpty_name")
"""Header of an answers file: the exported columns, then what the voucher says; empty where it says nothing."""
_AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,4})?")
HELD = "dr_cr, currency, amt_minor, balance_after_minor, account_id, cpty_account_token, cpty_name_token"
LARGEST_FILE = 50_000_000


def answers(settings: Settings, bank: str, month: date, file: Path, as_of: date) -> Report:
    """Read a bank's answers, compare them with what we hold, judge the month. UsageError names the line that cannot be read.

    The first answer to a transaction counts: a later file may add answers, not change one.
    """
    drawn = [s for s in rows_of(settings, "dq.sample", month, as_of) if s["bank_id"] == bank]
    if not drawn:
        raise UsageError(f"no sample of {bank} for {month:%Y-%m} was drawn up to {as_of}; `liushui sample draw --month {month:%Y-%m}`")
    night = drawn[-1]["as_of"]
    items = {r["txn_key"] for r in rows_of(settings, "dq.sample_item", month, night) if r["bank_id"] == bank}
    held = {k: r for k, r in frames(settings, month, night, HELD, bank).get(bank, {}).items() if k in items}
    by_name = {(r["txn_no"], r["sub_no"], r["biz_date"].isoformat()): r for r in held.values()}
    told = {r["txn_key"]: r for r in rows_of(settings, "dq.sample_answer", month, as_of) if r["bank_id"] == bank}
    tokens = Tokenizer(load_key(settings), settings.token_hash)
    found: dict[str, Row] = {}
    for line, answer in _lines(file):
        ours = by_name.get((answer["txn_no"], answer["sub_no"], answer["biz_date"]))
        where = f"{file.name} line {line}"
        if ours is None:
            raise UsageError(f"{where}: transaction {answer['txn_no']} is not in the sample of {bank} for {month:%Y-%m}. Nothing was read.")
        critical, minor = sampling.mismatches(ours, _voucher(answer, tokens, where))
        row = {"bank_id": bank, "month": month, "txn_key": ours["txn_key"], "critical": ",".join(critical), "minor": ",".join(minor)}
        if ours["txn_key"] in found or told.get(ours["txn_key"], row | {"as_of": as_of}) != row | {"as_of": as_of}:
            raise UsageError(f"{where}: transaction {answer['txn_no']} was answered before; the first answer counts. Nothing was read.")
        found[ours["txn_key"]] = row | {"as_of": as_of}
    found = {k: r for k, r in told.items() if r["as_of"] == as_of} | found  # of the same night: another file, or this one again
    where = f"as_of = DATE '{as_of}' AND month = DATE '{month}' AND bank_id = '{bank}'"
    store.replace(settings, "dq.sample_answer", store.rows_of("dq.sample_answer", list(found.values())), where)
    results = {r["bank_id"]: r for r in judge(settings, month, as_of)}
    return Report(len(found), {k: results[bank][k] for k in ("decision", "answered", "waiting", "critical", "minor")})


def _lines(file: Path) -> list[tuple[int, Row]]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UsageError(f"{file.name} has more than {LARGEST_FILE:,} bytes; expected one line for each transaction drawn")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {e}") from e
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != ANSWER:
            raise UsageError(f"{file.name} line 1: expected {','.join(ANSWER)}; found {','.join(header)[:200]}")
        rows = []
        for values in reader:
            if len(values) != len(ANSWER):
                raise UsageError(f"{file.name} line {reader.line_num}: expected {len(ANSWER)} fields, found {len(values)}")
            rows.append((reader.line_num, dict(zip(ANSWER, values, strict=True))))
    except csv.Error as e:
        raise UsageError(f"{file.name} line {reader.line_num}: {e}") from e
    return rows


def _voucher(answer: Row, tokens: Tokenizer, where: str) -> Row:
    """What a voucher says in the columns and units of silver; identifiers become tokens here."""
    try:
        day = date.fromisoformat(answer["voucher_date"]) if answer["voucher_date"] else None
    except ValueError as e:
        raise UsageError(f"{where}: voucher_date {answer['voucher_date']!r} is not yyyy-mm-dd. Nothing was read.") from e
    currency = references.aliases().get(answer["currency"], answer["currency"]) or None

    def minor(name: str) -> int | None:
        text = answer[name]
        if not text:
            return None
        places = references.exponents().get(currency or "")
        if places is None or not _AMOUNT.fullmatch(text) or (scaled := Decimal(text).scaleb(places)) != int(scaled):
            raise UsageError(f"{where}: {name} {text!r} is no amount in {currency or 'a currency that is not given'}. Nothing was read.")
        return int(scaled)

    def token(kind: str, name: str) -> str | None:
        return tokens.token(kind, answer[name]) if answer[name] else None

    return {
        "biz_date": day, "dr_cr": answer["dr_cr"] or None, "currency": currency, "amt_minor": minor("amount"),
        "balance_after_minor": minor("balance_after"), "account_id": token("account", "account_no"),
        "cpty_account_token": token("account", "cpty_account"), "cpty_name_token": token("name", "cpty_name"),
    }  # fmt: skip


def judge(settings: Settings, month: date, as_of: date) -> list[Row]:
    """Decide the samples of `month` as known on `as_of`, write dq.sample_result; rows of all banks that have one."""
    items, told = rows_of(settings, "dq.sample_item", month, as_of), rows_of(settings, "dq.sample_answer", month, as_of)
    earlier = {r["bank_id"]: r["decision"] for r in rows_of(settings, "dq.sample_result", add_months(month, -1), as_of)}
    rows = []
    for sample in rows_of(settings, "dq.sample", month, as_of):
        bank, drawn = sample["bank_id"], sample["as_of"]
        said = {r["txn_key"]: r for r in told if r["bank_id"] == bank}
        strata = {r["txn_key"]: r["stratum"] for r in items if r["bank_id"] == bank}
        open_ = [k for k in strata if k not in said]
        silent = open_ if as_of > references.workdays_after(drawn, sampling.SILENT_AFTER) else []
        waiting = 0 if silent else len(open_)
        critical = [*(k for k, r in said.items() if r["critical"]), *silent]
        random = sum(strata[k] == "RANDOM" for k in critical)
        decided = sampling.decision(random, sum(strata[k] == "RANDOM" for k in open_) if waiting else 0)
        n = sample["random_rows"]
        rows.append({
            "bank_id": bank, "month": month, "decision": decided, "sampled": len(strata), "answered": len(said), "silent": len(silent), "waiting": waiting,
            "critical": len(critical), "random_critical": random, "minor": sum(bool(r["minor"]) and not r["critical"] for r in said.values()),
            "upper_bound": None if waiting else sampling.upper_bound(random, n), "lower_bound": None if waiting else sampling.lower_bound(random, n),
            "cap": sampling.cap(decided, random, n, earlier.get(bank)),
            "remind": bool(open_) and as_of > references.workdays_after(drawn, sampling.REMIND_AFTER), "as_of": as_of,
        })  # fmt: skip
    if rows:
        where = f"as_of = DATE '{as_of}' AND month = DATE '{month}'"
        store.replace(settings, "dq.sample_result", store.rows_of("dq.sample_result", rows), where)
    return rows

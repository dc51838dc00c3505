"""Reading the text fields of bank files as typed values, as DuckDB SQL. A text that does not read becomes null and is named in `bad_fields`.

Every function takes the name of a text column (or an expression) and returns the text of an expression.
"""

from __future__ import annotations

from collections.abc import Mapping

DECIMAL = "-?[0-9]{1,16}([.][0-9]{1,4})?"
"""Decimal text as banks must send it: no exponent, no comma, no sign but minus, no spaces."""
WHOLE = "-?[0-9]{1,18}"
ZONE = "Asia/Shanghai"


def quoted(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def whole(name: str, type_: str = "BIGINT") -> str:
    """A whole number, null when the text is none."""
    return f"CASE WHEN regexp_full_match({name}, '{WHOLE}') THEN TRY_CAST({name} AS {type_}) END"


def day(name: str) -> str:
    """A date sent as yyyymmdd, null when there is no such day (30 February)."""
    return f"CASE WHEN regexp_full_match({name}, '[0-9]{{8}}') THEN CAST(try_strptime({name}, '%Y%m%d') AS DATE) END"


def moment(day_name: str, time_name: str) -> str:
    """The Shanghai time of a yyyymmdd and a hhmmss text, null when there is none such."""
    both = f"regexp_full_match({day_name}, '[0-9]{{8}}') AND regexp_full_match({time_name}, '[0-9]{{6}}')"
    return f"CASE WHEN {both} THEN timezone('{ZONE}', try_strptime({day_name} || {time_name}, '%Y%m%d%H%M%S')) END"


def flag(name: str) -> str:
    """A yes or no, null when it is neither."""
    return f"CASE WHEN {name} IN ('Y', '1') THEN true WHEN {name} IN ('N', '0') THEN false END"


def account_shape(patterns: Mapping[str, str]) -> str:
    """Whether the account number of a row (bank_id, account_no) is 9 to 32 digits that fit its bank's pattern; null for null.

    A bank without a pattern may number its accounts as it likes.
    """
    cases = " ".join(
        f"WHEN {quoted(bank)} THEN regexp_matches(account_no, {quoted(pattern)})" for bank, pattern in sorted(patterns.items())
    )
    return "regexp_full_match(account_no, '[0-9]{9,32}')" + (f" AND CASE bank_id {cases} ELSE true END" if cases else "")


def card_ok(name: str) -> str:
    """Whether the check digit (Luhn) of a card number is right; null where the text is no number of a bank card.

    Bank cards of mainland banks have 16 to 19 digits that begin with 62.
    """
    digits = [f"substring(lpad({name}, 19, '0'), {i}, 1)" for i in range(1, 20)]
    doubled = [f"substring('0246813579', CAST({d} AS INTEGER) + 1, 1)" for d in digits[1::2]]
    total = " + ".join(f"CAST({d} AS INTEGER)" for d in (*digits[::2], *doubled))
    is_card = f"starts_with({name}, '62') AND length({name}) BETWEEN 16 AND 19 AND regexp_full_match({name}, '[0-9]+')"
    return f"CASE WHEN {is_card} THEN ({total}) % 10 = 0 END"


def currency(aliases: Mapping[str, str], name: str = "currency") -> str:
    """The currency code with the known aliases read as what they mean."""
    cases = " ".join(f"WHEN {quoted(alias)} THEN {quoted(code)}" for alias, code in sorted(aliases.items()))
    return f"CASE {name} {cases} ELSE {name} END" if cases else name


def exponent(exponents: Mapping[str, int], code: str) -> str:
    """Decimal places of the minor unit of a currency, null when the currency is not in ISO 4217."""
    by_places: dict[int, list[str]] = {}
    for name, places in exponents.items():
        by_places.setdefault(places, []).append(quoted(name))
    cases = " ".join(f"WHEN {code} IN ({', '.join(names)}) THEN {places}" for places, names in sorted(by_places.items()))
    return f"CAST(CASE {cases} END AS INTEGER)"


def reads(name: str) -> str:
    """Whether the text of an amount is a plain decimal number; never null."""
    return f"coalesce(regexp_full_match({name}, '{DECIMAL}'), false)"


def places_sent(name: str) -> str:
    """Decimal places of an amount text that reads."""
    return f"CASE WHEN contains({name}, '.') THEN length({name}) - instr({name}, '.') ELSE 0 END"


def minor(name: str) -> str:
    """An amount text in minor units of a currency with `places` decimals; null when it does not read or is too large.

    Needs the columns `places`, `_<name>_reads` and `_<name>_places`. Digits are taken as they stand, so nothing is rounded; a text
    finer than the minor unit (V14 parks its row) is rounded half up.
    """
    digits, sent = f"replace({name}, '.', '')", f"_{name}_places"
    power = "(list_value(1, 10, 100, 1000, 10000))"
    exact = f"TRY_CAST(TRY_CAST({digits} AS HUGEINT) * {power}[places - {sent} + 1] AS BIGINT)"
    rounded = f"TRY_CAST(round(CAST({name} AS DECIMAL(20,4)) * {power}[places + 1], 0) AS BIGINT)"
    return (
        f"CASE WHEN NOT _{name}_reads OR places IS NULL THEN NULL WHEN {sent} = places THEN TRY_CAST({digits} AS BIGINT) "
        f"WHEN {sent} < places THEN {exact} ELSE {rounded} END"
    )


def finer(name: str) -> str:
    """Whether an amount text has more decimal places than the currency's minor unit; never null."""
    return f"coalesce(_{name}_places > places, false)"


def bad_fields(*, must: Mapping[str, str], may: Mapping[str, str]) -> str:
    """Names of fields whose text does not read, joined by commas ('' = all read).

    `must` fields may not be empty; `may` fields may. Values are the read expressions, null where the text does not read.
    """
    wrong = [f"CASE WHEN ({read}) IS NULL THEN {quoted(name)} END" for name, read in must.items()]
    wrong += [f"CASE WHEN {name} IS NOT NULL AND ({read}) IS NULL THEN {quoted(name)} END" for name, read in may.items()]
    return f"concat_ws(',', {', '.join(wrong)})"

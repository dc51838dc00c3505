"""Reading the text fields of bank files as typed columns. A text that does not read becomes null and is named in `bad_fields`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

DECIMAL = "^-?[0-9]{1,16}([.][0-9]{1,4})?$"
"""Decimal text as banks must send it: no exponent, no comma, no sign but minus, no spaces."""
WHOLE = "^-?[0-9]{1,18}$"


def whole(name: str, type_: str = "bigint") -> Column:
    """A whole number, null when the text is none."""
    text = F.col(name)
    return F.when(text.rlike(WHOLE), text.try_cast(type_))


def day(name: str) -> Column:
    """A date sent as yyyymmdd, null when there is no such day (30 February)."""
    text = F.col(name)
    iso = F.concat_ws("-", F.substring(text, 1, 4), F.substring(text, 5, 2), F.substring(text, 7, 2))
    return F.when(text.rlike("^[0-9]{8}$"), iso.try_cast("date"))


def moment(day_name: str, time_name: str) -> Column:
    """The Shanghai time of a yyyymmdd and a hhmmss text, null when there is none such."""
    d, t = F.col(day_name), F.col(time_name)
    iso = F.concat(
        F.substring(d, 1, 4), F.lit("-"), F.substring(d, 5, 2), F.lit("-"), F.substring(d, 7, 2), F.lit(" "),
        F.substring(t, 1, 2), F.lit(":"), F.substring(t, 3, 2), F.lit(":"), F.substring(t, 5, 2),
    )  # fmt: skip
    return F.when(d.rlike("^[0-9]{8}$") & t.rlike("^[0-9]{6}$"), iso.try_cast("timestamp"))


def flag(name: str) -> Column:
    """A yes or no, null when it is neither."""
    text = F.col(name)
    return F.when(text.isin("Y", "1"), True).when(text.isin("N", "0"), False)


def currency(aliases: Mapping[str, str], name: str = "currency") -> Column:
    """The currency code with the known aliases read as what they mean."""
    column = F.col(name)
    for alias, code in sorted(aliases.items()):
        column = F.when(F.col(name) == alias, F.lit(code)).otherwise(column)
    return column


def exponent(exponents: Mapping[str, int], code: Column) -> Column:
    """Decimal places of the minor unit of a currency, null when the currency is not in ISO 4217."""
    by_places: dict[int, list[str]] = {}
    for name, places in exponents.items():
        by_places.setdefault(places, []).append(name)
    column = F.lit(None).cast("int")
    for places, names in sorted(by_places.items()):
        column = F.when(code.isin(*names), F.lit(places)).otherwise(column)
    return column


def amounts_read(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """`rows` (with `places`, the decimals of the row's currency) with every amount text read, once a row.

    Adds `_<name>_reads` (whether it is a plain decimal number, never null), `_<name>_places` (its decimal places) and
    `<name>_minor` (BIGINT, minor units; null when it does not read or is too large).
    """
    found: dict[str, Column] = {}
    for n in names:
        at = F.locate(".", F.col(n))
        found[f"_{n}_reads"] = F.coalesce(F.col(n).rlike(DECIMAL), F.lit(False))
        found[f"_{n}_places"] = F.when(at > 0, F.length(F.col(n)) - at).otherwise(0)
    return rows.withColumns(found).withColumns({f"{n}_minor": _minor(n, F.col("places")) for n in names})


def reads(name: str) -> Column:
    """True when the text of an amount is a decimal number, else null."""
    return F.when(F.col(f"_{name}_reads"), F.lit(True))


def _minor(name: str, places: Column) -> Column:
    """An amount text in minor units of a currency with `places` decimals.

    Digits are taken as they stand, so nothing is rounded; a text finer than the minor unit (V14 parks its row) is rounded half up.
    """
    power = F.array(*(F.lit(10**k).cast("bigint") for k in range(5)))
    sent = F.col(f"_{name}_places")
    digits = F.replace(F.col(name), F.lit("."), F.lit("")).try_cast("bigint")
    exact = F.when(sent == places, digits).otherwise(F.try_multiply(digits, F.element_at(power, places - sent + 1)))
    rounded = F.round(F.col(name).try_cast("decimal(20,4)") * F.element_at(power, places + 1), 0).try_cast("bigint")
    return F.when(F.col(f"_{name}_reads") & places.isNotNull(), F.when(sent <= places, exact).otherwise(rounded))


def finer_than(name: str, places: Column) -> Column:
    """Whether an amount text has more decimal places than the currency's minor unit."""
    return F.coalesce(F.col(f"_{name}_places") > places, F.lit(False))


def bad_fields(*, must: Mapping[str, Column], may: Mapping[str, Column]) -> Column:
    """Names of fields whose text does not read, joined by commas ('' = all read).

    `must` fields may not be empty; `may` fields may. Values are the read columns.
    """
    wrong = [F.when(read.isNull(), F.lit(name)) for name, read in must.items()]
    wrong += [F.when(F.col(name).isNotNull() & read.isNull(), F.lit(name)) for name, read in may.items()]
    return F.concat_ws(",", *wrong)

"""Unified social credit codes (GB 32100-2015, in them GB 11714) as expressions of Spark (for analysts) and DuckDB (for the check)."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Position in it is the value of a character; I, O, S, V and Z are not used."""
SHAPE = "^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"
WEIGHTS = tuple(3**i % 31 for i in range(17))
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def uscc_shape(c: Column) -> Column:
    """Whether a code has the shape of a USCC; null for null."""
    return c.rlike(SHAPE)


def uscc_ok(c: Column) -> Column:
    """Whether a code has the shape and its 18th character is the check character of the first 17; null for null."""
    total = sum(((F.position(F.substring(c, i + 1, 1), F.lit(ALPHABET)) - 1) * w for i, w in enumerate(WEIGHTS)), F.lit(0))
    check = F.substring(F.lit(ALPHABET), (31 - total % 31) % 31 + 1, 1)
    return uscc_shape(c) & (F.substring(c, 18, 1) == check)


def uscc_shape_sql(name: str) -> str:
    """`uscc_shape` as DuckDB SQL over a column."""
    return f"regexp_full_match({name}, '{SHAPE.strip('^$')}')"


def uscc_ok_sql(name: str) -> str:
    """`uscc_ok` as DuckDB SQL over a column."""
    total = " + ".join(f"(strpos('{ALPHABET}', substring({name}, {i + 1}, 1)) - 1) * {w}" for i, w in enumerate(WEIGHTS))
    return (
        f"{uscc_shape_sql(name)} AND substring({name}, 18, 1) = substring('{ALPHABET}', CAST((31 - ({total}) % 31) % 31 + 1 AS INTEGER), 1)"
    )


def org_ok_sql(name: str) -> str:
    """Whether characters 9 to 17 of a code of the right shape pass GB 11714 (organization codes), as DuckDB SQL; null for null."""
    total = " + ".join(f"(strpos('{ORG_ALPHABET}', substring({name}, {i + 9}, 1)) - 1) * {w}" for i, w in enumerate(ORG_WEIGHTS))
    return f"substring({name}, 17, 1) = substring('123456789X0', CAST(11 - ({total}) % 11 AS INTEGER), 1)"

"""The identity of received rows: nothing that was received may vanish (domain B4, promise 1).

received = accepted + quarantined + rejected + duplicate + superseded + deleted, in rows and in the amount of parseable rows,
per bank, submission, type and date. Each class is counted from what became of the rows, none by subtraction.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake.errors import GateFailed
from lake.tables import table

CLASSES = ("accepted", "quarantined", "rejected", "duplicate", "superseded", "deleted")
KEY = ["bank_id", "submission_id", "file_type", "biz_date"]
AMOUNT = {"TXN": "amt_minor", "BAL": "closing_minor", "GL": "close_minor", "CTL": "amount_minor"}
"""The amount of a row that is reconciled; accounts have none."""


def amount_of(file_type: str) -> Column:
    """Absolute amount of a typed row, 0 where it has none."""
    if file_type not in AMOUNT:
        return F.lit(0).cast("decimal(20,0)")
    return F.abs(F.coalesce(F.col(AMOUNT[file_type]), F.lit(0)).cast("decimal(20,0)"))


def counted(rows: DataFrame, became: str | Column, amount: Column) -> DataFrame:
    """Counts of rows by KEY and class; rows need KEY columns (biz_date already the file's where a row has none)."""
    name = F.lit(became) if isinstance(became, str) else became
    return rows.groupBy(*KEY, name.alias("became")).agg(F.count("*").alias("n"), F.sum(amount).alias("amount"))


def reconciliation(counts: list[DataFrame]) -> DataFrame:
    """Rows of dq.reconciliation (without its partition) from counts of received rows (`became` = received) and of the six classes."""
    every = reduce(DataFrame.unionByName, counts)
    rows = {c: F.sum(F.when(F.col("became") == c, F.col("n")).otherwise(0)).cast("bigint").alias(c) for c in ("received", *CLASSES)}
    is_received = F.col("became") == "received"
    money = {
        "received_amt_minor": F.sum(F.when(is_received, F.col("amount")).otherwise(0)),
        "accounted_amt_minor": F.sum(F.when(is_received, 0).otherwise(F.col("amount"))),
    }
    summed = every.groupBy(*KEY).agg(*rows.values(), *[c.try_cast("bigint").alias(n) for n, c in money.items()])
    names = [c for c in table("dq.reconciliation").names if c not in ("as_of", "source")]
    return summed.select(*names)


def broken(rows: DataFrame) -> DataFrame:
    """Rows of a reconciliation where the identity does not hold."""
    total = reduce(lambda a, b: a + b, [F.col(c) for c in CLASSES])
    return rows.where((F.col("received") != total) | ~F.col("received_amt_minor").eqNullSafe(F.col("accounted_amt_minor")))


def refuse(bad: list[dict[str, object]], as_of: object) -> None:
    """Raise GateFailed naming the first submissions whose rows do not add up; nothing when there is none."""
    if not bad:
        return
    lines = "; ".join(
        f"{r['submission_id']} on {r['biz_date']}: received {r['received']}, accounted for {sum(int(str(r[c])) for c in CLASSES)}, "
        f"amount {r['received_amt_minor']} against {r['accounted_amt_minor']}"
        for r in bad[:5]
    )
    raise GateFailed(
        f"rows got lost in the check of {as_of}: {len(bad)} submissions do not add up ({lines}). Nothing was written to silver. "
        "This is a defect of the check, not of the data: rerun after it is mended."
    )

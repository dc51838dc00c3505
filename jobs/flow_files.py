"""Views of the rules about whole files: files, file_total, delivery, odd_rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations import reconcile, references, views
from jobs import deliveries, flow_earlier
from jobs.flow_night import Night
from jobs.ingest import staging
from lake.io import local_rows

FILES = {
    "file_key": "string", "submission_id": "string", "bank_id": "string", "file_type": "string", "from_date": "date", "to_date": "date",
    "manifest_status": "string", "read_error": "string", "digest_alg": "string", "digest_expected": "string", "digest_actual": "string",
    "duplicate_of": "string", "rows_body": "bigint", "rows_trailer": "bigint", "rows_manifest": "bigint", "readable": "boolean",
    "rows_staged": "bigint", "rows_unread": "bigint", "rows_unplaced": "bigint", "is_sparse": "boolean",
}  # fmt: skip
FILE_TOTAL = {
    "bank_id": "string", "from_date": "date", "file_type": "string", "submission_id": "string", "file_key": "string", "rows_unplaced": "bigint",
    "stated_by": "string", "currency": "string", "dr_cr": "string", "stated_cnt": "bigint", "stated_amt": "bigint", "body_cnt": "bigint",
    "body_amt": "bigint",
}  # fmt: skip
LARGEST = 2**63 - 1
ALL_CURRENCIES = "CNY"
"""Accounts have no amount; their rows are stated and counted together."""


def local(n: Night, rows: list[dict[str, Any]], columns: dict[str, str]) -> DataFrame:
    """A frame of rows held in memory."""
    return local_rows(n.lake.spark, rows, ", ".join(f"{c} {t}" for c, t in columns.items()))


def file_views(n: Night) -> DataFrame:
    """Make the views; returns counts of received rows by file, date, currency and side (saved as `body`)."""
    n.scratch.save("odd", views.odd_rows(n.typed)).createOrReplaceTempView("odd_rows")
    body = n.scratch.save("body", reduce(DataFrame.unionByName, [_body(t, rows) for t, rows in n.typed.items()]))
    sums = body.groupBy("submission_id", "currency", "dr_cr", "placed").agg(
        F.sum("n").alias("n"), F.sum("unread").alias("unread"), F.sum("amount").alias("amount"), F.max("is_sparse").alias("is_sparse")
    )
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for r in sums.toArrow().to_pylist():
        by_file[r["submission_id"]].append(r)
    for f in n.files:
        rows = by_file.get(f["file_key"], [])
        f |= {
            "rows_staged": sum(r["n"] for r in rows), "rows_unread": sum(r["unread"] for r in rows),
            "rows_unplaced": sum(r["n"] for r in rows if not r["placed"]), "is_sparse": any(r["is_sparse"] for r in rows),
        }  # fmt: skip
    local(n, n.files, FILES).createOrReplaceTempView("files")
    local(n, list(_totals(n, by_file)), FILE_TOTAL).createOrReplaceTempView("file_total")
    due = deliveries.deliveries(references.due_daily(), n.files, flow_earlier.manifests(n.lake, n.as_of), n.as_of)
    local(n, due, deliveries.DELIVERY).createOrReplaceTempView("delivery")
    return body


def _body(file_type: str, rows: DataFrame) -> DataFrame:
    """Rows of every file by date, currency and side, as its totals state them; `placed` are those that totals can be made of."""
    side = (
        {"TXN": F.col("dr_cr"), "CTL": F.when(F.col("kind") == "BALANCE", "B").otherwise(F.col("dr_cr"))}
        if file_type in ("TXN", "CTL")
        else {}
    )
    dr_cr = side.get(file_type, F.lit("C"))
    unread = F.col("parse_error").isNotNull() | (F.col("bad_fields") != "")
    placed = ~unread & F.col("places").isNotNull() & ~F.col("finer") & ~F.col("too_large") & dr_cr.isin("C", "D", "B")
    amount = F.lit(0) if file_type not in reconcile.AMOUNT else F.col(reconcile.AMOUNT[file_type])
    day = F.coalesce(F.col("biz_date"), F.col("from_date")) if "biz_date" in rows.columns else F.col("from_date")
    currency = F.lit(ALL_CURRENCIES).alias("currency") if file_type == "ACCT" else F.col("currency")
    keys = [F.col("bank_id"), F.col("submission_id"), F.col("file_type"), day.alias("biz_date"), currency, dr_cr.alias("dr_cr")]
    return rows.groupBy(*keys, F.coalesce(placed, F.lit(False)).alias("placed")).agg(
        F.count("*").alias("n"), F.count_if(unread).alias("unread"), F.sum(amount.cast("decimal(20,0)")).alias("amount"),
        F.sum(reconcile.amount_of(file_type)).alias("abs_amount"),
        F.max(F.col("sparse") if file_type == "BAL" else F.lit(False)).alias("is_sparse"),
    )  # fmt: skip


def _stated(n: Night) -> dict[tuple[str, str], dict[tuple[str, str], tuple[int, int | None]]]:
    """Totals that trailers and manifests state: (submission, stated by) -> (currency, side) -> count and amount in minor units.

    What is stated under an alias is added to the currency it means; an amount that does not read is None.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], tuple[int, int | None]]] = defaultdict(dict)
    accounts = {f["submission_id"] for f in n.files if f["file_type"] == "ACCT"}
    for path in staging.staged(n.lake.settings, "flows", n.as_of, "bank_file_total"):
        for r in pq.ParquetFile(path).read().to_pylist():
            currency = ALL_CURRENCIES if r["submission_id"] in accounts else n.refs.aliases.get(r["currency"], r["currency"])
            places = n.refs.exponents.get(currency)
            if places is None:
                continue
            sides = found[(r["submission_id"], r["stated_by"])]
            count, amount = sides.get((currency, r["dr_cr"]), (0, 0))
            value = minor(r["amount"], places)
            sides[(currency, r["dr_cr"])] = (count + r["row_cnt"], None if amount is None or value is None else amount + value)
    return found


def minor(text: str, places: int) -> int | None:
    """An amount text in minor units; None when it is no decimal number of at most that many places."""
    try:
        value = Decimal(text).scaleb(places)
    except ArithmeticError:
        return None
    return int(value) if value.is_finite() and value == value.to_integral_value() and abs(value) <= LARGEST else None


def _totals(n: Night, by_file: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Rows of file_total: what a file states of a currency and side beside what its rows add up to."""
    stated = _stated(n)
    for f in n.files:
        if not f["readable"]:
            continue
        body = {(r["currency"], r["dr_cr"]): (r["n"], r["amount"]) for r in by_file.get(f["file_key"], []) if r["placed"]}
        for by in ("TRAILER", "MANIFEST"):
            said = stated.get((f["submission_id"], by), {})
            for currency, side in sorted({*body, *said}):
                (count, amount), (rows, total) = said.get((currency, side), (0, 0)), body.get((currency, side), (0, Decimal(0)))
                held = None if total is None or abs(total) > LARGEST else int(total)
                yield f | {
                    "stated_by": by, "currency": currency, "dr_cr": side, "stated_cnt": count, "stated_amt": amount, "body_cnt": rows, "body_amt": held,
                }  # fmt: skip

"""Views of the rules about whole files: files, stated_total, body_total, all_rows."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations import fields, reconcile, views
from jobs.flow_night import Night

FILES = (
    "file_key string, submission_id string, bank_id string, file_type string, from_date date, to_date date, manifest_status string, read_error string, "
    "digest_alg string, digest_expected string, digest_actual string, duplicate_of string, rows_body bigint, rows_trailer bigint, rows_manifest bigint, "
    "readable boolean, rows_staged bigint, rows_unread bigint, rows_unplaced bigint, is_sparse boolean"
)


def file_views(n: Night) -> DataFrame:
    """Make the views; returns counts of received rows by file, date, currency and side (saved as `body`)."""
    spark = n.lake.spark
    views.all_rows(n.typed).createOrReplaceTempView("all_rows")
    body = n.scratch.save("body", reduce(DataFrame.unionByName, [_body(t, rows) for t, rows in n.typed.items()]))
    per_file = body.groupBy("submission_id").agg(
        F.sum("n").alias("rows_staged"), F.sum("unread").alias("rows_unread"),
        F.sum(F.when(F.col("placed"), 0).otherwise(F.col("n"))).alias("rows_unplaced"), F.max("is_sparse").alias("is_sparse"),
    )  # fmt: skip
    counts = {r["submission_id"]: r.asDict() for r in per_file.collect()}
    nothing = {"rows_staged": 0, "rows_unread": 0, "rows_unplaced": 0, "is_sparse": False}
    for f in n.files:
        f |= nothing | counts.get(f["file_key"], {})
    names = [x.split()[0] for x in FILES.split(", ")]
    spark.createDataFrame([tuple(f[c] for c in names) for f in n.files], FILES).createOrReplaceTempView("files")
    body.where("placed").groupBy("submission_id", "currency", "dr_cr").agg(
        F.sum("n").alias("row_cnt"), F.try_sum("amount").try_cast("bigint").alias("amt_minor")
    ).createOrReplaceTempView("body_total")
    _stated(n).createOrReplaceTempView("stated_total")
    return body


def _body(file_type: str, rows: DataFrame) -> DataFrame:
    """Rows of every file by date, currency and side, as its totals state them; `placed` are those that totals can be made of."""
    side = {"TXN": F.col("dr_cr"), "CTL": F.when(F.col("kind") == "BALANCE", "B").otherwise(F.col("dr_cr"))} if file_type in ("TXN", "CTL") else {}
    dr_cr = side.get(file_type, F.lit("C"))
    unread = F.col("parse_error").isNotNull() | (F.col("bad_fields") != "")
    placed = ~unread & F.col("places").isNotNull() & ~F.col("finer") & ~F.col("too_large") & dr_cr.isin("C", "D", "B")
    amount = F.lit(0) if file_type not in reconcile.AMOUNT else F.col(reconcile.AMOUNT[file_type])
    day = F.coalesce(F.col("biz_date"), F.col("from_date")) if "biz_date" in rows.columns else F.col("from_date")
    keys = [F.col("bank_id"), F.col("submission_id"), F.col("file_type"), day.alias("biz_date"), F.col("currency"), dr_cr.alias("dr_cr")]
    return rows.groupBy(*keys, F.coalesce(placed, F.lit(False)).alias("placed")).agg(
        F.count("*").alias("n"), F.count_if(unread).alias("unread"), F.sum(amount.cast("decimal(20,0)")).alias("amount"),
        F.sum(reconcile.amount_of(file_type)).alias("abs_amount"),
        F.max(F.col("sparse") if file_type == "BAL" else F.lit(False)).alias("is_sparse"),
    )  # fmt: skip


def _stated(n: Night) -> DataFrame:
    """Totals that trailers and manifests state, in minor units; those of an alias are added to the currency it means."""
    code = fields.currency(n.refs.aliases)
    coded = n.raw("bank_file_total").select("submission_id", "stated_by", "dr_cr", "row_cnt", "amount", code.alias("currency"))
    places = fields.exponent(n.refs.exponents, F.col("currency"))
    valued = coded.where(places.isNotNull()).withColumn("m", fields.minor("amount", places))
    readable = F.count("m") == F.count("*")
    return valued.groupBy("submission_id", "stated_by", "currency", "dr_cr").agg(
        F.sum("row_cnt").alias("row_cnt"), F.when(readable, F.try_sum("m")).alias("amt_minor")
    )

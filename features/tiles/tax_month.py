"""tile.tax_month: returns, payments, arrears, rating, invoices and social insurance by month of the tax period.

A month becomes readable 5 days after the due date of its returns; what was known by then is its first version, every
later change (late filing, amendment, late payment, void invoice) one more. Quarterly figures are spread over their
months, the remainder on the last.
"""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.tiles.facts import KEY, month_of, months_between, on_nights, over, stacked, total
from features.tiles.versions import intervals
from lake.clock import month_end

READABLE_DAYS = 5
NO_RETURN_DAYS = 20
"""A month without any return of its own is readable 20 days after its end, as with one due on the 15th."""
UNPAID_DAYS = 30
PENALTIES = ("LATE_FEE", "FINE")
RATINGS = {"A": 5, "B": 4, "M": 3, "C": 2, "D": 1}
SOURCES: dict[str, tuple[str, ...]] = {
    "tax_vat_return": ("firm_id", "period", "return_type"),
    "tax_payment": ("firm_id", "voucher_no"),
    "tax_arrears": ("firm_id", "tax_type", "period"),
    "tax_credit_rating": ("firm_id", "rating_year"),
    "tax_invoice": ("firm_id", "direction", "invoice_code", "invoice_no"),
    "tax_cit_return": ("firm_id", "period"),
    "tax_social_insurance": ("firm_id", "month"),
}


def spread(amount: Column, parts: Column, is_last: Column) -> Column:
    """Even share of an amount over `parts` months; the last one takes the remainder."""
    share = F.signum(amount).cast("bigint") * F.floor(F.abs(amount).cast("decimal(20,0)") / parts).cast("bigint")
    return F.when(is_last, amount - share * (parts - 1)).otherwise(share)


def tax_facts(tables: dict[str, DataFrame], last: date) -> DataFrame:
    """Facts of all tax tables (all their versions, by name without the layer), months up to `last`."""
    v = {name: intervals(df, SOURCES[name]) for name, df in tables.items()}
    parts = [
        _vat(v["tax_vat_return"]), *_payments(v["tax_payment"]), _arrears(v["tax_arrears"], last), _ratings(v["tax_credit_rating"], last),
        _invoices(v["tax_invoice"]), *_cit(v["tax_cit_return"]), _insurance(v["tax_social_insurance"]),
    ]  # fmt: skip
    return stacked(parts).where(F.col("month") <= F.lit(last))


def _known(kind: str) -> list[Column]:
    return [F.col("firm_id"), F.lit(kind).alias("kind"), F.col("known_from"), F.col("known_to")]


def _vat(rows: DataFrame) -> DataFrame:
    end = month_of("period")
    quarterly = F.col("filing_cycle") == "Q"
    begin = F.when(quarterly, F.add_months(end, -2)).otherwise(end)
    sales = F.coalesce("sales_taxable_fen", F.lit(0)) + F.coalesce("sales_exempt_fen", F.lit(0))
    months = rows.select("*", F.explode(months_between(begin, end)).alias("month"), (end).alias("period_end"), sales.alias("sales"))
    is_last, filed = F.col("month") == F.col("period_end"), F.col("filed_at").isNotNull()
    parts = F.when(F.col("filing_cycle") == "Q", 3).otherwise(1)
    return months.select(
        *_known("vat"), "month",
        F.when(filed, spread(F.col("sales"), parts, is_last)).alias("sales"),
        F.col("due_date").alias("due"),
        F.when(is_last, filed).alias("filed"),
        F.when(is_last, filed & (F.col("sales") == 0)).cast("int").alias("zero"),
        F.when(is_last, filed & (F.to_date("filed_at") > F.col("due_date"))).cast("int").alias("late"),
    )  # fmt: skip


def _payments(rows: DataFrame) -> list[DataFrame]:
    penalty = F.col("tax_type").isin(*PENALTIES)
    late = F.greatest(F.datediff("pay_date", "due_date"), F.lit(0))
    taxes = rows.where(~penalty).select(
        *_known("payment"),
        month_of("period").alias("month"),
        F.col("amount_fen").alias("amount"),
        (F.col("tax_type") == "VAT").alias("flag"),
        late.alias("days"),
    )
    booked = rows.where(penalty).select(
        *_known("penalty"), F.trunc("pay_date", "month").alias("month"), F.col("amount_fen").alias("amount")
    )
    return [taxes, booked]


def _at_month_ends(rows: DataFrame, begin: str, end: str, last: date) -> DataFrame:
    """Rows on every month at whose end they are in force: begin <= month end, and end null or after it."""
    stop = F.coalesce(F.when(F.col(end) > F.lit(last), F.lit(last)).otherwise(F.col(end)), F.lit(last))
    months = rows.select("*", F.explode(months_between(F.col(begin), stop)).alias("month"))
    return months.where(F.col(end).isNull() | (F.col(end) > F.last_day("month")))


def _arrears(rows: DataFrame, last: date) -> DataFrame:
    return _at_month_ends(rows, "start_date", "end_date", last).select(*_known("arrears"), "month", F.col("arrears_fen").alias("amount"))


def _ratings(rows: DataFrame, last: date) -> DataFrame:
    points = F.coalesce(*(F.when(F.col("rating") == k, v) for k, v in RATINGS.items()))
    rated = rows.select("*", (F.col("rating_year") * 10 + points).alias("packed"))
    return _at_month_ends(rated, "in_force_from", "in_force_to", last).select(
        *_known("rating"), "month", F.col("packed").cast("bigint").alias("amount")
    )


def _invoices(rows: DataFrame) -> DataFrame:
    value = F.abs(F.col("amount_fen") + F.col("tax_fen"))
    return rows.select(
        *_known("invoice"), F.trunc("issue_date", "month").alias("month"), F.col("other_party_id").alias("party"),
        value.alias("amount"), (F.col("direction") == "OUT").alias("flag"), (F.col("color") == "RED").alias("red"), (F.col("status") == "VOID").alias("void"),
    )  # fmt: skip


def _cit(rows: DataFrame) -> list[DataFrame]:
    """Year to date as filed: each return counts for its quarter, and against the next quarter of the year."""
    end = month_of("period")
    own = rows.select("*", F.explode(months_between(F.add_months(end, -2), end)).alias("month"), end.alias("period_end"))
    following = rows.where(F.month(end) < 12).select(
        "*", F.explode(months_between(F.add_months(end, 1), F.add_months(end, 3))).alias("month")
    )
    amounts = [F.col("revenue_fen").alias("amount"), F.col("profit_fen").alias("profit")]
    return [
        own.select(*_known("cit"), "month", *amounts, (F.col("month") == F.col("period_end")).alias("flag")),
        following.select(*_known("cit_before"), "month", *amounts),
    ]


def _insurance(rows: DataFrame) -> DataFrame:
    limit = F.date_add("due_date", UNPAID_DAYS)
    unpaid = (F.col("due_fen") > 0) & (F.col("paid_date").isNull() | (F.col("paid_date") > limit))
    return rows.select(
        *_known("insurance"),
        F.trunc("month", "month").alias("month"),
        F.col("headcount").cast("bigint").alias("amount"),
        F.when(unpaid, limit).alias("due"),
    )


def readable_from(facts: DataFrame) -> DataFrame:
    """firm_id, month, ready: first night on which the month is read.

    A month that only the return of the quarter before says something about has no row.
    """
    due = facts.where("kind <> 'cit_before'").groupBy("firm_id", "month").agg(F.max(over("vat", "due")).alias("due"))
    ready = F.coalesce(F.date_add("due", READABLE_DAYS), F.date_add(F.last_day("month"), NO_RETURN_DAYS))
    return due.select("firm_id", "month", ready.alias("ready"))


def without_return(month: date) -> date:
    """First night on which a month without any return is read."""
    return month_end(month) + timedelta(days=NO_RETURN_DAYS)


def tax_keys(facts: DataFrame, ready: DataFrame, last: date) -> DataFrame:
    """Every night up to `last` on which the tile of a readable month changes: firm_id, month, night."""
    unpaid = F.when(F.col("kind") == "insurance", F.col("due"))
    nights = facts.select("firm_id", "month", F.explode(F.array("known_from", F.greatest("known_from", unpaid))).alias("known")).distinct()
    keys = (
        nights.join(ready, ["firm_id", "month"], "inner").select("firm_id", "month", F.greatest("known", "ready").alias("night")).distinct()
    )
    return keys.where(F.col("night") <= F.lit(last))


def tax_month(keys: DataFrame, facts: DataFrame) -> DataFrame:
    """Measures of tile.tax_month for each key (firm_id, month, night)."""
    invoice = F.col("kind") == "invoice"
    valid = F.when(invoice & ~F.col("void"), F.when(F.col("red"), -F.col("amount")).otherwise(F.col("amount")))
    party = F.when(invoice & ~F.col("void"), F.col("party"))
    out = F.col("flag")
    by_party = on_nights(keys, facts).groupBy(*KEY, party.alias("party")).agg(
        *_sums(),
        F.sum(F.when(out, valid)).alias("out_amt"),
        F.sum(F.when(~out, valid)).alias("in_amt"),
        F.max(F.when(out & invoice & ~F.col("void") & ~F.col("red"), 1)).alias("buyer"),
        F.sum(F.when(invoice & out & ~F.col("void") & F.col("red"), F.col("amount"))).alias("red_amt"),
        F.sum(F.when(invoice & out, 1)).alias("out_cnt"),
        F.sum(F.when(invoice & out & F.col("void"), 1)).alias("void_cnt"),
    )  # fmt: skip

    def s(name: str, type_: str = "bigint") -> Column:
        return F.coalesce(F.sum(name), F.lit(0)).cast(type_)

    rows = by_party.groupBy(*KEY).agg(
        F.sum("sales").alias("vat_sales"), s("vat_paid").alias("vat_paid"),
        *(F.coalesce(F.max(c), F.lit(0)).cast("int").alias(c) for c in ("decl_zero", "decl_late", "decl_missing", "tax_late_days_max", "sso_missed")),
        s("tax_paid").alias("tax_paid"), s("arrears").alias("arrears_bal"), s("penalty").alias("penalty_amt"),
        (F.max("rating") % 10).cast("int").alias("rating_score"),
        s("out_amt").alias("inv_out_amt"), s("out_cnt", "int").alias("inv_out_cnt"), s("red_amt").alias("inv_out_red_amt"), s("void_cnt", "int").alias("inv_out_void_cnt"),
        s("in_amt").alias("inv_in_amt"), s("buyer", "int").alias("n_inv_buyer"),
        F.coalesce(F.max(F.when(F.col("party").isNotNull(), F.col("out_amt"))), F.lit(0)).alias("inv_top1_buyer_amt"),
        F.coalesce(F.max(F.when(F.col("party").isNotNull(), F.col("in_amt"))), F.lit(0)).alias("inv_top1_seller_amt"),
        *(F.max(c).alias(c) for c in ("revenue", "revenue_before", "profit", "profit_before", "cit_last")),
        F.max("headcount").cast("int").alias("sso_headcount"), F.max("due_date").alias("due_date"),
    )  # fmt: skip
    return rows.select("*", _quarter("revenue").alias("cit_revenue"), _quarter("profit").alias("cit_profit")).drop(
        "revenue", "revenue_before", "profit", "profit_before", "cit_last"
    )


def _sums() -> list[Column]:
    """Measures of the facts that have no party."""
    late = F.col("night") > F.col("due")
    return [
        F.sum(over("vat", "sales")).alias("sales"),
        F.max(over("vat", "zero")).alias("decl_zero"),
        F.max(over("vat", "late")).alias("decl_late"),
        F.max(over("vat", (~F.col("filed") & late).cast("int"))).alias("decl_missing"),
        F.max(over("vat", "due")).alias("due_date"),
        total("payment", F.when(F.col("flag"), F.col("amount"))).alias("vat_paid"),
        total("payment", "amount").alias("tax_paid"),
        F.max(over("payment", "days")).alias("tax_late_days_max"),
        total("arrears", "amount").alias("arrears"),
        total("penalty", "amount").alias("penalty"),
        F.max(over("rating", "amount")).alias("rating"),
        F.max(over("cit", "amount")).alias("revenue"),
        F.max(over("cit", "profit")).alias("profit"),
        F.max(over("cit", F.col("flag").cast("int"))).alias("cit_last"),
        F.max(over("cit_before", "amount")).alias("revenue_before"),
        F.max(over("cit_before", "profit")).alias("profit_before"),
        F.max(over("insurance", "amount")).alias("headcount"),
        F.max(over("insurance", (F.col("night") >= F.col("due")).cast("int"))).alias("sso_missed"),
    ]


def _quarter(name: str) -> Column:
    """The month's share of the quarter's own amount; null without the return, or without the one before in the same year."""
    first_quarter = F.month("month") <= 3
    before = F.coalesce(F.col(f"{name}_before"), F.when(first_quarter, F.lit(0).cast("bigint")))
    return spread(F.col(name) - before, F.lit(3), F.col("cit_last") == 1)

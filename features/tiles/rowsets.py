"""Row sets of the flow tiles (domain C): E, O, R and S over accepted transactions, as flags made once.

E = reversal_flag N or S, not reversed, not returned, not an own transfer, amount above 0.
O = E in an operating inflow category (credits) or an operating outflow category (debits).
R = E of sales receipts (credits); S = E of supplier payments, logistics and service fees (debits).
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake.schemas.derived import day_clock_columns, tile_columns

OP_IN = ("sales_receipt", "pos_settlement", "platform_settlement")
OP_OUT = (
    "supplier_payment", "wage", "tax", "social_security", "rent", "utility", "logistics", "service_fee", "insurance",
    "bank_fee", "travel_ent", "refund_out",
)  # fmt: skip
REFUNDS = ("tax_refund", "refund_in")
"""Credits that lower the operating outflow."""
RECEIPTS = ("sales_receipt",)
SUPPLY = ("supplier_payment", "logistics", "service_fee")
OWN = ("own_transfer_in", "own_transfer_out")
DIVERSION = ("personal_out", "related_out", "invest_purchase", "risk_merchant", "cash_withdrawal")
"""Where loan money is not meant to go."""
BY_CUSTOMER = ("COUNTER", "NET", "MOBILE", "API", "POS", "ATM")
NIGHT_HOURS = (23, 0, 1, 2, 3, 4, 5)
LARGE_FEN = 50_000_000
ROUND_FEN = 1_000_000
CPTY_KINDS = ("corp", "person", "gov")
"""Kinds of counterparty tiles; banks, platforms and own accounts are seen as firms there."""

CREDIT_CATEGORIES = tuple(r["column"] for r in tile_columns("firm_category_month") if r["definition"].endswith("credits"))
DEBIT_CATEGORIES = tuple(r["column"] for r in tile_columns("firm_category_month") if r["definition"].endswith("debits"))
DAY_CATEGORIES = tuple(day_clock_columns("fcat"))
"""Categories that day-clock indicators read; firm_day keeps an amount for each."""

TXN_COLUMNS = ["firm_id", "bank_id", "account_id", "biz_date", "txn_ts", "dr_cr", "currency", "amt_minor", "amt_cny_fen", "cpty_id", "cpty_kind", "is_related", "instrument", "cash_flag", "channel", "category", "reversal_flag", "is_reversed", "returned_flag"]  # fmt: skip


def flows(txn: DataFrame, *more: str) -> DataFrame:
    """One row per transaction that is a flow, with the flags of its row sets, and the columns `more` as they are.

    Reversals, reversed originals and zero amounts (kept by the checks for the sequence only) are gone. Returned payments
    and own transfers stay, outside E (`e` = false): the first are counted, the second have a category of their own.
    `amt` is fen; `ts` seconds, only for order.
    """
    category, credit = F.col("category"), F.col("dr_cr") == "C"
    e = ~F.col("returned_flag") & ~category.isin(*OWN)
    kind = F.when(F.col("cpty_kind") == "person", 1).when(F.col("cpty_kind") == "gov", 2).when(F.col("cpty_kind").isNotNull(), 0)
    return txn.where("reversal_flag IN ('N', 'S') AND NOT is_reversed AND amt_minor > 0").select(
        "firm_id", "bank_id", "account_id", "biz_date", "cpty_id", "category",
        F.trunc("biz_date", "month").alias("month"),
        F.col("amt_cny_fen").alias("amt"),
        F.unix_seconds("txn_ts").alias("ts"),
        credit.alias("credit"),
        F.col("returned_flag").alias("returned"),
        e.alias("e"),
        (e & credit & category.isin(*OP_IN)).alias("op_in"),
        (e & ~credit & category.isin(*OP_OUT)).alias("op_out"),
        (e & credit & category.isin(*REFUNDS)).alias("refund"),
        (e & credit & category.isin(*RECEIPTS)).alias("receipt"),
        (e & ~credit & category.isin(*SUPPLY)).alias("supply"),
        (~F.col("returned_flag") & F.when(credit, category.isin(*CREDIT_CATEGORIES)).otherwise(category.isin(*DEBIT_CATEGORIES))).alias("sided"),
        (F.col("cash_flag") == "CASH").alias("cash"),
        (F.col("currency") != "CNY").alias("foreign"),
        (F.col("instrument") == "BILL").alias("bill"),
        (F.col("channel").isin(*BY_CUSTOMER) & F.hour("txn_ts").isin(*NIGHT_HOURS)).alias("night"),
        kind.alias("kind"),
        F.col("is_related").alias("related"),
        *more,
    )  # fmt: skip


def total(amount: Column | str, where: Column) -> Column:
    """Sum of `amount` over the rows where `where` holds, 0 without any."""
    return F.coalesce(F.sum(F.when(where, F.col(amount) if isinstance(amount, str) else amount)), F.lit(0).cast("bigint"))


def count(where: Column) -> Column:
    """Number of rows where `where` holds, as INT."""
    return F.sum(F.when(where, 1).otherwise(0)).cast("int")

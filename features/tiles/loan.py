"""tile.loan: borrowing of a firm by month, 0 for a covered firm without loans.

A month's first version is what was known when the month closed; what arrives later for it makes further versions.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.facts import KEY, months_between, on_nights, over, stacked, total
from features.tiles.versions import intervals
from lake.clock import CLOSE_AFTER_DAYS

SOURCES: dict[str, tuple[str, ...]] = {
    "loan_contract": ("lender_id", "loan_no"),
    "loan_performance": ("lender_id", "loan_no", "month_end"),
    "loan_schedule": ("lender_id", "loan_no", "due_date"),
    "loan_query": ("query_id",),
    "loan_guarantee": ("contract_no",),
}
AHEAD_MONTHS = 3


def loan_facts(tables: dict[str, DataFrame], last: date) -> DataFrame:
    """Facts of all loan tables (all their versions, by name without the layer), months up to `last`."""
    v = {name: intervals(df, SOURCES[name]) for name, df in tables.items()}
    contracts = _ranked(v["loan_contract"])
    parts = [
        _balances(v["loan_performance"], contracts), _grants(contracts), _limits(contracts, last), _first(contracts, last),
        *_schedule(v["loan_schedule"], contracts), _queries(v["loan_query"]), _guarantees(v["loan_guarantee"], last),
    ]  # fmt: skip
    return stacked(parts).where(F.col("month") <= F.lit(last))


def _known(kind: str) -> list[Column]:
    return [F.col("firm_id"), F.lit(kind).alias("kind"), F.col("known_from"), F.col("known_to")]


def _ranked(contracts: DataFrame) -> DataFrame:
    """Contracts with the firm's first grant ever and its first at that lender."""
    firm, lender = Window.partitionBy("firm_id"), Window.partitionBy("firm_id", "lender_id")
    return contracts.select(
        "*", F.min("granted_date").over(firm).alias("first_ever"), F.min("granted_date").over(lender).alias("first_here"),
        (F.col("lender_type") != "BANK").alias("nonbank"),
    )  # fmt: skip


def _terms(contracts: DataFrame) -> DataFrame:
    """What other loan records need of their contract, under names of its own."""
    names = ("lender_id", "loan_no", "known_from", "known_to", "nonbank", "guarantee_type", "limit_fen", "granted_date", "maturity_date")
    return contracts.select(*(F.col(n).alias(f"c_{n}") for n in names))


def _with_contract(rows: DataFrame, contracts: DataFrame) -> DataFrame:
    """`rows` beside their contract, known while both versions are; a loan without a contract keeps its own times."""
    joined = rows.join(_terms(contracts), (F.col("lender_id") == F.col("c_lender_id")) & (F.col("loan_no") == F.col("c_loan_no")), "left")
    begin = F.greatest("known_from", "c_known_from").alias("known_from")
    end = F.least("known_to", "c_known_to").alias("known_to")
    rest = [c for c in joined.columns if c not in ("known_from", "known_to", "c_known_from", "c_known_to")]
    return joined.select(*rest, begin, end).where("known_from < known_to")


def _balances(rows: DataFrame, contracts: DataFrame) -> DataFrame:
    limited = (F.col("c_limit_fen") > 0) & (F.col("c_maturity_date") > F.col("month_end"))
    return _with_contract(rows, contracts).select(
        *_known("balance"), F.trunc("month_end", "month").alias("month"), F.col("lender_id").alias("lender"),
        F.col("balance_fen").alias("amount"), F.col("c_nonbank").alias("nonbank"), (F.col("c_guarantee_type") == "CREDIT").alias("flag"),
        F.when(limited, F.col("balance_fen")).alias("used"), F.col("overdue_fen").alias("overdue"), F.col("dpd").alias("dpd"),
    )  # fmt: skip


def _grants(contracts: DataFrame) -> DataFrame:
    return contracts.select(
        *_known("grant"), F.trunc("granted_date", "month").alias("month"), F.col("lender_id").alias("lender"), F.col("principal_fen").alias("amount"),
        F.col("rollover_flag").alias("flag"), (F.col("granted_date") == F.col("first_here")).alias("new_lender"),
    )  # fmt: skip


def _limits(contracts: DataFrame, last: date) -> DataFrame:
    """Granted limits on every month at whose end they run."""
    stop = F.least("maturity_date", F.lit(last))
    rows = contracts.where("limit_fen > 0").select("*", F.explode(months_between(F.col("granted_date"), stop)).alias("month"))
    return rows.where(F.col("maturity_date") > F.last_day("month")).select(*_known("limit"), "month", F.col("limit_fen").alias("amount"))


def _first(contracts: DataFrame, last: date) -> DataFrame:
    """The firm's first loan on every month from its grant on."""
    rows = contracts.where("granted_date = first_ever")
    months = rows.select("*", F.explode(months_between(F.col("granted_date"), F.lit(last))).alias("month"))
    return months.select(*_known("first"), "month", F.col("granted_date").alias("day"))


def _schedule(rows: DataFrame, contracts: DataFrame) -> list[DataFrame]:
    """Amounts due in the month, and those due in the 3 months after it of loans granted by its end."""
    due = F.col("principal_fen") + F.col("interest_fen")
    now = rows.select(*_known("due"), F.trunc("due_date", "month").alias("month"), due.alias("amount"))
    both = _with_contract(rows, contracts)
    months = both.select(
        "*", F.explode(months_between(F.add_months("due_date", -AHEAD_MONTHS), F.add_months("due_date", -1))).alias("month")
    )
    ahead = months.where("c_granted_date IS NULL OR c_granted_date <= last_day(month)").select(
        *_known("ahead"), "month", due.alias("amount")
    )
    return [now, ahead]


def _queries(rows: DataFrame) -> DataFrame:
    approvals = rows.where("purpose = 'LOAN_APPROVAL'")
    return approvals.select(*_known("query"), F.trunc("query_date", "month").alias("month"), F.col("lender_id").alias("lender"))


def _guarantees(rows: DataFrame, last: date) -> DataFrame:
    """Guarantees given, on every month at whose end they are in force."""
    given = rows.withColumnRenamed("guarantor_id", "firm_id")
    stop = F.coalesce(F.least("end_date", F.lit(last)), F.lit(last))
    months = given.select("*", F.explode(months_between(F.col("start_date"), stop)).alias("month"))
    in_force = months.where("end_date IS NULL OR end_date > last_day(month)")
    return in_force.select(*_known("guarantee"), "month", F.col("balance_fen").alias("amount"))


def close_nights(firms: DataFrame, months: list[date]) -> DataFrame:
    """Keys of the first version: every firm, every month, the night the month closes."""
    days = F.explode(F.array(*(F.lit(m) for m in months))).alias("month")
    return firms.select("firm_id", days).select("firm_id", "month", F.date_add(F.last_day("month"), CLOSE_AFTER_DAYS).alias("night"))


def later_nights(facts: DataFrame, first: date, last: date) -> DataFrame:
    """Keys of later versions: nights up to `last` on which a fact of an already closed month was learnt."""
    closed = F.date_add(F.last_day("month"), CLOSE_AFTER_DAYS)
    late = facts.where((F.col("known_from") > closed) & (F.col("known_from") <= F.lit(last)) & (F.col("month") >= F.lit(first)))
    return late.select("firm_id", "month", F.col("known_from").alias("night")).distinct()


def loan(keys: DataFrame, facts: DataFrame) -> DataFrame:
    """Measures of tile.loan for each key (firm_id, month, night)."""
    open_ = over("balance", F.col("amount") > 0)
    lenders = on_nights(keys, facts).groupBy(*KEY, "lender").agg(
        total("balance", "amount").alias("bal"),
        total("balance", F.when(F.col("nonbank"), F.col("amount"))).alias("nonbank_bal"),
        total("balance", F.when(F.col("flag"), F.col("amount"))).alias("unsecured_bal"),
        F.sum(open_.cast("int")).alias("n_loan"),
        F.max((open_ & F.col("nonbank")).cast("int")).alias("n_nonbank_lender"),
        total("limit", "amount").alias("limit_amt"),
        total("balance", "used").alias("used_amt"),
        total("due", "amount").alias("due_amt"),
        total("balance", "overdue").alias("overdue_amt"),
        F.max(over("balance", "dpd")).alias("dpd_max"),
        total("grant", "amount").alias("new_amt"),
        total("grant", F.when(F.col("flag"), F.col("amount"))).alias("rollover_amt"),
        F.count(over("grant", "kind")).alias("n_grant"),
        F.max(over("grant", F.col("new_lender").cast("int"))).alias("n_new_lender"),
        F.count(over("query", "kind")).alias("n_query"),
        total("ahead", "amount").alias("bal_due_3m"),
        total("guarantee", "amount").alias("guar_out_bal"),
        F.min(over("first", "day")).alias("first_day"),
    )  # fmt: skip
    amounts = [
        "bal",
        "nonbank_bal",
        "unsecured_bal",
        "limit_amt",
        "used_amt",
        "due_amt",
        "overdue_amt",
        "new_amt",
        "rollover_amt",
        "bal_due_3m",
        "guar_out_bal",
    ]
    counts = ("n_loan", "n_nonbank_lender", "n_grant", "n_new_lender", "n_query")
    rows = lenders.groupBy(*KEY).agg(
        *(F.sum(c).alias(c) for c in amounts),
        *(F.coalesce(F.sum(c), F.lit(0)).cast("int").alias(c) for c in counts),
        F.sum((F.col("n_loan") > 0).cast("int")).alias("_n_lender"),
        F.coalesce(F.max("dpd_max"), F.lit(0)).alias("dpd_max"),
        F.sum((F.col("n_query") > 0).cast("int")).alias("n_query_lender"),
        F.min("first_day").alias("_first_day"),
    )
    return rows.select("*", F.coalesce("_n_lender", F.lit(0)).alias("n_lender"), _age("_first_day").alias("first_loan_age")).drop(
        "_n_lender", "_first_day"
    )


def _age(first_day: str) -> Column:
    """Whole months from a day to the end of the tile's month."""
    return F.floor(F.months_between(F.date_add(F.last_day("month"), 1), F.col(first_day))).cast("int")

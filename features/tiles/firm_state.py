"""tile.firm_state: facts of a firm on a snapshot date that overrides, limits and warnings need and no indicator holds.

Each function makes one group of columns, keyed by firm_id and snapshot_date; `firm_state` puts them beside the firms of
the night. What an absent source would say is null, never 0.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.tiles.snapshots import in_force, known_records, latest, window_sum

KEYS = ["firm_id", "snapshot_date"]
WAGE_MONTHS = 12
WAGE_PAID = 8
SILENT_DAYS = 5
BANK_SHARE = 0.3
NEWS_DAYS = 30
BULLET_SHARE = 3


def from_months(months: DataFrame) -> DataFrame:
    """Inflow windows and coverage from `snapshots.closed_months`."""
    year = F.when(F.col("k") < 12, F.col("days_covered")), F.when(F.col("k") < 12, F.col("days_in_month"))
    return months.where("k < 24").groupBy(*KEYS).agg(
        F.sum(F.col("is_covered").cast("int")).alias("covered_months"),
        F.try_divide(F.sum(year[0]), F.sum(year[1])).alias("coverage_share"),
        window_sum("op_in_amt", 12).alias("op_in_12m"),
        window_sum("op_in_amt", 6).alias("op_in_6m"),
        window_sum("op_in_amt", 3).alias("op_in_3m"),
        window_sum("op_in_amt", 3, 12).alias("op_in_3m_year_before"),
        window_sum("op_in_amt", 12, 12).alias("op_in_12m_year_before"),
    )  # fmt: skip


def wages(months: DataFrame, paid: DataFrame) -> DataFrame:
    """months_without_wages: months since the latest closed one without wages, null when fewer than 8 of the 12 months
    before that run had them, or when month 0 is not covered. A month that is not covered ends the run.

    `paid`: firm_id, snapshot_date, k of months with wages.
    """
    rows = months.where("k < 24").join(paid.select(*KEYS, "k", F.lit(True).alias("paid")), [*KEYS, "k"], "left")
    run = rows.groupBy(*KEYS).agg(
        F.min(F.when(F.col("paid") | ~F.col("is_covered"), F.col("k"))).alias("end"),
        F.max("k").alias("oldest"),
        F.max(F.when(F.col("k") == 0, F.col("is_covered"))).alias("now"),
        F.collect_list(F.when(F.col("paid"), F.col("k"))).alias("paid_k"),
    )
    length = F.coalesce("end", F.col("oldest") + 1)
    before = F.size(F.filter("paid_k", lambda k: (k >= F.col("run")) & (k < F.col("run") + WAGE_MONTHS)))
    return (
        run.where("now")
        .select(*KEYS, length.cast("int").alias("run"), "paid_k")
        .select(*KEYS, F.when(before >= WAGE_PAID, F.col("run")).alias("months_without_wages"))
    )


def frozen_now(accounts: DataFrame, dates: DataFrame) -> DataFrame:
    """court_freeze_now per firm, from account states ([valid_from, state_to)) by snapshot."""
    rows = accounts.join(F.broadcast(dates), in_force("valid_from", "state_to"), "inner")
    held = F.col("status").isin("FROZEN", "STOPPED") & (F.coalesce("freeze_authority", F.lit("")) == "COURT")
    return rows.groupBy(*KEYS).agg(
        F.max(held & (F.col("close_date").isNull() | (F.col("close_date") > F.col("snapshot_date")))).alias("court_freeze_now")
    )


def representative(persons: DataFrame, dishonest: DataFrame, dates: DataFrame) -> DataFrame:
    """Firms whose legal representative is on the dishonest list now."""
    reps = known_records(persons, dates).where((F.col("role") == "LEGAL_REP") & in_force("valid_from", "valid_to"))
    listed = known_records(dishonest, dates).where(in_force("publish_date", "end_date")).select("party_id", "snapshot_date")
    return (
        reps.join(listed, ["party_id", "snapshot_date"], "left_semi")
        .select(*KEYS)
        .distinct()
        .select(*KEYS, F.lit(True).alias("rep_dishonest"))
    )


def insurance(tax: DataFrame) -> DataFrame:
    """sso_missed_3m over the last 3 readable tax months; `tax`: rows of tax_month as known, with snapshot_date."""
    w = Window.partitionBy(*KEYS).orderBy(F.col("month").desc())
    rows = (
        tax.where("due_date IS NOT NULL AND date_add(due_date, 5) <= snapshot_date")
        .select("*", F.row_number().over(w).alias("n"))
        .where("n <= 3")
    )
    return rows.groupBy(*KEYS).agg(F.sum("sso_missed").alias("sso_missed_3m"))


def new_cases(cases: DataFrame, dates: DataFrame) -> DataFrame:
    """Cases against the firm published in the last 30 days, by cause."""
    since = F.date_sub("snapshot_date", NEWS_DAYS)
    rows = known_records(cases, dates).where(
        (F.col("role") == "DEFENDANT") & (F.col("publish_date") > since) & (F.col("publish_date") <= F.col("snapshot_date"))
    )

    def of(cause: str) -> Column:
        return F.sum((F.col("cause_group") == cause).cast("int"))

    return rows.groupBy(F.col("party_id").alias("firm_id"), "snapshot_date").agg(
        of("sales").alias("new_sales"), of("loan").alias("new_loan")
    )


def loans(records: dict[str, DataFrame], dates: DataFrame) -> DataFrame:
    """class5_now, dpd_now, unsecured_balance, debt_service_12m, has_loan_before per borrower, from intervals by table."""
    contracts = known_records(records["loan_contract"], dates).where("granted_date <= snapshot_date")
    terms = contracts.select("lender_id", "loan_no", "snapshot_date", "guarantee_type")
    loan_key = ["lender_id", "loan_no", "snapshot_date"]
    state = latest(known_records(records["loan_performance"], dates).where("month_end <= snapshot_date"), *loan_key, order="month_end")
    current = state.join(terms, loan_key, "left").select("*", (F.col("balance_fen") > 0).alias("open"))
    now = current.groupBy(*KEYS).agg(
        F.max(F.when(F.col("open"), F.col("class5"))).alias("class5_now"),
        F.max(F.when(F.col("open"), F.col("dpd"))).alias("dpd_now"),
        F.sum(F.when(F.col("open") & (F.col("guarantee_type") == "CREDIT"), F.col("balance_fen"))).alias("unsecured"),
    )
    due = F.col("interest_fen") + F.when(F.col("bullet_flag"), F.floor(F.col("principal_fen") / BULLET_SHARE)).otherwise(
        F.col("principal_fen")
    )
    ahead = known_records(records["loan_schedule"], dates).where("due_date > snapshot_date AND due_date <= add_months(snapshot_date, 12)")
    repaid = current.where("NOT open").select(*loan_key)
    service = ahead.join(repaid, loan_key, "left_anti").groupBy(*KEYS).agg(F.sum(due).cast("bigint").alias("service"))
    known = contracts.select(*KEYS).distinct().select(*KEYS, F.lit(True).alias("has_loan"))
    return known.join(now, KEYS, "full").join(service, KEYS, "full")


def data_gap(bank_inflow: DataFrame, bank_days: DataFrame, dates: DataFrame) -> DataFrame:
    """data_gap: a bank with at least 30 % of the inflow of the 12 closed months has sent no balance for 5 days.

    `bank_inflow`: firm_id, snapshot_date, bank_id, op_in_amt of that year; `bank_days`: bank_id, biz_date, known_from.
    """
    heard = (F.col("known_from") <= F.col("snapshot_date")) & (F.col("biz_date") <= F.col("snapshot_date"))
    last = bank_days.join(F.broadcast(dates), heard, "inner").groupBy("bank_id", "snapshot_date").agg(F.max("biz_date").alias("last_day"))
    share = F.try_divide(F.col("op_in_amt"), F.sum("op_in_amt").over(Window.partitionBy(*KEYS)))
    rows = bank_inflow.select("*", share.alias("share")).join(last, ["bank_id", "snapshot_date"], "left")
    silent = F.coalesce(F.datediff("snapshot_date", "last_day") >= SILENT_DAYS, F.lit(True))
    return rows.groupBy(*KEYS).agg(F.max((F.coalesce("share", F.lit(0.0)) >= BANK_SHARE) & silent).alias("data_gap"))


def low_quality(bank_inflow: DataFrame, grades: DataFrame, dates: DataFrame) -> DataFrame:
    """low_quality_inflow_share: inflow of the 12 closed months at banks graded D over all of it; null where no bank was graded yet.

    `bank_inflow` as for `data_gap`; `grades`: bank_id, month, grade, as_of. A bank's grade on D is that of its latest month judged
    by a night before D, so that it does not matter which of the two ran first in a night.
    """
    known = grades.where("grade IS NOT NULL").join(
        F.broadcast(dates.select("snapshot_date")), F.col("as_of") < F.col("snapshot_date"), "inner"
    )
    latest_grade = known.groupBy("bank_id", "snapshot_date").agg(F.max_by("grade", F.struct("month", "as_of")).alias("grade"))
    judged = known.select("snapshot_date").distinct()
    rows = bank_inflow.join(F.broadcast(judged), "snapshot_date", "left_semi").join(
        F.broadcast(latest_grade), ["bank_id", "snapshot_date"], "left"
    )
    low = F.sum(F.when(F.col("grade") == "D", F.col("op_in_amt")).otherwise(0))
    return rows.groupBy(*KEYS).agg(F.try_divide(low, F.sum("op_in_amt")).alias("low_quality_inflow_share"))


def firm_state(firms: DataFrame, parts: list[DataFrame]) -> DataFrame:
    """Measures of tile.firm_state for the rows of tile.registration; a covered source without a record of the firm says 0."""
    rows = firms
    for part in parts:
        rows = rows.join(part, KEYS, "left")

    def where(flag: str, value: Column | str, default: object) -> Column:
        column = F.col(value) if isinstance(value, str) else value
        return F.when(F.col(flag), F.coalesce(column, F.lit(default)))

    return rows.select(
        *KEYS, "status", F.coalesce("covered_months", F.lit(0)).alias("covered_months"), "coverage_share",
        "op_in_12m", "op_in_6m", "op_in_3m", "op_in_3m_year_before", "op_in_12m_year_before",
        "low_quality_inflow_share",
        "class5_now", where("loan_covered", "dpd_now", 0).alias("dpd_now"), F.coalesce("court_freeze_now", F.lit(False)).alias("court_freeze_now"),
        where("court_covered", "rep_dishonest", False).alias("rep_dishonest_active"),
        "months_without_wages", where("tax_covered", "sso_missed_3m", None).alias("sso_missed_3m"),
        where("court_covered", "new_sales", 0).alias("new_sales_cases_30d"), where("court_covered", "new_loan", 0).alias("new_loan_cases_30d"),
        where("loan_covered", "service", 0).alias("debt_service_12m"), where("loan_covered", "unsecured", 0).alias("unsecured_balance"),
        where("loan_covered", "has_loan", False).alias("has_loan_before"), F.coalesce("data_gap", F.lit(False)).alias("data_gap"),
        "tax_covered", "court_covered", "loan_covered", "registry_covered",
    )  # fmt: skip

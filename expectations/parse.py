"""Rows of bank files as sent -> typed rows, one function per file type. Pure: frame in, frame out.

Every typed row keeps where it came from (`SOURCE`), `parse_error` of a line that is no row, and `bad_fields`, the names of
fields whose text does not read (joined by commas, '' when all do). `currency` is the code meant, `currency_sent` the text;
`finer` and `too_large` say that an amount does not fit the currency's minor unit, `no_parity` that it has no CNY value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from expectations import references
from expectations.fields import amounts_read, bad_fields, currency, day, exponent, finer_than, flag, moment, reads, whole
from expectations.ledger.banks import Foreign
from expectations.uscc import org_ok, uscc_ok, uscc_shape
from lake.schemas.bank import FILE_FIELDS

SOURCE = ["bank_id", "submission_id", "row_no", "file_type", "from_date", "to_date", "version", "mode", "sent_at", "is_history", "as_of"]
AMOUNTS = {
    "ACCT": [], "BAL": ["opening", "credit", "debit", "closing", "frozen"], "TXN": ["amount", "balance_after"],
    "GL": ["open", "debit", "credit", "close", "ne_open", "ne_debit", "ne_credit", "ne_close"], "CTL": ["amount"],
}  # fmt: skip
KEYS = {
    # an account may change more than once in the month of a history file: only equal rows are the same row
    "ACCT": ["bank_id", "submission_id", *FILE_FIELDS["ACCT"]], "BAL": ["bank_id", "biz_date", "account_no", "currency"],
    "TXN": ["bank_id", "biz_date", "txn_no", "sub_no"], "GL": ["bank_id", "biz_date", "branch_id", "gl_subject", "currency"],
    "CTL": ["bank_id", "biz_date", "kind", "branch_id", "currency", "dr_cr"],
}  # fmt: skip
"""What makes two rows of a file type the same row."""


@dataclass(frozen=True)
class References:
    """What the reading of amounts needs: exponents, aliases of currencies, and parities as a frame.

    `foreign`: ledgers loaded as banks of this home, to which not every rule applies (expectations.ledger.banks).
    """

    exponents: Mapping[str, int]
    aliases: Mapping[str, str]
    fx: DataFrame
    foreign: tuple[Foreign, ...] = ()

    @staticmethod
    def load(spark: SparkSession, foreign: tuple[Foreign, ...] = ()) -> References:
        """From conf/ref, and the currencies of foreign ledgers at rate 1."""
        exponents = {**references.exponents(), **{b.currency: b.decimals for b in foreign}}
        fx = references.rate_frame(spark, {b.currency: b.fen_per_minor for b in foreign if b.currency != "CNY"})
        return References(exponents, references.aliases(), fx, foreign)


def _coded(raw: DataFrame, file_type: str, refs: References) -> DataFrame:
    """`raw` with the currency meant, its decimal places, the date read, and a hash of its key."""
    code = currency(refs.aliases)
    keys = [F.col(k) for k in KEYS[file_type]]
    extra = {
        "currency_sent": F.col("currency"), "currency": code, "places": exponent(refs.exponents, code),
        "key_hash": F.when(F.col("parse_error").isNull(), F.xxhash64(*keys)),
    }  # fmt: skip
    dates = {"biz_date_sent": F.col("biz_date"), "biz_date": day("biz_date")} if "biz_date" in raw.columns else {}
    return amounts_read(raw.withColumns({**extra, **dates}), AMOUNTS[file_type])


def contents(raw: DataFrame, file_type: str) -> DataFrame:
    """submission_id, row_no and content_hash, equal for rows of equal fields; reads all columns, so ask for few rows."""
    return raw.select("submission_id", "row_no", F.xxhash64(*FILE_FIELDS[file_type]).alias("content_hash"))


def _common(file_type: str, bad: Column) -> list[Column]:
    """Columns of every typed row. Fields of a line that is no row are not looked at."""
    no_row = F.col("parse_error").isNotNull()
    finer, large = F.lit(False), F.lit(False)
    for n in AMOUNTS[file_type]:
        finer = finer | finer_than(n, F.col("places"))
        large = large | (F.col(f"_{n}_reads") & F.col("places").isNotNull() & F.col(f"{n}_minor").isNull())
    return [
        *map(F.col, SOURCE), F.col("parse_error"), F.when(no_row, F.lit("")).otherwise(bad).alias("bad_fields"),
        *map(F.col, ("currency", "currency_sent", "places", "key_hash")), finer.alias("finer"), large.alias("too_large"),
    ]  # fmt: skip


def _readable(names: list[str]) -> dict[str, Column]:
    """An amount reads when its text is decimal, whatever the currency (V11 judges that)."""
    return {n: reads(n) for n in names}


def acct(raw: DataFrame, refs: References) -> DataFrame:
    """Typed ACCT rows; the credit code itself stays behind, `uscc_shape`, `uscc_ok` and `org_ok` say what it is worth."""
    must = ["account_no", "uscc", "branch_id", "account_type", "product_type", "currency", "gl_subject", "status"]
    read = {"is_summary": flag("is_summary"), "open_date": day("open_date"), "overdraft_flag": flag("overdraft_flag")}
    bad = bad_fields(must={**{n: F.col(n) for n in must}, **read}, may={"close_date": day("close_date")})
    keep = [
        "account_id", "account_no_tail4", "firm_id", "name_token", "parent_account_id", "branch_id", "account_type", "product_type",
        "gl_subject", "status", "freeze_authority", "op",
    ]  # fmt: skip
    return _coded(raw, "ACCT", refs).select(
        *_common("ACCT", bad), *keep, *[c.alias(n) for n, c in read.items()], day("close_date").alias("close_date"),
        uscc_shape(F.col("uscc")).alias("uscc_shape"), uscc_ok(F.col("uscc")).alias("uscc_ok"),
        org_ok(F.col("uscc")).alias("org_ok"),
    )  # fmt: skip


def bal(raw: DataFrame, refs: References) -> DataFrame:
    """Typed BAL rows; amounts in minor units as `*_minor`, closing also in CNY fen."""
    amounts = ["opening", "credit", "debit", "closing"]
    counts = {"credit_cnt": whole("credit_cnt", "int"), "debit_cnt": whole("debit_cnt", "int"), "sparse": flag("sparse")}
    names = {n: F.col(n) for n in ("account_no", "currency", "branch_id", "gl_subject")}
    # frozen and last_seq_no may be empty: nothing frozen, no movement
    may = {**_readable(["frozen"]), "last_seq_no": whole("last_seq_no")}
    bad = bad_fields(must={**names, "biz_date": F.col("biz_date_sent"), **_readable(amounts), **counts}, may=may)
    rows = _coded(raw, "BAL", refs).select(
        *_common("BAL", bad), "account_id", "biz_date", "biz_date_sent", "branch_id", "gl_subject", "op",
        *[f"{n}_minor" for n in amounts], F.coalesce("frozen_minor", F.lit(0).cast("bigint")).alias("frozen_minor"),
        *[c.alias(n) for n, c in counts.items()], whole("last_seq_no").alias("last_seq_no"),
    )  # fmt: skip
    return _valued(rows, refs, "closing_minor", "closing_cny_fen")


def txn(raw: DataFrame, refs: References) -> DataFrame:
    """Typed TXN rows; amounts in minor units and CNY fen, time as Shanghai time, texts as sent."""
    names = ["txn_no", "sub_no", "account_no", "dr_cr", "currency", "instrument", "cash_flag", "channel", "reversal_flag", "returned_flag"]
    seq, at, value = whole("seq_no"), moment("biz_date_sent", "time"), day("value_date")
    must = {**{n: F.col(n) for n in names}, "biz_date": F.col("biz_date_sent"), "time": F.col("time"), "seq_no": seq}
    bad = bad_fields(must={**must, **_readable(["amount", "balance_after"])}, may={})
    keep = [
        "txn_no", "sub_no", "account_id", "biz_date", "biz_date_sent", "dr_cr", "instrument", "cash_flag", "channel", "purpose_code",
        "summary_masked", "batch_no", "reversal_flag", "orig_txn_no", "orig_sub_no", "returned_flag", "op", "cpty_account_token",
        "cpty_name_token", "cpty_name", "cpty_bank_no",
    ]  # fmt: skip
    rows = _coded(raw, "TXN", refs).select(
        *_common("TXN", bad), *keep, seq.alias("seq_no"), at.alias("txn_ts"), value.alias("value_date"),
        (F.col("value_date").isNotNull() & value.isNull()).alias("value_date_bad"),
        (F.col("time").isNotNull() & F.col("biz_date").isNotNull() & at.isNull()).alias("time_bad"),
        F.col("amount_minor").alias("amt_minor"), "balance_after_minor",
    )  # fmt: skip
    return _valued(rows, refs, "amt_minor", "amt_cny_fen")


def gl(raw: DataFrame, refs: References) -> DataFrame:
    """Typed GL rows."""
    counts = {n: whole(n, "int") for n in ("account_cnt", "ne_cnt")}
    names = {n: F.col(n) for n in ("branch_id", "gl_subject", "currency")}
    bad = bad_fields(must={**names, "biz_date": F.col("biz_date_sent"), **_readable(AMOUNTS["GL"]), **counts}, may={})
    return _coded(raw, "GL", refs).select(
        *_common("GL", bad), "branch_id", "gl_subject", "biz_date", "biz_date_sent",
        *[f"{n}_minor" for n in AMOUNTS["GL"]], *[c.alias(n) for n, c in counts.items()],
    )  # fmt: skip


def ctl(raw: DataFrame, refs: References) -> DataFrame:
    """Typed CTL rows, of both kinds."""
    names = {n: F.col(n) for n in ("kind", "branch_id", "currency")}
    bad = bad_fields(must={**names, "biz_date": F.col("biz_date_sent"), "cnt": whole("cnt"), **_readable(["amount"])}, may={})
    return _coded(raw, "CTL", refs).select(
        *_common("CTL", bad), "kind", "branch_id", "biz_date", "biz_date_sent", "dr_cr", whole("cnt").alias("cnt"),
        "amount_minor",
    )  # fmt: skip


def _valued(rows: DataFrame, refs: References, minor_name: str, fen_name: str) -> DataFrame:
    """`rows` with the CNY value of an amount and whether it has none."""
    fen = references.cny_fen(minor_name)
    rated = references.with_rate(rows, refs.fx)
    no_parity = F.col("places").isNotNull() & F.col(minor_name).isNotNull() & F.col("biz_date").isNotNull() & fen.isNull()
    return rated.withColumns({fen_name: fen, "no_parity": no_parity}).drop("fen_per_minor")


PARSERS = {"ACCT": acct, "BAL": bal, "TXN": txn, "GL": gl, "CTL": ctl}

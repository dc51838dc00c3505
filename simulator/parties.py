"""Who is who: identities of firms, of the companies outside, of persons, and how each shows as a counterparty."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from simulator.draws import Draws, lookup
from simulator.firms import CITIES, WORDS, name_sql, person_sql, uscc_sql
from simulator.layout import PERSONS, Layout
from simulator.params import Params
from simulator.reference_data import BANKS, INDUSTRIES, LENDER_CODE, LENDERS, OTHER_REGIONS, PARTIES, PARTY_CODE, REGIONS, special_account

OUTSIDE_PLACES = (*REGIONS, *OTHER_REGIONS)


def identities(firm: DataFrame, p: Params) -> DataFrame:
    """f, uscc, name, region6, industry4 of every firm of the population."""
    region = lookup([code for code, _n, _c in REGIONS], "reg")
    return firm.selectExpr(
        "f",
        f"{uscc_sql(region, '100000 + f', 'uscc_odd')} AS uscc",
        f"{name_sql(lookup(CITIES, 'reg'), 'f', lookup(WORDS, 'arch'))} AS name",
        f"{region} AS region6",
        f"{lookup([code for _a, code, _n in INDUSTRIES], 'ind')} AS industry4",
    )


def outside_companies(spark: SparkSession, p: Params) -> DataFrame:
    """code, uscc, name, account_no, bank_no of the companies outside the population."""
    d, lay = Draws(p.seed), Layout(p)
    place = f"CAST(floor({d.u('place', 'id')} * {len(OUTSIDE_PLACES)}) AS INT)"
    rows = spark.range(lay.outside_n).selectExpr("id", f"{place} AS place", f"{d.pick('trade word', len(WORDS), 'id')} AS word")
    return rows.selectExpr(
        f"CAST({lay.outside} + id AS INT) AS code",
        f"{uscc_sql(lookup([x[0] for x in OUTSIDE_PLACES], 'place'), '500000 + id', 'false')} AS uscc",
        f"{name_sql(lookup([x[2] for x in OUTSIDE_PLACES], 'place'), f'id + {p.firms} + 7', lookup(WORDS, 'word'))} AS name",
        "concat('84', lpad(CAST(id * 37 % 9 AS STRING), 3, '0'), lpad(CAST(id AS STRING), 10, '0')) AS account_no",
        "concat('1051', lpad(CAST(id * 13 % 100000000 AS STRING), 8, '0')) AS bank_no",
    )


def _luhn(card: str) -> str:
    """Check digit of an 18-digit card number."""
    digit = [f"CAST(substr({card}, {i}, 1) AS INT)" for i in range(1, 19)]
    total = " + ".join(f"({x} * 2) div 10 + ({x} * 2) % 10" if i % 2 else x for i, x in enumerate(digit))
    return f"CAST((10 - ({total}) % 10) % 10 AS STRING)"


def persons(spark: SparkSession, p: Params) -> DataFrame:
    """code, person_id, name (masked), card of the persons around each firm."""
    lay = Layout(p)
    rows = spark.range(p.firms * PERSONS).selectExpr(
        "id", "concat('6217', lpad(CAST(id * 104729 % 10000 AS STRING), 4, '0'), lpad(CAST(id AS STRING), 10, '0')) AS card"
    )
    return rows.selectExpr(
        f"CAST({lay.persons} + id AS INT) AS code", "concat('P', lpad(CAST(id AS STRING), 9, '0')) AS person_id",
        f"{person_sql('id')} AS name", f"concat(card, {_luhn('card')}) AS card",
    )  # fmt: skip


def person_id(f: str, j: str) -> str:
    """Person id of person j of firm f as SQL."""
    return f"concat('P', lpad(CAST(({f}) * {PERSONS} + ({j}) AS STRING), 9, '0'))"


def counterparties(spark: SparkSession, account: DataFrame, identity: DataFrame, p: Params) -> DataFrame:
    """code -> `account|name|bank code`, the three counterparty fields of a transaction line."""
    inside = account.join(identity, "f", "inner").selectExpr(
        "acct AS code", f"concat(account_no, '|', name, '|', {lookup([b.bank_no for b in BANKS], 'bank')}) AS fields"
    )
    outside = outside_companies(spark, p).selectExpr("code", "concat(account_no, '|', name, '|', bank_no) AS fields")
    people = persons(spark, p).selectExpr(
        "code", "concat(card, '|', name, '|1041', lpad(CAST(code * 7 % 100000000 AS STRING), 8, '0')) AS fields"
    )
    fixed = [(PARTY_CODE[key], f"{special_account(PARTY_CODE[key])}|{name}|105100000017") for key, name, _k, _l in PARTIES]
    fixed += [(LENDER_CODE[lender], f"{special_account(LENDER_CODE[lender])}|{name}|105100000025") for lender, name, _t in LENDERS]
    special = spark.createDataFrame([*fixed, (-1, "||")], "code int, fields string")
    return inside.unionByName(outside).unionByName(people).unionByName(special)

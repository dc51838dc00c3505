"""tile.network: who a firm hangs together with, by month (domain C). Sparse: a month without a row is a month of zeros.

n_related, n_rel_default, n_rel_dishonest: nodes are firms and persons, a step is one edge (a holding of at least 20 %, a legal
representative, an executive, either way), so that two firms with one representative are two steps apart. No way leads through
a node with more than 50 firms beside it; it is counted itself where it is a firm. guar_circle_n counts both sides of every
guarantee of the component, the firm itself too. All four say what was in force on the last day of the month and known on the
night it closed; later knowledge shows in the next month. The columns made of flows are in `network_flows`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lake.schemas.derived import tile_columns

HOLDER_SHARE = 0.2
HUB_FIRMS = 50
DEFAULT_DAYS = 90
GONE = ("CANCELLED", "REVOKED")
"""States of a deregistered firm."""
KEYS = ("firm_id", "month")
MEASURES = tuple(r["column"] for r in tile_columns("network"))
SOURCES: dict[str, tuple[str, ...]] = {
    "reg_shareholder": ("firm_id", "party_id", "valid_from"),
    "reg_key_person": ("firm_id", "party_id", "role", "valid_from"),
    "court_dishonest": ("case_no", "party_id"),
    "loan_performance": ("lender_id", "loan_no", "month_end"),
    "loan_guarantee": ("contract_no",),
    "reg_enterprise": ("firm_id", "valid_from"),
    "reg_abnormal": ("event_id",),
}


def at_month_ends(records: DataFrame, months: DataFrame, begin: str, end: str) -> DataFrame:
    """Versions of records in force on the last day of each month and known on the night it closed.

    `records` from versions.intervals; `months`: month, month_end, close.
    """
    in_force = (F.col(begin) <= F.col("month_end")) & (F.col(end).isNull() | (F.col(end) > F.col("month_end")))
    return records.join(F.broadcast(months), in_force & _known(), "inner")


def _known() -> Column:
    return (F.col("known_from") <= F.col("close")) & (F.col("close") < F.col("known_to"))


def related(records: dict[str, DataFrame], months: DataFrame, firms: DataFrame) -> DataFrame:
    """firm_id, month, n_related, n_rel_default, n_rel_dishonest of `firms` (firm_id) that have related ones."""
    holders = at_month_ends(records["reg_shareholder"].where(F.col("holding_pct") >= HOLDER_SHARE), months, "valid_from", "valid_to")
    persons = at_month_ends(records["reg_key_person"], months, "valid_from", "valid_to")
    links = holders.select("month", "firm_id", "party_id", (F.col("party_kind") == "FIRM").alias("firm")).unionByName(
        persons.select("month", "firm_id", "party_id", F.lit(False).alias("firm"))
    )
    both = links.where("firm_id <> party_id").select(
        "month", F.explode(F.array(_edge("firm_id", "party_id", F.col("firm")), _edge("party_id", "firm_id", F.lit(True)))).alias("e")
    )
    node, beside = Window.partitionBy("month", "b"), Window.partitionBy("month", "a")
    edges = both.groupBy("month", "e.a", "e.b").agg(F.max("e.b_firm").alias("b_firm"))
    edges = edges.select("month", "a", "b", F.max("b_firm").over(node).alias("b_firm"))  # a party is a firm when any record says so
    first = edges.join(firms.select(F.col("firm_id").alias("a")), "a", "left_semi")
    passable = edges.select("*", F.sum(F.col("b_firm").cast("int")).over(beside).alias("n_firms")).where(F.col("n_firms") <= HUB_FIRMS)
    onward = passable.where("b_firm").select("month", F.col("a").alias("x"), F.col("b").alias("y"))
    second = first.select("month", "a", F.col("b").alias("x")).join(onward, ["month", "x"], "inner").where("a <> y")
    pairs = first.where("b_firm").select("month", "a", "b").unionByName(second.select("month", "a", F.col("y").alias("b"))).distinct()
    late = records["loan_performance"].where(F.col("dpd") >= DEFAULT_DAYS).select("*", F.trunc("month_end", "month").alias("_month"))
    close = months.select("month", "close")
    default = late.drop("month_end").join(F.broadcast(close), (F.col("_month") == F.col("month")) & _known(), "inner")
    listed = at_month_ends(records["court_dishonest"], months, "publish_date", "end_date")
    marks = _mark(default, "firm_id", "default").unionByName(_mark(listed, "party_id", "dishonest"))
    marked = marks.groupBy("month", "b").agg(*(F.max((F.col("mark") == m).cast("int")).alias(m) for m in ("default", "dishonest")))
    rows = pairs.join(marked, ["month", "b"], "left").groupBy(F.col("a").alias("firm_id"), "month")
    return rows.agg(
        F.count("*").alias("n_related"), F.sum("default").alias("n_rel_default"), F.sum("dishonest").alias("n_rel_dishonest")
    )  # fmt: skip


def _edge(a: str, b: str, b_firm: Column) -> Column:
    return F.struct(F.col(a).alias("a"), F.col(b).alias("b"), b_firm.alias("b_firm"))


def _mark(rows: DataFrame, firm: str, name: str) -> DataFrame:
    return rows.select("month", F.col(firm).alias("b"), F.lit(name).alias("mark"))


def guarantee_circles(guarantees: DataFrame, months: DataFrame, firms: DataFrame) -> DataFrame:
    """firm_id, month, guar_circle_n of `firms` that stand in a guarantee, from intervals of loan_guarantee."""
    edges = at_month_ends(guarantees, months, "start_date", "end_date").select("month", "guarantor_id", "obligor_id").distinct()
    sizes = edges.groupBy("month").applyInArrow(component_sizes, "firm_id string, month date, guar_circle_n int")
    return sizes.join(firms, "firm_id", "left_semi")


def component_sizes(edges: pa.Table) -> pa.Table:
    """firm_id, month and the number of members of the component of every member, from the edges of one month."""
    above: dict[str, str] = {}

    def root(x: str) -> str:
        above.setdefault(x, x)
        while above[x] != x:
            above[x] = above[above[x]]
            x = above[x]
        return x

    pairs: Iterable[tuple[str, str]] = zip(edges["guarantor_id"].to_pylist(), edges["obligor_id"].to_pylist())
    for a, b in pairs:
        above[root(a)] = root(b)
    roots = {x: root(x) for x in list(above)}
    size: dict[str, int] = {}
    for r in roots.values():
        size[r] = size.get(r, 0) + 1
    members = sorted(roots)
    month = edges["month"][0].as_py()
    return pa.table(
        {
            "firm_id": pa.array(members, pa.string()),
            "month": pa.array([month] * len(members), pa.date32()),
            "guar_circle_n": pa.array([size[roots[x]] for x in members], pa.int32()),
        }
    )


def risky_spans(records: dict[str, DataFrame]) -> DataFrame:
    """party, begin, end, known_from, known_to of dishonest parties, deregistered firms and firms listed as abnormal."""
    shapes = (
        (records["court_dishonest"], "party_id", "publish_date", "end_date"),
        (records["reg_enterprise"].where(F.col("status").isin(*GONE)), "firm_id", "valid_from", "valid_to"),
        (records["reg_abnormal"], "firm_id", "event_date", "end_date"),
    )
    return reduce(DataFrame.unionByName, (
        rows.select(F.col(party).alias("party"), F.col(begin).alias("begin"), F.col(end).alias("end"), "known_from", "known_to")
        for rows, party, begin, end in shapes
    ))  # fmt: skip


def network(parts: list[DataFrame], before: DataFrame) -> DataFrame:
    """Measures of tile.network from its parts (each keyed by firm and month), as far as they differ from the rows `before`.

    A row that vanished becomes one of zeros, else its earlier version would stay the current one. `before` has the rows of
    the firms and months wanted.
    """
    zero = F.lit(0)
    new = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)
    old = before.select(*KEYS, *(F.col(m).alias(f"old_{m}") for m in MEASURES))
    both = new.unionByName(old, allowMissingColumns=True).groupBy(*KEYS)
    sums = both.agg(*(F.coalesce(F.sum(c), zero).alias(c) for m in MEASURES for c in (m, f"old_{m}")))
    differs = reduce(Column.__or__, (F.col(m) != F.col(f"old_{m}") for m in MEASURES))
    return sums.where(differs).select(*KEYS, *MEASURES)

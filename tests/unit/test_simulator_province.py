"""The generated ledger in Spark: independent of partitions, both legs agree, balances chain, and as many defaults as the design says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import functions as F

from simulator import distress, firms, loans, province
from simulator.layout import Layout
from simulator.params import PRESETS, month_no
from simulator.purposes import KINDS

P = replace(PRESETS["unit"], firms=120, months=3, txns=30)
RATE = 0.053
"""Share of the observations at a quarter end that turn bad within 12 months (domain G)."""


def no(*names: str) -> str:
    return ", ".join(str(KINDS[n].no) for n in names)


def checksum(booked: Any) -> Any:
    return booked.agg(F.count("*"), F.sum(F.expr(f"CAST(xxhash64({', '.join(booked.columns)}) AS DECIMAL(38, 0))"))).first()


@pytest.fixture(scope="module", autouse=True)
def as_in_the_simulator(spark: Any) -> Iterator[None]:
    """The settings of the simulator's own session that decide how long planning takes."""
    own = {"spark.sql.codegen.wholeStage": "false", "spark.sql.adaptive.enabled": "false"}
    before = {k: spark.conf.get(k) for k in own}
    for k, v in own.items():
        spark.conf.set(k, v)
    yield
    for k, v in before.items():
        spark.conf.set(k, v)


@pytest.fixture(scope="module")
def generated(spark: Any) -> province.Province:
    g = province.generate(spark, P)
    return replace(g, booked=g.booked.localCheckpoint())


def test_rows_do_not_depend_on_partitions(spark: Any, generated: province.Province, monkeypatch: pytest.MonkeyPatch) -> None:
    first = checksum(generated.booked)
    monkeypatch.setattr(province, "partitions", lambda p: 7)
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        assert checksum(province.generate(spark, P).booked) == first
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    assert first[0] > 10_000


def test_both_legs_of_a_payment_inside_agree(generated: province.Province) -> None:
    inside = generated.booked.where(f"cpty BETWEEN 0 AND {Layout(P).outside - 1}")
    columns = ("m", "day", "shiftright(pos, 30) AS second")
    paid = inside.where(f"kind IN ({no('PURCHASE', 'RELATED_OUT')})").selectExpr("acct AS payer", "cpty AS payee", "-s AS amount", *columns)
    got = inside.where(f"kind IN ({no('SALES', 'RELATED_IN')})").selectExpr("cpty AS payer", "acct AS payee", "s AS amount", *columns)
    assert paid.exceptAll(got).count() == 0 and got.exceptAll(paid).count() == 0
    assert paid.count() > 500


def test_balances_chain_and_sequence_numbers_have_no_gap(generated: province.Province) -> None:
    order = "OVER (PARTITION BY acct ORDER BY m, pos)"
    rows = generated.booked.selectExpr("*", f"LAG(after) {order} AS before").cache()
    assert rows.where("after < 0 OR before IS NOT NULL AND before + s <> after").count() == 0
    days = rows.groupBy("acct", "m", "day").agg(
        F.expr("MAX(seq) - COUNT(DISTINCT seq)").alias("gap"), F.expr("COUNT_IF(last)").alias("ends")
    )
    assert days.where("gap <> 0 OR ends <> 1").count() == 0


def test_default_rate_at_every_quarter_end(spark: Any) -> None:
    """Firms with a loan open on the 5th day after a quarter end, not bad in the year before nor cured within six months.

    Bad: 90 days past due on any loan within the 12 months after; that day (tau) lies in the third month after the first miss.
    """
    p = replace(PRESETS["ci"], firms=20_000)
    plain = firms.firms(spark, p).localCheckpoint()
    drawn = distress.defaults(plain, p).localCheckpoint()
    contract = loans.contracts(distress.firm_events(plain, drawn, p), drawn, p).select("f", "grant_m", "term", "miss_m").localCheckpoint()
    quarters = [m for m in range(p.first_m + 6, month_no(p.end) - 13) if m % 3 == 2]
    held = contract.selectExpr("*", f"explode(array({', '.join(map(str, quarters))})) AS q")
    seen = held.where("grant_m <= q AND q < grant_m + term AND (miss_m IS NULL OR q < miss_m + 3)").select("q", "f").distinct()
    past = drawn.selectExpr("f AS df", "miss_m + 3 AS tau", "miss_m + 3 + cure_m AS cured")
    observed = seen.join(past, F.expr("f = df AND tau <= q AND (tau > q - 12 OR cured > q - 6)"), "left_anti")
    missed = contract.where("miss_m IS NOT NULL").selectExpr("f AS bf", "miss_m + 3 AS tau").distinct()
    bad = observed.join(missed, F.expr("f = bf AND tau > q AND tau <= q + 12"), "left_semi")
    n, k = (dict(x.groupBy("q").count().collect()) for x in (observed, bad))
    rates = {q: round(k[q] / n[q], 4) for q in quarters}
    assert len(quarters) >= 8 and min(n.values()) > 5_000
    assert all(0.8 * RATE <= r <= 1.2 * RATE for r in rates.values()), rates

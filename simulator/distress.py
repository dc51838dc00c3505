"""When firms fall into distress and default: latent quality and luck, monthly hazard, ramps before, cures after.

Everything here is truth. It moves flows, taxes, court records and loans, and is written to truth tables that nothing
on the way of a feature reads. A default is 90 days past due; its first missed due date is the 20th of `miss_m`.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.draws import Draws, clip
from simulator.params import Params

BASE = -3.40
"""Level of the hazard; makes 5.3 percent of the observations at a quarter end bad within 12 months."""
Q_WEIGHT, SIZE_WEIGHT, LUCK_WEIGHT = 0.95, 0.35, 0.8
SUDDEN = 0.25
HEAL = 0.10
GAP_MONTHS = 26
"""After a default the next one comes no earlier: cure, then the six months in which a firm is not observed."""
DUE_DAY = 20
SPAN_BEFORE, SPAN_AFTER = 36, 14


def quality_sql(d: Draws, f: str, m: str, q0: str) -> str:
    """Quality in month m: drifts slowly around q0 (18-month nodes, linear between)."""
    node, w = f"floor({m} / 18)", f"({m} / 18D - floor({m} / 18))"
    drift = f"({d.z('drift', f, node)} * (1D - {w}) + {d.z('drift', f, node + ' + 1')} * {w})"
    return f"(({q0} + 0.45D * {drift}) / 1.06D)"


def defaults(firm: DataFrame, p: Params) -> DataFrame:
    """One row per default: f, n (0, 1, …), miss_m, ramp in months (0: sudden), cure_m (months after it until it is over), ends."""
    d = Draws(p.seed)
    first, last = p.first_m - SPAN_BEFORE, p.end_m + SPAN_AFTER
    months = firm.selectExpr("f", "q0", "luck", "lnsize", "open_m", f"explode(sequence({first}, {last})) AS m")
    logit = f"{BASE}D - {Q_WEIGHT}D * {quality_sql(d, 'f', 'm', 'q0')} - {SIZE_WEIGHT}D * (lnsize - 12.3D) + {LUCK_WEIGHT}D * luck"
    hit = months.where(f"m >= open_m + 4 AND {d.u('hazard', 'f', 'm')} < 1D - pow(1D - 1D / (1D + exp(-({logit}))), 1D / 12D)")
    apart = f"aggregate(array_sort(collect_list(m)), CAST(array() AS ARRAY<INT>), (a, x) -> IF(size(a) = 0 OR x - a[size(a) - 1] >= {GAP_MONTHS}, concat(a, array(x)), a)) AS months"
    kept = hit.groupBy("f").agg(F.expr(apart)).selectExpr("f", "posexplode(months) AS (n, miss_m)")
    gamma = " + ".join(d.exponential(f"ramp{i}", "f", "miss_m") for i in range(4))
    return kept.selectExpr(
        "*",
        f"IF({d.u('sudden', 'f', 'miss_m')} < {SUDDEN}D, 0D, greatest(1.5D, 2.6D * ({gamma}))) AS ramp",
        f"7 + {d.pick('cure', 14, 'f', 'miss_m')} AS cure_m",
        f"CASE WHEN {d.u('ends', 'f', 'miss_m')} < 0.45D THEN 'cured' WHEN {d.u('ends', 'f', 'miss_m')} < 0.8D THEN 'written_off' ELSE 'restructured' END AS ends",
    )


def firm_events(firm: DataFrame, default: DataFrame, p: Params) -> DataFrame:
    """firm with `events`: array of (kind 1 default, 2 healing distress, at, ramp, cure), empty for most."""
    d = Draws(p.seed)
    bad = default.groupBy("f").agg(
        F.expr("array_sort(collect_list(struct(miss_m + 3 AS at, 1 AS kind, ramp, CAST(cure_m AS DOUBLE) AS cure, 1D AS height)))").alias(
            "bad"
        )
    )
    span = p.end_m - p.first_m + 24
    heal = f"IF({d.u('heals', 'f')} < {HEAL}D * {span} / 24D, array(struct({p.first_m} - 12 + {d.pick('heal at', span, 'f')} AS at, 2 AS kind, 3D + 6D * {d.u('heal ramp', 'f')} AS ramp, 3D + 5D * {d.u('heal cure', 'f')} AS cure, 0.35D + 0.5D * {d.u('heal height', 'f')} AS height)), array())"
    return firm.join(F.broadcast(bad), "f", "left").selectExpr("*", f"concat(coalesce(bad, array()), {heal}) AS events").drop("bad")


def distress_sql(m: str, events: str = "events") -> str:
    """Distress d in 0..1 of month m: rises along the ramp to 1 at the default, falls while it cures."""
    before = f"IF(e.ramp > 0D, {clip(f'1D - (e.at - {m}) / e.ramp', '0D', '1D')}, IF({m} >= e.at - 3, 0.9D, 0D))"
    after = f"greatest(0D, 1D - ({m} - e.at) / e.cure)"
    return f"aggregate({events}, 0D, (a, e) -> greatest(a, e.height * IF({m} <= e.at, {before}, {after})))"

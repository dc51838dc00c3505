"""When firms fall into distress and default: latent quality and luck, monthly hazard, ramps before, cures after.

Everything here is truth. It moves flows, taxes, court records and loans, and is written to truth tables that nothing
on the way of a feature reads. A default is 90 days past due; its first missed due date is the 20th of `miss_m`.
"""

from __future__ import annotations

from simulator.draws import Draws, clip, select, union
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
    node, w = f"{m} // 18", f"({m} % 18 / 18e0)"
    drift = f"({d.z('drift', f, node)} * (1e0 - {w}) + {d.z('drift', f, node + ' + 1')} * {w})"
    return f"(({q0} + 0.45e0 * {drift}) / 1.06e0)"


def defaults(p: Params, firm: str = "firm") -> str:
    """One row per default: f, n (0, 1, …), miss_m, ramp in months (0: sudden), cure_m (months after it until it is over), ends."""
    d = Draws(p.seed)
    first, last = p.first_m - SPAN_BEFORE, p.end_m + SPAN_AFTER
    months = select(firm, "f", "q0", "luck", "lnsize", "open_m", f"unnest(range({first}, {last + 1}))::INTEGER AS m")
    logit = f"{BASE}e0 - {Q_WEIGHT}e0 * {quality_sql(d, 'f', 'm', 'q0')} - {SIZE_WEIGHT}e0 * (lnsize - 12.3e0) + {LUCK_WEIGHT}e0 * luck"
    hit = select(months, "f", "m", where=f"m >= open_m + 4 AND {d.u('hazard', 'f', 'm')} < 1e0 - pow(1e0 - 1e0 / (1e0 + exp(-({logit}))), 1e0 / 12e0)")  # fmt: skip
    apart = f"list_reduce(list([m] ORDER BY m), lambda kept, x: IF(x[1] - kept[-1] >= {GAP_MONTHS}, list_concat(kept, x), kept))"
    kept = select(hit, "f", f"{apart} AS months") + " GROUP BY f"
    each = select(kept, "f", "generate_subscripts(months, 1)::INTEGER - 1 AS n", "unnest(months) AS miss_m")
    gamma = " + ".join(d.exponential(f"ramp{i}", "f", "miss_m") for i in range(4))
    return select(
        each,
        "*",
        f"IF({d.u('sudden', 'f', 'miss_m')} < {SUDDEN}e0, 0e0, greatest(1.5e0, 2.6e0 * ({gamma}))) AS ramp",
        f"7 + {d.pick('cure', 14, 'f', 'miss_m')} AS cure_m",
        f"CASE WHEN {d.u('ends', 'f', 'miss_m')} < 0.45e0 THEN 'cured' WHEN {d.u('ends', 'f', 'miss_m')} < 0.8e0 THEN 'written_off' ELSE 'restructured' END AS ends",
    )


def distress(p: Params) -> str:
    """Distress d in 0..1 of every firm and month f, m where it is above 0: it rises along the ramp to 1 at a default and falls while it cures.

    Reads `firm` and `defaulted`. Some firms have distress that heals without a default and stays below 1.
    """
    d = Draws(p.seed)
    bad = select("defaulted", "f", "miss_m + 3 AS peak", "ramp", "cure_m::DOUBLE AS cure", "1e0 AS height")
    span = p.end_m - p.first_m + 24
    heals = select(
        "firm",
        "f",
        f"{p.first_m} - 12 + {d.pick('heal at', span, 'f')} AS peak",
        f"3e0 + 6e0 * {d.u('heal ramp', 'f')} AS ramp",
        f"3e0 + 5e0 * {d.u('heal cure', 'f')} AS cure",
        f"0.35e0 + 0.5e0 * {d.u('heal height', 'f')} AS height",
        where=f"{d.u('heals', 'f')} < {HEAL}e0 * {span} / 24e0",
    )
    first = f"greatest({p.first_m - SPAN_BEFORE}, floor(peak - greatest(ramp, 3e0))::INTEGER)"
    last = f"least({p.end_m}, ceil(peak + cure)::INTEGER)"
    months = select(union(bad, heals), "*", f"unnest(range({first}, {last} + 1))::INTEGER AS m")
    before = f"IF(ramp > 0e0, {clip('1e0 - (peak - m) / ramp', '0e0', '1e0')}, IF(m >= peak - 3, 0.9e0, 0e0))"
    level = select(months, "f", "m", f"height * IF(m <= peak, {before}, greatest(0e0, 1e0 - (m - peak) / cure)) AS d")
    return select(level, "f", "m", "max(d) AS d", where="d > 0e0") + " GROUP BY f, m"

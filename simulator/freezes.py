"""Basic accounts frozen by a court or the tax office after a default."""

from __future__ import annotations

from simulator.draws import Draws, select
from simulator.params import Params


def freezes(p: Params) -> str:
    """One row per freeze: fa (account), freeze_m to thaw_m (first months in and after force, from day 5 on), authority."""
    d = Draws(p.seed)
    rows = select(
        "defaulted",
        "f * 4 AS fa",
        "miss_m + 4 AS freeze_m",
        f"miss_m + 6 + {d.pick('freeze months', 8, 'f', 'miss_m')} AS thaw_m",
        f"IF({d.u('authority', 'f', 'miss_m')} < 0.7e0, 'COURT', 'TAX') AS authority",
        where=f"n = 0 AND {d.u('frozen', 'f', 'miss_m')} < 0.35e0",
    )
    return select(rows, "*", where=f"freeze_m BETWEEN {p.first_m} AND {p.end_m} AND (freeze_m < {p.end_m} OR {p.end.day} >= 5)")


def frozen_sql() -> str:
    """Whether the account-day (m, day) lies in the freeze joined to it."""
    return "fa IS NOT NULL AND (m > freeze_m OR (m = freeze_m AND day >= 5)) AND (m < thaw_m OR (m = thaw_m AND day < 5))"

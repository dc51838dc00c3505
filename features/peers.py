"""Ranks inside the peer group: firms of the same industry section and size class in the same snapshot."""

from __future__ import annotations

import numpy as np

from features.series import Floats, Ints

PEERS_NEEDED = 20
"""Non-null values of the group below which a rank says nothing."""


def peer_ranks(group: Ints, values: Floats) -> Floats:
    """(firms of the group with a smaller value) / (n - 1) over its non-null values; null below 20 of them.

    `group` numbers the peer group of each firm, -1 where section or size is not known (then the rank is null).
    """
    ranks = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values) & (group >= 0))
    order = known[np.lexsort((values[known], group[known]))]
    groups, ordered = group[order], values[order]
    start = np.searchsorted(groups, groups)
    size = np.searchsorted(groups, groups, side="right") - start
    # equal values share the place of the first of them
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (groups[1:] != groups[:-1]) | (ordered[1:] != ordered[:-1])
    smaller = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0)) - start
    enough = size >= PEERS_NEEDED
    ranks[order[enough]] = smaller[enough] / (size[enough] - 1)
    return ranks

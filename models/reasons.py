"""Why a score is what it is: points lost or won against the reference population, by indicator family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.inputs import Input
from models.scorecard import FACTOR

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
MOST_NEGATIVE, MOST_POSITIVE, LEAST_POINTS = 4, 3, 2.0
REASON = pa.struct(
    [("code", pa.string()), ("name", pa.string()), ("direction", pa.string()), ("points", pa.float64()), ("value", pa.float64()), ("peer_median", pa.float64())]
)  # fmt: skip


@dataclass(frozen=True)
class Families:
    """Members of each family as positions of inputs, padded with -1: (families, most members)."""

    members: npt.NDArray[np.int64]

    @staticmethod
    def of(inputs: Sequence[Input]) -> Families:
        """Group inputs by their name without window."""
        groups: dict[str, list[int]] = {}
        for j, i in enumerate(inputs):
            groups.setdefault(i.family, []).append(j)
        width = max(len(g) for g in groups.values())
        return Families(np.array([[*g, *[-1] * (width - len(g))] for g in groups.values()]))


def points(phi: Floats, median_phi: Floats, b: float) -> Floats:
    """Points each input costs a firm against the median of the reference (negative: wins), (inputs, rows)."""
    return FACTOR * b * (phi - median_phi[:, None])


def reasons(
    inputs: Sequence[Input], families: Families, lost: Floats, x: Floats32, medians: Floats, group: npt.NDArray[np.int64]
) -> pa.ListArray:
    """Up to 4 reasons that lower and 3 that raise the score, largest first, of at least 2 points each.

    `lost` and `x` are (inputs, rows); `medians` is (inputs, groups) and `group` the peer group of each row. A family is named
    by its member that moves most; `points` is the family's sum, always positive, `direction` says which way.
    """
    rows = x.shape[1]
    members = families.members
    total = np.zeros((len(members), rows))
    for k in range(members.shape[1]):
        has = members[:, k] >= 0
        total[has] += lost[members[has, k]]
    picked = [_top(total, lost, members, MOST_NEGATIVE), _top(-total, -lost, members, MOST_POSITIVE)]
    family_points = np.hstack([p for p, _ in picked])
    member = np.hstack([m for _, m in picked])
    keep = family_points >= LEAST_POINTS
    row = np.broadcast_to(np.arange(rows)[:, None], keep.shape)[keep]
    chosen = member[keep]
    median = medians[chosen, group[row]]
    value = x[chosen, row].astype(np.float64)
    direction = np.broadcast_to(np.array(["negative"] * MOST_NEGATIVE + ["positive"] * MOST_POSITIVE), keep.shape)[keep]
    struct = pa.StructArray.from_arrays(
        [
            pa.array(np.array([i.code for i in inputs])[chosen]), pa.array(np.array([i.name for i in inputs])[chosen]),
            pa.array(direction), pa.array(np.round(family_points[keep], 2)),
            pa.array(value, from_pandas=True), pa.array(median, from_pandas=True),
        ],
        fields=list(REASON),
    )  # fmt: skip
    offsets = np.concatenate([[0], np.cumsum(keep.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), struct)


def _top(total: Floats, lost: Floats, members: npt.NDArray[np.int64], most: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Points and naming member of the `most` largest families of each row, both (rows, most)."""
    most_here = min(most, len(total))
    place = np.argpartition(-total, most_here - 1, axis=0)[:most_here]
    place = np.take_along_axis(place, np.argsort(-np.take_along_axis(total, place, axis=0), axis=0, kind="stable"), axis=0)
    best = np.take_along_axis(total, place, axis=0)
    candidates = members[place]  # (most, rows, width)
    size = np.where(candidates >= 0, lost[candidates, np.arange(total.shape[1])[None, :, None]], -np.inf)
    member = np.take_along_axis(candidates, size.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    pad = most - most_here
    return (np.pad(best, ((0, pad), (0, 0)), constant_values=-np.inf).T, np.pad(member, ((0, pad), (0, 0))).T)

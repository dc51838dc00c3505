"""Splitting by firm and time. A firm is in one part only, because outcome windows of one firm overlap."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

OOT_QUARTERS = 2
STOPPING_SHARE = 15
"""Per cent of the training firms kept aside to decide when boosting stops."""


def _percent(firm_id: str, salt: str) -> int:
    return int(hashlib.sha256(f"{salt}:{firm_id}".encode()).hexdigest()[:12], 16) % 100


def part(firm_id: str) -> str:
    """`train` (60 %), `calibrate` (20 %) or `test` (20 %), by the firm's hash."""
    p = _percent(firm_id, "part")
    return "train" if p < 60 else "calibrate" if p < 80 else "test"


def stops(firm_id: str) -> bool:
    """Whether a training firm belongs to the fold that decides when boosting stops."""
    return _percent(firm_id, "stop") < STOPPING_SHARE


def oot_dates(dates: Sequence[date]) -> set[date]:
    """The last two of the observation dates are out of time; of fewer than four dates at most half."""
    ordered = sorted(set(dates))
    last = min(OOT_QUARTERS, len(ordered) // 2)
    return set(ordered[len(ordered) - last :])

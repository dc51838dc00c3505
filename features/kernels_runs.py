"""Counting months that meet a condition. A condition is a series of 1, 0 and null; a null month breaks a run."""

from __future__ import annotations

import numpy as np

from features.series import Bools, Floats, Series, null_unless

NEVER = 60.0
"""Months reported when something never happened."""


def _said(c: Floats) -> Bools:
    """Whether any month of the window could be decided."""
    return np.asarray(np.isfinite(c).any(axis=0))


def cnt(c: Series, w: int) -> Floats:
    """Months of the window where the condition holds."""
    x = c.window(w)
    return null_unless(c.enough(w) & _said(x), (x == 1).sum(axis=0).astype(float))


def maxrun(c: Series, w: int) -> Floats:
    """Longest run of months where it holds."""
    x = c.window(w)
    run = longest = np.zeros(x.shape[1])
    for row in x:
        run = np.where(row == 1, run + 1, 0)
        longest = np.maximum(longest, run)
    return null_unless(c.enough(w) & _said(x), longest)


def currun(c: Series) -> Floats:
    """Run that ends at month 0; null when month 0 is null."""
    return null_unless(np.isfinite(c.values[0]), np.cumprod(c.values == 1, axis=0).sum(axis=0).astype(float))


def since(c: Series) -> Floats:
    """Months since it last held; 60 if never, null when nothing is known."""
    held = c.values == 1
    return null_unless(_said(c.values), np.where(held.any(axis=0), held.argmax(axis=0).astype(float), NEVER))

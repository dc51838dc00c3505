"""Which indicators a night may carry over from the snapshot before it, and what must be equal for that.

An indicator of clock `month` reads closed months only: its value for a firm stays until the firm's month index moves, a tile row
it reads is added or restated, or a source begins or ceases to cover the firm. Everything else is computed for every firm, every
night: the clocks `day` and `point`, and ranks in the peer group, which move with the others of the group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from features import catalogue
from features.compiled import COVERAGE_OF, Compiled
from features.engine import needs
from features.vocabulary import FILE as WORDS
from lake import clock

COVERAGE = tuple(COVERAGE_OF.values())
"""Flags of tile.registration that decide over nulls; the only thing a carried indicator knows of that tile."""


def by_night(c: Compiled) -> bool:
    """Whether an indicator is computed for every firm in every night."""
    return c.indicator.clock != "month" or c.peers or bool(needs(c) & {"registration", "registration_event", "court_event", "firm_day"})


def tiles_read(indicators: Iterable[Compiled]) -> frozenset[str]:
    """Tiles whose rows decide over the values of these indicators."""
    return frozenset[str]().union(*(needs(c) for c in indicators))


@lru_cache
def catalogue_digest() -> str:
    """sha256 (16 digits) of the catalogue and of the tile columns its formulas may name."""
    return _digest([catalogue.FILE, WORDS])


@lru_cache
def engine_digest() -> str:
    """sha256 (16 digits) of the code that computes indicators and of the versions of the libraries it computes with.

    Of all modules of this folder, so that none can be forgotten; a change that moves no value costs one full pass.
    """
    here = Path(__file__).parent
    return _digest([*sorted(here.glob("*.py")), Path(clock.__file__)], np.__version__, pa.__version__)


def _digest(files: Iterable[Path], *more: str) -> str:
    h = hashlib.sha256()
    for file in files:
        h.update(file.read_bytes())
    h.update("|".join(more).encode())
    return h.hexdigest()[:16]

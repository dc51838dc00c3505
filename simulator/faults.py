"""Planted faults: which files are changed, how, and what a correct check must find. None at fault scale 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.files import Submission, Totals

Written = tuple[Submission, bytes, int, Totals]


@dataclass
class Faults:
    """The plan of files and the faults in them; `apply` also records truth."""

    plan: dict[tuple[str, str, int], Submission]
    truth: list[dict[str, Any]] = field(default_factory=list)
    consequence: list[dict[str, Any]] = field(default_factory=list)

    def touches(self, s: Submission) -> bool:
        """Whether a file is changed."""
        return False

    def apply(self, s: Submission, body: bytes, rows: int, totals: Totals) -> list[Written]:
        """The files sent in place of `s`."""
        return [(s, body, rows, totals)]

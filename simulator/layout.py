"""Codes of counterparties: accounts, outside companies, persons; special parties and none are negative."""

from __future__ import annotations

from simulator.params import Params

PERSONS = 12
"""Persons known per firm: 0 the owner, 1 to 3 holders, 4 to 11 staff."""


class Layout:
    """Ranges of counterparty codes: accounts, outside companies, persons; special parties and none are negative."""

    def __init__(self, p: Params) -> None:
        self.firms = p.firms
        self.outside = 4 * p.firms
        self.outside_n = max(400, 4 * p.firms)
        self.persons = self.outside + self.outside_n

    def person(self, f: str, j: str) -> str:
        """Code of a person of a firm."""
        return f"{self.persons} + ({f}) * {PERSONS} + ({j})"

    def random_outside(self, u: str) -> str:
        """Code of an outside company, drawn."""
        return f"{self.outside} + floor({u} * {self.outside_n})::INTEGER"

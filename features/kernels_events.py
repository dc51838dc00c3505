"""Events of court and register, and the last 120 days. Days are numbers since 1970-01-01."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.kernels_window import drawdown
from features.series import DAY_SHARE, NULL_INT, Bools, Floats, Ints, null_unless
from lake.clock import add_months, month_end

NEVER = 60
REP_MONTHS = 24
DAYS = 120
OWN_ADVERSE = ("case_def", "enforcement", "dishonest", "restriction")
PERSON_ADVERSE = ("enforcement", "dishonest", "restriction")
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    return (day - EPOCH).days


def months_before(day: date, months: int) -> date:
    """The same day of the month `months` earlier, or that month's last day."""
    first = add_months(day, -months)
    return first.replace(day=min(day.day, month_end(first).day))


@dataclass(frozen=True, eq=False)
class Events:
    """Known events of a batch: firm index, kind and cause as texts, day numbers (NULL_INT = null), amount in fen."""

    n: int
    firm: Ints
    kind: np.ndarray
    cause: np.ndarray
    person: Bools
    published: Ints
    start: Ints
    end: Ints
    amount: Floats
    rep_from: Ints
    rep_to: Ints

    def of(self, word: str, as_of: date) -> Bools:
        """Published events that `word` names: type, type:cause, `adverse` (the firm's own) or `rep` (of its representative)."""
        known = self.published <= day_number(as_of)
        kind, _, cause = word.partition(":")
        if kind == "rep":
            served = (self.rep_to == NULL_INT) | (self.rep_to > day_number(months_before(as_of, REP_MONTHS)))
            began = (self.rep_from == NULL_INT) | (self.rep_from <= day_number(as_of))
            return known & self.person & np.isin(self.kind, PERSON_ADVERSE) & served & began
        wanted = np.isin(self.kind, OWN_ADVERSE) if kind == "adverse" else self.kind == kind
        return known & ~self.person & wanted & ((self.cause == cause) if cause else True)

    def recent(self, word: str, as_of: date, w: int) -> Bools:
        """Of those, the ones published less than w months ago."""
        return self.of(word, as_of) & (self.published > day_number(months_before(as_of, w)))

    def active(self, word: str, as_of: date) -> Bools:
        """Of those, the ones still in force at D."""
        today = day_number(as_of)
        return self.of(word, as_of) & ((self.end == NULL_INT) | (self.end > today)) & ((self.start == NULL_INT) | (self.start <= today))

    def count(self, which: Bools) -> Floats:
        return np.bincount(self.firm[which], minlength=self.n).astype(float)

    def sum(self, which: Bools) -> Floats:
        return np.bincount(self.firm[which], weights=np.nan_to_num(self.amount[which]), minlength=self.n).astype(float)

    def since(self, word: str, as_of: date) -> Floats:
        """Whole months since the last one; 60 if none, at most 60."""
        which = self.of(word, as_of)
        newest = np.full(self.n, NULL_INT)
        np.maximum.at(newest, self.firm[which], self.published[which])
        seen = newest > NULL_INT
        days = np.where(seen, newest, 0).astype("datetime64[D]")
        month = days.astype("datetime64[M]")
        in_month = (days - month).astype(int) + 1
        months = (as_of.year - 1970) * 12 + as_of.month - 1 - month.astype(int) - (in_month > as_of.day)
        return np.where(seen, np.minimum(months, NEVER), NEVER).astype(float)


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes in the register: firm index, kind, day number."""

    n: int
    firm: Ints
    kind: np.ndarray
    day: Ints

    def recent(self, kind: str, as_of: date, w: int) -> Floats:
        """Changes of a kind with D minus w months < event date <= D."""
        after = day_number(months_before(as_of, w))
        which = (self.kind == kind) & (self.day > after) & (self.day <= day_number(as_of))
        return np.bincount(self.firm[which], minlength=self.n).astype(float)


def day_since(x: Floats) -> Floats:
    """Days with a row after the last positive day, at most 120. `x` is (120, firms), today first, NaN = no row."""
    there = np.isfinite(x)
    before = np.cumsum(there, axis=0) - there
    positive = x > 0
    last = np.take_along_axis(before, positive.argmax(axis=0)[None, :], axis=0)[0]
    days = np.where(positive.any(axis=0), last, there.sum(axis=0))
    return null_unless(np.asarray(there.any(axis=0)), np.minimum(days, DAYS).astype(float))


def day_mdd(x: Floats, days: int) -> Floats:
    """Maximum drawdown over the last days; null below 60 % of them."""
    window = x[:days]
    return null_unless(np.isfinite(window).sum(axis=0) >= DAY_SHARE * days, drawdown(window))

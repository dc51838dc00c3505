"""Reference definitions of events, changes and days as of D. Part of the plain-Python reference."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING, Any

from features.reference_window import drawdown
from lake.clock import add_months

if TYPE_CHECKING:
    from features.reference import Firm

Value = float | None
Row = dict[str, Any]


def months_earlier(day: date, months: int) -> date:
    """The same day of the month, or the last day of a shorter month."""
    first = add_months(day, -months)
    return first.replace(day=min(day.day, calendar.monthrange(first.year, first.month)[1]))


def _named(e: Row, word: str, as_of: date) -> bool:
    """Whether a published event is one that `word` names."""
    if e["publish_date"] > as_of:
        return False
    kind, _, cause = word.partition(":")
    of_person = e["via"] == "rep"
    if kind == "rep":
        in_office = (e["rep_from"] is None or e["rep_from"] <= as_of) and (e["rep_to"] is None or e["rep_to"] > months_earlier(as_of, 24))
        return of_person and in_office and e["event_type"] in ("enforcement", "dishonest", "restriction")
    if of_person:
        return False
    if kind == "adverse":
        return e["event_type"] in ("case_def", "enforcement", "dishonest", "restriction")
    return e["event_type"] == kind and (not cause or e["cause_group"] == cause)


def _in_force(e: Row, as_of: date) -> bool:
    return (e["end_date"] is None or e["end_date"] > as_of) and (e["start_date"] is None or e["start_date"] <= as_of)


def _whole_months(a: date, b: date) -> int:
    return (b.year - a.year) * 12 + b.month - a.month - (a.day > b.day)


def point(name: str, firm: Firm, *args: Any) -> Value:
    """ev_n, ev_amt, ev_active_n, ev_active_amt, ev_since, rg_n, day_since, day_mdd."""
    if name == "day_since":
        return _day_since(firm.days(args[0]))
    if name == "day_mdd":
        known = [v for v in firm.days(args[0])[: args[1]] if v is not None]
        return drawdown(known) if len(known) >= 0.6 * args[1] else None
    word, as_of = args[0], firm.as_of
    if name == "rg_n":
        after = months_earlier(as_of, args[1])
        dates = [e["event_date"] for e in firm.tiles["registration_event"] if e["kind"] == word]
        return sum(after < d <= as_of for d in dates) if firm.source_covered("registry_covered") else None
    if not firm.source_covered("court_covered"):
        return None
    events = [e for e in firm.tiles["court_event"] if _named(e, word, as_of)]
    if name == "ev_since":
        return min([_whole_months(e["publish_date"], as_of) for e in events] + [60])
    if "active" in name:
        chosen = [e for e in events if _in_force(e, as_of)]
    else:
        chosen = [e for e in events if e["publish_date"] > months_earlier(as_of, args[1])]
    return len(chosen) if name.endswith("_n") else sum(e["amount"] or 0 for e in chosen)


def _day_since(days: list[Value]) -> Value:
    """Days with a row after the last positive one, at most 120."""
    known = [v for v in days if v is not None]
    if not known:
        return None
    return min(next((k for k, v in enumerate(known) if v > 0), len(known)), 120)

"""A worked example: what one firm's indicator is made of, step by step, by the plain-Python reference.

Inputs are what the formula reads, newest first; steps are its inner functions; the value is after null policy, unit and
type. Firms and counterparties carry no names: counterparties are numbered by their sum in the latest window.
"""

from __future__ import annotations

from typing import Any

from features import reference_outside as outside
from features import reference_party as party
from features.compiled import Compiled
from features.formula import Call, Column, Constant, Kind, Node, Text, text, walk
from features.reference import Firm, evaluate, indicator
from features.vocabulary import FUNCTIONS, vocabulary

GAP = "gap"
"""Stands for a month that is not covered."""
SHOWN = 6
_TWO_WINDOWS = {"retain_n", "retain_amt", "jaccard", "topk_overlap"}
_BY_MONTHS = {"rep_n", "rep_amt", "ncore", "avg_months", "top1_months"}
_BY_FIRST = {"tenure", "newshare_n", "newshare_amt"}


def example(c: Compiled, firm: Firm) -> dict[str, Any]:
    """`inputs` [[label, unit, values]], `steps` [[formula, value]] and `value` of the indicator for a firm."""
    inputs: list[list[Any]] = []
    for node in walk(c.tree):
        for found in _inputs(node, c, firm):
            if found not in inputs:
                inputs.append(found)
    steps = {
        text(n): evaluate(n, firm, c.calendar)
        for n in walk(c.tree)
        if isinstance(n, Call) and n.kind == Kind.NUMBER and n is not c.tree and n.function != "least"
    }
    return {"inputs": inputs, "steps": [[k, _short(v)] for k, v in reversed(steps.items())], "value": _short(indicator(c, firm))}


def _short(v: Any) -> Any:
    """Ten significant digits: enough to follow, and the same on every machine."""
    return float(f"{v:.10g}") if isinstance(v, float) else v


def months_read(tree: Node) -> int:
    """How many months back a formula reads."""
    furthest = 1
    for n in walk(tree):
        if isinstance(n, Call) and n.function not in ("lag", "roll"):
            given = {k: int(a.value) for k, a in zip(FUNCTIONS[n.function].args, n.args) if isinstance(a, Constant)}
            back = 0 if n.function == "acf" else given.get("months", 0) + (n.function == "at")
            whole = 24 if n.function == "seascorr" else 12 if n.function in ("currun", "since") else 0
            furthest = max(furthest, whole, given.get("window", 0) + back + max(_shift(a) for a in n.args))
    return min(furthest, 24)


def _shift(node: Node) -> int:
    """Months by which lag and roll below a node reach further back."""
    shifts = [
        int(n.args[1].value) - (n.function == "roll")
        for n in walk(node)
        if isinstance(n, Call) and n.function in ("lag", "roll") and isinstance(n.args[1], Constant)
    ]
    return max(shifts, default=0)


def _inputs(node: Node, c: Compiled, firm: Firm) -> list[list[Any]]:
    match node:
        case Column(alias="rg", name=name):
            return [[text(node), vocabulary().units["rg", name], [_short(firm.registration[name])]]]
        case Column(alias="fm" | "fcat" | "fcatn" | "tm" | "ln" | "nw"):
            return _line(node, c, firm)
        case Call(function="day_since" | "day_mdd", args=(Column(name=name), *rest)):
            days = firm.days(name)[: int(rest[0].value) if rest and isinstance(rest[0], Constant) else 12]
            return [[f"fd.{name}, D and the {len(days) - 1} days before", "fen", days if len(days) <= 12 else _turning_points(days)]]
        case Call(function="rg_n", args=(Text(value=kind), *_)):
            dates = sorted((e["event_date"] for e in firm.tiles["registration_event"] if e["kind"] == kind), reverse=True)
            return [[f"{kind} on", "", [str(d) for d in dates[:SHOWN]]]]
        case Call(function=name, args=(Text(value=word), *_)) if name.startswith("ev_"):
            events = sorted(
                (e for e in firm.tiles["court_event"] if outside._named(e, word, firm.as_of)), key=lambda e: e["publish_date"], reverse=True
            )
            ends = [f"{e['event_type']} {e['publish_date']}" + (f" to {e['end_date']}" if e["end_date"] else "") for e in events[:SHOWN]]
            amounts = [[f"amounts of {word}", "fen", [e["amount"] for e in events[:SHOWN]]]] if "amt" in name else []
            return [[f"{word} published", "", ends], *amounts]
        case Call(function="cat_entropy", args=(Constant(value=w),)):
            sums = {k: sum(v or 0 for v in firm.line("fcat", k, c.calendar).values[: int(w)]) for k in vocabulary().out_categories}
            return [[f"outflow over {int(w)} months: {k}", "fen", [s]] for k, s in sums.items() if s > 0]
        case Call(function="dual_amt", args=(Constant(value=w),)):
            return [_crowd(node, firm, column, int(w), 0) for column in ("in_amt", "out_amt")]
        case Call(args=(Column(alias="fcm", name=column), Constant(value=w), *_)):
            given = dict(zip(FUNCTIONS[node.function].args, node.args))
            shift = given.get("months")
            o = int(shift.value) if isinstance(shift, Constant) else 0
            before = [_crowd(node, firm, column, int(w), int(w))] if node.function in _TWO_WINDOWS else []
            return [_crowd(node, firm, column, int(w), o), *before]
    return []


def _line(node: Column, c: Compiled, firm: Firm) -> list[list[Any]]:
    """The months (or buckets) of a column that the formula reads; uncovered ones say so."""
    line = firm.line(node.alias, node.name, c.calendar)
    n = min(months_read(c.tree), len(line.values))
    values = [GAP if not ok and v is None else _short(v) for v, ok in zip(line.values[:n], line.covered)]
    found = [[text(node), vocabulary().units[node.alias, node.name], values]]
    if c.calendar == "day" and line.days is not None:
        found.append(["days covered", "day", list(line.days[:n])])
    return found


def _turning_points(days: list[Any]) -> list[Any]:
    """Of a long series the peak before the deepest fall, the bottom of it and the latest value."""
    known = [v for v in reversed(days) if v is not None]
    peak, worst = None, (0.0, None, None)
    for v in known:
        peak = v if peak is None else max(peak, v)
        if peak > 0 and (peak - v) / peak > worst[0]:
            worst = ((peak - v) / peak, peak, v)
    return [x for x in (worst[1], worst[2], known[-1] if known else None) if x is not None]


def _crowd(node: Call, firm: Firm, column: str, w: int, o: int) -> list[Any]:
    """The largest counterparties of a window with what the function looks at, numbered by the latest window."""
    latest = party.Crowd(firm, column, w)
    number = {p.id: k + 1 for k, (p, _) in enumerate(latest.members)}
    crowd = latest if o == 0 else party.Crowd(firm, column, w, o)
    word = next((a.value for a in node.args if isinstance(a, Text)), "")
    shown = []
    for p, s in crowd.members[:SHOWN]:
        name = f"no. {number[p.id]}" if p.id in number else "another"
        shown.append([name, s, _seen(node.function, word, p, column, w)])
    rest = crowd.sums[SHOWN:]
    label = f"fcm.{column} per counterparty over months {o} to {o + w - 1}"
    return [label, vocabulary().units["fcm", column], {"largest": shown, "others": len(rest), "their_sum": sum(rest)}]


def _seen(function: str, word: str, p: party.Party, column: str, w: int) -> str:
    """What the function reads of a counterparty beside its sum."""
    rows = p.inside(column, w)
    if function in _BY_MONTHS:
        return f"{p.months(column, w)} months"
    if function in _BY_FIRST:
        first = p.first_months_ago(column)
        return "first month unknown" if first is None else f"first {first} months ago"
    if word in ("related", "out_province"):
        name = "is_related" if word == "related" else word
        return word.replace("_", " ") if any(r[name] for r in rows) else ""
    if word in ("corp", "person", "gov"):
        return str(rows[0]["cpty_kind"]) if rows else ""
    return str(rows[0][word] or "unknown") if word and rows else ""

"""The night in a terminal: the verdict, what arrived, scores by grade, model, time per step."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

COLOURS = {"healthy": "green", "gaps": "yellow", "stopped": "red"}
BAR = 34


def _table(title: str, *columns: tuple[str, str]) -> Table:
    t = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, side in columns:
        t.add_column(name, justify="right" if side == "r" else "left", no_wrap=True)
    return t


def _grades(scores: dict[str, Any]) -> Table:
    t = _table("Scores by grade 评级", ("grade", "l"), ("firms", "r"), ("share", "r"), ("", "l"))
    most = max((g["n"] for g in scores["grades"]), default=0)
    for g in scores["grades"]:
        t.add_row(g["grade"], f"{g['n']:,}", f"{g['share']:.1%}", Text("█" * round(BAR * g["n"] / most) if most else "", style="cyan"))
    return t


def _figures(night: dict[str, Any], indicators: int, total: int) -> Table:
    s, q, a = night["scores"], night["quality"]["rows"], night["arrival"]
    t = Table.grid(padding=(0, 2))
    t.add_column(style="dim", no_wrap=True)
    t.add_column()
    unscored = ", ".join(f"{k} {n:,}" for k, n in s["unscored"].items()) or "none"
    t.add_row("firms", f"{s['scored']:,} scored of {s['in_scope']:,} in scope; unscored: {unscored}")
    t.add_row("bank files", f"{a['files']['received']:,} received, {a['files']['accepted']:,} accepted, {a['files']['blocked']:,} blocked")
    rest = ", ".join(f"{k} {q[k]:,}" for k in ("quarantined", "rejected", "duplicate", "superseded", "deleted") if q[k])
    t.add_row("rows", f"{q['received']:,} received = {q['accepted']:,} accepted" + (f", {rest}" if rest else ""))
    t.add_row(
        "violations",
        f"{sum(r['violations'] for r in night['quality']['rules']):,} of {len({r['rule_id'] for r in night['quality']['rules']})} rules",
    )
    t.add_row("indicators", f"{indicators} of {total} with values")
    t.add_row("warnings", f"{night['scores']['warned_firms']:,} firms")
    t.add_row("limits", f"{s['limits']['total_fen'] / 1e10:,.2f} hundred million CNY (亿元) to {s['limits']['firms']:,} firms")
    t.add_row("model", model_line(night["model"], night["sample_firms"]))
    return t


def model_line(model: dict[str, Any] | None, firms: int) -> str:
    """Identity, AUC and KS out of time with their intervals, and whether the bads are few."""
    if model is None:
        return "none trained yet"
    oot = model["oot"]
    parts = [f"{name.upper()} {interval(oot.get(name))}" for name in ("auc", "ks")]
    few = f"; only {oot['bads']} bads: read the interval, not the figure" if oot.get("few_bads") else ""
    return f"{model['id']}, out of time {', '.join(parts)}{few}; sample library {firms:,} firms"


def interval(estimate: dict[str, Any] | None) -> str:
    """`0.812 (0.780-0.840)`, or unknown."""
    if not estimate or estimate.get("value") is None:
        return "unknown"
    if estimate.get("low") is None or estimate.get("high") is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"


def _steps(steps: list[dict[str, Any]]) -> Table:
    t = _table("Time per step 用时", ("step", "l"), ("seconds", "r"), ("rows", "r"), ("", "l"))
    for s in steps:
        t.add_row(
            s["job"],
            f"{s['seconds']:,.1f}",
            f"{s['rows'] or 0:,}",
            "" if s["status"] in ("DONE", "NOTHING") else f"[red]{s['status']}[/red]",
        )
    return t


def terminal_summary(night: dict[str, Any], indicators: int, total: int, page: str) -> Group:
    """Renderable of a night given as plain data."""
    colour = COLOURS[night["level"]]
    verdict = Panel(
        Text(night["verdict"], style=f"bold {colour}"),
        title=f"night of {night['as_of']}",
        title_align="left",
        border_style=colour,
        expand=False,
    )
    problems = [Text(f"  · {p}", style=colour) for p in night["problems"][1:6]]
    return Group(
        verdict, *problems, _figures(night, indicators, total), _grades(night["scores"]), _steps(night["steps"]), Text(f"report: {page}")
    )

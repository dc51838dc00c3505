"""Text of one indicator, for its page and for `liushui indicator NAME`: meaning, rules, SQL form, province, worked examples."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from features import compiled, formula, retired, sql_form
from features.compiled import COVERAGE_OF, Compiled
from features.formula import Call, Constant, walk
from features.series import NEED
from features.vocabulary import FUNCTIONS
from jobs.docs_province import FILE, SPARSE

_UNIT_ZH = {
    "CNY": "元", "ratio": "比率", "count": "个数", "months": "月", "days": "天", "index": "指数", "pct_rank": "同业分位", "nats": "奈特",
    "corr": "相关系数", "score": "评分", "flag": "0/1 标志",
}  # fmt: skip
_CLOCK = {
    "month": "month: closed months",
    "day": "day: 30-day buckets back from D",
    "point": "point: as of D, flow terms from closed months",
}
_CLOCK_ZH = {"month": "按已结月份", "day": "按日滚动", "point": "时点值"}
_SIGN = {-1: "the default risk falls as it rises", 0: "not constrained", 1: "the default risk rises with it"}
_SIGN_ZH = {-1: "越高风险越低", 0: "方向不限", 1: "越高风险越高"}
_BLOCKS = " ▁▂▃▄▅▆▇█"


@lru_cache
def province() -> dict[str, Any]:
    """What `jobs docs --examples` stored about a province."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def null_rule(c: Compiled) -> str:
    """When the indicator is null, in words, from its formula and its row."""
    i, said = c.indicator, []
    windows: dict[tuple[int, int], None] = {}
    for n in walk(c.tree):
        if isinstance(n, Call):
            given = {k: int(a.value) for k, a in zip(FUNCTIONS[n.function].args, n.args) if isinstance(a, Constant)}
            if "window" in given and not n.function.startswith(("ev_", "rg_", "day_")):
                windows[given["window"], given.get("months", 0) if n.function != "acf" else 0] = None
                if n.function in ("retain_n", "retain_amt", "jaccard", "topk_overlap"):
                    windows[given["window"], given["window"]] = None
    for w, o in sorted(windows, key=lambda x: x[::-1]):
        if c.calendar == "day":
            said.append(f"unless 60 % of the last {30 * w} days are covered")
        elif o:
            said.append(f"unless all months {o} to {o + w - 1} are covered")
        else:
            said.append(f"unless {NEED[w]} of the last {w} months are covered")
    called = formula.functions(c.tree)
    if called & {"ratio", "growth", "cv", "downdev", "slope"}:
        said.append("where the divisor is null, zero or negative")
    if called & {"newshare_n", "newshare_amt"}:
        said.append("with less than w + 3 months of history")
    if c.receipts:
        said.append("where the payers of less than 20 % of the operating inflow are known")
    if "day_mdd" in called:
        said.append("unless 60 % of the days have a row")
    if c.peers:
        said.append("in a peer group with fewer than 20 values")
    flag = COVERAGE_OF.get(i.dimension)
    if i.null_policy != "null":
        covered = f" where the source covers the firm ({flag})" if flag else ""
        return f"null {'; '.join(said) or 'without a value'}, then {i.null_policy}{covered}"
    if flag and any(f.startswith(("ev_", "rg_")) for f in called):
        said.append(f"where the source does not cover the firm ({flag})")
    return f"null {'; '.join(said) or 'where the source has none'}"


def notes(c: Compiled) -> list[str]:
    """What the definition leaves open and how it is read here (ADR 0015)."""
    called, found = formula.functions(c.tree), []
    if {"cnt", "maxrun"} & called:
        found.append("A month in which the condition cannot be decided counts as not met and ends a run; all undecided is null.")
    if "since" in called:
        found.append("Looks back 24 months at most: what last held earlier is reported as 60.")
    if "currun" in called:
        found.append("Runs are counted within the 24 months that a snapshot reads.")
    if {"top", "topk_overlap", "top1_months"} & called:
        found.append("Equal sums are ordered by the counterparty's identifier.")
    if "mdd" in called or "day_mdd" in called:
        found.append("The peak is that of the window alone.")
    if {"cv", "slope", "downdev"} & called and c.tiles & {"firm_category_month"}:
        found.append("A covered month without rows of the category is 0.")
    if c.calendar == "tax" and c.tiles - {"tax_month"}:
        found.append("Flows are counted back from the firm's latest due tax month, not from the closed month.")
    if c.indicator.dtype == "int" and "sum" in called and c.tiles & {"firm_month", "firm_category_month"}:
        found.append("Made up for gaps first, then rounded half up.")
    return found


def _money(unit: str) -> bool:
    return unit.startswith("fen")


def _number(v: Any, unit: str = "") -> str:
    """A number for people; fen are shown in CNY."""
    if v is None:
        return "–"
    if isinstance(v, str):
        return v
    return f"{v / 100:,.2f}" if _money(unit) else f"{int(v):,}" if float(v).is_integer() else f"{v:.7g}"


def _input(label: str, unit: str, values: Any) -> str:
    shown = {"fen": " (CNY)", "fen/day": " (CNY per day)"}.get(unit, f" ({unit})" if unit else "")
    if isinstance(values, dict):
        listed = [f"{name}{f' ({seen})' if seen else ''} {_number(s, unit)}" for name, s, seen in values["largest"]]
        rest = [f"{values['others']} more {_number(values['their_sum'], unit)}"] if values["others"] else []
        return f"{label}{shown}: {', '.join([*listed, *rest]) or 'none'}"
    return f"{label}{shown}: {' '.join(_number(v, unit) for v in values) or 'none'}"


def spark(bars: list[int]) -> str:
    """Bars as block characters."""
    top = max(bars)
    return "".join(_BLOCKS[-(-8 * b // top)] if top else " " for b in bars)


def distribution(name: str) -> list[str]:
    """Lines about the province: nulls with their reasons, quantiles, the shape."""
    about, e = province(), province()["indicators"][name]
    firms = about["firms"]
    if e.get("absent"):
        return [f"Not computed: {', '.join('tile.' + t for t in e['absent'])} is not in this province; null for all {firms:,} firms."]
    lines = [f"{firms:,} firms on {about['as_of']}, {e['null'] / firms:.1%} null, {e['distinct']:,} distinct values."]
    if "bars" in e:
        low, high = (_number(v) for v in e["axis"])
        lines.append(
            "Minimum, quartiles, maximum: "
            + ", ".join(_number(v) for v in e["quantiles"])
            + f". Shape from {low} to {high}: `{spark(e['bars'])}`"
        )
    if e["distinct"] == 1:
        lines.append("Constant on this province: the simulator draws no other value.")
    if e.get("reasons"):
        lines.append("Null because: " + "; ".join(f"{why} ({n:,})" for why, n in e["reasons"].items()) + ".")
    return lines


def examples(c: Compiled) -> list[str]:
    """The worked examples as list lines; money in CNY, newest first."""
    lines = []
    for letter, e in zip("ABC", province()["indicators"][c.indicator.name]["examples"]):
        parts = [_input(*x) for x in e["inputs"]]
        steps = [f"{k} = {_number(v)}" for k, v in e["steps"]]
        value = f"{e['value']:,.2f}" if c.indicator.unit == "CNY" else _number(e["value"])
        result = f"**{value}** {c.indicator.unit}"
        if "ranked" in e:
            result = f"{_number(e['ranked'])} ranks at {result} among its peers"
        lines.append(
            f"- firm {letter}: {'; '.join(parts) or 'nothing read'}" + (f"; in fen {', '.join(steps)}" if steps else "") + f" → {result}"
        )
    return lines


def versions(c: Compiled) -> list[str]:
    """Earlier meanings as list lines; they are computed by `liushui indicator name@version --values FILE`."""
    return [
        f"- version {r.version}, until {r.until}: `{r.compiled.indicator.formula}`, {null_rule(r.compiled)}; changed because {r.reason}"
        for r in retired.earlier(c.indicator.name)
    ]


def entry(c: Compiled) -> str:
    """The section of an indicator, Markdown."""
    i = c.indicator
    lines = [
        f"## {i.id} {i.name} {i.name_zh}", "", f"{i.description}.", "",
        f"含义：{i.name_zh}；{_CLOCK_ZH[i.clock]}；单位：{_UNIT_ZH[i.unit]}；{_SIGN_ZH[i.monotone]}。", "",
        f"- formula: `{i.formula}`",
        f"- window {i.window}; clock {_CLOCK[i.clock]}{', counted back from the latest due tax month' if c.calendar == 'tax' else ''}",
        f"- {null_rule(c)}",
        f"- sign {i.monotone}: {_SIGN[i.monotone]}; unit {i.unit}, {i.dtype}",
        f"- from {i.source_table.replace(';', ', ')} by {', '.join('tile.' + t for t in sorted(c.tiles))}",
        *[f"- {n}" for n in notes(c)], *versions(c), "",
    ]  # fmt: skip
    known = i.name in province()["indicators"]
    lines += [*distribution(i.name), ""] if known else []
    if known and (shown := examples(c)):
        lines += ["Worked examples (amounts in CNY, newest first):", "", *shown, ""]
    if found := sql_form.select(c):
        text, derived = found
        named = "".join(f"-- {name}: {x}\n" for name, x in derived.items())
        lines += ["```sql", f"{named}{text}", "```", ""]
    return "\n".join(lines)


def sparse() -> list[tuple[Compiled, dict[str, Any]]]:
    """Indicators that are null for more than 60 % of the province's firms."""
    about = province()
    return [(c, e) for c in compiled.load() if (e := about["indicators"][c.indicator.name])["null"] > SPARSE * about["firms"]]

"""From a night to its page: the template, how figures are written, and the charts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from jobs.report_banks import page_name
from jobs.report_charts import grade_chart, score_chart
from jobs.report_read import Row
from jobs.report_terminal import interval

if TYPE_CHECKING:
    from jobs.report import Night

TEMPLATES = Path(__file__).parent / "templates"
NONE = "–"
DIMENSIONS = {
    "fund_scale": "资金规模", "economic_benefit": "经济效益", "customer_dispersion": "客户分散度", "flow_stability": "流水稳定性",
    "supply_chain_stability": "上下游稳定性", "fund_usage": "资金用途", "tax": "税务", "judicial": "司法", "registration": "工商", "credit_debt": "信贷",
    "network_anomaly": "网络异常",
}  # fmt: skip
LIMIT_PARTS = {
    "turnover": "share of turnover by grade", "repayment": "ability to repay", "debt": "debt already there", "cap": "cap", "growth": "growth of at most 20 %",
    "warning": "closed by a red warning", "override": "closed by a rule",
}  # fmt: skip
QUALITY_PARTS = {
    "timeliness": ("timeliness 及时性", "files late"), "completeness": ("completeness 完整性", "difference to the second channel, fen"),
    "validity": ("validity 合法性", "rows that fail"), "totals": ("totals 总分", "ledger groups that fail"),
    "continuity": ("continuity 连续性", "account-days that fail"), "sampling": ("sampling 抽样", "critical mismatches"),
    "rectification": ("rectification 整改", "issues past due"),
}  # fmt: skip
SOURCE_NAMES = {
    "flows": "account flows 账户流水",
    "tax": "tax 税务",
    "court": "court 司法",
    "registry": "registry 工商",
    "loans": "loans 信贷",
}


def number(value: float | None, digits: int = 0) -> str:
    """With thousands separators; a dash for None."""
    return NONE if value is None else f"{value:,.{digits}f}"


def share(value: float | None, digits: int = 1) -> str:
    """As percent; a dash for None."""
    return NONE if value is None else f"{value:.{digits}%}"


def size(value: float | None) -> str:
    """Bytes in the unit that fits."""
    if value is None:
        return NONE
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit in ("B", "kB") else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError(value)


def wan(fen: int | None) -> str:
    """Fen as ten thousands of CNY (万元)."""
    return NONE if fen is None else f"{fen / 1e6:,.0f}"


def signed(value: float | None) -> str:
    """With its sign, a real minus."""
    return NONE if value is None else f"{value:+,.0f}".replace("-", "−")


def coded(text: str) -> Markup:
    """Text in which what stands between backticks is a command."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def environment() -> Environment:
    """Templates with the ways figures are written."""
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters.update(number=number, share=share, size=size, wan=wan, signed=signed, interval=interval, coded=coded)
    return env


def render_bank(night: date, bank: Row) -> str:
    """The page of one bank (jobs.report_banks), complete in itself; its one link leads to the night's page beside it."""
    return environment().get_template("bank.html").render(b=bank, night=night, parts=QUALITY_PARTS)


def render(night: Night) -> str:
    """The page, complete in itself: styles and charts inside, no script; its only links lead to the banks' pages beside it."""
    charts: dict[str, str] = {}
    if night.scores.scored:
        charts = {"grades": grade_chart(night.scores.grades), "scores": score_chart(night.scores.histogram)}
    longest = max((s["seconds"] for s in night.steps), default=0.0)
    values: dict[str, Any] = {
        "n": night,
        "charts": charts,
        "dimensions": DIMENSIONS,
        "source_names": SOURCE_NAMES,
        "limit_parts": LIMIT_PARTS,
        "longest": longest,
        "bank_pages": {b["name"]: page_name(b["name"]) for b in night.banks},
    }
    return environment().get_template("night.html").render(**values)

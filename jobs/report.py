"""`report`: the night in one page (`reports/<D>/index.html`, opens without network), a page per bank beside it, and in figures
(`run/summary.json`).

Reads the ledgers, dq, features' footers, scores and the champion's bundle; writes nothing to the lake. No Spark. A rerun
writes the same page. Tables that were never written count as empty, and the page says what is missing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jobs import report_banks
from jobs.report_arrival import Arrival, Quality, arrival, quality, steps
from jobs.report_read import NightViews, Row
from jobs.report_scores import Changes, Scores, changes, coverage, model, sample_firms, scores
from jobs.report_terminal import terminal_summary
from jobs.runner import Report
from lake.settings import Settings

__all__ = ["Night", "gather", "run", "summary_table"]

PARKED_SHARE = 0.01
"""From this share of parked rows the night is said to have gaps."""


@dataclass(frozen=True)
class Night:
    """Everything the page shows about night D. `level` is healthy, gaps or stopped; `verdict` says it in a sentence."""

    as_of: date
    level: str
    verdict: str
    problems: list[str]
    published: bool
    arrival: Arrival
    quality: Quality
    scores: Scores
    changes: Changes
    coverage: list[Row]
    model: Row | None
    sample_firms: int
    steps: list[Row]
    banks: list[Row]

    @property
    def indicators(self) -> int:
        """Indicators of the catalogue that have a value for at least one firm tonight."""
        return sum(c["computed"] for c in self.coverage)

    @property
    def indicators_total(self) -> int:
        """Indicators of the catalogue."""
        return sum(c["total"] for c in self.coverage)


def gather(settings: Settings, as_of: date) -> Night:
    """Read the night; raises ContractBroken when the champion's bundle is gone."""
    v = NightViews(settings, as_of)
    a, q, s = arrival(v), quality(v, as_of), scores(v)
    published = bool(v.one("SELECT count(*) AS n FROM night WHERE status = 'PUBLISHED'")["n"])
    level, verdict, problems = judge(a, q, s, published)
    champion = model(settings)
    return Night(
        as_of=as_of, level=level, verdict=verdict, problems=problems, published=published, arrival=a, quality=q, scores=s, changes=changes(v),
        coverage=coverage(settings, as_of), model=champion, sample_firms=sample_firms(settings, champion["release"].get("release_id") if champion else None),
        steps=steps(v), banks=report_banks.banks(settings, v, as_of),
    )  # fmt: skip


def judge(a: Arrival, q: Quality, s: Scores, published: bool) -> tuple[str, str, list[str]]:
    """Level, one sentence, and what keeps the night from being healthy, gravest first."""
    grave = [*q.stops]
    if q.unaccounted:
        grave.append(f"{len(q.unaccounted)} deliveries in which received rows are not all accounted for")
    if s.scored == 0:
        grave.append("no firm was scored")
    gaps = [f"{source} did not arrive" for source in a.missing]
    if a.late:
        gaps.append(f"late: {', '.join(a.late)}")
    if a.files["blocked"]:
        gaps.append(f"{a.files['blocked']} bank {_plural(a.files['blocked'], 'file')} blocked")
    parked = q.rows["quarantined"]
    if q.rows["received"] and parked / q.rows["received"] >= PARKED_SHARE:
        gaps.append(f"{parked:,} rows parked ({parked / q.rows['received']:.1%} of what was received)")
    if not published:
        gaps.append("the night is not published yet")
    scored = f"{s.scored:,} of {s.in_scope:,} firms are scored"
    if grave:
        return "stopped", f"Stopped: {grave[0]}.", [*grave, *gaps]
    if gaps:
        return "gaps", f"Scored with gaps: {scored}; {gaps[0]}{f' and {len(gaps) - 1} more' if len(gaps) > 1 else ''}.", gaps
    return "healthy", f"Healthy: every source arrived, every received row is accounted for, {scored}.", []


def _plural(n: int, word: str) -> str:
    return word if n == 1 else f"{word}s"


def summary(night: Night, page: Path) -> dict[str, Any]:
    """The figures of `run/summary.json`."""
    m = night.model or {}
    oot = m.get("oot", {})
    return {
        "as_of": night.as_of.isoformat(),
        "verdict": night.level,
        "firms_in_scope": night.scores.in_scope,
        "firms_scored": night.scores.scored,
        "firms_unscored": night.scores.unscored,
        "files": night.arrival.files,
        "rows": night.quality.rows,
        "violations": night.quality.violations,
        "indicators": night.indicators,
        "sample_library": {"firms": night.sample_firms, "indicators": m.get("inputs", 0)},
        "model": {"id": m.get("id"), "auc_oot": oot.get("auc", {}).get("value"), "ks_oot": oot.get("ks", {}).get("value")},
        "seconds": {s["job"]: round(s["seconds"], 1) for s in night.steps},
        "report": str(page),
    }


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that nobody reads half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def page_path(settings: Settings, as_of: date) -> Path:
    """Where the page of night D is."""
    return settings.folder("reports") / as_of.isoformat() / "index.html"


def run(settings: Settings, as_of: date) -> Report:
    """Write page and summary of night D."""
    from jobs.report_page import render

    night = gather(settings, as_of)
    page = page_path(settings, as_of)
    report_banks.write(page.parent, as_of, night.banks, _write)
    _write(page, render(night))
    figures = summary(night, page)
    _write(settings.folder("run") / "summary.json", json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    return Report(rows=night.scores.in_scope, detail={"verdict": night.level, "problems": night.problems, "page": str(page)})


def summary_table(settings: Settings, as_of: date) -> Any:
    """The night for the terminal (a rich renderable)."""
    night = gather(settings, as_of)
    return terminal_summary(asdict(night), night.indicators, night.indicators_total, str(page_path(settings, as_of)))

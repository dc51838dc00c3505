"""The rules: one SQL text each, with a head that says what it demands, how strictly, and what a clerk reads.

Rules read the temporary views that `expectations/rules/README.md` documents and yield the columns `COLUMNS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lake.errors import ContractBroken

FOLDER = Path(__file__).parent
COLUMNS = (
    "rule_id", "bank_id", "biz_date", "file_type", "submission_id", "scope_kind", "scope_key", "expected", "actual", "diff", "severity",
)  # fmt: skip
FAMILIES = ("validity", "totals", "continuity", "control")
SEVERITIES = ("block", "quarantine", "warn")
STAGES = ("files", "rows", "records")
_LINE = re.compile(r"--\s*(\w+):\s*(.+)")


@dataclass(frozen=True)
class Rule:
    """One rule. `severities` are those its rows may have, `severity` the hardest of them; `stage`: files runs before
    rows are judged, records on what the registry sent."""

    id: str
    title: str
    title_zh: str
    family: str
    stage: str
    severities: tuple[str, ...]
    scope: str
    tolerance: str
    views: tuple[str, ...]
    sentence: str
    sentence_zh: str
    sql: str

    @property
    def severity(self) -> str:
        return next(s for s in SEVERITIES if s in self.severities)


def parse_rule(text: str, name: str) -> Rule:
    """The rule in a SQL text; raises ContractBroken naming the file when its head is incomplete."""
    head: dict[str, str] = {}
    for line in text.splitlines():
        m = _LINE.match(line)
        if not m:
            break
        head[m[1]] = m[2].strip()
    wanted = {"id", "title", "title_zh", "family", "severity", "scope", "tolerance", "views", "sentence", "sentence_zh"}
    severities = tuple(head.get("severity", "").replace(" ", "").split(","))
    stage = head.get("stage", "rows")
    if (
        wanted - set(head)
        or head["family"] not in FAMILIES
        or set(severities) - set(SEVERITIES)
        or stage not in STAGES
        or head["id"] != name
    ):
        raise ContractBroken(f"expectations/rules/{name}.sql: its head must give {sorted(wanted)} with known values; found {head}")
    views = tuple(head["views"].replace(" ", "").split(","))
    return Rule(
        head["id"], head["title"], head["title_zh"], head["family"], stage, severities, head["scope"], head["tolerance"], views,
        head["sentence"], head["sentence_zh"], text,
    )  # fmt: skip


@lru_cache
def load_rules() -> tuple[Rule, ...]:
    """All rules, sorted by id."""
    return tuple(parse_rule(p.read_text(encoding="utf-8"), p.stem) for p in sorted(FOLDER.glob("*.sql")))


def union(rules: tuple[Rule, ...]) -> str:
    """One query over all given rules."""
    columns = ", ".join(COLUMNS)
    return "\nUNION ALL\n".join(f"SELECT {columns} FROM (\n{r.sql}\n) AS {r.id.lower()}" for r in rules)

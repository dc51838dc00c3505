"""Scores of a night: how many, which grades, what changed since the night before, limits, warnings, coverage, model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow.dataset as ds

from jobs.report_read import NightViews, Row, nights
from lake import store
from lake.errors import ContractBroken
from lake.schemas.derived import catalogue, dimensions
from lake.settings import Settings
from models.scorecard import GRADES

BIN = 20
MOVERS = 8
WARNINGS = {
    "W01": "inflow of the last month against the half-year", "W02": "inflow of 3 months against 12", "W03": "days since the last inflow",
    "W04": "cash buffer days", "W05": "months without wages", "W06": "tax return missing or arrears", "W07": "social insurance missed",
    "W08": "court", "W09": "new lenders and loan queries", "W10": "days past due", "W11": "personal or related share of flow",
    "W12": "circular flow or diverted loan money", "W13": "fall of the score in 30 days", "W14": "a main payer left", "DATA_GAP": "a main bank is silent",
}  # fmt: skip
_ORDER = f"array_position({list(GRADES)}, {{}})"


@dataclass(frozen=True)
class Scores:
    """Everything about the scores of one night."""

    in_scope: int
    scored: int
    unscored: dict[str, int]
    grades: list[Row]
    histogram: list[Row]
    figures: Row
    segments: list[Row]
    overrides: list[Row]
    limits: Row
    bindings: list[Row]
    warnings: list[Row]
    warned_firms: int


def scores(v: NightViews) -> Scores:
    """Counts and distributions over `score.firm_score` of the night."""
    n = v.one("SELECT count(*) AS n, count(score) AS scored FROM score")
    unscored = v.rows(
        "SELECT coalesce(unscored_reason, 'unknown') AS reason, count(*) AS n FROM score WHERE score IS NULL GROUP BY ALL ORDER BY n DESC, reason"
    )
    grades = v.rows(
        "SELECT grade, count(*) AS n, avg(pd) AS pd, sum(limit_fen)::BIGINT AS limit_fen FROM score WHERE score IS NOT NULL GROUP BY grade"
    )
    known = {g["grade"]: g for g in grades}
    rows = [
        {"share": known[g]["n"] / n["scored"], **known[g]} if g in known else {"grade": g, "n": 0, "pd": None, "limit_fen": 0, "share": 0.0}
        for g in GRADES
    ]
    return Scores(
        in_scope=n["n"],
        scored=n["scored"],
        unscored={r["reason"]: r["n"] for r in unscored},
        grades=rows,
        histogram=v.rows(
            f"SELECT (score // {BIN} * {BIN})::INT AS low, count(*) AS n FROM score WHERE score IS NOT NULL GROUP BY ALL ORDER BY low"
        ),
        figures=v.one(
            """SELECT median(score) AS median, quantile_cont(score, 0.05) AS p05, quantile_cont(score, 0.95) AS p95, avg(pd) AS pd,
                      count(stale_since) AS stale, count(override_rule) AS overridden, count(*) FILTER (credit_invisible AND score IS NOT NULL) AS invisible
               FROM score"""
        ),
        segments=v.rows(
            """SELECT segment, coalesce(confidence, '-') AS confidence, count(*) AS n, count(score) AS scored, median(score) AS median
               FROM score GROUP BY score.segment, score.confidence
               ORDER BY array_position(['STANDARD', 'THIN', 'NO_FLOW'], score.segment), array_position(['HIGH', 'MEDIUM', 'LOW'], score.confidence)"""
        ),
        overrides=v.rows(
            """SELECT rule, count(*) AS n FROM (SELECT unnest(string_split(override_rule, ',')) AS rule FROM score WHERE override_rule IS NOT NULL)
               GROUP BY ALL ORDER BY rule"""
        ),
        limits=v.one(
            "SELECT coalesce(sum(limit_fen), 0)::BIGINT AS total_fen, count(*) FILTER (limit_fen > 0) AS firms, median(limit_fen) FILTER (limit_fen > 0) AS median_fen FROM score"
        ),
        bindings=v.rows(
            "SELECT limit_binding AS part, count(*) AS n, sum(limit_fen)::BIGINT AS fen FROM score WHERE limit_binding IS NOT NULL GROUP BY ALL ORDER BY n DESC, part"
        ),
        warnings=_warnings(v),
        warned_firms=v.one("SELECT count(DISTINCT firm_id) AS n FROM warning")["n"],
    )


def _warnings(v: NightViews) -> list[Row]:
    found = v.rows(
        """SELECT rule_id, count(*) FILTER (level = 'red') AS red, count(*) FILTER (level = 'orange') AS orange, count(*) FILTER (level = 'yellow') AS yellow,
                  count(*) FILTER (level = 'gap') AS gap FROM warning GROUP BY ALL ORDER BY rule_id"""
    )
    return [{**r, "title": WARNINGS.get(r["rule_id"], "")} for r in found]


@dataclass(frozen=True)
class Changes:
    """Against the night before; `before` is None on a first night."""

    before: date | None
    matrix: list[tuple[str, list[int]]]
    grades: list[str]
    up: int
    down: int
    same: int
    new: int
    gone: int
    fallers: list[Row]
    risers: list[Row]


def changes(v: NightViews) -> Changes:
    """Moves between grades (rows: before, columns: now) and the firms that moved most."""
    both = "FROM score s JOIN before b USING (firm_id) WHERE s.score IS NOT NULL AND b.score IS NOT NULL"
    moves = {(r["a"], r["b"]): r["n"] for r in v.rows(f"SELECT b.grade AS a, s.grade AS b, count(*) AS n {both} GROUP BY ALL")}
    grades = [g for g in GRADES if any(g in k for k in moves)]
    now, was = _ORDER.format("s.grade"), _ORDER.format("b.grade")
    n = v.one(
        f"SELECT count(*) FILTER ({now} < {was}) AS up, count(*) FILTER ({now} > {was}) AS down, count(*) FILTER ({now} = {was}) AS same {both}"
    )
    edge = v.one(
        """SELECT count(*) FILTER (b.firm_id IS NULL) AS new, count(*) FILTER (s.firm_id IS NULL) AS gone
           FROM (SELECT firm_id FROM score WHERE score IS NOT NULL) s FULL JOIN (SELECT firm_id FROM before WHERE score IS NOT NULL) b USING (firm_id)"""
    )
    movers = "SELECT firm_id, b.score AS was, s.score AS now, s.score - b.score AS moved, b.grade AS grade_was, s.grade AS grade_now, s.override_rule"
    return Changes(
        before=v.before, grades=grades, matrix=[(a, [moves.get((a, b), 0) for b in grades]) for a in grades], **n, **edge,
        fallers=v.rows(f"{movers} {both} AND s.score < b.score ORDER BY moved, firm_id LIMIT {MOVERS}"),
        risers=v.rows(f"{movers} {both} AND s.score > b.score ORDER BY moved DESC, firm_id LIMIT {MOVERS}"),
    )  # fmt: skip


def coverage(settings: Settings, as_of: date) -> list[Row]:
    """Per dimension: indicators of the catalogue, those with at least one value at D, mean share of firms with a value, empty ones.

    Read from the Parquet footers of the night's partition: no data is loaded, whatever the number of firms.
    """
    by_dimension: dict[str, list[str]] = {d: [] for d in dimensions()}
    for r in catalogue():
        by_dimension[r["dimension"]].append(r["name"])
    out = []
    for dimension, names in by_dimension.items():
        rows, values = _value_counts(settings, f"feature.{dimension}", as_of, names)
        filled = [n for n in names if values[n]]
        share = sum(values[n] for n in filled) / (rows * len(filled)) if filled else None
        out.append(
            {
                "dimension": dimension,
                "total": len(names),
                "computed": len(filled),
                "share": share,
                "empty": [n for n in names if not values[n]],
            }
        )
    return out


def _value_counts(settings: Settings, name: str, as_of: date, columns: list[str]) -> tuple[int, dict[str, int]]:
    """Rows of the night's partition and non-null values per column, from the footers."""
    values = dict.fromkeys(columns, 0)
    rows = 0
    if as_of not in nights(settings, name):
        return rows, values
    data = store.open_table(store.uri(settings, name)).to_pyarrow_dataset()
    for fragment in data.get_fragments(filter=ds.field("snapshot_date") == as_of):
        meta = fragment.metadata
        rows += meta.num_rows
        places = {meta.schema.column(j).name: j for j in range(meta.num_columns)}
        for group in range(meta.num_row_groups):
            part = meta.row_group(group)
            for column in columns:
                statistics = part.column(places[column]).statistics if column in places else None
                if statistics is not None and statistics.has_null_count:
                    values[column] += part.num_rows - statistics.null_count
    return rows, values


def model(settings: Settings) -> Row | None:
    """The champion's identity, metrics and inputs from its bundle; None when no model was trained yet."""
    pointer = settings.home / "models" / "champion"
    if not pointer.is_file():
        return None
    model_id = pointer.read_text(encoding="utf-8").strip()
    path = settings.home / "models" / model_id / "bundle.json"
    if not path.is_file():
        raise ContractBroken(f"the champion is {model_id}, but {path} is missing. Restore that folder or promote another model.")
    d: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    metrics = d.get("metrics", {})
    return {
        "id": model_id, "kind": d.get("kind"), "inputs": len(d.get("inputs", [])), "dropped": len(d.get("dropped", [])),
        "release": d.get("release", {}), "training": metrics.get("training", {}), "oot": metrics.get("oot", {}), "test": metrics.get("test", {}),
        "psi": metrics.get("psi", {}), "test_minus_oot": metrics.get("test_minus_oot", {}),
    }  # fmt: skip


def sample_firms(settings: Settings, release_id: str | None) -> int:
    """Distinct firms of a release of the sample library."""
    if release_id is None or not store.exists(settings, "sample.frame"):
        return 0
    frame = store.open_table(store.uri(settings, "sample.frame")).to_pyarrow_table(
        columns=["firm_id"], filters=[("release_id", "=", release_id)]
    )
    return len(frame.column("firm_id").unique())

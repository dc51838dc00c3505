"""One batch of firms on one night: score, grade, overrides, warnings, limit, reasons. Arrow in, Arrow out.

The batch has a column per indicator the night reads (CNY, shares, counts as published), the facts of tile.firm_state (fen),
industry_section and size_class, and the firm's own past: highest_limit (fen, 12 months), score_peak and grade_peak (30 days),
recent_W01 … recent_W14 (level reported in the last 30 days, 0 none).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models import limit, overrides, reasons, segments, warnings
from models.inputs import BLOCKS
from models.limit import CNY
from models.scorecard import GRADES
from models.scoring import Scored, Scorer

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
WARNING = pa.struct([("rule_id", pa.string()), ("level", pa.string()), ("value", pa.float64()), ("threshold", pa.float64())])
STATE = (
    "status", "covered_months", "coverage_share", "op_in_12m", "op_in_6m", "op_in_3m", "op_in_3m_year_before", "op_in_12m_year_before",
    "low_quality_inflow_share", "class5_now", "dpd_now", "court_freeze_now", "rep_dishonest_active", "months_without_wages",
    "sso_missed_3m", "new_sales_cases_30d", "new_loan_cases_30d", "debt_service_12m", "unsecured_balance", "has_loan_before", "data_gap",
    "tax_covered", "loan_covered",
)  # fmt: skip
"""Columns of tile.firm_state a night reads."""
RECENT = {rule: f"recent_{rule}" for rule in warnings.RULES}
PAST = ("highest_limit", "score_peak", "grade_peak", *RECENT.values())
ALSO_READ = (
    "avg_daily_balance_12m", "op_net_flow_amt_12m", "vat_sales_12m", "related_payer_share_12m", "pos_platform_share_12m", "personal_out_share_3m",
    "personal_out_share_12m", "related_out_share_3m", "related_out_share_12m",
)  # fmt: skip
DERIVED = {
    "seasonal_section",
    "inflow_3m_to_12m_ratio_year_before",
    "personal_share_rise",
    "related_share_rise",
    "score_fall_30d",
    "grade_fall_30d",
}
NOT_ACTIVE, NO_FLOW, NO_FEATURES = "not_active", "too_few_covered_months", "no_features"


def _names(kind: type, batch_side: set[str]) -> list[str]:
    return [f.name for f in fields(kind) if f.name not in batch_side]


def indicators_read(catalogue: set[str]) -> list[str]:
    """Indicators a night reads besides the model's inputs."""
    wanted = {*_names(overrides.Facts, set()), *_names(warnings.Signals, set()), *ALSO_READ}
    return sorted(wanted & catalogue)


@dataclass(frozen=True)
class Batch:
    """Columns of a batch as numpy arrays, NaN for null."""

    rows: pa.RecordBatch | pa.Table

    def number(self, name: str) -> Floats:
        """A numeric or boolean column as float64, NaN for null."""
        column = self.rows.column(name)
        values = column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else column.cast(pa.int8()).cast(pa.float64())
        return np.array(values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy(), dtype=np.float64)

    def flag(self, name: str) -> Bools:
        """A boolean column; null is False."""
        return np.asarray(self.number(name) == 1)

    def text(self, name: str) -> npt.NDArray[np.str_]:
        """A string column; null is empty."""
        return np.array(pc.fill_null(self.rows.column(name), "").to_pylist(), dtype=np.str_)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


def score_batch(scorer: Scorer, rows: pa.RecordBatch, rate: float) -> dict[str, pa.Array]:
    """Columns of score.firm_score of a batch (without keys and timestamps), and `warnings`, a list of what fires tonight.

    `rate` is the yearly rate assumed for limits, 0.05 = 5 %. Firms that are not scored have an unscored_reason and nulls.
    """
    b = Batch(rows)
    months = b.number("covered_months")
    segment = segments.segment(months)
    status = b.text("status")
    invisible = ~b.flag("has_loan_before") & b.flag("loan_covered")
    reason = np.where(
        status != "ACTIVE", NOT_ACTIVE, np.where(segment == "NO_FLOW", NO_FLOW, np.where(b.flag("has_features"), "", NO_FEATURES))
    )
    ok = reason == ""
    x = np.vstack([b.number(n).astype(np.float32) for n in scorer.bundle.names])
    scored = scorer.score(x, segments.calibration_group(segment, invisible))
    facts = overrides.Facts(**{n: b.number(n) for n in _names(overrides.Facts, set())})
    final = overrides.apply(scored.grade, facts, invisible)
    readings = warnings.readings(_signals(b, scored, ok))
    recent = {rule: np.nan_to_num(b.number(column)).astype(np.int64) for rule, column in RECENT.items()}
    confidence = segments.confidence(
        segment, months, b.flag("tax_covered"), b.number("coverage_share"), b.number("low_quality_inflow_share")
    )
    money = limit.flow_limit(
        _limit_inputs(b, months), grade=final.grade, confidence=confidence, warning=warnings.in_force(readings, recent),
        first_loan=invisible, closed=final.closed, rate=rate,
    )  # fmt: skip
    subs = scorer.sub_scores(scored)
    grades = np.array(GRADES)
    return {
        "model_id": _maybe(np.full(len(b), scorer.bundle.model_id), ok), "model_kind": _maybe(np.full(len(b), scorer.bundle.kind), ok),
        "segment": pa.array(segment), "credit_invisible": pa.array(invisible), "confidence": _maybe(confidence, ok),
        "unscored_reason": _maybe(reason, ~ok), "pd": _maybe(scored.pd, ok), "score": _maybe(scored.score.astype(np.int32), ok),
        "grade_model": _maybe(grades[scored.grade], ok), "grade": _maybe(grades[final.grade], ok),
        "override_rule": _maybe(np.array(final.rules, dtype=object), ok),
        **{f"sub_{block}": _maybe(subs[block], ok) for block in BLOCKS},
        "limit_fen": _maybe(money.fen, ok, pa.int64()), "limit_binding": _maybe(np.array(money.binding, dtype=object), ok),
        "limit_parts": _parts(money.parts, ok), "reasons": _where(scorer.reasons(scored, x, b.text("industry_section"), b.text("size_class")), ok, reasons.REASON),
        "warnings": _fired(readings, warnings.fires(readings, recent), b.flag("data_gap"), status == "ACTIVE"),
    }  # fmt: skip


def _signals(b: Batch, scored: Scored, ok: Bools) -> warnings.Signals:
    with np.errstate(invalid="ignore", divide="ignore"):
        year_before = (b.number("op_in_3m_year_before") / 3) / (b.number("op_in_12m_year_before") / 12)
    values: dict[str, Any] = {n: b.number(n) for n in _names(warnings.Signals, DERIVED)}
    values |= {
        "seasonal_section": np.isin(b.text("industry_section"), warnings.SEASONAL_SECTIONS),
        "data_gap": b.flag("data_gap"),
        "inflow_3m_to_12m_ratio_year_before": np.where(np.isfinite(year_before), year_before, np.nan),
        "personal_share_rise": b.number("personal_out_share_3m") - b.number("personal_out_share_12m"),
        "related_share_rise": b.number("related_out_share_3m") - b.number("related_out_share_12m"),
        "score_fall_30d": np.where(ok, b.number("score_peak") - scored.score, np.nan),
        "grade_fall_30d": np.where(ok, scored.grade - b.number("grade_peak"), np.nan),
    }  # fmt: skip
    return warnings.Signals(**values)


def _limit_inputs(b: Batch, months: Floats) -> limit.LimitInputs:
    known = b.flag("loan_covered")
    debt = {n: np.where(known, np.nan_to_num(b.number(n)), np.nan) for n in ("debt_service_12m", "unsecured_balance")}
    return limit.LimitInputs(
        **{n: b.number(n) for n in ("op_in_12m", "op_in_6m", "op_in_3m", "op_in_3m_year_before", "op_in_12m_year_before")}, **debt,
        covered_months=months, vat_sales_12m=b.number("vat_sales_12m") * CNY, related_share=b.number("related_payer_share_12m"),
        receipts_share=1 - b.number("pos_platform_share_12m"), circular_share=b.number("circular_flow_amt_share_6m"),
        low_quality_share=b.number("low_quality_inflow_share"), op_net_12m=b.number("op_net_flow_amt_12m") * CNY,
        avg_balance_12m=b.number("avg_daily_balance_12m") * CNY, highest_before=b.number("highest_limit"),
    )  # fmt: skip


def _maybe(values: npt.NDArray, keep: Bools, type_: pa.DataType | None = None) -> pa.Array:
    """Values where `keep`, null elsewhere and for NaN."""
    return pa.array(values, mask=~keep, from_pandas=True) if type_ is None else pa.array(values, mask=~keep, from_pandas=True).cast(type_)


def _where(lists: pa.ListArray, keep: Bools, item: pa.DataType) -> pa.Array:
    """The lists where `keep`, null elsewhere."""
    return pc.if_else(pa.array(keep), lists, pa.nulls(len(lists), pa.list_(item)))


def _parts(parts: dict[str, Floats], keep: Bools) -> pa.MapArray:
    """Known parts of the limit in whole fen."""
    values = np.vstack(list(parts.values())).T
    has = ~np.isnan(values) & keep[:, None]
    names = np.broadcast_to(np.array(list(parts)), values.shape)
    offsets = np.concatenate([[0], np.cumsum(has.sum(axis=1))]).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), pa.array(names[has]), pa.array(np.round(values[has]).astype(np.int64)))


def _fired(readings: dict[str, warnings.Reading], fires: dict[str, Bools], gap: Bools, active: Bools) -> pa.ListArray:
    """What is reported tonight per firm: the rules that fire, and DATA_GAP."""
    rules = [*readings, warnings.GAP]
    hit = np.vstack([*[fires[r] for r in readings], gap]).T & active[:, None]
    level = np.vstack([*[np.array(warnings.LEVELS)[r.level] for r in readings.values()], np.full(len(gap), "gap")]).T
    value = np.vstack([*[r.value for r in readings.values()], np.full(len(gap), np.nan)]).T
    threshold = np.vstack([*[r.threshold for r in readings.values()], np.full(len(gap), np.nan)]).T
    offsets = np.concatenate([[0], np.cumsum(hit.sum(axis=1))]).astype(np.int32)
    items = [np.broadcast_to(np.array(rules), hit.shape)[hit], level[hit]]
    numbers = [pa.array(v[hit], from_pandas=True) for v in (value, threshold)]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays([*map(pa.array, items), *numbers], fields=list(WARNING)))

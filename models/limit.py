"""Limit of a flow loan (domain D): what turnover, repayment ability and existing debt allow, in CNY fen.

Amounts are whole fen held in float64 (exact up to 2^53). A limit is unknown (NaN) when an amount it needs is unknown:
an unknown never becomes a zero limit, nor a high one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.scorecard import TURNOVER_FACTOR

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CNY = 100.0
CAP, FIRST_LOAN_CAP = 3_000_000 * CNY, 500_000 * CNY
STEP, SMALLEST = 10_000 * CNY, 30_000 * CNY
VAT_RATE, VAT_FACTOR = 0.13, 1.5
NET_SHARE, BALANCE_SHARE, DEBT_SHARE, PRINCIPAL_SHARE = 0.70, 0.5, 0.40, 0.5
GROWTH = 1.20
CONFIDENCE_FACTOR = {"HIGH": 1.0, "MEDIUM": 0.8, "LOW": 0.5}
WARNING_FACTOR = (1.0, 0.9, 0.5, 0.0)
"""By warning level: none, yellow, orange, red."""


@dataclass(frozen=True)
class LimitInputs:
    """What a limit is made of, one value per firm. Amounts in fen, shares 0 to 1, NaN = unknown."""

    op_in_12m: Floats
    op_in_6m: Floats
    op_in_3m: Floats
    op_in_3m_year_before: Floats
    op_in_12m_year_before: Floats
    covered_months: Floats
    vat_sales_12m: Floats
    related_share: Floats
    receipts_share: Floats
    circular_share: Floats
    low_quality_share: Floats
    op_net_12m: Floats
    avg_balance_12m: Floats
    debt_service_12m: Floats
    unsecured_balance: Floats
    highest_before: Floats


@dataclass(frozen=True)
class Limit:
    """Limit in fen (NaN unknown), the part that binds, and all parts in fen."""

    fen: Floats
    binding: list[str | None]
    parts: dict[str, Floats]


def season(f: LimitInputs) -> Floats:
    """Mean quarter of the year before over the same three months of it, 0.5 to 2; 1 without 24 covered months."""
    with np.errstate(invalid="ignore", divide="ignore"):
        s = f.op_in_12m_year_before / 4 / f.op_in_3m_year_before
    usable = (f.covered_months >= 24) & np.isfinite(s)
    return np.where(usable, np.clip(s, 0.5, 2.0), 1.0)


def turnover(f: LimitInputs) -> Floats:
    """T: the most careful view of a year's operating inflow, without related and circular money and grade-D banks."""
    clean = 1 - np.minimum(0.9, _zero(f.related_share) * np.nan_to_num(f.receipts_share, nan=1.0) + _zero(f.circular_share))
    good_banks = 1 - _zero(f.low_quality_share)
    yearly = np.minimum.reduce([f.op_in_12m, 2 * f.op_in_6m, 4 * f.op_in_3m * season(f)]) * good_banks
    by_vat = np.where(np.isnan(f.vat_sales_12m), np.inf, VAT_FACTOR * f.vat_sales_12m * (1 + VAT_RATE))
    return clean * np.minimum(yearly, by_vat)


def _zero(x: Floats) -> Floats:
    return np.nan_to_num(x, nan=0.0)


def flow_limit(
    f: LimitInputs, *, grade: Ints, confidence: npt.NDArray[np.str_], warning: Ints, first_loan: Bools, closed: Bools, rate: float
) -> Limit:  # fmt: skip
    """Limit by grade (positions in GRADES), confidence and warning level (0 none to 3 red); `closed`: an override closed it.

    `rate` is the yearly rate, 0.05 = 5 %. Upward at most 20 % above the highest limit of the last 12 months.
    """
    t = turnover(f)
    parts = {
        "turnover": np.array(TURNOVER_FACTOR)[grade] * t,
        "repayment": (NET_SHARE * f.op_net_12m + BALANCE_SHARE * f.avg_balance_12m - f.debt_service_12m) / (rate + PRINCIPAL_SHARE),
        "debt": DEBT_SHARE * t - f.unsecured_balance,
        "cap": np.where(first_loan, FIRST_LOAN_CAP, CAP),
    }
    stacked = np.vstack(list(parts.values()))
    unknown = np.isnan(stacked).any(axis=0)
    binding = np.where(unknown, -1, np.where(unknown, np.inf, stacked).argmin(axis=0))
    factors = np.array([CONFIDENCE_FACTOR[c] for c in confidence]) * np.array(WARNING_FACTOR)[warning]
    amount = stacked.min(axis=0) * factors
    ceiling = np.where(f.highest_before > 0, GROWTH * f.highest_before, np.inf)
    grown = amount > ceiling
    amount = np.floor(np.maximum(np.minimum(amount, ceiling), 0) / STEP + 1e-9) * STEP
    small = (amount < SMALLEST) & ~unknown
    fen = np.where(closed, 0.0, np.where(small, 0.0, amount))
    names = [*parts]
    labels = [
        "override" if c else None if k < 0 else "warning" if w == 3 else "growth" if g else names[k]
        for c, k, w, g in zip(closed, binding, warning, grown, strict=True)
    ]
    growth = np.where(np.isfinite(ceiling), ceiling, np.nan)
    return Limit(fen, labels, {"adjusted_turnover": t, **parts, "growth": growth})

"""Segment, confidence and calibration group of a firm (domain D)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]

MIN_MONTHS, STANDARD_MONTHS, FULL_MONTHS = 6, 12, 24
CONFIDENCE = ("HIGH", "MEDIUM", "LOW")
GROUPS = ("STANDARD", "THIN", "FIRST")
"""Calibration groups: a credit-invisible firm has its own, whatever its segment."""


def segment(covered_months: npt.NDArray[np.float64]) -> Strings:
    """STANDARD from 12 covered months, THIN from 6, else NO_FLOW (a null counts as none)."""
    months = np.nan_to_num(covered_months, nan=0.0)
    return np.where(months >= STANDARD_MONTHS, "STANDARD", np.where(months >= MIN_MONTHS, "THIN", "NO_FLOW"))


def calibration_group(segments: Strings, invisible: Bools) -> Strings:
    """Group whose intercept calibrates the firm."""
    return np.where(invisible, "FIRST", np.where(segments == "NO_FLOW", "THIN", segments))


def confidence(
    segments: Strings, covered_months: npt.NDArray[np.float64], tax_covered: Bools,
    coverage_share: npt.NDArray[np.float64], low_quality_share: npt.NDArray[np.float64],
) -> Strings:  # fmt: skip
    """HIGH, MEDIUM or LOW. An unknown coverage share is no reason for HIGH; an unknown bank quality is none for LOW."""
    share = np.nan_to_num(coverage_share, nan=0.9)
    low = (segments != "STANDARD") | (share < 0.90) | (np.nan_to_num(low_quality_share, nan=0.0) > 0.5)
    high = (np.nan_to_num(covered_months, nan=0.0) >= FULL_MONTHS) & tax_covered & (share >= 0.98)
    return np.where(low, "LOW", np.where(high, "HIGH", "MEDIUM"))

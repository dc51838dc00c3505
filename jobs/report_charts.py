"""Charts of the report as static SVG: no script and no request when the page is opened."""

from __future__ import annotations

import re
from typing import Any

import vl_convert

from jobs.report_read import Row
from jobs.report_scores import BIN
from models.scorecard import GRADES, OFFSET, PD_BOUNDS, raw_score

INK, SOFT, LINE, BLUE = "#22303c", "#64717e", "#e3e8ec", "#3f6f9f"
GRADE_COLOURS = ("#1f6f63", "#2f8473", "#4f9a85", "#7fb196", "#b3c3a0", "#d9c48f", "#e0a868", "#d58450", "#c25c40", "#9c3a35")
FONT = "Helvetica, Arial, 'Noto Sans CJK SC', sans-serif"
_CONFIG: dict[str, Any] = {
    "background": None, "font": FONT, "view": {"stroke": None},
    "axis": {"labelColor": SOFT, "titleColor": SOFT, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": LINE,
             "domainColor": LINE, "tickColor": LINE, "labelPadding": 6},
    "text": {"fontSize": 12, "color": INK},
}  # fmt: skip


def _svg(spec: dict[str, Any], label: str) -> str:
    """The spec as an SVG that grows with its column, with a label for readers of the screen."""
    text = vl_convert.vegalite_to_svg({"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": _CONFIG, **spec})
    size = re.search(r'viewBox="0 0 (\d+(?:\.\d+)?) ', text)
    width = size[1] if size else "640"
    # ids count up over the life of the process: two pages of one night would differ, two charts of one page could meet
    for k, name in enumerate(dict.fromkeys(re.findall(r'id="([^"]+)"', text))):
        text = text.replace(f'id="{name}"', f'id="{label.replace(" ", "-")}-{k}"').replace(
            f"url(#{name})", f"url(#{label.replace(' ', '-')}-{k})"
        )
    return re.sub(
        r'width="[\d.]+" height="[\d.]+"',
        f'role="img" aria-label="{label}" style="width:100%;max-width:{width}px;height:auto"',
        text,
        count=1,
    )


def grade_chart(grades: list[Row]) -> str:
    """Firms per grade, best to worst, with the count on each bar."""
    bars = {
        "x": {
            "field": "grade",
            "type": "nominal",
            "sort": list(GRADES),
            "title": None,
            "axis": {"labelAngle": 0, "ticks": False, "labelFontSize": 13},
        }
    }
    y = {"field": "n", "type": "quantitative", "title": "firms", "axis": {"tickCount": 4, "domain": False, "ticks": False}}
    colour = {"field": "grade", "type": "nominal", "scale": {"domain": list(GRADES), "range": list(GRADE_COLOURS)}, "legend": None}
    spec = {
        "width": 560, "height": 220, "data": {"values": [{"grade": g["grade"], "n": g["n"]} for g in grades]},
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2, "width": {"band": 0.72}}, "encoding": {**bars, "y": y, "color": colour}},
            {"mark": {"type": "text", "dy": -8}, "encoding": {**bars, "y": y, "text": {"field": "n", "type": "quantitative", "format": ","}}},
        ],
    }  # fmt: skip
    return _svg(spec, "firms by grade")


def score_chart(histogram: list[Row]) -> str:
    """Distribution of the score in steps of 20 points, with the bounds of the grades as thin lines."""
    import numpy as np

    odds = np.log(np.array(PD_BOUNDS) / (1 - np.array(PD_BOUNDS)))
    bounds = [{"at": float(x), "grade": g} for x, g in zip(raw_score(odds), GRADES)]
    lows = [h["low"] for h in histogram]
    domain = [min([*lows, 440]) - BIN, max([*lows, round(OFFSET + 350)]) + 2 * BIN]
    values = [{"low": h["low"], "high": h["low"] + BIN, "n": h["n"]} for h in histogram]
    x = {
        "type": "quantitative",
        "scale": {"domain": domain, "nice": False},
        "title": "score",
        "axis": {"grid": False, "tickCount": 8, "format": "d"},
    }
    y = {"type": "quantitative", "field": "n", "title": "firms", "axis": {"tickCount": 4, "domain": False, "ticks": False}}
    spec = {
        "width": 560, "height": 220,
        "layer": [
            {"data": {"values": values}, "mark": {"type": "bar", "color": BLUE, "binSpacing": 1},
             "encoding": {"x": {"field": "low", "bin": {"binned": True, "step": BIN}, **x}, "x2": {"field": "high"}, "y": y}},
            {"data": {"values": bounds}, "mark": {"type": "rule", "color": SOFT, "strokeDash": [2, 4], "opacity": 0.7}, "encoding": {"x": {"field": "at", **x}}},
            {"data": {"values": bounds}, "mark": {"type": "text", "y": 4, "dx": 4, "align": "left", "fontSize": 10, "color": SOFT},
             "encoding": {"x": {"field": "at", **x}, "text": {"field": "grade", "type": "nominal"}}},
        ],
    }  # fmt: skip
    return _svg(spec, "distribution of the score")

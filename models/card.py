"""The model card: what a model is for, what it was trained on, how good it is, and where it must not be used."""

from __future__ import annotations

from datetime import date
from typing import Any

from models.bundle import Bundle
from models.inputs import inputs_hash

PURPOSE = "Probability that a small firm with a loan defaults within 12 months, from account flows, tax, court, registry and loan data."
NON_USES = (
    "Not for natural persons as such, not for firms with fewer than 6 covered months, not for prices or wages.",
    "Not the only ground for a refusal: a person decides, sees the reasons and may lower or (at most two grades) raise a grade.",
)
LABEL = (
    "Bad: within 12 months 90 days past due on at least 1,000 CNY and 1 % of the balance, write-off, class 3 or worse, or distressed "
    "restructuring, on any loan of the firm. Good: all 12 months seen, or repaid, never more than 30 days past due. 31 to 89 days: kept out of "
    "training, counted as not bad in calibration and test."
)
LIMITS = (
    "Only firms that got a loan have an outcome: what refused firms would have done is not known and not inferred.",
    "Firms without any loan before (credit-invisible) are calibrated on first loans only and capped at grade A.",
    "Firm age, industry and size enter the model as an indicator and through peer groups. Gender and ownership never do.",
)
FRAME = "SR 26-2 (model risk); Interim Measures on Internet Loans of Commercial Banks, chapter 3; PBoC guidance on ethics in financial technology."


def card(bundle: Bundle, as_of: date) -> dict[str, Any]:
    """The card as plain data."""
    review = date(as_of.year + 1, as_of.month, min(as_of.day, 28))
    return {
        "model_id": bundle.model_id, "kind": bundle.kind, "purpose": PURPOSE, "non_uses": list(NON_USES), "label": LABEL,
        "population": "Active small firms with at least 6 covered months and a loan; see exclusions of the sample release.",
        "sample": bundle.release, "split": "firms 60/20/20 by hash; out of time: the last two matured quarters, test firms only",
        "inputs": len(bundle.inputs), "inputs_sha256": inputs_hash(bundle.inputs), "constrained": sum(i.monotone != 0 for i in bundle.inputs),
        "dropped": [{"name": d.name, "reason": d.reason} for d in bundle.dropped], "params": bundle.params,
        "calibration": {"b": bundle.calibration.b, "intercepts": bundle.calibration.intercepts}, "metrics": bundle.metrics,
        "limits": list(LIMITS), "frame": FRAME, "trained_as_of": as_of.isoformat(), "next_review": review.isoformat(), "versions": bundle.versions,
    }  # fmt: skip


def _figure(value: float | None, digits: int = 3) -> str:
    return "not measurable" if value is None else f"{value:.{digits}f}"


def _sample_lines(name: str, m: dict[str, Any]) -> list[str]:
    few = " **Few bads: read the interval, not the figure.**" if m["few_bads"] else ""
    lines = [f"### {name}", "", f"{m['rows']} observations of {m['firms']} firms, {m['bads']} bad ({m['defaults']} defaults).{few}", ""]
    lines += ["| Figure | Value | 95 % interval | Verdict |", "|---|---|---|---|"]
    for key, e in {"auc": m["auc"], "ks": m["ks"], **m["calibration"]}.items():
        what = key.upper() if len(key) < 4 else key.replace("_", " ")
        lines.append(f"| {what} | {_figure(e['value'])} | {_figure(e['low'])} to {_figure(e['high'])} | {m['verdicts'][key]} |")
    lines.append(f"| Bads in the worst decile | {_figure(m['worst_decile_share'])} | | {m['verdicts']['worst_decile']} |")
    lines += ["", "| Grade | Rows | Bads | Expected | Jeffreys |", "|---|---|---|---|---|"]
    lines += [f"| {g['grade']} | {g['rows']} | {g['bads']} | {g['expected']:.1f} | {g['colour']} |" for g in m["grades"]]
    return [*lines, ""]


def markdown(c: dict[str, Any]) -> str:
    """The card for people."""
    drop = c["metrics"]["test_minus_oot"]
    lines = [f"# Model {c['model_id']}", "", c["purpose"], "", "## Use", "", *[f"- {t}" for t in c["non_uses"]], ""]
    lines += [
        "## Data",
        "",
        c["label"],
        "",
        f"- {c['population']}",
        f"- Sample release {c['sample']['release_id']}, digest {c['sample']['digest']}",
    ]
    lines += [
        f"- Split: {c['split']}",
        f"- {c['inputs']} inputs ({c['constrained']} with a monotone sign), digest {c['inputs_sha256']}",
        "",
    ]
    if c["dropped"]:
        lines += ["Not read by this model:", "", *[f"- {d['name']}: {d['reason']}" for d in c["dropped"]], ""]
    lines += ["## How good", "", *_sample_lines("Test firms, quarters trained on", c["metrics"]["test"])]
    lines += _sample_lines("Test firms, last two quarters (out of time)", c["metrics"]["oot"])
    lines += _sample_lines("Test firms, all quarters", c["metrics"]["held_out"])
    lines += [
        f"Test minus out-of-time AUC: {_figure(drop['value'])} ({drop['verdict']}). Score stability (PSI): {_figure(c['metrics']['psi']['value'])}.",
        "",
    ]
    lines += ["## Limits", "", *[f"- {t}" for t in c["limits"]], "", f"Frame: {c['frame']}", ""]
    lines += [f"Trained as of {c['trained_as_of']}, next review {c['next_review']}. Versions: {c['versions']}.", ""]
    return "\n".join(lines)

"""The gate: Great Expectations judges the night's violations, contracts and identity; what happens next follows its result.

One checkpoint per night and source over three small inputs: the violations (counted by rule and severity, with at most
`EXAMPLES` rows each as evidence; the rules themselves ran once, in Spark), dq.contract, and the reconciliation by bank and
type. They are small, so the pandas engine judges them in a second where the Spark engine would run every query twice.
A critical failure blocks its scopes, a warning quarantines them, info is told; a failed identity or contract stops the run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from expectations.rules import Rule
from lake.tables import table

log = logging.getLogger(__name__)
EXAMPLES = 200
"""Violations of one rule and severity that Data Docs shows; how many there are in all stands beside them."""
SHOWN = ["rule_id", "bank_id", "biz_date", "scope_kind", "scope_key", "expected", "actual"]


@dataclass(frozen=True)
class Verdict:
    """What the gate decided: rows of dq.gate, and whether the run must stop."""

    rows: list[dict[str, Any]]
    stop: list[str]


def warm_up() -> None:
    """Import Great Expectations, which takes seconds; safe to call while Spark works."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations  # noqa: F401


def judge(
    folder: Path, source: str, as_of: date, rules: Sequence[Rule], counts: Mapping[tuple[str, str], int], examples: pd.DataFrame,
    contract: pd.DataFrame, identity: pd.DataFrame,
) -> Verdict:  # fmt: skip
    """Run the checkpoint, write Data Docs into `folder`, and return what it decided.

    `counts`: violations by (rule, severity); `examples`: rows with SHOWN and `finding` = "rule severity"; `contract`:
    table_name, column_name, forbidden_nulls, out_of_set; `identity`: bank_id, file_type, received, accounted, gap.
    """
    warm_up()
    import great_expectations as gx
    from great_expectations.checkpoint.actions import UpdateDataDocsAction, ValidationAction
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from expectations import suites

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.add_data_docs_site("dq", {
        "class_name": "SiteBuilder", "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    })  # fmt: skip
    frames = {"violations": examples, "contract": contract, "identity": identity}
    built = {"violations": suites.violations(rules, counts), "contract": suites.contract(), "identity": suites.identity()}
    data = context.data_sources.add_pandas(source)
    results: dict[str, Any] = {}
    for name, suite in built.items():
        batch = data.add_dataframe_asset(name).add_batch_definition_whole_dataframe(f"{source} {as_of}")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=f"{source}-{name}", data=batch, suite=context.suites.add(suite))
        )
        actions: list[ValidationAction] = [UpdateDataDocsAction(name="docs", site_names=["dq"])]
        evidence = {"unexpected_index_column_names": SHOWN, "partial_unexpected_count": 20} if name == "violations" else {}
        shape: dict[str, Any] = {"result_format": "SUMMARY", **evidence}
        checkpoint = gx.Checkpoint(name=f"{source}-{name}", validation_definitions=[definition], actions=actions, result_format=shape)
        run = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frames[name]})
        results[name] = next(iter(run.run_results.values()))
    return _verdict(results, source, as_of, counts)


def _verdict(results: Mapping[str, Any], source: str, as_of: date, counts: Mapping[tuple[str, str], int]) -> Verdict:
    rows, stop = [], []
    for name, result in results.items():
        for r in result.results:
            meta = r.expectation_config.meta
            broken = r.exception_info.get("raised_exception") if "raised_exception" in r.exception_info else bool(r.exception_info)
            action = "stop" if broken else meta["action"]
            observed = counts.get((meta["rule"], meta["action"]), 0) if name == "violations" else r.result.get("unexpected_count", 0)
            if action == "stop" and not r.success:
                stop.append(f"{meta['rule']}: {observed} rows")
            rows.append({
                "checkpoint": name, "source": source, "expectation": f"{meta['rule']} {meta['action']}", "severity": r.expectation_config.severity.value,
                "action": action, "success": bool(r.success), "observed": observed, "message": meta["sentence"], "as_of": as_of,
            })  # fmt: skip
    names = table("dq.gate").names
    return Verdict([{k: row[k] for k in names} for row in sorted(rows, key=lambda r: (r["checkpoint"], r["expectation"]))], stop)

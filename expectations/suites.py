"""Great Expectations suites of the gate, built from the rules. Importing this module imports Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from great_expectations import ExpectationSuite
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
from great_expectations.expectations.core.expect_column_values_to_not_be_in_set import ExpectColumnValuesToNotBeInSet
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.rules import Rule

CRITICAL = FailureSeverity.CRITICAL
LEVELS = {"block": CRITICAL, "quarantine": FailureSeverity.WARNING, "warn": FailureSeverity.INFO}


class ExpectNoViolations(ExpectColumnValuesToNotBeInSet):
    """No row of the night broke the rule (`value_set` names rule and severity)."""


class ExpectNone(ExpectColumnValuesToBeBetween):
    """A count that must be 0 in every row."""


class ExpectValidRows(ExpectNoViolations):
    """Validity rules: what was sent can be read and is possible."""


class ExpectContinuousBalances(ExpectNoViolations):
    """Continuity rules: balances follow from each other and from the transactions."""


class ExpectMatchingTotals(ExpectNoViolations):
    """Totals rules: accounts add up to the general ledger."""


class ExpectMatchingControls(ExpectNoViolations):
    """Control rules: what was received is what the bank's second channel states."""


FAMILY: dict[str, type[ExpectNoViolations]] = {
    "validity": ExpectValidRows, "continuity": ExpectContinuousBalances, "totals": ExpectMatchingTotals, "control": ExpectMatchingControls,
}  # fmt: skip


def violations(rules: Sequence[Rule], counts: Mapping[tuple[str, str], int]) -> ExpectationSuite:
    """One expectation per rule and severity; its meta says what it demands, of which scope, with which tolerance."""
    suite = ExpectationSuite(name="violations")
    for r in rules:
        for severity in r.severities:
            n = counts.get((r.id, severity), 0)
            meta = {
                "rule": r.id, "action": severity, "scope": r.scope, "tolerance": r.tolerance, "sentence": r.sentence, "sentence_zh": r.sentence_zh,
                "violations": n, "title_zh": r.title_zh,
            }  # fmt: skip
            text = (
                f"{r.id} {r.title} ({severity}): {n} violations. {r.sentence} {r.sentence_zh} Scope: {r.scope}. Tolerance: {r.tolerance}."
            )
            expect = FAMILY[r.family]
            suite.add_expectation(
                expect(column="finding", value_set=[f"{r.id} {severity}"], severity=LEVELS[severity], meta=meta, description=text)
            )
    return suite


def _stop(rule: str, sentence: str, sentence_zh: str) -> dict[str, object]:
    return {"rule": rule, "action": "stop", "sentence": sentence, "sentence_zh": sentence_zh}


def contract() -> ExpectationSuite:
    """Columns hold what the registry promises."""
    suite = ExpectationSuite(name="contract")
    texts = {
        "forbidden_nulls": ("A column that is never null holds nulls.", "不可为空的列出现空值。"),
        "out_of_set": ("A column with a fixed set of values holds others.", "有固定取值的列出现其他值。"),
    }
    for column, (sentence, zh) in texts.items():
        meta = _stop(column, sentence, zh)
        text = f"{sentence} {zh}"
        suite.add_expectation(ExpectNone(column=column, min_value=0, max_value=0, severity=CRITICAL, meta=meta, description=text))
    return suite


def identity() -> ExpectationSuite:
    """Received rows are accounted for, per bank and file type, in rows and in amount."""
    suite = ExpectationSuite(name="identity")
    texts = {
        "gap": ("Rows received are not all accepted, parked or counted otherwise.", "收到的行未全部入账、隔离或另行计数。"),
        "amount_gap": ("Amounts received are not all accounted for.", "收到的金额未全部核算。"),
    }
    for column, (sentence, zh) in texts.items():
        meta = _stop(column, sentence, zh)
        text = f"{sentence} {zh}"
        suite.add_expectation(ExpectNone(column=column, min_value=0, max_value=0, severity=CRITICAL, meta=meta, description=text))
    return suite

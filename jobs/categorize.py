"""What a payment is for: the category of a transaction, by reference rules in a fixed order (domain A).

Pure: `categorize(rows, …)` takes the facts about a row and its counterparty and adds `category`. First match wins:
reversal, own transfer, the rules of conf/ref/ref_purpose_rule.csv by priority with two steps of our own in between
(a wage run to at least 3 persons counts as wages where the wage rules stand; after the trade rules an invoice between the
parties, or a credit from a person to a firm of sections F, H or O, is trade). Who the party is stays beside the category.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake.errors import ConfigError

REVERSAL = "reversal"
"""Category of a reversing row; it lies outside every flow tile."""
KINDS = ("corp", "person", "gov", "fin", "platform")
LITERALS = re.compile(r"[^\\^$.*+?()\[\]{}]+")
CONSUMER_SECTIONS = ("F", "H", "O")
"""Trade, catering and resident services: what persons pay them is a sale."""
WAGE_STEP = 300
TRADE_END = 2200
"""Priorities at which the steps of our own stand: before the first wage rule, after the last trade rule."""


@dataclass(frozen=True)
class PurposeRule:
    """One rule: all given conditions must hold. `codes` purpose codes, `regex` over the summary, `kind` of the counterparty."""

    priority: int
    side: str
    codes: tuple[str, ...]
    regex: str
    kind: str
    category: str


def purpose_rules(rows: Sequence[dict[str, str]]) -> list[PurposeRule]:
    """Rules of the reference table in order; raises ConfigError for one that cannot be read."""
    found = []
    for r in rows:
        codes = tuple(filter(None, r["codes"].split(";")))
        if (
            r["side"] not in ("C", "D")
            or r["kind"] not in ("", "related", "risk", *KINDS)
            or not r["category"]
            or not r["priority"].isdigit()
        ):
            raise ConfigError(
                f"conf/ref/ref_purpose_rule.csv: this rule cannot be read: {r}. Expected side C or D, a known kind, a category."
            )
        found.append(PurposeRule(int(r["priority"]), r["side"], codes, r["regex"], r["kind"], r["category"]))
    return sorted(found, key=lambda r: (r.priority, r.side))


def matches(text: Column, pattern: str) -> Column:
    """Whether a text contains what `pattern` describes. Plain words joined by | are looked for as such, which is ten times faster."""
    words = pattern.split("|")
    if not all(LITERALS.fullmatch(w) for w in words):
        return F.coalesce(text.rlike(pattern), F.lit(False))
    found = F.lit(False)
    for w in words:
        found = found | text.contains(w)
    return F.coalesce(found, F.lit(False))


def _holds(rule: PurposeRule) -> Column:
    condition = F.col("dr_cr") == rule.side
    if rule.codes:
        condition = condition & F.coalesce(F.col("purpose_code").isin(*rule.codes), F.lit(False))
    if rule.kind == "related":
        condition = condition & F.col("is_related")
    elif rule.kind == "risk":
        condition = condition & F.col("is_risk")
    elif rule.kind:
        condition = condition & F.coalesce(F.col("cpty_kind") == rule.kind, F.lit(False))
    return condition & matches(F.col("summary_masked"), rule.regex) if rule.regex else condition


def category(rules: Sequence[PurposeRule]) -> Column:
    """The category as one expression over the columns that `categorize` lists."""
    credit = F.col("dr_cr") == "C"
    by_side = [
        (F.col("reversal_flag") == "R", F.lit(REVERSAL)),
        (F.coalesce(F.col("cpty_kind") == "own", F.lit(False)), F.when(credit, "own_transfer_in").otherwise("own_transfer_out")),
    ]
    trade = F.col("has_invoice") | (
        credit & F.coalesce((F.col("cpty_kind") == "person") & F.col("firm_section").isin(*CONSUMER_SECTIONS), F.lit(False))
    )
    steps = [(WAGE_STEP - 1, ~credit & F.col("wage_batch"), F.lit("wage"))]
    steps += [(r.priority, _holds(r), F.lit(r.category)) for r in rules]
    steps += [(TRADE_END - 1, trade, F.when(credit, "sales_receipt").otherwise("supplier_payment"))]
    expression = F.when(*by_side[0]).when(*by_side[1])
    for _, condition, value in sorted(steps, key=lambda s: s[0]):
        expression = expression.when(condition, value)
    return expression.otherwise(F.when(credit, "other_in").otherwise("other_out"))


def categorize(rows: DataFrame, rules: Sequence[PurposeRule]) -> DataFrame:
    """`rows` with `category`.

    Needs dr_cr, reversal_flag, purpose_code, summary_masked, cpty_kind, firm_section, and the facts is_related, is_risk,
    has_invoice, wage_batch (boolean, never null).
    """
    return rows.withColumn("category", category(rules))

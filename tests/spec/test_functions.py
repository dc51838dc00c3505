"""Every example of `conf/catalogue/functions.md` on every engine: kernels, reference, and SQL where there is a form."""

from __future__ import annotations

from pathlib import Path

import engines
import pytest

from features import formula, spec
from features.vocabulary import FUNCTIONS
from lake.errors import ContractBroken

SECTIONS = spec.load()
EXAMPLES = [e for s in SECTIONS for e in s.examples]
CASES = [(w, e) for e in EXAMPLES for w in engines.ENGINES if engines.has(w, engines.compiled_formula(e.formula, e.day))]
REGISTERED = spec._rows("registration", ["| row | 0 |"])


@pytest.mark.parametrize(("which", "example"), CASES, ids=[f"{w} {k} {e.function}: {e.title}" for k, (w, e) in enumerate(CASES)])
def test_the_example_holds(which: str, example: spec.Example) -> None:
    c = engines.compiled_formula(example.formula, example.day)
    found = engines.value(which, c, {"registration": REGISTERED} | example.tiles, spec.FIRM, spec.AS_OF)
    expected = example.expected
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-5, abs=1e-9)), example.formula


def test_every_function_has_a_meaning_and_an_example_that_calls_it() -> None:
    called = {s.function: [e for e in s.examples if s.function in formula.functions(formula.parse(e.formula, "spec"))] for s in SECTIONS}
    assert set(called) - set(FUNCTIONS) == {"values of the register"}
    assert [f for f in FUNCTIONS if not called.get(f)] == []
    assert [s.function for s in SECTIONS if not s.meaning] == []


def test_the_rules_of_null_and_coverage_are_among_the_examples() -> None:
    nulls = {e.function for e in EXAMPLES if e.expected is None}
    assert {
        "sum",
        "std",
        "slope",
        "corr",
        "acf",
        "seascorr",
        "mdd",
        "hhi",
        "retain_n",
        "newshare_n",
        "ev_n",
        "rg_n",
        "day_mdd",
        "peer_pct",
    } <= nulls
    assert sum(engines.has("sql", engines.compiled_formula(e.formula, e.day)) for e in EXAMPLES) > 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## sum\n\nx\n\n### t\n\nsum(fm.op_in_amt,3) = 1\n", "expected a line like"),
        (
            "## sum\n\nx\n\n### t\n\n`sum(fm.op_in_amt,3)` = 1\n\n```\nfirm_month\n| months ago | 0 |\n| inflow | 1 |\n```\n",
            "no column 'inflow'",
        ),
    ],
)
def test_an_example_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    path = tmp_path / "functions.md"
    path.write_text("\n" + text, encoding="utf-8")
    monkeypatch.setattr(spec, "FILE", path)
    with pytest.raises(ContractBroken, match=said):
        spec.load.__wrapped__()

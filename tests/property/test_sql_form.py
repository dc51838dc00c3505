"""The second opinion: every indicator that has a SQL form has the same value in DuckDB as in the kernels."""

from __future__ import annotations

import math
from datetime import date

import pyarrow as pa
import random_tiles
import sql_tiles
from hypothesis import given, settings
from hypothesis import strategies as st

from features import compiled, sql_form
from features.batch import Batch, Bucket
from features.engine import evaluate, to_arrow

FORMS = [c for c in compiled.load() if sql_form.has_form(c)]
DATES = st.sampled_from([date(2026, 9, 14), date(2026, 3, 31), date(2024, 2, 29), date(2026, 1, 4), date(2026, 1, 5)])


def kernels(rows: dict, as_of: date) -> list[dict]:
    batch = Batch(Bucket.of(random_tiles.tables(rows)), as_of)
    return pa.table({"firm_id": batch.firms} | to_arrow(evaluate(batch, FORMS), FORMS)).to_pylist()


def same(a: float | None, b: float | None) -> bool:
    return a is None and b is None if a is None or b is None else math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**9), as_of=DATES)
def test_kernels_and_sql_agree(seed: int, as_of: date) -> None:
    rows = random_tiles.random_rows(seed, 20, as_of)
    sql = sql_tiles.values(rows, as_of, FORMS)
    for fast in kernels(rows, as_of):
        other = sql[fast["firm_id"]]
        wrong = [(c.indicator.id, c.indicator.formula, fast[c.indicator.name], other[c.indicator.name]) for c in FORMS]
        wrong = [w for w in wrong if not same(w[2], w[3])]
        assert wrong == [], f"firm {fast['firm_id']}: id, formula, kernels, SQL"


def test_which_indicators_have_a_form() -> None:
    """Every indicator that reads firm_month or categories alone, months and buckets, but ranks, runs and drawdowns."""
    without = [
        c.indicator.id
        for c in compiled.load()
        if c.calendar != "tax" and c.tiles <= {"firm_month", "firm_category_month"} and not sql_form.has_form(c)
    ]
    assert without == ["FS038", "EB040", "EB041", "EB042", "ST009", "ST013", "ST014", "ST030", "ST033", "FU030"]
    assert len(FORMS) == 177


def test_random_firms_give_the_forms_something_to_say() -> None:
    rows = random_tiles.random_rows(1, 150)
    found = sql_tiles.values(rows, random_tiles.AS_OF, FORMS)
    poor = [c.indicator.id for c in FORMS if len({v[c.indicator.name] for v in found.values()} - {None}) < 2]
    assert poor == []

"""The fast kernels against the plain-Python reference, on random firms with everything that can go wrong."""

from __future__ import annotations

import math
import random
from datetime import date

import pyarrow as pa
import pytest
import random_tiles
from hypothesis import given, settings
from hypothesis import strategies as st

from features import compiled, reference
from features.batch import Batch, Bucket
from features.engine import evaluate, to_arrow

FIRMS = 12
DATES = st.sampled_from([date(2026, 9, 14), date(2026, 3, 31), date(2024, 2, 29), date(2026, 1, 3)])


def table(rows: dict, as_of: date) -> pa.Table:
    """All indicators of the firms of `rows`, by the kernels."""
    batch = Batch(Bucket.of(random_tiles.tables(rows)), as_of)
    return pa.table({"firm_id": batch.firms} | to_arrow(evaluate(batch, compiled.load()), compiled.load()))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9), as_of=DATES)
def test_all_370_equal_the_reference(seed: int, as_of: date) -> None:
    rows = random_tiles.random_rows(seed, FIRMS, as_of)
    for fast in table(rows, as_of).to_pylist():
        firm = reference.Firm.of(rows, fast["firm_id"], as_of)
        for c in compiled.load():
            slow, value = reference.indicator(c, firm), fast[c.indicator.name]
            same = value is None if slow is None else value is not None and math.isclose(value, slow, rel_tol=1e-9, abs_tol=1e-9)
            assert same, f"{c.indicator.id} {c.indicator.formula}: firm {fast['firm_id']}: kernels {value}, reference {slow}"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_order_of_rows_and_other_firms_change_nothing(seed: int) -> None:
    as_of = random_tiles.AS_OF
    rows = random_tiles.random_rows(seed, FIRMS, as_of)
    whole = table(rows, as_of)
    r = random.Random(seed)
    alone = {n: [x for x in found if x["firm_id"] == random_tiles.firm(3)] for n, found in rows.items()}
    mixed = {n: r.sample(found, len(found)) for n, found in alone.items()}
    assert table(mixed, as_of).to_pylist() == whole.slice(3, 1).to_pylist()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_rows_learnt_after_the_night_change_nothing(seed: int) -> None:
    as_of = random_tiles.AS_OF
    rows = random_tiles.random_rows(seed, FIRMS, as_of)
    limit = random_tiles.known_at(as_of).replace(tzinfo=random_tiles.SHANGHAI)
    before = {n: [x for x in found if x["available_at"] <= limit] for n, found in rows.items()}
    assert sum(map(len, before.values())) < sum(map(len, rows.values()))
    assert table(before, as_of).equals(table(rows, as_of))


def test_random_firms_reach_every_indicator() -> None:
    """A differential test over nulls proves nothing: each indicator must take several values."""
    found = table(random_tiles.random_rows(1, 150), random_tiles.AS_OF)
    poor = [c.indicator.id for c in compiled.load() if len(set(found.column(c.indicator.name).drop_null().to_pylist())) < 2]
    assert poor == []


@pytest.mark.parametrize("n", [19, 20])
def test_peer_ranks_need_twenty_values(n: int) -> None:
    import numpy as np

    from features.peers import peer_ranks

    values = [float(v % 7) for v in range(n)] + [math.nan, 5.0, 6.0]
    group = np.array([0] * (n + 1) + [1, -1])
    fast = peer_ranks(group, np.array(values))
    slow = reference.peer_pct([*values[:n], None])
    assert [None if math.isnan(v) else v for v in fast[: n + 1]] == slow
    assert (n < 20) == all(v is None for v in slow)
    assert np.isnan(fast[n + 1 :]).all()

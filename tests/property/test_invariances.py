"""What must not matter: order of rows and of files, who else is computed, the scale of amounts. And what random firms contain."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import random_tiles
from hypothesis import given, settings
from hypothesis import strategies as st

from features import compiled, vocabulary
from features.batch import Batch, Bucket
from features.engine import evaluate

AS_OF = random_tiles.AS_OF
ALIAS = {"firm_month": "fm", "tax_month": "tm", "loan": "ln", "network": "nw", "registration": "rg"}
OTHER_AMOUNTS = {
    "firm_category_month": {"amt"}, "firm_counterparty_month": {"in_amt", "out_amt"}, "court_event": {"amount"},
    "firm_day": {"close_bal", "in_amt", "out_amt", "op_in_amt", "op_out_amt"},
}  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def values(tables: dict[str, pa.Table], as_of: date = AS_OF) -> dict[str, dict[str, float]]:
    """Indicators of each firm before types, ranks still values to be ranked."""
    batch = Batch(Bucket.of(tables), as_of)
    found = evaluate(batch, compiled.load())
    return {f: {n: x[k] for n, x in found.items()} for k, f in enumerate(batch.firms.to_pylist())}


def equal(a: dict[str, float], b: dict[str, float]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n], equal_nan=True) for n in a)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_order_of_rows_and_of_files_does_not_matter(seed: int) -> None:
    """The same rows from one file, or shuffled over several that are read in any order, give the same bits."""
    rows, r = random_tiles.random_rows(seed, 12), random.Random(seed)
    whole = values(random_tiles.tables(rows))
    parts: dict[str, pa.Table] = {}
    for name, found in rows.items():
        mixed = r.sample(found, len(found))
        cuts = sorted(r.randrange(len(mixed) + 1) for _ in range(3))
        files = [random_tiles.arrow(name, mixed[a:b]) for a, b in zip([0, *cuts], [*cuts, len(mixed)])]
        parts[name] = pa.concat_tables(r.sample(files, len(files)))
    again = values(parts)
    assert all(equal(whole[f], again[f]) for f in whole) and whole.keys() == again.keys()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9), split=st.integers(1, 11))
def test_a_firm_more_or_less_and_another_bucket_change_nobody(seed: int, split: int) -> None:
    """Firms in one bucket or spread over two, with or without one of them: each keeps its values (ranks come later)."""
    rows = random_tiles.random_rows(seed, 12)

    def of(keep: set[str]) -> dict[str, dict[str, float]]:
        return values(random_tiles.tables({n: [x for x in found if x["firm_id"] in keep] for n, found in rows.items()}))

    firms = [random_tiles.firm(k) for k in range(12)]
    whole, less = of(set(firms)), of(set(firms) - {firms[split]})
    halves = of(set(firms[:split])) | of(set(firms[split:]))
    assert all(equal(whole[f], halves[f]) for f in firms)
    assert all(equal(whole[f], less[f]) for f in firms if f != firms[split])


def scaled(rows: Rows, factor: int) -> Rows:
    """Every amount of every tile times `factor`."""
    units = vocabulary.vocabulary().units
    found: Rows = {}
    for tile, many in rows.items():
        alias = ALIAS.get(tile, "fm" if tile == "firm_bucket" else "")
        names = {c for c in (many[0] if many else {}) if units.get((alias, c), "").startswith("fen") or c.startswith("cat_")}
        names |= OTHER_AMOUNTS.get(tile, set())
        found[tile] = [{k: v * factor if k in names and v is not None else v for k, v in row.items()} for row in many]
    return found


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_amounts_times_100_scale_amounts_and_nothing_else(seed: int) -> None:
    """Yuan for fen: indicators in CNY are a hundred times as large, ratios, counts, months and correlations stay."""
    rows = random_tiles.random_rows(seed, 12)
    before, after = values(random_tiles.tables(rows)), values(random_tiles.tables(scaled(rows, 100)))
    amounts = {c.indicator.name for c in compiled.load() if c.indicator.unit == "CNY"}
    ranked = {c.indicator.name for c in compiled.load() if c.peers}
    large = {"inflow_level_peer_pct_12m", "avg_daily_balance_peer_pct_3m"}  # the amount that is ranked later
    for firm, found in before.items():
        for name, value in found.items():
            factor = 100 if name in amounts | large else 1
            assert np.isclose(after[firm][name], value * factor, rtol=1e-8, atol=1e-8, equal_nan=True), (firm, name)
    assert large < ranked


def test_random_firms_contain_the_hard_cases() -> None:
    """The properties speak about 36 months of history, ties, single counterparties, gaps, dead firms and silent sources."""
    rows = random_tiles.random_rows(1, 150)
    months = rows["firm_month"]
    length = Counter(f for f, _ in {(r["firm_id"], r["month"]) for r in months})
    assert max(length.values()) > 36 and max(r["hist_months"] for r in months) == 36
    assert len({random_tiles.firm(k) for k in range(150)} - set(length)) > 5, "firms without any month"
    parties: dict[str, set[str]] = {}
    for r in rows["firm_counterparty_month"]:
        parties.setdefault(r["firm_id"], set()).add(r["cpty_id"])
    sizes = Counter(len(p) for p in parties.values())
    assert sizes[1] > 5 and max(sizes) >= 10
    sums = Counter((r["firm_id"], r["month"], r["in_amt"]) for r in rows["firm_counterparty_month"] if r["in_amt"])
    assert sum(n > 1 for n in sums.values()) > 50, "ties of amounts"
    assert sum(r["days_covered"] < 0.8 * r["days_in_month"] for r in months) > 100
    assert any(r["op_in_amt"] is None for r in months) and any(r["op_in_amt"] == 0 for r in months)
    assert {r["court_covered"] for r in rows["registration"]} == {True, False}

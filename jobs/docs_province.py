"""What the pages of the indicators say about a province: distributions, reasons of nulls, worked examples.

Reads the published night of a home and writes `docs/indicators/province.json`, from which `jobs docs` renders the pages
without a home. Values are those of the feature tables; a worked example that the reference does not reproduce is an error.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from features import compiled, intake, published, reference, worked
from features.batch import Batch, Bucket
from features.compiled import COVERAGE_OF, Compiled
from features.engine import TWO_WINDOWS, Engine, needs
from features.formula import Call, Constant, Kind, text, walk
from features.series import Bools, Floats, Series
from features.vocabulary import FUNCTIONS
from jobs.indicator_values import reach
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings

FILE = Path(__file__).resolve().parents[1] / "docs" / "indicators" / "province.json"
BARS = 20
SPARSE = 0.6
"""Share of nulls above which the reasons are listed."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def run(settings: Settings) -> Path:
    """Write the data file from the last published night of the home; returns its path."""
    night = published.night(settings.lake_uri)
    rows = {t: _dataset(settings, f"tile.{t}", night.versions) for t in intake.TILES if night.versions.get(f"tile.{t}") is not None}
    absent = sorted(set(intake.TILES) - set(rows))
    values: dict[str, pa.ChunkedArray] = {}
    for dimension in dict.fromkeys(c.indicator.dimension for c in compiled.load()):
        found = _dataset(settings, f"feature.{dimension}", night.versions).to_table(filter=ds.field("snapshot_date") == night.as_of)
        found = found.sort_by("firm_id")
        values |= {
            n: found.column(n)
            for n in found.column_names
            if n == "firm_id" or n not in ("snapshot_date", "event_timestamp", "created_timestamp")
        }
    firms = values.pop("firm_id").to_pylist()
    picks = {name: _picked(column) for name, column in values.items()}
    chosen = sorted({firms[k] for ks in picks.values() for k in ks})
    of_firm = _firms(rows, chosen, night.as_of)
    batch = Batch(Bucket.of({t: d.to_table(filter=reach(t, night.as_of)) for t, d in rows.items()}), night.as_of)
    if batch.firms.to_pylist() != firms:
        raise ContractBroken(
            f"the firms of tile.registration for {night.as_of} are not those of the feature tables. Publish the night again."
        )
    engine = Engine(batch)
    entries = {}
    for c in compiled.load():
        name, missing = c.indicator.name, sorted(needs(c) & set(absent))
        entry = _distribution(values[name])
        if missing:
            entry["absent"] = missing
        elif entry["null"] > SPARSE * len(firms):
            entry["reasons"] = _reasons(c, engine, np.asarray(values[name].is_null()))
        entry["examples"] = [_example(c, of_firm[firms[k]], values[name][k].as_py()) for k in picks[name]]
        entries[name] = entry
    FILE.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(n)}: {json.dumps(e, ensure_ascii=False, separators=(',', ':'))}" for n, e in entries.items())
    head = json.dumps({"as_of": str(night.as_of), "firms": len(firms), "absent": absent})
    FILE.write_text(f'{head[:-1]}, "indicators": {{\n{lines}\n}}}}\n', encoding="utf-8")
    return FILE


def _dataset(settings: Settings, name: str, versions: dict[str, int]) -> ds.Dataset:
    return store.open_table(store.uri(settings, name), versions[name]).to_pyarrow_dataset()


def _firms(rows: dict[str, ds.Dataset], chosen: list[str], as_of: Any) -> dict[str, reference.Firm]:
    """The chosen firms as the reference reads them."""
    tiles: dict[str, dict[str, list[Any]]] = {f: {t: [] for t in intake.TILES} for f in chosen}
    for tile, d in rows.items():
        wanted = ds.field("firm_id").isin(pa.array(chosen))
        within = reach(tile, as_of)
        for row in d.to_table(filter=wanted if within is None else wanted & within).to_pylist():
            tiles[row["firm_id"]][tile].append(row)
    return {f: reference.Firm.of(own, f, as_of) for f, own in tiles.items()}


def _picked(column: pa.ChunkedArray) -> list[int]:
    """Row numbers of three firms whose values differ: near the quintiles, or rare values where most are equal."""
    x = column.to_numpy().astype(float)
    known = np.flatnonzero(np.isfinite(x))
    if not len(known):
        return []
    order = known[np.argsort(x[known], kind="stable")]
    places = [order[int(q * (len(order) - 1))] for q in (0.2, 0.5, 0.8)]
    if len({x[k] for k in places}) < 3:
        different = np.unique(x[known])
        wanted = different[[0, len(different) // 2, -1]]
        places = [known[np.flatnonzero(x[known] == v)[0]] for v in dict.fromkeys(wanted.tolist())]
    return [int(k) for k in places]


def _distribution(column: pa.ChunkedArray) -> dict[str, Any]:
    """Firms, nulls, distinct values, quantiles and the bars of the chart (the outer per cent in the outer bars)."""
    x = column.to_numpy().astype(float)
    x = x[np.isfinite(x)]
    found: dict[str, Any] = {"null": len(column) - len(x), "distinct": len(np.unique(x))}
    if len(x):
        low, high = (float(v) for v in np.quantile(x, (0.01, 0.99)))
        if low == high:
            low, high = float(x.min()), float(x.max())
        counts, _ = np.histogram(np.clip(x, low, high), bins=BARS, range=(low, high) if high > low else (low, low + 1))
        found["quantiles"] = [float(f"{v:.6g}") for v in np.quantile(x, QUANTILES)]
        found["axis"], found["bars"] = [float(f"{v:.4g}") for v in (low, high)], counts.tolist()
    return found


def _example(c: Compiled, firm: reference.Firm, value: float | None) -> dict[str, Any]:
    """A worked example; ContractBroken when the reference says another value than the feature table."""
    found = worked.example(c, firm)
    if c.peers:
        found["ranked"], found["value"] = found["value"], value
    elif value is None or found["value"] is None or not math.isclose(found["value"], value, rel_tol=1e-8, abs_tol=1e-8):
        raise ContractBroken(f"{c.indicator.id} {c.indicator.name}: the feature table says {value}, the reference {found['value']}.")
    return found


def _reasons(c: Compiled, engine: Engine, null: Bools) -> dict[str, int]:
    """Why firms have no value: the first cause that holds, in the order in which the engine applies them."""
    left, found = null.copy(), Counter[str]()

    def take(which: Bools, why: str) -> None:
        nonlocal left
        if hit := int((left & which).sum()):
            found[why] += hit
        left = left & ~which

    flag = COVERAGE_OF.get(c.indicator.dimension)
    if flag:
        take(~engine.covered(flag), f"the source does not cover the firm ({flag})")
    if c.receipts:
        take(~engine.receipts_known, "payers of less than 20 % of the receipts are known")
    for node in walk(c.tree):
        if isinstance(node, Call) and node.kind == Kind.NUMBER:
            _of_call(node, c, engine, take)
    if left.any():
        found["no value in the window"] += int(left.sum())
    return dict(found)


def _of_call(node: Call, c: Compiled, engine: Engine, take: Any) -> None:
    given = dict(zip(FUNCTIONS[node.function].args, node.args))
    window, shift = given.get("window"), given.get("months")
    if isinstance(window, Constant) and node.function not in ("ev_n", "ev_amt", "rg_n", "day_mdd"):
        w, o = int(window.value), int(shift.value) if isinstance(shift, Constant) and node.function != "acf" else 0
        spans = [(w, o), (w, w)] if node.function in TWO_WINDOWS else [(w, o)]
        series = engine.eval(node.args[0], c.calendar) if node.args[0].kind in (Kind.SERIES, Kind.CONDITION) else None
        coverage = series.coverage if isinstance(series, Series) else engine.batch.coverage("fm", "closed")
        for size, offset in spans:
            said = (
                f"months {offset} to {offset + size - 1} are not all covered"
                if offset
                else f"too few of the last {size} months are covered"
            )
            take(~coverage.enough(size, offset), said)
    if node.function in ("ratio", "growth"):
        below: Floats = engine.value(node.args[1], c.calendar)
        take(~(below > 0) & ~np.isnan(below), f"{text(node.args[1])} is zero or negative")

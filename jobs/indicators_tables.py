"""The eleven feature tables of a night, put together from what was computed and what is carried over; checked, then committed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features import catalogue, compiled
from features.compute import GROUP, read_values
from features.intake import Pass
from features.peers import peer_ranks
from features.series import Ints
from jobs.indicators_plan import Plan
from lake import store
from lake.clock import SHANGHAI, known_at
from lake.errors import GateFailed
from lake.settings import Settings
from lake.tables import table

COMMITTERS = 4
"""Tables committed at a time: a commit waits for the disk while another table is encoded."""
TOLERANCE = 1e-9
"""Relative difference that two computations of a ratio may have."""
NAMED = 5
"""Differences that the message of a failed check names."""


class Tables:
    """Values of a night by dimension: columns computed for everyone, carried columns with the firms computed wholly laid over them."""

    def __init__(self, settings: Settings, plan: Plan, everyone: Pass, some: Pass | None) -> None:
        self._settings, self._plan, self._everyone, self._some = settings, plan, everyone, some
        self._fresh = {c.indicator.name for c in plan.everyone}
        self.keys = read_values(everyone, ["firm_id", "snapshot_date", *GROUP])
        self.firms = self.keys.column("firm_id").combine_chunks()
        self._some_firms = read_values(some, ["firm_id"]).column("firm_id").combine_chunks() if some else pa.array([], pa.string())

    def values(self, dimension: str) -> pa.Table:
        """The indicators of a dimension (a rank: the value to be ranked) in the order of `keys`."""
        names = [c.indicator.name for c in compiled.load() if c.indicator.dimension == dimension]
        fresh = read_values(self._everyone, [n for n in names if n in self._fresh])
        kept = [n for n in names if n not in self._fresh]
        if not kept:
            return fresh.select(names)
        assert self._some is not None
        night = ds.field("snapshot_date") == self._plan.base
        rows = store.open_table(store.uri(self._settings, f"feature.{dimension}")).to_pyarrow_dataset()
        before, anew = rows.to_table(columns=["firm_id", *kept], filter=night), read_values(self._some, kept)
        laid = pc.index_in(self.firms, value_set=self._some_firms)
        laid = pc.if_else(pc.is_in(self.firms, value_set=self._plan.firms), laid, None)
        place = pc.coalesce(pc.add(laid, before.num_rows), pc.index_in(self.firms, value_set=before.column("firm_id").combine_chunks()))
        if place.null_count:
            who = self.firms.filter(pc.is_null(place))[0]
            raise GateFailed(
                f"feature.{dimension}: firm {who} is neither computed nor in snapshot {self._plan.base}. Run `liushui indicators --full`."
            )
        columns = {n: pa.chunked_array([*before.column(n).chunks, *anew.column(n).cast(before.column(n).type).chunks]) for n in kept}
        carried = pa.table({n: c.combine_chunks() for n, c in columns.items()}).take(place)
        return pa.table({n: fresh.column(n) if n in self._fresh else carried.column(n) for n in names})

    def differences(self, dimension: str, values: pa.Table) -> list[str]:
        """Values of the checked firms that a whole computation of the firm does not confirm: firm, indicator, both values."""
        if self._some is None:
            return []
        checked = self._plan.checked
        here, there = (pc.index_in(checked, value_set=f) for f in (self.firms, self._some_firms))
        members = [c for c in compiled.load() if c.indicator.dimension == dimension]
        anew = read_values(self._some, [c.indicator.name for c in members]).take(there)
        found = []
        for c in members:
            ours, whole = values.column(c.indicator.name).take(here), anew.column(c.indicator.name)
            for i in np.flatnonzero(differ(ours, whole, exact=c.indicator.dtype == "int")):
                origin = "computed for all firms" if c.indicator.name in self._fresh else f"carried over from {self._plan.base}"
                found.append(f"firm {checked[i]}, {c.indicator.id} {c.indicator.name}: {origin} {ours[i]}, computed anew {whole[i]}")
        return found


def differ(a: pa.ChunkedArray, b: pa.ChunkedArray, *, exact: bool) -> np.ndarray:
    """Where two columns differ: null against null is the same, numbers to 1e-9 relative, whole numbers (`exact`) to the bit."""
    null = [pc.is_null(x).to_numpy() for x in (a, b)]
    kind = pa.int64() if exact else pa.float64()
    x, y = (pc.fill_null(c.cast(kind), 0).to_numpy() for c in (a, b))
    far = x != y if exact else np.abs(x - y) > TOLERANCE * np.maximum(np.abs(x), np.abs(y))
    return (null[0] != null[1]) | (~null[0] & far)


def write(settings: Settings, dates: Sequence[date], tables: Tables) -> int:
    """Check, then commit the tables, each in one commit that replaces exactly the partitions of `dates`; returns the rows of one.

    GateFailed, before anything is committed, when the check finds a difference. By delta-rs: the values are Arrow already, and a
    Spark commit costs over a second where this costs a tenth.
    """
    made = {d: tables.values(d) for d in catalogue.dimensions()}
    if wrong := [text for d, values in made.items() for text in tables.differences(d, values)]:
        raise GateFailed(
            f"indicators of {dates[-1]}: {len(wrong)} values of the checked firms differ from a whole computation: "
            f"{'; '.join(wrong[:NAMED])}{' …' if len(wrong) > NAMED else ''}. Nothing was written. "
            f"Run `liushui indicators --full --as-of {dates[-1]}` and find out which tile changed without a new version."
        )
    keys, group = tables.keys, _groups(tables.keys)
    known = pa.array([known_at(d).replace(tzinfo=SHANGHAI) for d in dates], pa.timestamp("us", "UTC"))
    moment = known.take(pc.index_in(keys.column("snapshot_date"), value_set=pa.array(dates, pa.date32())).combine_chunks())
    head = {
        "firm_id": keys.column("firm_id"),
        "snapshot_date": keys.column("snapshot_date"),
        "event_timestamp": moment,
        "created_timestamp": moment,
    }
    predicate = " OR ".join(f"snapshot_date = '{d.isoformat()}'" for d in dates)

    def one(dimension: str) -> None:
        values = made.pop(dimension)
        members = [c for c in compiled.load() if c.indicator.dimension == dimension]
        ranks = {c.indicator.name: _ranked(group, values.column(c.indicator.name)) for c in members if c.peers}
        columns = {c: head[c] if c in head else ranks[c] if c in ranks else values.column(c) for c in table(f"feature.{dimension}").names}
        store.replace(settings, f"feature.{dimension}", pa.table(columns), predicate)

    with ThreadPoolExecutor(COMMITTERS) as pool:
        for done in [pool.submit(one, d) for d in catalogue.dimensions()]:
            done.result()
    return keys.num_rows


def _groups(keys: pa.Table) -> Ints:
    """Number of the peer group of each row: snapshot, section and size; -1 where section or size is null."""
    number = np.zeros(keys.num_rows, dtype=np.int64)
    known = np.ones(keys.num_rows, dtype=bool)
    for name in ("snapshot_date", *GROUP):
        codes = pc.dictionary_encode(keys.column(name).combine_chunks())
        place = pc.fill_null(codes.indices, -1).to_numpy().astype(np.int64)
        number = number * (len(codes.dictionary) + 1) + place
        known &= place >= 0
    return np.where(known, number, -1)


def _ranked(group: Ints, values: pa.ChunkedArray) -> pa.Array:
    ranks = peer_ranks(group, values.to_numpy())
    return pa.array(ranks, mask=np.isnan(ranks))

"""The join behind historical retrieval: for each asked (key, time) the newest row that was known then, view by view, in Arrow.

Feast's own join lays the asked rows over every view and ranks rows of all their columns; here only keys and times are compared,
then whole rows are taken (`make bench` measures both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from feast.infra.offline_stores.ibis import IbisRetrievalJob

Ints = npt.NDArray[np.int64]
_MICROS = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class View:
    """A source of features: its rows, the names of its key and times, the columns wanted, and how long a row lives."""

    rows: ds.Dataset
    key: str
    event: str
    created: str
    columns: tuple[str, ...]
    ttl: timedelta | None


def micros(column: pa.ChunkedArray | pa.Array) -> Ints:
    """Moments as microseconds."""
    found: Ints = column.cast(_MICROS).cast(pa.int64()).to_numpy()
    return found


def newest(keys: Ints, event: Ints, created: Ints, asked_keys: Ints, asked: Ints, ttl: int | None) -> Ints:
    """Row that answers each asked (key, moment), -1 for none.

    It is the row of the key with the latest event time, then the latest creation, among those with event <= asked,
    created <= asked and asked <= event + ttl.
    """
    order = np.lexsort((created, event, keys))
    times = np.unique(event)
    place = keys[order] * (len(times) + 1) + np.searchsorted(times, event[order]) + 1
    at = np.searchsorted(place, asked_keys * (len(times) + 1) + np.searchsorted(times, asked, side="right"), side="right") - 1
    if not len(order):
        return np.full(len(asked), -1, dtype=np.int64)

    def held(rows: Ints, which: Ints) -> npt.NDArray[np.bool_]:
        return (rows >= 0) & (keys[order[rows]] == asked_keys[which])

    every = np.arange(len(asked))
    late = every[held(at, every) & (created[order[at]] > asked)]
    while len(late):  # rows created later than asked are as if they were not there
        at[late] -= 1
        late = late[held(at[late], late) & (created[order[at[late]]] > asked[late])]
    good = held(at, every)
    if ttl is not None:
        good &= event[order[at]] + ttl >= asked
    return np.where(good, order[at], -1)


def join(entities: pd.DataFrame, moment: str, views: Sequence[View]) -> pa.Table:
    """`entities` with the columns of every view, each row in its place; null where no row answers."""
    frame = pa.Table.from_pandas(entities, preserve_index=False)
    asked = micros(frame.column(moment))
    columns = {name: frame.column(name) for name in frame.column_names}
    for view in views:
        names = pc.unique(frame.column(view.key).combine_chunks() if frame.num_rows else pa.array([], pa.string())).drop_null()
        reach = ds.field(view.event) <= pa.scalar(int(asked.max(initial=0)), pa.int64()).cast(_MICROS)
        ttl = None if view.ttl is None else view.ttl // timedelta(microseconds=1)
        if ttl is not None:
            reach &= ds.field(view.event) >= pa.scalar(int(asked.min(initial=2**62)) - ttl, pa.int64()).cast(_MICROS)
        found = view.rows.to_table(columns=[view.key, view.event, view.created, *view.columns], filter=reach)
        keys, asked_keys = (
            pc.fill_null(pc.index_in(c, value_set=names), n).to_numpy().astype(np.int64)
            for c, n in ((found.column(view.key), -2), (frame.column(view.key), -1))
        )
        rows = newest(keys, micros(found.column(view.event)), micros(found.column(view.created)), asked_keys, asked, ttl)
        place = pa.array(rows, mask=rows < 0)
        for name in view.columns:
            columns[name] = found.column(name).combine_chunks().take(place)
    return pa.table(columns)


class Job(IbisRetrievalJob):  # type: ignore[misc]
    """A retrieval job whose rows are there already."""

    def __init__(self, found: pa.Table, **options: Any) -> None:
        super().__init__(ibis.memtable(found), **options)
        self._found = found

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._found.to_pandas()

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._found

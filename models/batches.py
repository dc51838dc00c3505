"""Scoring a stream of Arrow batches: what runs in Spark's Python processes. Imports neither Spark nor the training library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from models.nightly import score_batch
from models.scoring import Scorer


@dataclass(frozen=True)
class Batches:
    """A function over batches, as mapInArrow takes it.

    layout: packed column -> names of the indicators in its arrays. columns: what to give back, in order (firm_id is passed
    through). rate: yearly loan rate.
    """

    scorer: Scorer
    layout: dict[str, list[str]]
    columns: tuple[str, ...]
    rate: float

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = score_batch(self.scorer, unpack(batch, self.layout), self.rate) | {"firm_id": batch.column("firm_id")}
            yield pa.RecordBatch.from_arrays([found[c] for c in self.columns], list(self.columns))


def unpack(batch: pa.RecordBatch, layout: dict[str, list[str]]) -> pa.RecordBatch:
    """The packed arrays as one column per indicator, and `has_features`: whether the firm has a row of features at all."""
    columns = {n: batch.column(n) for n in batch.schema.names if n not in layout}
    there = np.zeros(batch.num_rows, dtype=np.bool_)
    for dimension, names in layout.items():
        lists = batch.column(dimension)
        known = np.asarray(lists.is_valid())
        values = np.full((batch.num_rows, len(names)), np.nan)
        values[known] = lists.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, len(names))
        columns |= {n: pa.array(np.ascontiguousarray(values[:, j]), from_pandas=True) for j, n in enumerate(names)}
        there |= known
    return pa.RecordBatch.from_pydict(columns | {"has_features": pa.array(there)})

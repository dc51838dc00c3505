"""The online store: the scorecard and the packed indicator vector of a night, written after it is scored, read by firm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features import inputs
from features.feast_client import open_store
from features.views import SCORECARD, VECTOR, scorecard_columns
from lake import store
from lake.errors import ContractBroken
from lake.settings import Settings

CHUNK = 10_000
"""Firms written at a time: bounds the memory that Feast's row-wise encoding takes."""


def night_rows(settings: Settings, name: str, as_of: date, columns: Sequence[str], version: int) -> pa.Table:
    """Rows of the partition of night D at a version."""
    table = store.open_table(store.uri(settings, name), version)
    return table.to_pyarrow_table(filters=[("snapshot_date", "=", as_of)], columns=list(columns))


def scorecards(rows: pa.Table) -> pd.DataFrame:
    """Rows of score.firm_score as the scorecard view wants them: dates as ISO text, lists and maps as JSON."""
    moments = {c: pd.to_datetime(rows.column(c).to_pandas(), utc=True) for c in ("event_timestamp", "created_timestamp")}
    frame: dict[str, Any] = {"firm_id": rows.column("firm_id").to_pylist(), **moments}
    for name, type_ in scorecard_columns().items():
        found = rows.column(name).to_pylist()
        if type_ == "date":
            frame[name] = [None if v is None else v.isoformat() for v in found]
        elif "<" in type_:
            frame[name] = [None if v is None else json.dumps(v, ensure_ascii=False) for v in found]
        else:
            frame[name] = pd.Series(found, dtype=object)
    return pd.DataFrame(frame)


def vectors(settings: Settings, as_of: date, versions: dict[str, int]) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Firms of the night and their values in catalogue order, float32, NaN = null."""
    tables = inputs.table_columns()
    firms: pa.Array | None = None
    parts = []
    for name, columns in tables.items():
        rows = night_rows(settings, name, as_of, ["firm_id", *columns], versions[name])
        ids = rows.column("firm_id").combine_chunks()
        firms = ids if firms is None else firms
        place = pc.index_in(firms, value_set=ids)
        if place.null_count or len(ids) != len(firms):
            raise ContractBroken(
                f"{name}: snapshot {as_of} has other firms than {next(iter(tables))}. Run `liushui indicators` for that night again."
            )
        taken = rows.take(place)
        parts.append(np.column_stack([taken.column(c).cast(pa.float64()).to_numpy() for c in columns]).astype(np.float32))
    return ([] if firms is None else firms.to_pylist()), np.hstack(parts)


def write_night(settings: Settings, client: Any, as_of: date, versions: dict[str, int]) -> int:
    """Write scorecards and vectors of night D; returns the firms written. Writing again replaces the same rows."""
    names = ["firm_id", "event_timestamp", "created_timestamp", *scorecard_columns()]
    scores = night_rows(settings, "score.firm_score", as_of, names, versions["score.firm_score"])
    if not scores.num_rows:
        raise ContractBroken(f"score.firm_score has no rows for {as_of}. Run `liushui score` for that night first.")
    moment = pd.Timestamp(scores.column("event_timestamp")[0].as_py())
    for part in _slices(scores.num_rows):
        client.write_to_online_store(SCORECARD, scorecards(scores.slice(part.start, CHUNK)))
    firms, values = vectors(settings, as_of, versions)
    for part in _slices(len(firms)):
        block = {
            "firm_id": firms[part],
            "values": list(values[part]),
            "names_hash": inputs.feature_hash(),
            "snapshot_date": as_of.isoformat(),
        }
        client.write_to_online_store(VECTOR, pd.DataFrame(block).assign(event_timestamp=moment, created_timestamp=moment))
    return int(scores.num_rows)


def _slices(n: int) -> Iterator[slice]:
    for start in range(0, n, CHUNK):
        yield slice(start, start + CHUNK)


def read(settings: Settings, firms: Sequence[str], client: Any = None) -> list[dict[str, Any]]:
    """Scorecard fields and `values` of each firm, in the order asked; fields of a firm that is not served are None.

    ContractBroken when a stored vector was packed with other names than the catalogue's.
    """
    client = client or open_store(settings)
    asked = [f"{SCORECARD}:{c}" for c in scorecard_columns()] + [f"{VECTOR}:{c}" for c in ("values", "names_hash")]
    found = client.get_online_features(features=asked, entity_rows=[{"firm_id": f} for f in firms]).to_dict()
    rows = [{name: column[k] for name, column in found.items()} for k in range(len(firms))]
    if any(r["names_hash"] not in (None, inputs.feature_hash()) for r in rows):
        raise ContractBroken("the online vectors were packed with another catalogue. Run `liushui publish` for the last night again.")
    return rows

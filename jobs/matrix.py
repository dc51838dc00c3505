"""The training matrix: a release of the sample library joined to the features of its dates.

Features are read at the release's event timestamps (D + 1 day 06:00): a snapshot holds only what was known then, so the join
is point in time by construction. `FeatureReader` lets another retrieval take its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features import catalogue
from jobs.label import snapshot_rows
from jobs.samples import FRAME, LABEL, releases
from lake import store
from lake.errors import ConfigError, ContractBroken
from lake.settings import Settings
from models import segments
from models.inputs import Input
from models.matrix import Matrix


class FeatureReader(Protocol):
    """Features of observations: (rows of `keys`, names) as float32, NaN for null. `keys`: firm_id, snapshot_date, event_timestamp."""

    def __call__(self, settings: Settings, keys: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]: ...


def model_inputs() -> tuple[Input, ...]:
    """The catalogue as model inputs, in its order."""
    return tuple(Input(i.name, i.id, i.dimension, i.monotone) for i in catalogue.load())


def latest_release(settings: Settings) -> tuple[str, str]:
    """Id and digest of the newest release of the sample library; ConfigError when there is none."""
    found = releases(settings)
    if not found:
        raise ConfigError("the sample library is empty. Run `liushui samples` first.")
    release_id = max(found)
    return release_id, found[release_id]


def from_tables(settings: Settings, keys: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Features read straight from the Delta tables, one date and dimension at a time."""
    x = np.full((len(keys), len(names)), np.nan, dtype=np.float32)
    place = {n: j for j, n in enumerate(names)}
    dates = keys["snapshot_date"].to_numpy()
    firms = keys["firm_id"].to_numpy()
    for dimension in catalogue.dimensions():
        wanted = [i.name for i in catalogue.load() if i.dimension == dimension and i.name in place]
        if not wanted:
            continue
        data = store.open_table(store.uri(settings, f"feature.{dimension}")).to_pyarrow_dataset()
        for day in np.unique(dates):
            at = np.flatnonzero(dates == day)
            rows = data.to_table(filter=pc.field("snapshot_date") == day, columns=["firm_id", *wanted])
            take = _positions(rows.column("firm_id"), firms[at], f"feature.{dimension}, snapshot {day}")
            for n in wanted:
                x[at, place[n]] = rows.column(n).cast(pa.float64()).to_numpy()[take].astype(np.float32)
    return x


def _positions(have: pa.ChunkedArray, want: npt.NDArray, where: str) -> npt.NDArray[np.int64]:
    found = pc.index_in(pa.array(want, pa.string()), value_set=have.combine_chunks())
    if found.null_count:
        raise ContractBroken(
            f"{where}: expected a row for each of {len(want)} observed firms, {found.null_count} have none. Compute that snapshot again."
        )
    return np.asarray(found.to_numpy(), dtype=np.int64)


def matrix(settings: Settings, release_id: str, reader: FeatureReader = from_tables) -> Matrix:
    """One row per firm and date of the release (behaviour before origination), with features, outcome and peer group."""
    keys = ["firm_id", "snapshot_date", "sample_kind"]
    parts = []
    for name, columns in ((FRAME, ["event_timestamp", "segment", "credit_invisible", "split", "is_oot"]), (LABEL, ["outcome", "bad_date"])):
        rows = store.open_table(store.uri(settings, name)).to_pyarrow_table(
            partitions=[("release_id", "=", release_id)], columns=[*keys, *columns]
        )
        parts.append(rows.to_pandas(date_as_object=True))
    both = parts[0].merge(parts[1], on=keys, how="inner", validate="one_to_one").sort_values(keys)
    df = both.drop_duplicates(["firm_id", "snapshot_date"], keep="first").sort_values(["snapshot_date", "firm_id"]).reset_index(drop=True)
    inputs = model_inputs()
    bad = (df["outcome"] == "bad").to_numpy()
    return Matrix(
        inputs=inputs,
        x=reader(settings, df[["firm_id", "snapshot_date", "event_timestamp"]], [i.name for i in inputs]),
        firm=df["firm_id"].to_numpy(dtype=str),
        y=bad.astype(np.int64),
        indeterminate=(df["outcome"] == "indeterminate").to_numpy(),
        group=segments.calibration_group(df["segment"].to_numpy(dtype=str), df["credit_invisible"].to_numpy(dtype=bool)),
        part=df["split"].to_numpy(dtype=str),
        oot=df["is_oot"].to_numpy(dtype=bool),
        default_key=np.where(bad, df["bad_date"].astype(str).to_numpy(dtype=str), ""),
        peer=_peers(settings, df),
    )


def _peers(settings: Settings, df: pd.DataFrame) -> npt.NDArray[np.str_]:
    """`section|size` of each observation as registered then."""
    columns = ["firm_id", "snapshot_date", "industry_section", "size_class", "as_of"]
    dates = sorted(set(df["snapshot_date"]))
    rows = snapshot_rows(settings, "tile.registration", dates, columns).to_pandas(date_as_object=True)
    last = rows.sort_values("as_of").drop_duplicates(["firm_id", "snapshot_date"], keep="last")
    found = df[["firm_id", "snapshot_date"]].merge(last, on=["firm_id", "snapshot_date"], how="left", validate="one_to_one")
    return (found["industry_section"].fillna("") + "|" + found["size_class"].fillna("")).to_numpy(dtype=str)

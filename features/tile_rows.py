"""Rows of one tile for a bucket of firms, as they lie in the table (all versions), and dense arrays made from them.

The view as of T is made here, not in SQL: rows are kept in the order of their versions, so that when they are laid into an
array the highest version known by T is written last and wins.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.series import NULL_INT, Bools, Floats, Ints

_MONTH_1970 = 1970 * 12


def month_number(year: int, month: int) -> int:
    """Months since year 0, so that differences are months."""
    return year * 12 + month - 1


class TileRows:
    """Rows of one tile. `firms` (sorted ids of the bucket) number the firms; rows of other firms are dropped."""

    def __init__(self, table: pa.Table, firms: pa.Array) -> None:
        names = table.column_names
        index = pc.index_in(_plain(table.column("firm_id")), value_set=firms)
        firm = pc.fill_null(index, -1).to_numpy().astype(np.int64)
        known = _ints(table.column("available_at"), 0) if "available_at" in names else np.zeros(len(firm), dtype=np.int64)
        version = _ints(table.column("tile_version"), 0) if "tile_version" in names else np.zeros(len(firm), dtype=np.int64)
        # stable: without versions the order of the table stays
        order = np.lexsort((known, version))
        self._table, self._order = table, order[firm[order] >= 0]
        self.firm, self.known = firm[self._order], known[self._order]
        self._cache: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.firm)

    def numbers(self, name: str) -> Floats:
        """A numeric column as float64, NaN = null."""
        key = f"n:{name}"
        if key not in self._cache:
            self._cache[key] = self._floats(name)[self._order]
        return self._cache[key]

    def numbers_at(self, name: str, chosen: Ints) -> Floats:
        """`numbers` of some rows only: for columns read once this saves putting all rows in order first."""
        return self._floats(name)[self._order[chosen]]

    def _floats(self, name: str) -> Floats:
        found: Floats = pc.cast(self._table.column(name), pa.float64()).to_numpy()
        return found

    def ints(self, name: str, null: int = NULL_INT) -> Ints:
        """A whole-number, boolean or date column (days since 1970) as int64."""
        key = f"i:{name}:{null}"
        if key not in self._cache:
            self._cache[key] = _ints(self._table.column(name), null)[self._order]
        return self._cache[key]

    def months(self, name: str, null: int = NULL_INT) -> Ints:
        """A date column as month numbers."""
        key = f"m:{name}:{null}"
        if key not in self._cache:
            days = self.ints(name)
            known = days != NULL_INT
            first = int(days[known].min(initial=0))
            # a table of the days in use: converting each row costs ten times as much
            span = np.arange(first, int(days[known].max(initial=0)) + 1)
            months = span.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + _MONTH_1970
            self._cache[key] = np.where(known, months[np.where(known, days, first) - first], null)
        return self._cache[key]

    def codes(self, name: str) -> tuple[Ints, np.ndarray]:
        """A text column as codes in the order of its values (-1 = null), and the values."""
        key = f"c:{name}"
        if key not in self._cache:
            text = pc.dictionary_encode(_plain(self._table.column(name))).combine_chunks()
            text = text.chunk(0) if isinstance(text, pa.ChunkedArray) else text
            values = np.asarray(text.dictionary.to_numpy(zero_copy_only=False), dtype=object)
            place = np.argsort(values.astype(str), kind="stable")
            rank = np.empty(len(values) + 1, dtype=np.int64)
            rank[place], rank[-1] = np.arange(len(values)), -1
            codes = pc.fill_null(text.indices, -1).to_numpy().astype(np.int64)
            self._cache[key] = rank[codes][self._order]
            self._cache[f"v:{name}"] = values[place]
        return self._cache[key], self._cache[f"v:{name}"]

    def texts(self, name: str) -> np.ndarray:
        """A text column as an array of str, '' = null."""
        codes, values = self.codes(name)
        return np.append(values, "")[codes].astype(str)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) or pa.types.is_large_string(column.type) else column


def _ints(column: pa.ChunkedArray, null: int) -> Ints:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    if pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    return pc.fill_null(column.cast(pa.int64()), null).to_numpy()


class Dense:
    """Rows of a tile laid out as (slots, firms): slot 0 is the latest month, day or bucket."""

    def __init__(self, rows: TileRows, chosen: Ints, slot: Ints, firm: Ints, shape: tuple[int, int]) -> None:
        """`chosen` are row numbers in version order, `slot` and `firm` their place."""
        self._rows, self._chosen, self._at, self.shape = rows, chosen, (slot, firm), shape
        self.present: Bools = np.zeros(shape, dtype=bool)
        self.present[self._at] = True
        self._flat = slot * shape[1] + firm

    def column(self, name: str) -> Floats:
        """Values of a column, NaN where null or without a row."""
        values = np.full(self.shape, np.nan)
        values.reshape(-1)[self._flat] = self._rows.numbers_at(name, self._chosen)
        return values

    def whole(self, name: str) -> Ints:
        """A date or whole-number column, NULL_INT where null or without a row."""
        values = np.full(self.shape, NULL_INT, dtype=np.int64)
        values[self._at] = self._rows.ints(name)[self._chosen]
        return values


def newest(chosen: Ints, *keys: Ints) -> Ints:
    """Of row numbers in version order, the last one of each key; the result is sorted by key."""
    order = np.lexsort(tuple(k[chosen] for k in reversed(keys)))
    rows = chosen[order]
    if not len(rows):
        return rows
    change = np.zeros(len(rows) - 1, dtype=bool)
    for k in keys:
        change |= k[rows][1:] != k[rows][:-1]
    return rows[np.append(change, True)]

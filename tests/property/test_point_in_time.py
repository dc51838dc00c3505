"""The join of historical retrieval against its definition, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.point_in_time import newest

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 12)), max_size=25)
ASKED = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 13)), max_size=25)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, asked=ASKED, ttl=st.sampled_from([None, 0, 2, 50]))
def test_the_newest_row_known_then_answers(rows: list[tuple[int, int, int]], asked: list[tuple[int, int]], ttl: int | None) -> None:
    """Latest event, then latest creation, of the rows of the key with event <= t, created <= t <= event + ttl."""
    columns = [np.array(c, dtype=np.int64) for c in (zip(*rows) if rows else ([], [], []))]
    moments = [np.array(c, dtype=np.int64) for c in (zip(*asked) if asked else ([], []))]
    found = newest(columns[0], columns[1], columns[2], moments[0], moments[1], ttl)
    for (key, t), got in zip(asked, found):
        good = [(e, c) for k, e, c in rows if k == key and e <= t and c <= t and (ttl is None or t <= e + ttl)]
        assert (got >= 0) == bool(good)
        assert not good or rows[got] == (key, *max(good))

"""Draws of the simulator: uniform, and unrelated between streams, between neighbouring keys and between Box-Muller's two streams."""

from __future__ import annotations

from itertools import combinations

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from simulator.draws import Draws

N = 100_000
D = Draws(7)
FAR = 5 / np.sqrt(N)
"""Five standard deviations of the correlation of N unrelated pairs."""


def column(sql: str) -> npt.NDArray[np.float64]:
    """Values of an expression over N rows: firm f of 1,000, month m of 100."""
    with duckdb.connect() as con:
        rows = con.execute(
            f"SELECT ({sql})::DOUBLE AS x FROM (SELECT range // 100 AS f, 200 + range % 100 AS m FROM range({N})) ORDER BY f, m"
        )
        return rows.fetchnumpy()["x"]


@pytest.mark.parametrize("keys", [("f", "m"), ("m", "f"), ("f * 100 + m",), ("f", "m", "7"), ("f // 500", "f * 100 + m")], ids=str)
def test_draws_are_uniform(keys: tuple[str, ...]) -> None:
    u = column(D.u("any", *keys))
    assert u.min() >= 0 and u.max() < 1
    found = np.bincount((u * 100).astype(int), minlength=100)
    assert ((found - N / 100) ** 2 / (N / 100)).sum() < 170  # chi square with 99 degrees of freedom, 1 in 100,000
    low_bits = np.bincount((u * 2**53 % 64).astype(int), minlength=64)
    assert ((low_bits - N / 64) ** 2 / (N / 64)).sum() < 125


def test_streams_of_the_same_keys_are_unrelated() -> None:
    drawn = [column(D.u(stream, "f", "m")) for stream in ("one", "two", "one:r", "one:a")]
    for a, b in combinations(drawn, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < FAR
        # streams that differ by the same bits everywhere would fill few of the cells
        cells = np.bincount((a * 32).astype(int) * 32 + (b * 32).astype(int), minlength=1024)
        assert ((cells - N / 1024) ** 2 / (N / 1024)).sum() < 1230


def test_seeds_give_unrelated_draws() -> None:
    assert abs(np.corrcoef(column(D.u("any", "f", "m")), column(Draws(8).u("any", "f", "m")))[0, 1]) < FAR


@pytest.mark.parametrize("other", [("f + 1", "m"), ("f", "m + 1"), ("f", "m - 1"), ("m", "f"), ("f * 2", "m")], ids=str)
def test_neighbouring_keys_are_unrelated(other: tuple[str, str]) -> None:
    assert abs(np.corrcoef(column(D.u("any", "f", "m")), column(D.u("any", *other)))[0, 1]) < FAR


def test_normals_are_standard() -> None:
    z = column(D.z("any", "f", "m"))
    assert abs(z.mean()) < FAR and abs(z.std() - 1) < FAR
    assert abs((z**3).mean()) < 4 * FAR and abs((z**4).mean() - 3) < 10 * FAR
    assert abs(np.corrcoef(z, column(D.z("other", "f", "m")))[0, 1]) < FAR
    assert abs((z > 1.96).mean() - 0.025) < 0.0025


def test_counts_have_their_mean() -> None:
    assert column(D.count("any", "3.7e0", "f", "m")).mean() == pytest.approx(3.7, rel=0.01)
    assert set(column(D.pick("any", 5, "f", "m"))) == {0, 1, 2, 3, 4}


def test_draws_of_a_seed_are_these() -> None:
    """A DuckDB that hashes otherwise makes another province of every seed: that is a change of the simulator, to be written down."""
    drawn = (D.hash("any", "3", "205"), D.hash("any", "3"), Draws(8).hash("other", "3", "205", "-1"))
    with duckdb.connect() as con:
        assert con.execute(f"SELECT {', '.join(drawn)}").fetchone() == (958386885425470277, 10439411886581977475, 2217081820105731477)

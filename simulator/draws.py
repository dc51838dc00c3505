"""Random draws as SQL text: every draw is a hash of the seed, the name of the stream and the keys of the thing drawn.

No state, so the order and the blocks of the rows do not matter. `u` is uniform in [0, 1), `z` standard normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Draws:
    """Draws of one seed; keys are SQL expressions of integers."""

    seed: int

    def hash(self, stream: str, *keys: str) -> str:
        """64-bit hash.

        DuckDB combines the hashes of several values without mixing the result, so that two streams would differ by the same bits
        whatever the last key is. The number of the stream is mixed into the hash of the keys, and the outer hash spreads it over all bits.
        """
        number = int.from_bytes(blake2b(f"{self.seed}|{stream}".encode(), digest_size=8).digest(), "big") >> 1
        parts = ", ".join(f"({k})::BIGINT" for k in keys)
        return f"hash(xor(hash({parts}), {number}::UBIGINT))"

    def u(self, stream: str, *keys: str) -> str:
        """Uniform double in [0, 1)."""
        return f"(({self.hash(stream, *keys)} >> 11)::DOUBLE / 9007199254740992e0)"

    def z(self, stream: str, *keys: str) -> str:
        """Standard normal by Box-Muller from two streams."""
        radius, angle = self.u(stream + ":r", *keys), self.u(stream + ":a", *keys)
        return f"(sqrt(-2e0 * ln(1e0 - {radius})) * cos(6.283185307179586e0 * {angle}))"

    def pick(self, stream: str, n: int | str, *keys: str) -> str:
        """Integer in [0, n)."""
        return f"floor({self.u(stream, *keys)} * ({n}))::INTEGER"

    def exponential(self, stream: str, *keys: str) -> str:
        """Exponential with mean 1."""
        return f"(-ln(1e0 - {self.u(stream, *keys)}))"

    def count(self, stream: str, mean: str, *keys: str) -> str:
        """Count with the given mean: stochastic rounding of a lognormal rate (wider than Poisson, as firms are)."""
        return f"floor(({mean}) * exp(0.25e0 * {self.z(stream + ':z', *keys)} - 0.03125e0) + {self.u(stream, *keys)})::INTEGER"


def clip(x: str, low: str, high: str) -> str:
    """x limited to low..high."""
    return f"least(greatest({x}, {low}), {high})"


def lookup(values: Sequence[object], index: str) -> str:
    """Element of a constant list by a 0-based index."""
    items = ", ".join(f"'{v}'" if isinstance(v, str) else (f"{v!r}::DOUBLE" if isinstance(v, float) else str(v)) for v in values)
    return f"[{items}][({index}) + 1]"


def weighted(weights: Sequence[float], u: str) -> str:
    """Index drawn with the given weights from the uniform `u`."""
    total, run, parts = sum(weights), 0.0, []
    for w in weights[:-1]:
        run += w
        parts.append(f"({u} >= {run / total:.12f}e0)::INTEGER")
    return f"({' + '.join(parts)})"


def select(source: str, *columns: str, where: str = "") -> str:
    """Query of `columns` over a table or a query."""
    rows = source if source.isidentifier() else f"({source})"
    return f"SELECT {', '.join(columns)} FROM {rows}" + (f" WHERE {where}" if where else "")


def union(*queries: str) -> str:
    """All rows of all queries, columns by name."""
    return " UNION ALL BY NAME ".join(queries)

"""Random draws as SQL text: every draw is a hash of the seed, the name of the stream and the keys of the thing drawn.

No state, so the order and the partitions of the rows do not matter. `u` is uniform in [0, 1), `z` standard normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True)
class Draws:
    """Draws of one seed; keys are SQL expressions of integers."""

    seed: int

    def hash(self, stream: str, *keys: str) -> str:
        """64-bit hash."""
        parts = ", ".join(f"CAST({k} AS BIGINT)" for k in keys)
        return f"xxhash64({self.seed}L, {crc32(stream.encode())}L, {parts})"

    def u(self, stream: str, *keys: str) -> str:
        """Uniform double in [0, 1)."""
        return f"(CAST({self.hash(stream, *keys)} & 9007199254740991L AS DOUBLE) / 9007199254740992D)"

    def z(self, stream: str, *keys: str) -> str:
        """Standard normal by Box-Muller from two streams."""
        radius, angle = self.u(stream + ":r", *keys), self.u(stream + ":a", *keys)
        return f"(sqrt(-2D * ln(1D - {radius})) * cos(6.283185307179586D * {angle}))"

    def pick(self, stream: str, n: int | str, *keys: str) -> str:
        """Integer in [0, n)."""
        return f"CAST(floor({self.u(stream, *keys)} * ({n})) AS INT)"

    def exponential(self, stream: str, *keys: str) -> str:
        """Exponential with mean 1."""
        return f"(-ln(1D - {self.u(stream, *keys)}))"

    def count(self, stream: str, mean: str, *keys: str) -> str:
        """Count with the given mean: stochastic rounding of a lognormal rate (wider than Poisson, as firms are)."""
        return f"CAST(floor(({mean}) * exp(0.25D * {self.z(stream + ':z', *keys)} - 0.03125D) + {self.u(stream, *keys)}) AS INT)"


def clip(x: str, low: str, high: str) -> str:
    """x limited to low..high."""
    return f"least(greatest({x}, {low}), {high})"


def lookup(values: Sequence[object], index: str) -> str:
    """Element of a constant list by a 0-based index."""
    items = ", ".join(f"'{v}'" if isinstance(v, str) else (f"{v}D" if isinstance(v, float) else str(v)) for v in values)
    return f"element_at(array({items}), CAST({index} AS INT) + 1)"


def weighted(weights: Sequence[float], u: str) -> str:
    """Index drawn with the given weights from the uniform `u`."""
    total, run, parts = sum(weights), 0.0, []
    for i, w in enumerate(weights[:-1]):
        run += w
        parts.append(f"WHEN u < {run / total:.12f}D THEN {i}")
    whens = " ".join(parts)
    # the draw is named once so that it is hashed once
    return f"element_at(transform(array({u}), u -> CASE {whens} ELSE {len(weights) - 1} END), 1)" if parts else "0"

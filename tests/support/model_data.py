"""A small synthetic sample for the model tests: indicators of the catalogue driven by one hidden quality."""

from __future__ import annotations

import numpy as np

from lake.schemas.derived import catalogue
from models.inputs import Input
from models.matrix import Matrix
from models.split import part


def catalogue_inputs(every: int = 1) -> tuple[Input, ...]:
    """Inputs as the catalogue defines them, each `every`-th one."""
    return tuple(Input(r["name"], r["id"], r["dimension"], int(r["monotone"])) for r in catalogue()[::every])


def sample(firms: int = 1500, quarters: int = 6, seed: int = 3, every: int = 6, strength: float = 1.0) -> Matrix:
    """Observations of `firms` over `quarters` dates; 4 % missing values; about 7 % bad."""
    rng = np.random.default_rng(seed)
    inputs = catalogue_inputs(every)
    names = np.array([f"FIRM{k:06d}" for k in range(firms)])
    quality = rng.normal(size=firms)
    firm = np.repeat(np.arange(firms), quarters)
    quarter = np.tile(np.arange(quarters), firms)
    n = firm.size
    state = quality[firm] + 0.4 * rng.normal(size=n)
    sign = np.array([i.monotone for i in inputs])
    x = rng.normal(size=(n, len(inputs))) - 0.45 * strength * sign[None, :] * state[:, None]
    x[rng.random(x.shape) < 0.04] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(3.0 + 1.2 * state))).astype(np.int64)
    return Matrix(
        inputs=inputs,
        x=x.astype(np.float32),
        firm=names[firm],
        y=y,
        indeterminate=(y == 0) & (rng.random(n) < 0.02),
        group=np.where(rng.random(n) < 0.1, "THIN", np.where(rng.random(n) < 0.05, "FIRST", "STANDARD")),
        part=np.array([part(f) for f in names[firm]]),
        oot=quarter >= quarters - 2,
        default_key=np.where(y == 1, np.char.add("2024-", (quarter // 4).astype(str)), ""),
        peer=np.where(rng.random(n) < 0.5, "C|SMALL", "F|MICRO"),
    )

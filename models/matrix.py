"""The rows a model is trained and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lake.errors import ContractBroken
from models.inputs import Input

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Matrix:
    """Observations with their features and outcomes, one row per firm and date.

    x: (rows, inputs) with NaN for missing. y: 1 bad, 0 not bad. indeterminate: 31 to 89 days past due, not bad but kept out
    of training. default_key: names one default of a firm (empty when not bad). peer: `section|size`.
    """

    inputs: tuple[Input, ...]
    x: Floats32
    firm: Strings
    y: Ints
    indeterminate: Bools
    group: Strings
    part: Strings
    oot: Bools
    default_key: Strings
    peer: Strings

    def __post_init__(self) -> None:
        sizes = {
            len(v) for v in (self.x, self.firm, self.y, self.indeterminate, self.group, self.part, self.oot, self.default_key, self.peer)
        }
        if len(sizes) != 1 or self.x.shape[1] != len(self.inputs):
            raise ContractBroken(
                f"matrix: expected equal lengths and {len(self.inputs)} inputs, found lengths {sorted(sizes)} and shape {self.x.shape}"
            )

    def rows(self, keep: Bools) -> Matrix:
        """The rows marked `keep`."""
        arrays = {k: getattr(self, k)[keep] for k in ("x", "firm", "y", "indeterminate", "group", "part", "oot", "default_key", "peer")}
        return replace(self, **arrays)

    def with_inputs(self, inputs: Sequence[Input]) -> Matrix:
        """The same rows with these inputs only."""
        place = {i.name: j for j, i in enumerate(self.inputs)}
        return replace(self, inputs=tuple(inputs), x=np.ascontiguousarray(self.x[:, [place[i.name] for i in inputs]]))

    @property
    def training(self) -> Bools:
        """Rows the trees learn from: training firms before the last quarters, with a clear outcome."""
        return (self.part == "train") & ~self.oot & ~self.indeterminate

    @property
    def calibration(self) -> Bools:
        """Rows the calibration is fitted on, indeterminate ones included."""
        return (self.part == "calibrate") & ~self.oot

    def sample(self, name: str) -> Bools:
        """`test`: test firms of the quarters trained on; `oot`: test firms of the last two matured quarters; `held_out`: both."""
        if name == "held_out":
            return self.part == "test"
        return (self.part == "test") & (self.oot if name == "oot" else ~self.oot)

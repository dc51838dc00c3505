"""A trained model as two files: the trees (UBJSON) and everything around them (JSON). Nothing is ever unpickled.

`Bundle.files()` gives name -> bytes, `Bundle.of_files` takes them back and refuses what does not fit together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lake.errors import ContractBroken
from models import scorecard
from models.calibrate import Calibration
from models.inputs import BLOCKS, Dropped, Input, inputs_hash
from models.subscore import POINTS

if TYPE_CHECKING:  # a scoring process does without the training library, which takes 3 s to import
    import xgboost as xgb

MODEL_FILE, JSON_FILE = "model.ubj", "bundle.json"
LAYOUT = 1


@dataclass(frozen=True)
class Reference:
    """The frozen reference population: what a firm is compared with.

    median_phi: per input the median contribution (log-odds). sub_quantiles: per block 1,001 quantiles of the sum of
    contributions. medians: peer group (`section|size`, `` for all) -> median value per input, None where unknown.
    score_deciles: inner decile bounds of the score, for stability figures.
    """

    median_phi: tuple[float, ...]
    sub_quantiles: dict[str, tuple[float, ...]]
    medians: dict[str, tuple[float | None, ...]]
    score_deciles: tuple[float, ...]


@dataclass(frozen=True)
class Bundle:
    """Everything a night needs to score, and where it came from. `bias` is the margin of the expected row."""

    model_id: str
    kind: str
    inputs: tuple[Input, ...]
    dropped: tuple[Dropped, ...]
    model: bytes
    bias: float
    calibration: Calibration
    reference: Reference
    params: dict[str, Any]
    release: dict[str, str]
    metrics: dict[str, Any]
    versions: dict[str, str]

    @property
    def names(self) -> list[str]:
        """Inputs in the model's order."""
        return [i.name for i in self.inputs]

    def booster(self, threads: int = 1) -> xgb.Booster:
        """The trees, ready to predict."""
        import xgboost as xgb

        return xgb.Booster({"nthread": threads}, model_file=bytearray(self.model))

    def document(self) -> dict[str, Any]:
        """The JSON side, without the identity."""
        return {
            "layout": LAYOUT, "kind": self.kind, "inputs": [asdict(i) for i in self.inputs], "inputs_sha256": inputs_hash(self.inputs),
            "dropped": [asdict(d) for d in self.dropped], "model_sha256": hashlib.sha256(self.model).hexdigest(), "bias": self.bias,
            "calibration": asdict(self.calibration), "reference": asdict(self.reference), "params": self.params, "release": self.release,
            "score": {"factor": scorecard.FACTOR, "offset": scorecard.OFFSET, "pd_floor": scorecard.PD_FLOOR},
            "metrics": self.metrics, "versions": self.versions,
        }  # fmt: skip

    def identified(self) -> Bundle:
        """The bundle with its identity: kind, release and the start of a digest over all of its content."""
        text = json.dumps(self.document(), sort_keys=True, ensure_ascii=False).encode()
        return replace(self, model_id=f"{self.kind}-{self.release['release_id']}-{hashlib.sha256(text).hexdigest()[:8]}")

    def files(self) -> dict[str, bytes]:
        """File name -> content."""
        text = json.dumps({"model_id": self.model_id, **self.document()}, ensure_ascii=False, allow_nan=False, indent=1)
        return {MODEL_FILE: self.model, JSON_FILE: text.encode()}

    @staticmethod
    def of_files(files: Mapping[str, bytes], where: str) -> Bundle:
        """The bundle in `files` of `where` (for messages). Raises ContractBroken when the parts do not belong together."""
        for name in (MODEL_FILE, JSON_FILE):
            if name not in files:
                raise ContractBroken(f"model bundle {where}: expected {name}, found {sorted(files)}. Train again or restore the folder.")
        try:
            d = json.loads(files[JSON_FILE])
            bundle = _of_document(d, files[MODEL_FILE])
        except (ValueError, KeyError, TypeError) as e:
            raise ContractBroken(f"model bundle {where}: {JSON_FILE} cannot be read ({e!r}). Train again or restore the folder.") from e
        _verify(bundle, d, where)
        return bundle


def _of_document(d: dict[str, Any], model: bytes) -> Bundle:
    r = d["reference"]
    reference = Reference(
        tuple(r["median_phi"]), {k: tuple(v) for k, v in r["sub_quantiles"].items()}, {k: tuple(v) for k, v in r["medians"].items()}, tuple(r["score_deciles"])
    )  # fmt: skip
    return Bundle(
        model_id=d["model_id"], kind=d["kind"], inputs=tuple(Input(**i) for i in d["inputs"]), dropped=tuple(Dropped(**x) for x in d["dropped"]),
        model=model, bias=d["bias"], calibration=Calibration(**d["calibration"]), reference=reference, params=d["params"], release=d["release"],
        metrics=d["metrics"], versions=d["versions"],
    )  # fmt: skip


def _verify(bundle: Bundle, d: dict[str, Any], where: str) -> None:
    score = {"factor": scorecard.FACTOR, "offset": scorecard.OFFSET, "pd_floor": scorecard.PD_FLOOR}
    pairs = [
        ("layout", LAYOUT, d["layout"]),
        ("digest of the trees", hashlib.sha256(bundle.model).hexdigest(), d["model_sha256"]),
        ("digest of the inputs", inputs_hash(bundle.inputs), d["inputs_sha256"]),
        ("number of contribution medians", len(bundle.inputs), len(bundle.reference.median_phi)),
        ("blocks", sorted(BLOCKS), sorted(bundle.reference.sub_quantiles)),
        ("points per block", {POINTS}, {len(q) for q in bundle.reference.sub_quantiles.values()}),
        ("score constants", score, d["score"]),
        ("xgboost version", version("xgboost"), bundle.versions.get("xgboost")),
        ("identity", bundle.identified().model_id, bundle.model_id),
    ]
    for what, expected, found in pairs:
        if expected != found:
            raise ContractBroken(
                f"model bundle {where}: {what}: expected {expected}, found {found}. Train again with this version of the program."
            )


def check_columns(bundle: Bundle, columns: Sequence[str]) -> None:
    """Raise ContractBroken unless every input of the model is among `columns`; called once, before anything is scored."""
    missing = [n for n in bundle.names if n not in set(columns)]
    if missing:
        raise ContractBroken(
            f"model {bundle.model_id} reads {len(bundle.inputs)} inputs; {len(missing)} are not among the features: {missing[:5]}. "
            "The catalogue changed since training: train again, or go back to its version."
        )


def peer_medians(
    bundle: Bundle, sections: npt.NDArray[Any], sizes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Medians (inputs, groups) and the group of each firm by industry section and size class; small groups fall back to all."""
    keys = list(bundle.reference.medians)
    table = np.array([[np.nan if v is None else v for v in bundle.reference.medians[k]] for k in keys], dtype=np.float64).T
    place = {k: j for j, k in enumerate(keys)}
    group = np.array([place.get(f"{a}|{b}", place[""]) for a, b in zip(sections, sizes, strict=True)], dtype=np.int64)
    return table, group

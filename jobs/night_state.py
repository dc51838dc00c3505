"""Whether a night may be scored: asked by the gate of `nightly_scoring` and by `make run`. No Spark, writes nothing."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

from lake import store
from lake.settings import Settings


class NightState(TypedDict):
    """`published`: readers see the night already. `stopped`: sentences of the checks that forbid to score it."""

    published: bool
    stopped: list[str]


def run(settings: Settings, as_of: date) -> NightState:
    """The state of night D from `ops.night` and the gate's failed stops in `dq.gate`."""
    nights = store.read(settings, "ops.night", columns=["as_of"]).column("as_of").to_pylist()
    gate = store.read(settings, "dq.gate", columns=["as_of", "action", "success", "source", "message"]).to_pylist()
    stopped = [f"{g['source']}: {g['message']}" for g in gate if g["as_of"] == as_of and g["action"] == "stop" and not g["success"]]
    return {"published": as_of in nights, "stopped": stopped}

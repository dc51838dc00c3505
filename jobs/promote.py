"""Promote: the challenger becomes champion when its evaluation allows it; the champion before it stays at hand for rollback."""

from __future__ import annotations

import json
from datetime import date

from jobs import model_store
from jobs.evaluate import EVALUATION
from jobs.runner import Report
from lake.errors import ConfigError, GateFailed
from lake.settings import Settings

LEAST_GAIN, MOST_P = 0.01, 0.05
CALIBRATION = ("observed_to_expected", "slope", "intercept")


def run(settings: Settings, as_of: date, *, kind: str = "full") -> Report:
    """Make the evaluated challenger champion. Raises GateFailed when it is not clearly better or not calibrated."""
    champion, challenger = model_store.pointed(settings, "champion", kind), model_store.pointed(settings, "challenger", kind)
    if challenger is None or challenger == champion:
        return Report(nothing=True, detail={"champion": champion, "reason": "no challenger other than the champion"})
    evaluation = model_store.read(settings, challenger, EVALUATION)
    if evaluation is None:
        raise ConfigError(f"challenger {challenger} was not evaluated. Run `liushui evaluate` first.")
    found = json.loads(evaluation)
    if found["champion"] != champion:
        raise ConfigError(
            f"the evaluation of {challenger} compares it with {found['champion']}, the champion is {champion}. Evaluate again."
        )
    refuse(challenger, found)
    if champion is not None:
        model_store.point(settings, "previous", kind, champion)
    model_store.point(settings, "champion", kind, challenger)
    return Report(rows=1, detail={"champion": challenger, "previous": champion, "as_of": as_of.isoformat()})


def refuse(challenger: str, found: dict) -> None:
    """Raise GateFailed unless the gain is large and certain enough and no calibration figure fails."""
    gain, p = found["oot"]["difference"], found["oot"]["p_value"]
    if gain is None or gain < LEAST_GAIN or p >= MOST_P:
        raise GateFailed(
            f"challenger {challenger}: expected an AUC at least {LEAST_GAIN} above the champion's with p < {MOST_P}, found {gain} with p {p} "
            f"({found['oot']['bads']} bads). Wait for more matured outcomes."
        )
    failed = [k for k in CALIBRATION if found["verdicts"].get(k) == "fail"]
    if failed:
        raise GateFailed(f"challenger {challenger}: calibration fails out of time in {', '.join(failed)}. Recalibrate before promoting.")


def rollback(settings: Settings, as_of: date, *, kind: str = "full") -> Report:
    """Put the previous champion back. Raises ConfigError when there is none."""
    previous, champion = model_store.pointed(settings, "previous", kind), model_store.pointed(settings, "champion", kind)
    if previous is None:
        raise ConfigError("no previous champion to go back to.")
    model_store.load(settings, previous)
    model_store.point(settings, "champion", kind, previous)
    if champion is not None:
        model_store.point(settings, "previous", kind, champion)
    return Report(rows=1, detail={"champion": previous, "previous": champion, "as_of": as_of.isoformat()})

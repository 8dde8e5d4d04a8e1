"""What a rehearsal came to as a whole: would the event hold, and was everything given back?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from springtide.errors import PermanentError
from springtide.events.rehearsed import RehearsalOutcome, RehearsalVerdict
from springtide.fleet.ports import FleetPorts
from springtide.fleet.rehearsal_request import AcceptedRehearsal
from springtide.fleet.report import FleetReport


def end_rehearsal(
    fleet: FleetPorts,
    rehearsal: AcceptedRehearsal | None,
    outcomes: Sequence[RehearsalOutcome],
    released: FleetReport | None,
) -> dict[str, Any]:
    """Keep every service's outcome, and return the verdict, service by service.

    `rehearsal` is None where nothing began, `released` where the way back did not come to its end.

    Raises:
        PermanentError: the event would not hold, or something of the rehearsal failed; the message says all.
        TemporaryError: the store does not answer.
    """
    with fleet.open_store() as store:
        for outcome in outcomes:
            store.save_rehearsed(outcome)
    problems = [
        f"{outcome.policy}: {outcome.message}"
        for outcome in outcomes
        if outcome.verdict is RehearsalVerdict.WOULD_NOT_HOLD
    ]
    problems += [*_not_released(released), *_without_verdict(rehearsal, outcomes)]
    if problems or released is None:
        raise PermanentError("; ".join(problems), code="rehearsal_failed")
    return {
        "verdict": {outcome.policy: outcome.verdict.value for outcome in outcomes},
        "services": {outcome.policy: outcome.message for outcome in outcomes},
        "released": dict(released.services),
    }


def rehearsal_headline(outcomes: Sequence[RehearsalOutcome]) -> str:
    """Return what the load tests came to, in a few words: `held, not tested`, `would not hold`, `no verdict`."""
    verdicts = dict.fromkeys(verdict for verdict in RehearsalVerdict for each in outcomes if each.verdict is verdict)
    if RehearsalVerdict.WOULD_NOT_HOLD in verdicts:
        return "would not hold"
    return ", ".join(verdict.value.replace("_", " ") for verdict in verdicts) or "no verdict"


def rehearsal_lines(
    rehearsal: AcceptedRehearsal | None, outcomes: Sequence[RehearsalOutcome], released: FleetReport | None
) -> tuple[str, ...]:
    """Return the whole, a line each: what every service came to, and what stands now that the rehearsal is over."""
    found = [f"{outcome.policy}: {outcome.message}" for outcome in outcomes]
    kept = [*_not_released(released), *_without_verdict(rehearsal, outcomes)]
    good = [] if released is None else [each for each in released.services.items() if each[0] not in released.problems]
    return (*kept, *found, *(f"now: {name}: {message}" for name, message in good))


def _not_released(released: FleetReport | None) -> list[str]:
    if released is None:
        return ["the way back did not come to its end: its log says why; what it left expires"]
    return [f"{name} is not given back: {why}" for name, why in released.problems.items()]


def _without_verdict(rehearsal: AcceptedRehearsal | None, outcomes: Sequence[RehearsalOutcome]) -> list[str]:
    if rehearsal is None:
        return ["the event: no verdict: see the first task that failed"]
    untold = sorted(rehearsal.occurrence.asks.keys() - {outcome.policy for outcome in outcomes})
    return [f"{', '.join(untold)}: no verdict: see the first task that failed"] if untold else []

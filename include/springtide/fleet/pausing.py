"""Pausing a service and resuming it, as a person asks for it: by the command line, the DAG `pause_service` or REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from springtide.errors import InputError
from springtide.fleet.pauses import keep_pauses
from springtide.record.pauses import Pause
from springtide.record.store import OpenStore
from springtide.run.pauses import LONGEST_REASON, PauseRequest, nothing_to_resume, parse_reason


class PauseAction(StrEnum):
    """What is asked for."""

    PAUSE = "pause"
    RESUME = "resume"


PAUSE_FORM: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "service": {
            "type": "string",
            "title": "Service",
            "description": "The policy whose runs are not started: a file of the policies folder.",
        },
        "action": {
            "default": PauseAction.PAUSE.value,
            "type": "string",
            "enum": [action.value for action in PauseAction],
            "values_display": {
                PauseAction.PAUSE.value: "pause: no sweep and no event starts a run of it",
                PauseAction.RESUME.value: "resume: from the next sweep on",
            },
            "title": "Action",
            "description": "A pause stops no run that is under way; giving back, rolling back and reconciling go on.",
        },
        "until": {
            "default": None,
            "type": ["null", "string"],
            "format": "date-time",
            "title": "Until",
            "description": "When it ends by itself. Empty: when somebody resumes it.",
        },
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_REASON,
            "title": "Reason",
            "description": "Why, in a few words; every run that is not started repeats them.",
            "examples": ["the load balancer is moved", "its smoke check is mended"],
        },
    }
)
"""The form that asks for it, as JSON Schema; `parse_pause` judges the values, whoever sent them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """What came of it: the pause as it is kept now, open or ended, and all of it in words."""

    action: PauseAction
    pause: Pause
    message: str

    def to_record(self) -> dict[str, Any]:
        """Return the answer for programs: JSON types only."""
        return {"action": self.action.value, "message": self.message, "pause": self.pause.to_record()}


def pause_form(services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name; `services` are those to choose from, any where there are none."""
    choice = {"enum": list(services)} if services else {}
    fields = {name: dict(field) for name, field in PAUSE_FORM.items()}
    return {**fields, "service": fields["service"] | choice}


def parse_action(value: object) -> PauseAction:
    """Return what is asked for.

    Raises:
        InputError: it is neither (`action_unknown`).
    """
    if value in {action.value for action in PauseAction}:
        return PauseAction(str(value))
    raise InputError(
        f"action: {str(value)[:80]!r} is unknown; allowed: {', '.join(PauseAction)}.",
        code="action_unknown",
        field="action",
    )


def pause_service(open_store: OpenStore, request: PauseRequest, now: datetime) -> Paused:
    """Pause the service; a pause that is there already is ended by this one.

    Raises:
        TemporaryError: the store does not answer.
    """
    with open_store() as store:
        before = store.pauses([request.policy.name], now=now).get(request.policy.name)
        pause = store.pause(request.pause(now))
    keep_pauses(open_store, now)
    told = str(pause) if before is None else f"{pause}; in the place of: {before}"
    return Paused(action=PauseAction.PAUSE, pause=pause, message=told)


def resume_service(open_store: OpenStore, service: str, *, by: str, reason: object, now: datetime) -> Paused:
    """Take the pause of the service back; what failed before it counts no more.

    Raises:
        InputError: it is not paused (`not_paused`), or `reason` does not say why (`reason_invalid`).
        TemporaryError: the store does not answer.
    """
    why = parse_reason(reason)
    with open_store() as store:
        pause = store.resume(service, by=f"{by}: {why}", now=now)
    if pause is None:
        raise nothing_to_resume(service)
    keep_pauses(open_store, now)
    message = f"{service} is resumed by {by}: {why}; it was paused by {pause.by} since {pause.at:%Y-%m-%d %H:%M} UTC"
    return Paused(action=PauseAction.RESUME, pause=pause, message=f"{message}: {pause.reason}")

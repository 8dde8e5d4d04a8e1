"""The form by which a person pauses a service or resumes it: light, for Airflow reads it at every parse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from springtide.errors import InputError
from springtide.run.request_parameters import LONGEST_REASON


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

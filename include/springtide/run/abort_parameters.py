"""What somebody asks for who aborts a run, by name and value: the form, and the same judged again in the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import InputError
from springtide.policy.language.setting_limits import duration_setting
from springtide.run.request_parameters import LONGEST_REASON
from springtide.settings import Settings

if TYPE_CHECKING:
    from springtide.policy.reading.folder import PolicyFolder
    from springtide.policy.scaling.model import ScalingPolicy

LONGEST_RUN_ID: Final = 250

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "service": {
        "type": "string",
        "title": "Service",
        "description": "The policy whose run is to stop.",
    },
    "run_id": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_RUN_ID,
        "title": "Run",
        "description": "The run that is meant; another one is never stopped. Empty: whichever scales the service now.",
    },
    "reason": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_REASON,
        "title": "Reason",
        "description": "Why it is to stop and roll back; everybody reads it. Such as: the new pods answer slowly.",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequest:
    """Which service's run is to stop, which run, None for whichever it is, and why."""

    policy: ScalingPolicy
    run_id: str | None
    reason: str


def abort_form(services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name; `services` are those to choose from, any where there are none."""
    choice = {"enum": list(services)} if services else {}
    return {**_FIELDS, "service": _FIELDS["service"] | choice}


def parse_abort(asked: Mapping[str, object], folder: PolicyFolder) -> AbortRequest:
    """Return what the parameters `asked` make.

    Raises:
        InputError: a parameter is unknown, or its value not allowed; the message names it and says what is.
        PolicyError: the policy's file has errors.
    """
    unknown = sorted(map(str, asked.keys() - _FIELDS.keys()))
    if unknown:
        raise InputError(
            f"{unknown[0][:LONGEST_RUN_ID]}: there is no such parameter; allowed: {', '.join(_FIELDS)}.",
            code="parameter_unknown",
            field="conf",
        )
    return AbortRequest(
        policy=folder.get(asked.get("service")),
        run_id=_text(asked, "run_id", at_least=0, at_most=LONGEST_RUN_ID) or None,
        reason=_text(asked, "reason", at_least=1, at_most=LONGEST_REASON),
    )


def longest_wait(settings: Settings) -> timedelta:
    """Return how long an abort waits until its run says what became of it.

    Raises:
        InputError: the variable holds none, or one out of its bounds (`limit_invalid`).
    """
    return duration_setting("abort_wait", settings.abort_wait, shortest="10s", longest="1h", example="10m")


def _text(asked: Mapping[str, object], name: str, *, at_least: int, at_most: int) -> str:
    value = asked.get(name, "")
    if isinstance(value, str) and at_least <= len(value.strip()) and len(value) <= at_most and value.isprintable():
        return value.strip()
    raise InputError(
        f"{name}: {str(value)[:80]!r} is not one line of {at_least} to {at_most} printable characters.",
        code="reason_invalid" if name == "reason" else "run_id_invalid",
        field=name,
    )

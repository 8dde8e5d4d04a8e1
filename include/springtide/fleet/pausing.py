"""Pausing a service and resuming it, as a person asks for it: by the command line, the DAG `pause_service` or REST."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from springtide.fleet.pause_form import PauseAction
from springtide.fleet.pauses import keep_pauses
from springtide.record.pauses import Pause
from springtide.record.store import OpenStore
from springtide.run.pauses import PauseRequest, nothing_to_resume, parse_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """What came of it: the pause as it is kept now, open or ended, and all of it in words."""

    action: PauseAction
    pause: Pause
    message: str

    def to_record(self) -> dict[str, Any]:
        """Return the answer for programs: JSON types only."""
        return {"action": self.action.value, "message": self.message, "pause": self.pause.to_record()}


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

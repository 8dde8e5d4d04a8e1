"""`POST /api/v1/services/{service}/pause` and `…/resume`: each starts a run of the DAG `pause_service`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field

from springtide.fleet.pause_form import PauseAction
from springtide.record.pauses import Pause
from springtide.run.pauses import nothing_to_resume, parse_pause, parse_reason
from springtide.run.request_parameters import LONGEST_REASON
from springtide.web.access import Reader, writes
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.starting import queued, run_id_of

Pausing = Annotated[Caller, Depends(writes(Permission.PAUSE))]


class PauseBody(BaseModel):
    """Why a service is paused, and until when."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "its cache is cold"}]})

    reason: Annotated[
        str, Field(description="Why; every run that is not started repeats it.", max_length=LONGEST_REASON)
    ]
    until: Annotated[
        str | None,
        Field(
            description="When it ends: an instant with its zone, or a length such as 2h. Left out: when it is resumed."
        ),
    ] = None


class ResumeBody(BaseModel):
    """Why a service is resumed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "its cache is warm"}]})

    reason: Annotated[str, Field(description="Why; kept with the pause.", max_length=LONGEST_REASON)]


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of pauses."""
    made = APIRouter(tags=["pauses"])

    @made.get("/pauses", summary="The services that are paused, by whom, until when and why")
    def pauses(_caller: Reader) -> dict[str, Any]:
        """Return every open pause, those of the longest standing first."""
        with surroundings.open_store() as store:
            found = store.pauses(now=surroundings.clock.now())
        items = sorted(found.values(), key=lambda pause: (pause.at, pause.service))
        return {"items": [pause.to_record() for pause in items], "next": None, "left_out": []}

    @made.post(
        "/services/{service}/pause",
        status_code=HTTPStatus.ACCEPTED,
        summary="Keep sweeps and events from starting runs of a service",
    )
    def pause(service: str, asked: Annotated[PauseBody, Body()], caller: Pausing) -> dict[str, Any]:
        """Judge what is asked, and queue the run that pauses it; the answer says which run."""
        policy = surroundings.policies().get(service)
        values = asked.model_dump()
        request = parse_pause(values, policy, by=caller.name, now=surroundings.clock.now())
        # As an instant: a length would begin anew when the run does.
        until = None if request.until is None else request.until.isoformat()
        return _started(surroundings, caller, service, PauseAction.PAUSE, {"reason": request.reason, "until": until})

    @made.post(
        "/services/{service}/resume",
        status_code=HTTPStatus.ACCEPTED,
        summary="Let sweeps and events start runs of a service again",
    )
    def resume(service: str, asked: Annotated[ResumeBody, Body()], caller: Pausing) -> dict[str, Any]:
        """Judge what is asked, and queue the run that resumes it; a service that is not paused is refused."""
        reason = parse_reason(asked.reason)
        held = _require_paused(surroundings, service)
        started = _started(surroundings, caller, service, PauseAction.RESUME, {"reason": reason})
        return started | {"pause": held.to_record()}

    return made


def _require_paused(surroundings: Surroundings, service: str) -> Pause:
    """Return the open pause of the service.

    Raises:
        InputError: there is no such service (`service_unknown`), or it is not paused (`not_paused`).
    """
    with surroundings.open_store() as store:
        held = store.pauses([service], now=surroundings.clock.now()).get(service)
    if held is not None:
        return held
    surroundings.policies().get(service)
    raise nothing_to_resume(service)


def _started(
    surroundings: Surroundings, caller: Caller, service: str, action: PauseAction, values: dict[str, Any]
) -> dict[str, Any]:
    run_id = run_id_of(service, surroundings.clock.now(), action.value)
    conf = {"service": service, "action": action.value, **values}
    note = f"{action.value} {service}: {values['reason']}"
    run = queued(surroundings, caller, Permission.PAUSE, run_id, conf=conf, note=note)
    return {"service": service, "action": action.value, **run}

"""`POST /api/v1/events/{name}/approve`: a run of the DAG `approve_event` keeps what somebody approves ahead."""

from __future__ import annotations

from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from springtide.fleet.approve_ahead import approval_asked, approval_parameters, approval_run_id
from springtide.record.approvals import ApprovalAhead
from springtide.run.request_parameters import LONGEST_REASON
from springtide.web.access import Reader, permitted_policy, writes
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.starting import queued

Approving = Annotated[Caller, Depends(writes(Permission.APPROVE))]

_EXAMPLE: Final[JsonDict] = {"service": "checkout", "up_to": 60, "reason": "the launch is at three in the morning"}


class ApprovalBody(BaseModel):
    """What is approved before the event comes, up to how many replicas, until when and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    service: Annotated[str, Field(description="The service whose plans wait for a person.", max_length=253)]
    reason: Annotated[str, Field(description="Why; kept with the approval.", max_length=LONGEST_REASON)]
    up_to: Annotated[
        int | None, Field(description="Replicas; a plan for more waits for a person as before.", strict=True)
    ] = None
    until: Annotated[
        str | None,
        Field(description="An instant with its zone. Left out: the end of the event.", max_length=64),
    ] = None
    take_back: Annotated[bool, Field(description="End what was approved before; `up_to` says nothing then.")] = False


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of approvals ahead."""
    made = APIRouter(tags=["events"])

    @made.get("/approvals", summary="What was approved ahead for each service, newest first")
    def approvals(_caller: Reader) -> dict[str, Any]:
        """Return every approval that is kept, also what has lapsed and what was taken back."""
        with surroundings.open_store() as store:
            kept = store.approvals_ahead(surroundings.policies().names())
        return {"items": [approval.to_record() for approval in kept], "next": None, "left_out": []}

    @made.post(
        "/events/{name}/approve",
        status_code=HTTPStatus.ACCEPTED,
        summary="Approve the preparation of an event before it comes, up to a number of replicas",
    )
    def approve(name: str, asked: Annotated[ApprovalBody, Body()], caller: Approving) -> dict[str, Any]:
        """Judge what is asked, and queue the run that keeps it; the same is judged again there."""
        permitted_policy(surroundings, asked.service, caller, Permission.APPROVE)  # the address names no service
        approval = approval_asked(
            asked.model_dump() | {"event": name},
            by=caller.name,
            policies=surroundings.policies(),
            calendars=surroundings.calendars().calendars,
            now=surroundings.clock.now(),
        )
        return _started(surroundings, caller, approval)

    return made


def _started(surroundings: Surroundings, caller: Caller, approval: ApprovalAhead) -> dict[str, Any]:
    run_id = approval_run_id(approval, token_hex(3))
    conf = approval_parameters(approval)
    run = queued(surroundings, caller, Permission.APPROVE, run_id, conf=conf, note=str(approval))
    return {"approval": approval.to_record(), **run}

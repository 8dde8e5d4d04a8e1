"""`/api/v1/services`: how every service stands, one of them, its plan of now, and what was done for it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from springtide.errors import InputError
from springtide.overview.wall import LARGEST_PAGE, PAGE, WallQuery
from springtide.run.request_parameters import RELEASE
from springtide.web.access import Reader, permitted_policy, writes
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.service_views import Searched, Views
from springtide.web.starting import queued, run_id_of

_EXAMPLE: Final = {
    "items": [{"service": "checkout", "ready": 18, "wanted": 18, "minimum": 3, "maximum": 120, "why": "demand"}],
    "next": "50",
    "left_out": ["search: spec.replicas.min: min 9 is above max 3"],
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/json": {"example": _EXAMPLE}}}}

Scaling = Annotated[Caller, Depends(writes(Permission.SCALE))]


class ReleaseBody(BaseModel):
    """Why a floor is given back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the sale is over"}]})

    reason: Annotated[str, Field(min_length=1, max_length=200, description="Why; kept with the run.")]


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of services."""
    made = APIRouter(tags=["services"])
    _reads(made)
    _releases(made, surroundings)
    return made


def _reads(made: APIRouter) -> None:
    @made.get("/services", summary="Every service, those first that need a look", responses=_LISTED)
    def services(
        views: Views,
        _caller: Reader,
        q: Annotated[str, Query(max_length=200, description="Words that a service holds: name, team, badge.")] = "",
        cursor: Annotated[int, Query(ge=0, le=100_000, description="`next` of the page before.")] = 0,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
    ) -> dict[str, Any]:
        """Return a page of services; `left_out` says which policies cannot be read."""
        return views.wall(WallQuery(search=q, limit=limit, offset=cursor)).to_record()

    @made.get("/services/{service}", summary="One service, as the wall screen shows it")
    def service(views: Views, _caller: Reader, service: str) -> dict[str, Any]:
        """Return how one service stands now."""
        return views.row(service).to_record()

    @made.get("/services/{service}/plan", summary="What a run would do now; changes nothing")
    def plan(views: Views, _caller: Reader, service: str) -> dict[str, Any]:
        """Return the plan with its models, guards and preflight, within two seconds."""
        return views.plan(service).to_record()

    @made.get("/services/{service}/history", summary="What was done for one service in the last 30 days")
    def history(views: Views, _caller: Reader, service: str, query: Searched) -> dict[str, Any]:
        """Return its runs that match, and its latest decisions, newest first."""
        detail = views.detail(service, query)
        return {
            "items": [run.to_record() for run in detail.runs],
            "next": None,
            "left_out": [],
            "decisions": [decision.to_record() for decision in detail.decisions],
        }


def _releases(made: APIRouter, surroundings: Surroundings) -> None:
    @made.post(
        "/services/{service}/release",
        status_code=HTTPStatus.ACCEPTED,
        summary="Give back a minimum that is held: its owner's own counts again",
    )
    def release(caller: Scaling, service: str, asked: Annotated[ReleaseBody, Body()]) -> dict[str, Any]:
        """Queue the run that gives it back; a service whose strategy holds nothing is refused."""
        policy = permitted_policy(surroundings, service, caller, Permission.SCALE)
        if policy.spec.strategy.type != "floor":
            raise InputError(
                f"strategy: {policy.spec.strategy.type} of {service} holds no floor, so there is nothing to give back. "
                "Scale it instead.",
                code="nothing_held",
                field="strategy",
            )
        run_id = run_id_of(service, surroundings.clock.now(), "release")
        conf = {"service": service, "replicas": RELEASE, "reason": asked.reason}
        note = f"give back {service}: {asked.reason}"
        run = queued(surroundings, caller, Permission.SCALE, run_id, conf=conf, note=note)
        return {"service": service, **run}

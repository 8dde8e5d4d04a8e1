"""`/api/v1/services`: how every service stands, one of them, its plan of now, and what was done for it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from springtide.overview.wall import LARGEST_PAGE, PAGE, WallQuery
from springtide.web.access import Reader
from springtide.web.ports import Surroundings
from springtide.web.service_views import Searched, Views

_EXAMPLE: Final = {
    "items": [{"service": "checkout", "ready": 18, "wanted": 18, "minimum": 3, "maximum": 120, "why": "demand"}],
    "next": "50",
    "left_out": ["search: spec.replicas.min: min 9 is above max 3"],
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/json": {"example": _EXAMPLE}}}}


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of services."""
    del surroundings  # each request finds the application's views
    made = APIRouter(tags=["services"])

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

    return made

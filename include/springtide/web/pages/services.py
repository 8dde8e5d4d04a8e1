"""`/pages/services`: the wall screen, and one service's own page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from springtide.errors import SpringtideError
from springtide.overview.service_detail import outcomes_of
from springtide.overview.wall import PAGE, WallQuery
from springtide.web.access import Reader
from springtide.web.pages.frame import Frame, frame_of
from springtide.web.pages.service_figure import figure_of
from springtide.web.ports import Surroundings
from springtide.web.problems import status_of
from springtide.web.service_views import Searched, Views


def router(surroundings: Surroundings) -> APIRouter:
    """Return the pages of services."""
    made = APIRouter(include_in_schema=False)

    @made.get("/pages/services")
    def services(
        request: Request,
        views: Views,
        caller: Reader,
        q: Annotated[str, Query(max_length=200)] = "",
        cursor: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> HTMLResponse:
        """Show every service, those first that need a look."""
        frame = frame_of(surroundings, request, caller, section="services")
        try:
            wall = views.wall(WallQuery(search=q, limit=PAGE, offset=cursor))
        except SpringtideError as error:
            return _told(frame, error, "Services")
        return frame.page("services.html", wall=wall, search=q, limit=PAGE, offset=cursor, first=cursor + 1)

    @made.get("/pages/services/{service}")
    def service(request: Request, views: Views, caller: Reader, service: str, query: Searched) -> HTMLResponse:
        """Show one service: seven days, what was decided, each run, and what a run would do now."""
        frame = frame_of(surroundings, request, caller, section="services", has_charts=True)
        try:
            detail = views.detail(service, query)
        except SpringtideError as error:
            return _told(frame, error, service)
        shown: dict[str, Any] = {
            "detail": detail,
            "row": detail.row,
            "figure": figure_of(detail),
            "query": query,
            "outcomes": outcomes_of(detail.ticks + detail.runs),
        }
        return frame.page("service.html", **shown)

    return made


def _told(frame: Frame, error: SpringtideError, title: str) -> HTMLResponse:
    """Return a page that says what is wrong, in the frame of all others."""
    status = status_of(error)
    return frame.page("told.html", status=status, title=title, error=error, phrase=HTTPStatus(status).phrase)

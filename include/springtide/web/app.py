"""The one application: REST under `/api/v1`, the article's call under `/scale/`, pages under `/pages`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, FastAPI

from springtide import __version__
from springtide.errors import PermanentError
from springtide.web import problems
from springtide.web.access import unguarded
from springtide.web.api import event_approvals, health, pauses, services
from springtide.web.pages import events as events_page
from springtide.web.pages import services as services_page
from springtide.web.pages import static_files
from springtide.web.ports import Surroundings

MakeRouter = Callable[[Surroundings], APIRouter]

API: Final = "/api/v1"
API_ROUTERS: Final[tuple[MakeRouter, ...]] = (health.router, pauses.router, event_approvals.router, services.router)
"""Below `/api/v1`."""

OTHER_ROUTERS: Final[tuple[MakeRouter, ...]] = (static_files.router, services_page.router, events_page.router)
"""Below the application's own root: pages and the article's call."""


def create_app(surroundings: Surroundings) -> FastAPI:
    """Return the application.

    Raises:
        PermanentError: a route does not say who may come in (`route_unguarded`).
    """
    # No open list of its routes: Airflow's login does not stand before what a plugin mounts.
    app = FastAPI(title="springtide", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.surroundings = surroundings
    problems.install(app)
    for make in API_ROUTERS:
        app.include_router(make(surroundings), prefix=API)
    for make in OTHER_ROUTERS:
        app.include_router(make(surroundings))
    require_guarded(app)
    return app


def require_guarded(app: FastAPI) -> None:
    """Return when every route says who may come in.

    Raises:
        PermanentError: one does not (`route_unguarded`).
    """
    open_routes = list(unguarded(app.routes))
    if open_routes:
        raise PermanentError(
            f"{', '.join(open_routes)}: no route without reads or writes(ACTION): it would be open to everybody.",
            code="route_unguarded",
            field="routes",
        )

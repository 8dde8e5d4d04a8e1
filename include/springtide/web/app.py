"""The one application: REST under `/api/v1`, the article's call under `/scale/`, pages under `/pages`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from springtide import __version__
from springtide.errors import PermanentError, SpringtideError
from springtide.kube.preload import preload_client
from springtide.web import problems, scale
from springtide.web.access import unguarded
from springtide.web.api import audit, event_approvals, events, health, openapi, pauses, policies, runs, services
from springtide.web.at_once import AtOnce
from springtide.web.intake import Intake
from springtide.web.limits import WebLimits
from springtide.web.pages import events as events_page
from springtide.web.pages import runs as run_page
from springtide.web.pages import services as services_page
from springtide.web.pages import static_files
from springtide.web.pages.log_in import log_in_page
from springtide.web.ports import Surroundings
from springtide.web.rates import Rates
from springtide.web.starting import AuditedStarts, Repeated, started

MakeRouter = Callable[[Surroundings], APIRouter]

API: Final = "/api/v1"
API_ROUTERS: Final[tuple[MakeRouter, ...]] = (
    audit.router,
    event_approvals.router,
    events.router,
    health.router,
    openapi.router,
    pauses.router,
    policies.router,
    runs.router,
    services.router,
)
"""Below `/api/v1`."""

OTHER_ROUTERS: Final[tuple[MakeRouter, ...]] = (
    static_files.router,
    services_page.router,
    events_page.router,
    run_page.router,
)
"""Below the application's own root: pages and the article's call."""


def create_app(surroundings: Surroundings) -> FastAPI:
    """Return the application.

    Raises:
        PermanentError: a route does not say who may come in (`route_unguarded`).
        InputError: a limit is none (`limit_invalid`).
    """
    # No open list of its routes: Airflow's login does not stand before what a plugin mounts.
    app = FastAPI(title="springtide", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    limits = WebLimits.of(surroundings.settings)
    app.state.surroundings = surroundings
    app.state.limits = limits
    app.state.requests = Rates(limits.requests, surroundings.clock)
    app.state.writes = Rates(limits.writes, surroundings.clock)
    app.add_middleware(AtOnce, places=limits.at_once)  # inside of `Intake`: a body that comes slowly takes no place
    app.add_middleware(Intake, app=app, body_bytes=limits.body_bytes)
    problems.install(app)
    app.add_exception_handler(SpringtideError, _refused)
    app.add_exception_handler(Repeated, _repeated)
    audited = replace(surroundings, starts=AuditedStarts(surroundings))
    for make in API_ROUTERS:
        app.include_router(make(audited), prefix=API)
    for make in OTHER_ROUTERS:
        app.include_router(make(audited))
    app.include_router(scale.router(surroundings))  # it keeps more than `start` knows of
    require_guarded(app)
    return app


def app_to_serve(surroundings: Surroundings) -> FastAPI:
    """Return the application for a process that serves it to its end, and in which nobody waits for what comes once.

    Kubernetes' client is imported, and what is there by then is kept from the collector of garbage: to go through all
    that an Airflow has imported takes a third of a second each time, in which nobody is answered.

    Raises:
        PermanentError, InputError: as `create_app`.
    """
    app = create_app(surroundings)
    preload_client()
    gc.collect()
    gc.freeze()
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpringtideError)
    surroundings: Surroundings = request.app.state.surroundings
    return log_in_page(surroundings.access, request, error) or problems.problem(error)


async def _repeated(request: Request, repeated: Exception) -> JSONResponse:
    assert isinstance(repeated, Repeated)
    surroundings: Surroundings = request.app.state.surroundings
    return JSONResponse(await run_in_threadpool(started, surroundings, repeated.record, is_repeated=True))


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

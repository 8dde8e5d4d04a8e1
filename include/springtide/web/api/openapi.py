"""`GET /api/v1/openapi.json`: every route of REST, with examples, for whoever is logged in."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from springtide import __version__
from springtide.web.access import Reader, guards_of
from springtide.web.examples import PROBLEMS
from springtide.web.keys import HEADER, PATTERN
from springtide.web.ports import Surroundings

_BEARER: Final[dict[str, list[str]]] = {"bearer": []}
_COOKIE: Final[dict[str, list[str]]] = {"cookie": []}


def router(surroundings: Surroundings) -> APIRouter:
    """Return the route."""
    del surroundings  # it says what the application says
    made = APIRouter(tags=["openapi"])

    @made.get("/openapi.json", summary="This document")
    def openapi(_caller: Reader, request: Request) -> dict[str, Any]:
        """Return the document, its addresses below where the application is mounted."""
        return document(request.app, request.scope.get("root_path", ""))

    return made


def document(app: FastAPI, root: str = "") -> dict[str, Any]:
    """Return the OpenAPI document of `app`, mounted at `root`."""
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    made = get_openapi(
        title="springtide",
        version=__version__,
        description="Scale services of Kubernetes safely. Errors are problem details (RFC 9457) with stable codes.",
        routes=routes,
        servers=[{"url": root or "/"}],
    )
    made.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token of Airflow's POST /auth/token."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "_token", "description": "Airflow's login; reads only."},
    }
    for route in routes:
        is_write = any(guard.is_write for guard in guards_of(route.dependant))
        for method in route.methods:
            _say_all(made["paths"][route.path_format][method.lower()], is_write=is_write)
    return made


def _say_all(operation: dict[str, Any], *, is_write: bool) -> None:
    operation["responses"] = {str(status): each for status, each in PROBLEMS.items()} | {
        status: each for status, each in operation["responses"].items() if status != "422"
    }
    operation["security"] = [_BEARER] if is_write else [_BEARER, _COOKIE]
    if is_write:
        operation.setdefault("parameters", []).append(
            {
                "name": HEADER,
                "in": "header",
                "required": False,
                "description": "The same request with the same key is answered with the run that it started.",
                "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
            }
        )

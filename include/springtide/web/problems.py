"""Errors as problem details (RFC 9457): `code` is springtide's own, `detail` the message for people."""

from __future__ import annotations

import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from springtide.errors import (
    Conflict,
    Fenced,
    InputError,
    NotFound,
    PolicyError,
    SpringtideError,
    TemporaryError,
)

MEDIA_TYPE: Final = "application/problem+json"
log = logging.getLogger(__name__)

_STATUS: Final = MappingProxyType(
    {
        "name_required": 400,
        "pods_required": 400,
        "parameter_repeated": 400,
        "parameter_required": 400,
        "parameter_unknown": 400,
        "json_invalid": 400,
        "json_unsafe": 400,
        "auth_required": 401,
        "token_invalid": 401,
        "not_allowed": 403,
        "bearer_required": 403,
        "origin_refused": 403,
        "service_unknown": 404,
        "event_unknown": 404,
        "page_unknown": 404,
        "use_post": 405,
        "method_not_allowed": 405,
        "dag_paused": 409,
        "service_busy": 409,
        "run_in_progress": 409,
        "key_conflict": 409,
        "rollout_in_progress": 409,
        "field_owned": 409,
        "namespace_terminating": 409,
        "halted": 409,
        "abort_impossible": 409,
        "abort_too_late": 409,
        "paused": 409,
        "not_paused": 409,
        "body_too_large": 413,
        "json_expected": 415,
        "rate_limited": 429,
        "internal_error": 500,
        "airflow_unhealthy": 503,
        "dag_unavailable": 503,
        "rbac_missing": 503,
        "cluster_unreachable": 503,
        "connection_missing": 503,
    }
)
"""The status of each code that its class does not say."""

_BY_CLASS: Final[tuple[tuple[type[SpringtideError], int], ...]] = (
    (TemporaryError, 503),
    (NotFound, 404),
    (Conflict, 409),
    (Fenced, 409),
    (InputError, 422),
    (PolicyError, 422),
)
_OTHERWISE: Final = 422


def status_of(error: SpringtideError) -> int:
    """Return the HTTP status that says what `error` does."""
    by_class = next((status for kind, status in _BY_CLASS if isinstance(error, kind)), _OTHERWISE)
    return _STATUS.get(error.code, by_class)


def problem(error: SpringtideError, **more: Any) -> JSONResponse:
    """Return `error` as an answer; `more` are members of its own, such as the run that is in the way."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": f"urn:springtide:error:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "field": error.field,
        "detail": error.message,
        **more,
    }
    if isinstance(error, PolicyError):
        body["violations"] = [violation_record(each) for each in error.violations]
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=_headers(error, status))


def violation_record(violation: Any) -> dict[str, Any]:
    """Return one error of a file: its code, field, file, line and message."""
    names = ("code", "field", "file", "line", "message")
    return {name: getattr(violation, name) for name in names}


def _headers(error: SpringtideError, status: int) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if error.code == "use_post":
        headers["Allow"] = "POST"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TemporaryError):
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    return headers


class WithMembers(Exception):
    """Carries an error together with members of its answer."""

    def __init__(self, error: SpringtideError, **members: Any) -> None:
        super().__init__(error.message)
        self.error = error
        self.members = members


def install(app: FastAPI) -> None:
    """Make every error of `app` but ours a problem; what nobody foresaw is logged, and told without its words."""
    app.add_exception_handler(WithMembers, _with_members)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(404, _http)
    app.add_exception_handler(405, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)


async def _with_members(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, WithMembers)
    return problem(error.error, **error.members)


async def _http(request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", HTTPStatus.NOT_FOUND)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not allowed here."
        answer = problem(InputError(message, code="method_not_allowed"))
        answer.headers["Allow"] = ", ".join(_methods(request))
        return answer
    return problem(InputError("there is nothing at this address.", code="page_unknown"))


def _missing(field: str) -> str:
    own = f"{field}_required"
    return own if own in _STATUS else "parameter_required"


def _methods(request: Request) -> list[str]:
    """Return what may be sent to an address: by all of its routes, of which the framework names but one."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    routes = [each for each in request.app.routes if isinstance(each, APIRoute) and each.path_regex.match(path)]
    own = [each for each in routes if each.path == path] or routes
    return sorted({method for each in own for method in each.methods})


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "body"
    if first["type"] == "json_invalid":
        return problem(InputError(f"the body is no JSON: {first['ctx']['error']}.", code="json_invalid", field="body"))
    code = _missing(field) if first["type"] == "missing" else "parameter_invalid"
    return problem(InputError(f"{field}: {first['msg']}.", code=code, field=field))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "springtide's own fault; the log of Airflow's API server says more. Nothing was started."
    return problem(SpringtideError(message, code="internal_error"))

"""Who may come in: what every route declares, as a dependency of FastAPI.

A mounted application has no authentication of its own. Each route says `reads`, or `writes(ACTION)`; `create_app`
refuses to be made where one says neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from springtide.errors import PermanentError
from springtide.web.ports import Caller, Permission, Surroundings


def surroundings_of(request: Request) -> Surroundings:
    """Return what the application was made with."""
    found: Surroundings = request.app.state.surroundings
    return found


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets a request in, or raises: 401 without a login, 403 without the right.

    A write takes a bearer token and never the cookie alone, and none from another site.
    """

    permission: Permission

    @property
    def is_write(self) -> bool:
        """Whether it guards what changes something."""
        return self.permission is not Permission.READ

    async def __call__(self, request: Request) -> Caller:
        """Return who asks.

        Raises:
            PermanentError: `auth_required`, `token_invalid`, `origin_refused`, `bearer_required`, `not_allowed`.
        """
        access = surroundings_of(request).access
        caller = await access.caller(request)
        if self.is_write:
            _require_same_origin(request)
            _require_bearer(caller)
        if not await run_in_threadpool(access.may, caller, self.permission):
            raise not_allowed(self.permission)
        return caller


reads: Final = Guard(Permission.READ)
"""Whoever is logged in and may see DAG runs, by cookie or by token."""


@cache
def writes(permission: Permission) -> Guard:
    """Return the guard of what starts the DAG of `permission`."""
    assert permission is not Permission.READ
    return Guard(permission)


Reader = Annotated[Caller, Depends(reads)]
"""The parameter of a route that only shows something."""


def not_allowed(permission: Permission) -> PermanentError:
    """Return the one answer to whoever has not the right, whether what they ask about exists or not."""
    what = (
        "see this"
        if permission is Permission.READ
        else f"do this: it takes the right to run the DAG {permission.value}"
    )
    return PermanentError(f"you may not {what}, for this service. Ask whoever looks after Airflow.", code="not_allowed")


def _require_bearer(caller: Caller) -> None:
    if not caller.is_bearer:
        raise PermanentError(
            "a write takes a token in the header: send Authorization: Bearer. A cookie alone is not enough: another "
            "site could make a browser send it.",
            code="bearer_required",
        )


def _require_same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise PermanentError("a write from another site's page is refused.", code="origin_refused", field="Origin")


def unguarded(routes: list[Any]) -> Iterator[str]:
    """Yield the paths of `routes` that say neither `reads` nor `writes`."""
    for route in routes:
        if not isinstance(route, APIRoute) or not _is_guarded(route.dependant):
            yield getattr(route, "path", repr(route))


def guards_of(dependant: Dependant) -> Iterator[Guard]:
    """Yield every guard that a route declares, at any depth."""
    for each in dependant.dependencies:
        if isinstance(each.call, Guard):
            yield each.call
        yield from guards_of(each)


def _is_guarded(dependant: Dependant) -> bool:
    return any(guards_of(dependant))

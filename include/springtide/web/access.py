"""Who may come in: what every route declares, as a dependency of FastAPI.

A mounted application has no authentication of its own. Each route says `reads`, or `writes(ACTION)`; `create_app`
refuses to be made where one says neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from springtide.errors import PermanentError, TemporaryError
from springtide.policy.scaling.model import ScalingPolicy
from springtide.settings import variable_name
from springtide.web.keys import digest_of, key_of
from springtide.web.names import may_change, policy_named, service_in
from springtide.web.parameters import require_known_once
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.rates import Rates
from springtide.web.starting import of_key


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
    is_write: bool

    async def __call__(self, request: Request) -> Caller:
        """Return who asks.

        Raises:
            PermanentError: `auth_required`, `token_invalid`, `origin_refused`, `bearer_required`, `not_allowed`.
            InputError: the parameters or the key are refused, or the service is not known.
            TemporaryError: too much was asked within a minute (`rate_limited`).
            Repeated: the key leads to what was started before.
        """
        caller = await surroundings_of(request).access.caller(request)
        _require_rate(request, caller, is_write=self.is_write)
        if self.is_write:
            _require_same_origin(request)
            _require_bearer(caller)
        digest = await digest_of(request) if self.is_write else ""
        # One way into a thread and back for all that may wait: each costs as much as what it asks.
        return await run_in_threadpool(self._admitted, request, caller, digest)

    def _admitted(self, request: Request, caller: Caller, digest: str) -> Caller:
        self._require_may(request, caller)
        require_known_once(request)
        if not self.is_write:
            return caller
        keyed = replace(caller, key=key_of(request), digest=digest)
        of_key(surroundings_of(request), keyed)
        return keyed

    def _require_may(self, request: Request, caller: Caller) -> None:
        surroundings = surroundings_of(request)
        if not surroundings.access.may(caller, self.permission):
            raise not_allowed(self.permission)
        service = service_in(request)
        if self.is_write and service is not None:
            permitted_policy(surroundings, service, caller, self.permission)


reads: Final = Guard(Permission.READ, is_write=False)
"""Whoever is logged in and may see DAG runs, by cookie or by token."""


@cache
def writes(permission: Permission) -> Guard:
    """Return the guard of what starts the DAG of `permission`."""
    assert permission is not Permission.READ
    return Guard(permission, is_write=True)


@cache
def reads_as(permission: Permission) -> Guard:
    """Return the guard of what only they may see who may start the DAG of `permission`."""
    return Guard(permission, is_write=False)


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
    host = request.headers.get("host", "")
    hosts = request.app.state.limits.hosts
    if hosts and host not in hosts:
        message = f"a write to {host[:60]!r} is refused: {variable_name('rest_hosts')} does not name it."
        raise PermanentError(message, code="origin_refused", field="Host")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in {host, *hosts}:
        message = f"a write from a page of {origin[:60]!r} is refused: it is another site."
        raise PermanentError(message, code="origin_refused", field="Origin")


def _require_rate(request: Request, caller: Caller, *, is_write: bool) -> None:
    rates: Rates = request.app.state.writes if is_write else request.app.state.requests
    seconds = rates.wait(caller.name)
    if seconds:
        setting = variable_name("rest_writes" if is_write else "rest_requests")
        raise TemporaryError(
            f"too many requests of {caller.name} within a minute; {setting} says how many.",
            code="rate_limited",
            retry_after=timedelta(seconds=math.ceil(seconds)),
        )


def permitted_policy(surroundings: Surroundings, name: str, caller: Caller, permission: Permission) -> ScalingPolicy:
    """Return the policy of a service that the caller may change.

    Raises:
        InputError: it is no name (`name_invalid`), or there is no such policy (`service_unknown`).
        PolicyError: its file is refused.
        PermanentError: they may not (`not_allowed`), or may not be told that there is none, in the same words.
    """
    policy = policy_named(surroundings, name, caller)
    if policy is None or not may_change(policy, caller):
        raise not_allowed(permission)
    return policy


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

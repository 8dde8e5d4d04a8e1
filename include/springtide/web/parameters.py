"""The parameters in an address: each that is known, and once."""

from __future__ import annotations

from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute

from springtide.errors import InputError


def require_known_once(request: Request) -> None:
    """Return when every parameter of the address is one of its route's, and stands there once.

    Raises:
        InputError: one is unknown (`parameter_unknown`), or repeated (`parameter_repeated`).
    """
    given = [name for name, _ in request.query_params.multi_items()]
    if not given:
        return
    known = _known(request)
    for name in given:
        if name not in known:
            raise _unknown(name, known)
        if given.count(name) > 1:
            raise InputError(f"{name}: it stands there twice. Send it once.", code="parameter_repeated", field=name)


def _known(request: Request) -> list[str]:
    route = request.scope.get("route")
    assert isinstance(route, APIRoute)
    return [field.alias for field in get_flat_dependant(route.dependant).query_params]


def _unknown(name: str, known: list[str]) -> InputError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known) or 'none'}."
    return InputError(f"{name[:60]!r}: there is no such parameter; {hint}", code="parameter_unknown", field="query")

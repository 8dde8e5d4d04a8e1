"""The subresource `proxy` of pods and Services: what the API server asks a pod in its client's place.

`Relay.errand` finds out whom to ask and what; `asked` asks in virtual time. GET and HEAD only.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from random import Random
from urllib.parse import urlencode

from springtide.sandbox.controllers.endpointslice import SERVICE_LABEL
from springtide.sandbox.endpoints import Address, endpoints_of
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.loopback import is_loopback
from springtide.sandbox.messages import Errand, Request, Response, refusal
from springtide.sandbox.objects import Json, Ref, labels_of
from springtide.sandbox.routes import Route
from springtide.sandbox.runtime import Process
from springtide.sandbox.status import bad_request, not_found, unavailable
from springtide.sandbox.store import Store

_DEFAULT_PORTS = {"": 80, "http": 80, "https": 443}
# of one connection, or for the API server alone
_OWN_HEADERS = frozenset({"accept-encoding", "authorization", "connection", "content-length", "content-type", "host"})
PLAIN = "text/plain; charset=utf-8"
NO_TLS = "tls: first record does not look like a TLS handshake"


class Relay:
    """Finds the pods behind names like `https:checkout-1:8443`; of a Service's ready pods, any."""

    def __init__(self, store: Store, rng: Random) -> None:
        self._store = store
        self._rng = rng

    def errand(self, request: Request, route: Route) -> Response:
        """Return what is to be asked of whom, or the redirect to the path with a slash at its end.

        Raises:
            ApiError: 404, 400 or 503, nobody can be asked.
        """
        if not route.tail:
            moved = {"Location": f"{request.path}/"}
            return Response(HTTPStatus.MOVED_PERMANENTLY, headers=moved, content_type=PLAIN)
        scheme, name, port = _parts(route)
        target = Ref(route.kind.plural, route.namespace, name)
        address = self._of_pod(target, port, scheme) if target.resource == "pods" else self._of_service(target, port)
        if not is_loopback(address[0]):  # a status or an EndpointSlice by hand may name any
            raise bad_request("address not allowed")
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {key: value for key, value in request.headers.items() if key not in _OWN_HEADERS}
        errand = Errand(
            method=request.method, scheme=scheme or "http", address=address, path=route.tail + query, headers=headers
        )
        return Response(HTTPStatus.OK, errand=errand)

    def _of_pod(self, target: Ref, port: str, scheme: str) -> Address:
        pod = self._get(target)
        ports = [
            each["containerPort"] for container in pod["spec"]["containers"] for each in container.get("ports", ())
        ]
        first = ports[0] if ports else _DEFAULT_PORTS[scheme]
        if port and not port.isdigit():  # a real API server breaks the connection
            raise bad_request(f'invalid pod request "{target.name}:{port}"')
        if not pod["status"].get("podIP"):
            raise bad_request("address not allowed")
        return pod["status"]["podIP"], int(port or first)

    def _of_service(self, target: Ref, port: str) -> Address:
        service = self._get(target)
        name = port
        if port.isdigit():
            names = [each.get("name", "") for each in service["spec"].get("ports", ()) if each["port"] == int(port)]
            if not names:
                raise unavailable(f'no service port {port} found for service "{target.name}"')
            name = names[0]
        slices = self._store.select("endpointslices", target.namespace)
        endpoints = endpoints_of([each for each in slices if labels_of(each).get(SERVICE_LABEL) == target.name])
        ready = [each.address for each in endpoints.get(name, ()) if each.ready]
        if not ready:
            has_any = any(not each.terminating for known in endpoints.values() for each in known)
            shown = f"{target.name}:{port}" if has_any and port else target.name
            raise unavailable(f'no endpoints available for service "{shown}"')
        return self._rng.choice(ready)

    def _get(self, target: Ref) -> Json:
        obj = self._store.get(target)
        if obj is None:
            raise not_found(KINDS[target.resource].subject(target.name))
        return obj


def _parts(route: Route) -> tuple[str, str, str]:
    """Return scheme, name and port of `name`, `name:port` or `scheme:name:port`."""
    parts = route.name.split(":")
    named = {1: ["", *parts, ""], 2: ["", *parts]}.get(len(parts), parts)
    if len(named) != len(("scheme", "name", "port")) or not named[1] or named[0] not in _DEFAULT_PORTS:
        raise bad_request(f'invalid {route.kind.kind.lower()} request "{route.name}"')
    scheme, name, port = named
    return scheme, name, port


def asked(errand: Errand, find: Callable[[str, int], Process | None], now: float) -> tuple[Response, float]:
    """Ask a process in virtual time; return its answer and the seconds that it works on it."""
    process = find(*errand.address)
    if process is None:
        return unreached(refused(errand)), 0.0
    if errand.scheme == "https":
        return unreached(NO_TLS), 0.0
    answer = process.app.answer(errand.path, now)
    return Response(answer.status, answer.body.encode(), content_type=PLAIN), answer.work


def refused(errand: Errand) -> str:
    """Return why a process that is not there was not reached."""
    host, port = errand.address
    return f"dial tcp {host}:{port}: connect: connection refused"


def unreached(why: str) -> Response:
    """Return the API server's own answer when the process gave none."""
    return refusal(unavailable(f"error trying to reach service: {why}"))

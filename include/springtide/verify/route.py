"""The real route to the pods: plain HTTP through the Service, each request on a connection of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from springtide.clock import Clock
from springtide.errors import InputError
from springtide.kube.objects import Service

if TYPE_CHECKING:
    from httpx import Client

BODY_LIMIT: Final = 64 * 1024
"""Bytes of an answer that are read; a longer one is cut, never loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status and the beginning of the body, or the `error` that came instead."""

    status: int
    body: str
    headers: dict[str, str]
    error: str | None = None


class Route(Protocol):
    """Sends one GET."""

    def get(self, url: str, *, timeout_seconds: float) -> Answer:
        """Return the answer; what goes wrong on the way is an `Answer` with `error`, never raised."""
        ...


class HttpRoute:
    """`Route` over httpx: no redirects, no proxies from the environment, a fresh connection for each request.

    A fresh connection is the point: a kept one stays with the pod it once reached, and would prove nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: Client | None = None

    def get(self, url: str, *, timeout_seconds: float) -> Answer:
        """Return the answer to one GET."""
        import httpx

        end = self._clock.monotonic() + timeout_seconds
        if self._client is None:
            limits = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.Client(limits=limits, follow_redirects=False, trust_env=False)
        try:
            with self._client.stream("GET", url, timeout=timeout_seconds) as response:
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if self._clock.monotonic() > end:  # the client's own timeout starts again with every byte
                        return Answer(
                            status=0, body="", headers={}, error=f"no whole answer within {timeout_seconds:g} s"
                        )
                    if len(body) >= BODY_LIMIT:
                        break
                text = body[:BODY_LIMIT].decode(errors="replace")
                return Answer(status=response.status_code, body=text, headers=dict(response.headers))
        except httpx.HTTPError as error:
            return Answer(status=0, body="", headers={}, error=f"{type(error).__name__}: {error}")


def address_of(service: Service, port: int | str | None = None) -> str:
    """Return `http://CLUSTER_IP:PORT` of the Service; `port` is a number or a name, by default the first one.

    Raises:
        InputError: the Service has no such port.
    """
    matching = [entry for entry in service.ports if port is None or port in (entry["port"], entry.get("name"))]
    if not matching:
        known = ", ".join(f"{entry.get('name', '')}:{entry['port']}".lstrip(":") for entry in service.ports) or "none"
        raise InputError(
            f"port {port!r}: Service {service.name} has the ports {known}.", code="port_unknown", field="port"
        )
    host = f"[{service.cluster_ip}]" if ":" in service.cluster_ip else service.cluster_ip
    return f"http://{host}:{matching[0]['port']}"

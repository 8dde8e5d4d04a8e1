"""The real route to the pods: HTTP through the Service, each request on a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from springtide.clock import Clock
from springtide.errors import InputError
from springtide.kube.objects import Json, Service
from springtide.unpacking import ACCEPTED, PackingError, unpacked

if TYPE_CHECKING:
    from httpx import Client

BODY_LIMIT: Final = 64 * 1024
"""Bytes of an answer that are read, counted unpacked; a longer one is cut, never loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status and the beginning of the body, or the `error` that came instead."""

    status: int
    body: str
    headers: dict[str, str]
    error: str | None = None


class Route(Protocol):
    """Sends one GET."""

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer; what goes wrong on the way is an `Answer` with `error`, never raised."""
        ...


class HttpRoute:
    """`Route` over httpx: no redirects, no proxies from the environment, a fresh connection for each request.

    A fresh connection is the point: a kept one stays with the pod it once reached, and would prove nothing. With
    https no certificate is verified: the address is a number, and what answers there is what the Service leads to.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: Client | None = None

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to one GET."""
        import httpx

        end = self._clock.monotonic() + timeout_seconds
        if self._client is None:
            limits = httpx.Limits(max_keepalive_connections=0)
            packing = {"Accept-Encoding": ACCEPTED}
            self._client = httpx.Client(
                limits=limits,
                follow_redirects=False,
                trust_env=False,
                headers=packing,
                verify=False,  # noqa: S501  # see the class
            )
        try:
            with self._client.stream("GET", url, timeout=timeout_seconds, headers=headers) as response:
                body = b""
                for chunk in unpacked(response.iter_raw(), response.headers.get("content-encoding", "")):
                    body += chunk
                    if self._clock.monotonic() > end:  # the client's own timeout starts again with every byte
                        return Answer(
                            status=0, body="", headers={}, error=f"no whole answer within {timeout_seconds:g} s"
                        )
                    if len(body) >= BODY_LIMIT:
                        break
                text = body[:BODY_LIMIT].decode(errors="replace")
                return Answer(status=response.status_code, body=text, headers=dict(response.headers))
        except PackingError as error:
            return Answer(status=0, body="", headers={}, error=str(error))
        except httpx.HTTPError as error:
            return Answer(status=0, body="", headers={}, error=f"{type(error).__name__}: {error}")


def address_of(service: Service, port: int | str | None = None, *, scheme: str = "http") -> str:
    """Return `http://CLUSTER_IP:PORT` of the Service; `port` is a number or a name, by default the first TCP port.

    Raises:
        InputError: the Service has no such port, or no address.
    """
    number = port_of(service, port)["port"]
    if service.cluster_ip in ("", "None"):
        raise InputError(
            f"Service {service.name} has no ClusterIP to send a request to. Write `via: api_server`.",
            code="cluster_ip_missing",
            field="via",
        )
    host = f"[{service.cluster_ip}]" if ":" in service.cluster_ip else service.cluster_ip
    return f"{scheme}://{host}:{number}"


def port_of(service: Service, port: int | str | None = None) -> Json:
    """Return the Service's port of this number or name, by default its first TCP port, as the API has it.

    Raises:
        InputError: the Service has no such port, or it does not speak TCP (`port_unknown`).
    """
    named = [entry for entry in service.ports if port is None or port in (entry["port"], entry.get("name"))]
    over_tcp = [entry for entry in named if entry.get("protocol", "TCP") == "TCP"]
    if over_tcp:
        return over_tcp[0]
    known = ", ".join(map(_shown, service.ports)) or "none"
    wanted = "a TCP port" if port is None else f"port {port!r}"
    raise InputError(
        f"{wanted}: Service {service.name} has the ports {known}. Name one of them that speaks TCP.",
        code="port_unknown",
        field="port",
    )


def _shown(entry: Json) -> str:
    protocol = entry.get("protocol", "TCP")
    name = f"{entry.get('name', '')}:{entry['port']}".lstrip(":")
    return name if protocol == "TCP" else f"{name}/{protocol}"

"""Where a check's requests go: through the Service, by one of two ways, or to one pod by way of the API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from springtide.errors import InputError
from springtide.kube.objects import Json, Kind, Pod, Service
from springtide.kube.proxy import ProxyReader, ProxyRequest
from springtide.policy.scaling.smoke import HttpCheck
from springtide.verify.route import BODY_LIMIT, Answer, Route, address_of, port_of


@dataclass(frozen=True, slots=True)
class Destination:
    """One place: `address` as messages show it, and what sends one request there.

    `get` raises `ClusterRefused` or `ClusterUnavailable` where the API server does not pass the request on, and
    `NotFound` where the pod or the Service has gone.
    """

    address: str
    get: Callable[[], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Both ways to the pods of one namespace: straight to a Service's address, and by way of the API server."""

    route: Route
    proxy: ProxyReader
    namespace: str

    def to_service(self, check: HttpCheck, service: Service | None) -> Destination:
        """Return where `check` goes through the Service.

        Raises:
            InputError: the workload has no Service, or that has no such port, or no address.
        """
        if service is None:
            raise InputError(
                f"smoke check {check.path} asks through the Service, and target.service names none. Name it.",
                code="service_missing",
                field="target.service",
            )
        if check.via == "api_server":
            port = int(port_of(service, check.port)["port"])
            return self._passed_on(check, Kind.SERVICE, service.name, port)
        url = address_of(service, check.port, scheme=check.scheme) + check.path
        timeout = check.timeout.total_seconds()
        return Destination(url, lambda: self.route.get(url, timeout_seconds=timeout, headers=check.sent_headers))

    def to_pod(self, check: HttpCheck, service: Service, pod: Pod) -> Destination:
        """Return where `check` goes in one pod, whether or not a Service leads to it: `pods/proxy`.

        Raises:
            InputError: the Service has no such port, or the pod none of the name that the Service sends to.
        """
        return self._passed_on(check, Kind.POD, pod.name, pod_port(service, pod, check.port))

    def _passed_on(self, check: HttpCheck, kind: Kind, name: str, port: int) -> Destination:
        request = ProxyRequest(
            kind=kind,
            namespace=self.namespace,
            name=name,
            port=port,
            path=check.path,
            timeout_seconds=check.timeout.total_seconds(),
            body_limit=BODY_LIMIT,
            scheme=check.scheme,
            headers=check.sent_headers,
        )
        return Destination(request.address, lambda: _asked(self.proxy, request))


def _asked(proxy: ProxyReader, request: ProxyRequest) -> Answer:
    answer = proxy.ask(request)
    body = answer.body.decode(errors="replace")
    return Answer(status=answer.status, body=body, headers=answer.headers, error=answer.error)


def pod_port(service: Service, pod: Pod, port: int | str | None = None) -> int:
    """Return the port of `pod` that the Service's port leads to.

    Raises:
        InputError: there is no such port (`port_unknown`).
    """
    entry = port_of(service, port)
    target = entry.get("targetPort") or entry["port"]
    if isinstance(target, int):
        return target
    number = next((int(each["containerPort"]) for each in _tcp_ports(pod) if each.get("name") == target), None)
    if number is None:
        raise InputError(
            f"targetPort {target!r} of Service {service.name}: no container of pod {pod.name} has a TCP port of this "
            "name. Correct the Service or the container.",
            code="port_unknown",
            field="port",
        )
    return number


def _tcp_ports(pod: Pod) -> Iterator[Json]:
    spec = pod.raw["spec"]
    # A sidecar that is an init container serves as the others do.
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        yield from (port for port in container.get("ports") or () if port.get("protocol", "TCP") == "TCP")

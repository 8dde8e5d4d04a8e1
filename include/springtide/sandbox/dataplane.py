"""What a Service reaches: its endpoints as the node's proxy has them, some time after the slices were written.

As kube-proxy: new connections go to ready endpoints; if there are none, to terminating ones that still serve
(KEP-1669); if there are none of those either, the connection is refused. With `internalTrafficPolicy: Local` only the
endpoints of the client's own node count, and connections come from every node alike.
Established connections are nobody's business here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from springtide.sandbox.controllers.endpointslice import SERVICE_LABEL
from springtide.sandbox.core import Core
from springtide.sandbox.endpoints import Address, Endpoint, endpoints_of
from springtide.sandbox.history import History, Loss
from springtide.sandbox.objects import Ref, labels_of
from springtide.sandbox.runtime import Process
from springtide.sandbox.store import Change

Service = tuple[str, str]  # namespace, name


@dataclass(slots=True, kw_only=True)
class _Route:
    endpoints: dict[str, tuple[Endpoint, ...]] = field(default_factory=dict)  # by port name
    served: bool = False  # ever had a backend
    loss: Loss | None = None
    served_nodes: set[str] = field(default_factory=set)  # that ever had a backend of their own

    def backends(self, port: str, node: str | None = None) -> list[Endpoint]:
        """Return where new connections to a port go: from one node to its own endpoints where a `node` is given."""
        endpoints = [each for each in self.endpoints.get(port, ()) if node is None or each.node == node]
        ready = [endpoint for endpoint in endpoints if endpoint.ready]
        return ready or [endpoint for endpoint in endpoints if endpoint.serving and endpoint.terminating]

    def addresses(self) -> set[Address]:
        """Return where new connections go, whatever the port."""
        return {endpoint.address for endpoint in self.chosen()}

    def chosen(self, node: str | None = None) -> list[Endpoint]:
        """Return the backends of all ports."""
        return [endpoint for port in self.endpoints for endpoint in self.backends(port, node)]


class Dataplane:
    """The node's proxy rules."""

    def __init__(self, core: Core, history: History) -> None:
        self.core = core
        self.history = history
        self.rng = Random(core.settings.seed)  # noqa: S311  repeatable on purpose, and no secret
        self.on_change: Callable[[Service], None] | None = None
        self._routes: dict[Service, _Route] = {}
        self._listening: set[Address] = set()
        self._left: dict[Address, float] = {}  # when the proxy stopped choosing an address

    def saw(self, change: Change) -> None:
        """Plan to follow a written slice; forget a Service that went."""
        ref = change.ref
        if ref.resource == "endpointslices":
            name = labels_of(change.object).get(SERVICE_LABEL)
            if name:
                self._plan((ref.namespace, name))
        elif ref.resource == "services" and change.type == "DELETED":
            self.core.timeline.after(self.core.settings.propagation, partial(self._drop, (ref.namespace, ref.name)))

    def _plan(self, service: Service) -> None:
        slices = self.core.store.select("endpointslices", service[0])
        endpoints = endpoints_of([each for each in slices if labels_of(each).get(SERVICE_LABEL) == service[1]])
        self.history.endpoints_written(self.core.timeline.elapsed, service, endpoints)
        self.core.timeline.after(self.core.settings.propagation, partial(self._follow, service, endpoints))

    def _follow(self, service: Service, endpoints: dict[str, tuple[Endpoint, ...]]) -> None:
        route = self._routes.setdefault(service, _Route())
        before = route.addresses()
        route.endpoints = endpoints
        for address in before - route.addresses():
            self._left[address] = self.core.timeline.elapsed
        self.history.endpoints_followed(self.core.timeline.elapsed, service, endpoints)
        self._judge(service, route)
        if self.on_change is not None:
            self.on_change(service)

    def _drop(self, service: Service) -> None:
        if self.core.store.get(_service_ref(service)) is None:
            self._routes.pop(service, None)
            if self.on_change is not None:
                self.on_change(service)

    def moved(self, process: Process) -> None:
        """Note that a process began or stopped listening, and whether that cost requests."""
        now = self.core.timeline.elapsed
        for port in process.ports:
            address = (process.address, port)
            if process.listening:
                self._listening.add(address)
                continue
            self._listening.discard(address)
            # a request that was sent just before the proxy left the address is open until the app has answered it
            open_until = self._left.get(address, -1e9) + process.app.behaviour.work
            if process.killed and now < open_until:
                why = "killed with open requests"
                self.history.losses.append(Loss(service=("", process.app.pod), since=now, until=now, why=why))
        for service, route in self._routes.items():
            self._judge(service, route)

    def _judge(self, service: Service, route: _Route) -> None:
        """Note from when to when a new connection to a Service can fail."""
        why = self._failure(route, self._nodes_of(service))
        if (route.loss.why if route.loss else "") == why:
            return
        now = self.core.timeline.elapsed
        if route.loss is not None:
            route.loss.until = now
            if route.loss.since == now:  # several things of one moment
                self.history.losses.remove(route.loss)
            route.loss = None
        if why:
            route.loss = Loss(service=service, since=now, until=None, why=why)
            self.history.losses.append(route.loss)

    def _nodes_of(self, service: Service) -> list[str]:
        """Return the nodes from which connections stay on their node; none where the Service is one for all."""
        obj = self.core.store.get(_service_ref(service))
        is_local = obj is not None and obj["spec"].get("internalTrafficPolicy") == "Local"
        return [node["metadata"]["name"] for node in self.core.store.select("nodes")] if is_local else []

    def _failure(self, route: _Route, nodes: list[str]) -> str:
        """Return why new connections fail, "" when they do not; a Service that never worked has nothing to lose."""
        route.served_nodes |= {node for node in nodes if route.chosen(node)}
        lost = [node for node in nodes if node in route.served_nodes and not route.chosen(node)]
        if lost:
            return f"has no endpoint on {', '.join(lost)}"
        chosen = route.chosen()
        route.served = route.served or bool(chosen)
        if route.served and not chosen:
            return "has no endpoint"
        dead = sorted({endpoint.pod for endpoint in chosen if endpoint.address not in self._listening})
        return f"sends to {', '.join(dead)}, which does not listen" if dead else ""

    def pick(self, service: Service, port: int) -> Address | None:
        """Return the backend of a new connection to a Service port, None when it is refused."""
        obj = self.core.store.get(_service_ref(service))
        route = self._routes.get(service)
        if obj is None or route is None:
            return None
        ports = obj["spec"].get("ports", ())
        name = next((each.get("name", "") for each in ports if each["port"] == port), None)
        nodes = self._nodes_of(service)
        client = self.rng.choice(nodes) if nodes else None
        backends = route.backends(name, client) if name is not None else []
        return self.rng.choice(backends).address if backends else None

    def service_at(self, host: str) -> Service | None:
        """Return the Service of a cluster IP or of a name like `checkout.shop` or `checkout.shop.svc.cluster.local`."""
        labels = host.split(".")
        for obj in self.core.store.select("services"):
            metadata = obj["metadata"]
            is_named = labels[:2] == [metadata["name"], metadata["namespace"]]
            if obj["spec"].get("clusterIP") == host or is_named:
                return metadata["namespace"], metadata["name"]
        return None


def _service_ref(service: Service) -> Ref:
    return Ref("services", *service)

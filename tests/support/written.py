"""Ways to a workload on which a test has written every answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import cycle

from springtide.errors import NotFound
from springtide.kube.objects import Kind
from springtide.kube.proxy import ProxyAnswer, ProxyReader, ProxyRequest
from springtide.sandbox.world import World
from springtide.verify.destinations import Ways
from springtide.verify.route import Answer, Route
from support.simulation import WorldRoute


class WrittenRoute:
    """Answers in turn what it was given."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = cycle(answers)
        self.urls: list[str] = []
        self.headers: list[dict[str, str]] = []

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the next answer."""
        assert timeout_seconds > 0
        self.urls.append(url)
        self.headers.append(dict(headers or {}))
        return next(self.answers)


class WrittenProxy:
    """An API server that passes nothing on: it answers in turn what it was given, or raises it."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = cycle(answers)
        self.requests: list[ProxyRequest] = []

    @property
    def addresses(self) -> list[str]:
        """What was asked, in order."""
        return [request.address for request in self.requests]

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Return the next answer."""
        self.requests.append(request)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        body = answer.body.encode()
        return ProxyAnswer(status=answer.status, body=body, headers=answer.headers, error=answer.error)


def ways(route: Route | None = None, proxy: ProxyReader | None = None) -> Ways:
    """Return the ways to the workload in namespace `shop`; nobody answers on those that are not given."""
    nobody = Answer(status=0, body="", headers={}, error="nobody answers there")
    return Ways(route=route or WrittenRoute(nobody), proxy=proxy or WrittenProxy(nobody), namespace="shop")


class WorldProxy:
    """The API server of a world, passing on to its pods; `judge` may answer, raise, or let a request pass."""

    def __init__(self, world: World, judge: Callable[[ProxyRequest], Answer | None] = lambda _request: None) -> None:
        self._world = world
        self._judge = judge
        self.requests: list[ProxyRequest] = []

    def pods(self, *, besides: Collection[str] = ()) -> list[str]:
        """Return the names of the pods that were asked, in order, without those `besides`."""
        asked = [request.name for request in self.requests if request.kind is Kind.POD]
        return [name for name in asked if name not in besides]

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Send one GET."""
        self.requests.append(request)
        judged = self._judge(request)
        answer = judged or WorldRoute(self._world).get(self._url(request), timeout_seconds=request.timeout_seconds)
        body = answer.body.encode()
        return ProxyAnswer(status=answer.status, body=body, headers=answer.headers, error=answer.error)

    def _url(self, request: ProxyRequest) -> str:
        resource = "pods" if request.kind is Kind.POD else "services"
        thing = self._world.get(resource, request.namespace, request.name)
        if thing is None:
            raise NotFound(f"{resource} {request.name!r} not found", code="not_found")
        host = thing["status"].get("podIP") if request.kind is Kind.POD else thing["spec"]["clusterIP"]
        return f"http://{host}:{request.port}{request.path}"

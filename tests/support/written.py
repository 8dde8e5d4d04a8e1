"""Ways to a workload on which a test has written every answer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

from springtide.kube.proxy import ProxyAnswer, ProxyReader, ProxyRequest
from springtide.verify.destinations import Ways
from springtide.verify.route import Answer, Route


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

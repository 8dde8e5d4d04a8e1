"""What keeps a request to a Service honest and bounded, over real connections: none of it is the client's default."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from springtide.clock import ManualClock, SystemClock
from springtide.verify.route import BODY_LIMIT, HttpRoute
from support.builders import NOW

LONG = b"x" * (8 * 1024 * 1024)


@dataclass
class Site:
    """A server on loopback that says its name, and what it was asked."""

    name: str
    url: str = ""
    paths: list[str] = field(default_factory=list)
    peers: set[int] = field(default_factory=set)


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps a connection unless its client closes it

        def do_GET(self) -> None:
            site.paths.append(self.path)
            site.peers.add(self.client_address[1])
            body = LONG if self.path == "/long" else site.name.encode()
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # a client that has read enough goes

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


@contextmanager
def serving(name: str) -> Iterator[Site]:
    site = Site(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site)) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def service() -> Iterator[Site]:
    with serving("the service") as site:
        yield site


@pytest.fixture
def route() -> HttpRoute:
    return HttpRoute(SystemClock())


class LeapingClock(ManualClock):
    """Time that goes on by ten seconds with every look at it."""

    def monotonic(self) -> float:
        """Return ten seconds more than the last time."""
        self.sleep(10)
        return super().monotonic()


def test_a_redirect_is_an_answer_and_nobody_goes_there(service: Site, route: HttpRoute) -> None:
    answer = route.get(f"{service.url}/moved", timeout_seconds=5)

    assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")
    assert service.paths == ["/moved"]


def test_a_long_answer_is_cut_and_not_loaded(service: Site, route: HttpRoute) -> None:
    answer = route.get(f"{service.url}/long", timeout_seconds=5)

    assert answer.status == 200
    assert answer.body == "x" * BODY_LIMIT


def test_every_request_is_on_a_connection_of_its_own(service: Site, route: HttpRoute) -> None:
    """A kept one stays with the pod that it reached first: three answers of one old pod would pass for three."""
    for _ in range(3):
        assert route.get(service.url, timeout_seconds=5).body == "the service"

    assert len(service.peers) == 3


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_not_asked(
    service: Site, route: HttpRoute, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving("a proxy") as proxy:
        monkeypatch.setenv(variable, proxy.url)
        answer = route.get(service.url, timeout_seconds=5)

        assert (answer.status, answer.body) == (200, "the service")
        assert proxy.paths == []


def test_an_answer_that_goes_on_and_on_ends_at_the_timeout(service: Site) -> None:
    answer = HttpRoute(LeapingClock(NOW)).get(f"{service.url}/long", timeout_seconds=2)

    assert (answer.status, answer.error) == (0, "no whole answer within 2 s")

"""GETs that the API server passes on: what reaches the pod, what comes back, and that nothing of it is endless."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterRefused, ClusterUnavailable, InputError, NotFound
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.kube.proxy import ProxyRequest
from support.builders import NOW

TOKEN = "a-token"


def status(code: int, message: str) -> bytes:
    """Return what an API server says for itself."""
    return json.dumps({"kind": "Status", "apiVersion": "v1", "code": code, "message": message}).encode()


class Server(BaseHTTPRequestHandler):
    """An API server, and behind it a pod: the last part of a path says which of the two answers, and what."""

    asked: list[tuple[str, dict[str, str]]]
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {  # noqa: RUF012 - written here and nowhere else
        "fine": (200, {"Content-Type": "text/plain", "X-Pod": "web-1"}, b"fine"),
        "moved": (302, {"Location": "/fine"}, b""),
        "long": (200, {}, b"x" * 300_000),
        "packed": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 20_000_000)),
        "own-404": (404, {"Content-Type": "application/json"}, b'{"error": "no such page"}'),
        "own-503": (503, {"Content-Type": "text/html"}, b"<h1>busy</h1>"),
        "no-pod": (404, {"Content-Type": "application/json"}, status(404, 'pods "web-1" not found')),
        "no-right": (403, {"Content-Type": "application/json"}, status(403, "pods/proxy is forbidden")),
        "no-token": (401, {"Content-Type": "application/json"}, status(401, "Unauthorized")),
        "busy": (429, {"Content-Type": "application/json"}, status(429, "too many requests")),
        "broken": (500, {"Content-Type": "application/json"}, status(500, "etcd")),
        "refused": (503, {"Content-Type": "application/json"}, status(503, "error trying to reach service: refused")),
    }

    def do_GET(self) -> None:
        """Answer as the path says; hang up where it says so."""
        self.asked.append((self.path, dict(self.headers.items())))
        name = self.path.partition("?")[0].rpartition("/")[2]
        if name == "silent":
            self.rfile.read(1)  # until the client gives up
            return
        if name == "broken-off":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"some")
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        code, headers, body = self.answers[name]
        self.send_response(code)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class HurriedClock(ManualClock):
    """Time that goes on by a second with every look at it."""

    def monotonic(self) -> float:
        """Return a second more than the last time."""
        self.sleep(1)
        return super().monotonic()


def kube(host: str, clock: ManualClock) -> LiveKube:
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration(host=host)
    settings.retries = False
    settings.api_key["authorization"] = f"Bearer {TOKEN}"
    return LiveKube(ApiClient(settings), clock=clock)


class Api:
    """The running server and a client of it."""

    def __init__(self, port: int, asked: list[tuple[str, dict[str, str]]]) -> None:
        self.host = f"http://127.0.0.1:{port}"
        self.asked = asked

    def ask(self, answer: str, *, clock: ManualClock | None = None, **request: Any) -> Any:
        """Ask for one of the written answers."""
        return kube(self.host, clock or ManualClock(NOW)).ask(asking(f"/{answer}", **request))


def asking(path: str, **request: Any) -> ProxyRequest:
    """Return a request to `path` of the pod web-1."""
    usual = {"kind": Kind.POD, "namespace": "shop", "name": "web-1", "port": 8080}
    return ProxyRequest(**{**usual, "timeout_seconds": 5.0, "body_limit": 65_536, "path": path, **request})


@pytest.fixture(scope="module")
def server() -> Iterator[Api]:
    asked: list[tuple[str, dict[str, str]]] = []
    handler = type("Handler", (Server,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Api(running.server_port, asked)
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def api(server: Api) -> Api:
    server.asked.clear()
    return server


class TestWhatIsSent:
    def test_it_names_the_object_its_port_the_path_and_the_query(self, api: Api) -> None:
        api.ask("fine?a=1&b=%2F")
        api.ask("fine", kind=Kind.SERVICE, name="web", port=80, scheme="https")

        pods = "/api/v1/namespaces/shop/pods/http:web-1:8080/proxy/fine?a=1&b=%2F"
        assert [path for path, _headers in api.asked] == [
            pods,
            "/api/v1/namespaces/shop/services/https:web:80/proxy/fine",
        ]

    def test_the_headers_of_the_check_go_with_the_clients_own_credentials(self, api: Api) -> None:
        api.ask("fine", headers={"Host": "shop.example", "X-Test": "1"})

        ((_path, headers),) = api.asked
        assert (headers["Host"], headers["X-Test"]) == ("shop.example", "1")
        assert headers["authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize(
        "path", ["/../../secrets", "/a/..", "/%2e%2E/secrets", "/a/.%2e/b", "/..%2fsecrets", "healthz", ""]
    )
    def test_a_path_that_leaves_the_object_is_refused(self, path: str) -> None:
        with pytest.raises(InputError) as caught:
            asking(path)

        assert caught.value.code == "url_not_allowed"

    @pytest.mark.parametrize("path", ["/a..b", "/...", "/go?to=/../x", "/./a"])
    def test_a_path_that_only_looks_like_it_is_not(self, path: str) -> None:
        assert asking(path).address.endswith(path)


class TestWhatComesBack:
    def test_status_body_and_headers_in_lower_case(self, api: Api) -> None:
        answer = api.ask("fine")

        assert (answer.status, answer.body, answer.error) == (200, b"fine", None)
        assert answer.headers["x-pod"] == "web-1"

    def test_a_redirect_is_an_answer_and_is_not_followed(self, api: Api) -> None:
        assert api.ask("moved").status == 302
        assert len(api.asked) == 1

    @pytest.mark.parametrize(("answer", "code"), [("own-404", 404), ("own-503", 503)])
    def test_what_the_pod_itself_refuses_is_an_answer(self, api: Api, answer: str, code: int) -> None:
        assert (api.ask(answer).status, api.ask(answer).error) == (code, None)

    @pytest.mark.parametrize(
        ("answer", "error", "code"),
        [
            ("no-pod", NotFound, "not_found"),
            ("no-right", ClusterRefused, "rbac_missing"),
            ("no-token", ClusterRefused, "token_invalid"),
            ("busy", ClusterUnavailable, "cluster_busy"),
            ("broken", ClusterUnavailable, "cluster_unreachable"),
        ],
    )
    def test_what_the_api_server_refuses_is_raised(
        self, api: Api, answer: str, error: type[Exception], code: str
    ) -> None:
        with pytest.raises(error) as caught:
            api.ask(answer)

        assert caught.value.code == code  # type: ignore[attr-defined]
        assert len(api.asked) == 1

    def test_where_the_api_server_reaches_nobody_its_words_are_the_error(self, api: Api) -> None:
        answer = api.ask("refused")

        assert (answer.status, answer.error) == (0, "error trying to reach service: refused")

    def test_an_api_server_that_cannot_be_reached_is_tried_again_by_whoever_asks(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            host = f"http://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(ClusterUnavailable):
                kube(host, ManualClock(NOW)).ask(asking("/fine"))


class TestBounds:
    @pytest.mark.parametrize("answer", ["long", "packed"])
    def test_a_body_is_cut_at_the_limit_as_it_is_unpacked(self, api: Api, answer: str) -> None:
        assert api.ask(answer, body_limit=1000).body == b"x" * 1000

    def test_no_answer_in_time_is_an_error_of_the_pod(self, api: Api) -> None:
        assert api.ask("silent", timeout_seconds=0.05).error == "no answer within 0.05 s"

    def test_an_answer_that_goes_on_and_on_ends_at_the_timeout(self, api: Api) -> None:
        answer = api.ask("long", body_limit=300_000, timeout_seconds=2.0, clock=HurriedClock(NOW))

        assert (answer.status, answer.error) == (0, "no whole answer within 2 s")

    def test_an_answer_that_breaks_off_is_an_error_of_the_pod(self, api: Api) -> None:
        assert "broke off" in str(api.ask("broken-off").error)

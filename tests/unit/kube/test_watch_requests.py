"""Watches over HTTP: what is asked, what comes back whole or broken, and threads that follow a running cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from springtide.clock import SystemClock
from springtide.errors import ClusterRefused, ClusterUnavailable
from springtide.kube import live
from springtide.kube.following import WatchExpired, WatchQuestion
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.kube.watched import NotWatched, WatchedKube
from springtide.sandbox.cluster import start_cluster
from unit.sandbox.fronts import until
from unit.sandbox.scenes import namespace, service

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PODS = WatchQuestion(kind=Kind.POD, namespace="shop", selector="app=web")
WEB = WatchQuestion(kind=Kind.DEPLOYMENT, namespace="shop", fields="metadata.name=web")
ADDED = {"type": "ADDED", "object": {"metadata": {"name": "web-1", "resourceVersion": "8"}}}
LINE = json.dumps(ADDED).encode() + b"\n"


class Server(BaseHTTPRequestHandler):
    """An API server whose watches say `parts`, each a chunk of its own, and then do as `end` says."""

    protocol_version = "HTTP/1.1"
    asked: list[str]
    url: str
    status = 200
    parts: tuple[bytes, ...] = ()
    end = "whole"

    def do_GET(self) -> None:
        """Answer as the class says."""
        self.asked.append(self.path)
        if self.status != 200:
            body = json.dumps({"kind": "Status", "message": "no", "code": self.status}).encode()
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in self.parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if self.end == "whole":
            self.wfile.write(b"0\r\n\r\n")
        if self.end == "silent":
            self.rfile.read(1)  # until the client gives up
        self.close_connection = self.end != "whole"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def client(url: str) -> ApiClient:
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration(host=url)
    settings.retries = False
    return ApiClient(settings)


@pytest.fixture
def server() -> Iterator[type[Server]]:
    class Running(Server):
        asked: list[str] = []  # noqa: RUF012  this test's own

    with ThreadingHTTPServer(("127.0.0.1", 0), Running) as running:
        Running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Running
        finally:
            running.shutdown()
            thread.join()


def watch(server: Any, question: WatchQuestion = PODS, version: str = "7") -> list[Any]:
    return list(LiveKube(client(server.url)).watch(question, version, 0))


def test_it_asks_for_bookmarks_and_for_an_end(server: type[Server]) -> None:
    watch(server)

    (asked,) = server.asked
    assert urlsplit(asked).path == "/api/v1/namespaces/shop/pods"
    assert parse_qs(urlsplit(asked).query) == {
        "watch": ["True"],
        "allowWatchBookmarks": ["True"],
        "timeoutSeconds": ["0"],
        "resourceVersion": ["7"],
        "labelSelector": ["app=web"],
    }


def test_one_object_is_watched_by_its_name_and_from_now_on(server: type[Server]) -> None:
    watch(server, WEB, "")

    query = parse_qs(urlsplit(server.asked[0]).query)
    assert query["fieldSelector"] == ["metadata.name=web"]
    assert "resourceVersion" not in query


@pytest.mark.parametrize("parts", [(LINE, LINE), (LINE + LINE,), (LINE[:9], LINE[9:] + LINE[:30], LINE[30:])], ids=str)
def test_events_come_whole_however_they_are_cut(server: type[Server], parts: tuple[bytes, ...]) -> None:
    server.parts = parts

    assert watch(server) == [ADDED, ADDED]


@pytest.mark.parametrize(
    ("status", "error"),
    [(410, WatchExpired), (403, ClusterRefused), (429, ClusterUnavailable), (500, ClusterUnavailable)],
)
def test_what_the_server_says_instead(server: type[Server], status: int, error: type[Exception]) -> None:
    server.status = status

    with pytest.raises(error):
        watch(server)


@pytest.mark.parametrize("end", ["broken off", "silent"])
def test_a_connection_that_breaks_or_stays_half_open_is_an_error(
    server: type[Server], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(live, "READ_SECONDS", 0.1)
    server.parts = (LINE,)
    server.end = end
    events = LiveKube(client(server.url)).watch(PODS, "7", 0)

    assert next(events) == ADDED
    with pytest.raises(ClusterUnavailable):
        next(events)


def test_an_event_without_end_is_not_loaded(server: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ANSWER_BYTES", 1000)
    server.parts = (b"x" * 600, b"x" * 600)

    with pytest.raises(ClusterUnavailable, match="no end"):
        watch(server)


def test_what_is_no_json_is_an_error(server: type[Server]) -> None:
    server.parts = (b"<html>\n",)

    with pytest.raises(ClusterUnavailable):
        watch(server)


def shown(watched: WatchedKube) -> dict[str, str] | None:
    """Return the Service's selector as watches show it; None while they show nothing."""
    try:
        selector: dict[str, str] = watched.get(Kind.SERVICE, "shop", "checkout")["spec"]["selector"]
    except NotWatched:
        return None
    return selector


async def test_threads_follow_a_running_cluster_until_it_goes() -> None:
    cluster = start_cluster(SystemClock(), port=0)
    cluster.apply(namespace(), service())
    kube = LiveKube(client(cluster.url))
    watched = WatchedKube(kube, SystemClock(), trusted=timedelta(seconds=30), at_most=8)
    try:
        await until(lambda: shown(watched) == {"app": "checkout"})
        cluster.apply(service(selector={"app": "other"}))
        await until(lambda: shown(watched) == {"app": "other"})
    finally:
        await cluster.stop()
    await until(lambda: shown(watched) is None)
    watched.stop()

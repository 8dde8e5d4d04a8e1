"""What the API server or the wire says, and what springtide makes of it: the table of `kube/translate.py`, row by
row."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterRefused, ClusterUnavailable, Conflict, NotFound, SpringtideError, UnknownOutcome
from springtide.kube.live import READ_ATTEMPTS, LiveKube
from springtide.kube.objects import Kind, Version
from support.builders import NOW

VERSION = Version("uid-1", "7")


class Answering(BaseHTTPRequestHandler):
    """Answers every request with what the test wrote; status 0 hangs up without an answer."""

    status = 200
    document: dict[str, str] | str = ""
    headers_sent: tuple[tuple[str, str], ...] = ()
    requests: list[tuple[str, str, str]]
    port: int

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.requests.append((self.command, self.path, body))
        if self.status == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        text = self.document if isinstance(self.document, str) else json.dumps(self.document)
        self.send_response(self.status)
        for name, value in self.headers_sent:
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def api(status: int, document: dict[str, str] | str = "", **headers: str) -> Iterator[tuple[LiveKube, type[Answering]]]:
    """Start an API server that always answers the same."""
    sent = tuple(headers.items())
    about: dict[str, object] = {"status": status, "document": document, "headers_sent": sent, "requests": []}
    handler: type[Answering] = type("Handler", (Answering,), about)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield client(f"http://127.0.0.1:{server.server_port}"), handler
        finally:
            server.shutdown()
            thread.join()


def client(host: str) -> LiveKube:
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration(host=host)
    settings.retries = False
    return LiveKube(ApiClient(settings), clock=ManualClock(NOW))


def read(kube: LiveKube) -> None:
    kube.get(Kind.SERVICE, "shop", "web")


def write(kube: LiveKube) -> None:
    kube.patch(Kind.SERVICE, "shop", "web", {"spec": {}}, version=VERSION)


def status_of(reason: str, message: str) -> dict[str, str]:
    return {"kind": "Status", "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "document", "read_error", "write_error", "code"),
    [
        (404, status_of("NotFound", 'services "web" not found'), NotFound, NotFound, "not_found"),
        (409, status_of("Conflict", "the object has been modified"), Conflict, Conflict, "conflict"),
        (409, status_of("AlreadyExists", 'services "web" already exists'), Conflict, Conflict, "already_exists"),
        (
            422,
            status_of("Invalid", 'Service "web" is invalid: metadata.uid: Invalid value: "0": field is immutable'),
            Conflict,
            Conflict,
            "conflict",
        ),
        (422, status_of("Invalid", "spec.replicas: must be >= 0"), ClusterRefused, ClusterRefused, "cluster_refused"),
        (403, status_of("Forbidden", "pods is forbidden: no right"), ClusterRefused, ClusterRefused, "rbac_missing"),
        (403, status_of("Forbidden", "exceeded quota: small"), ClusterRefused, ClusterRefused, "quota_short"),
        (
            403,
            status_of("Forbidden", "unable to create new content in namespace shop because it is being terminated"),
            ClusterRefused,
            ClusterRefused,
            "namespace_terminating",
        ),
        (
            403,
            status_of(
                "Forbidden", 'admission webhook "limits.example.com" denied the request: [few] at least 2 replicas'
            ),
            ClusterRefused,
            ClusterRefused,
            "admission_denied",
        ),
        (
            409,
            status_of("Conflict", 'admission webhook "limits.example.com" denied the request without explanation'),
            ClusterRefused,
            ClusterRefused,
            "admission_denied",
        ),
        (
            422,
            status_of(
                "Invalid", "web is forbidden: ValidatingAdmissionPolicy 'few' with binding 'few' denied request: no"
            ),
            ClusterRefused,
            ClusterRefused,
            "admission_denied",
        ),
        (
            503,
            status_of("Unavailable", 'admission webhook "limits.example.com" denied the request: not now'),
            ClusterUnavailable,
            UnknownOutcome,
            None,
        ),
        (401, status_of("Unauthorized", "Unauthorized"), ClusterRefused, ClusterRefused, "token_invalid"),
        (500, status_of("InternalError", "etcd"), ClusterUnavailable, UnknownOutcome, None),
        (503, "upstream away", ClusterUnavailable, UnknownOutcome, None),
        (504, status_of("Timeout", "too slow"), ClusterUnavailable, UnknownOutcome, None),
        (0, "", ClusterUnavailable, UnknownOutcome, None),
    ],
)
def test_answers(
    status: int,
    document: dict[str, str] | str,
    read_error: type[SpringtideError],
    write_error: type[SpringtideError],
    code: str | None,
) -> None:
    with api(status, document) as (kube, _):
        with pytest.raises(read_error) as reading:
            read(kube)
        with pytest.raises(write_error) as writing:
            write(kube)

    assert code in (None, reading.value.code)
    assert code in (None, writing.value.code)
    assert "shop/web" in writing.value.message


def test_the_api_server_may_say_how_long_to_wait() -> None:
    busy = status_of("TooManyRequests", "slow down")
    with api(429, busy, **{"Retry-After": "7"}) as (kube, _), pytest.raises(ClusterUnavailable) as caught:
        write(kube)

    assert caught.value.retry_after.total_seconds() == 7


def test_a_server_that_is_not_there_has_done_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = client(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ClusterUnavailable, match="cannot be reached"):
            write(nobody)


def test_a_read_is_tried_again_and_a_write_never() -> None:
    with api(500, status_of("InternalError", "etcd")) as (kube, handler):
        with pytest.raises(ClusterUnavailable):
            read(kube)
        with pytest.raises(UnknownOutcome):
            write(kube)

        methods = [method for method, _, _ in handler.requests]

    assert methods == ["GET"] * READ_ATTEMPTS + ["PATCH"]


def test_every_write_names_the_object_that_was_judged() -> None:
    with api(200, {"kind": "Service"}) as (kube, handler):
        write(kube)
        kube.scale(Kind.DEPLOYMENT, "shop", "web", 6, version=VERSION)
        kube.delete(Kind.DEPLOYMENT, "shop", "web", version=VERSION)
        bodies = [json.loads(body) for _, _, body in handler.requests]

    held = {"uid": "uid-1", "resourceVersion": "7"}
    assert bodies[0]["metadata"] == held
    assert bodies[1] == {"spec": {"replicas": 6}, "metadata": held}
    assert bodies[2]["preconditions"] == held


def test_an_answer_that_is_cut_off_is_an_unknown_outcome() -> None:
    with api(200, '{"kind": "Serv', **{"content-length": "1000"}) as (kube, _), pytest.raises(UnknownOutcome):
        write(kube)


def test_what_a_webhook_denied_is_told_in_its_own_words_with_whose_rule_it_is() -> None:
    denied = status_of("Forbidden", 'admission webhook "limits.example.com" denied the request: [few] at least 2.')
    with api(403, denied) as (kube, _), pytest.raises(ClusterRefused) as caught:
        write(kube)

    assert 'admission webhook "limits.example.com" denied the request: [few] at least 2. ' in caught.value.message
    assert "not a missing right" in caught.value.message


@pytest.mark.parametrize("minor", ["34", "34+", "34.1"])
def test_the_server_says_which_version_it_is_and_what_providers_append_is_left_out(minor: str) -> None:
    with api(200, {"major": "1", "minor": minor, "gitVersion": "v1.34.4-eks"}) as (kube, handler):
        assert str(kube.server_version()) == "1.34"

        assert [path for _, path, _ in handler.requests] == ["/version/"]


@pytest.mark.parametrize("document", [{}, {"major": "", "minor": ""}, {"major": "1", "minor": "unknown"}])
def test_a_server_that_names_no_version_is_refused(document: dict[str, str]) -> None:
    with api(200, document) as (kube, _), pytest.raises(ClusterRefused) as caught:
        kube.server_version()

    assert caught.value.code == "version_unreadable"

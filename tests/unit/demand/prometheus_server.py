"""A Prometheus on loopback: real HTTP, real limits, whatever answer a test wants."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


def success(*series: dict[str, Any], **extra: Any) -> Answer:
    """Return a good answer with these series."""
    body = {"status": "success", "data": {"resultType": "matrix", "result": list(series)}, **extra}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def vector(*series: dict[str, Any], **extra: Any) -> Answer:
    """Return a good answer to an instant query."""
    body = {"status": "success", "data": {"resultType": "vector", "result": list(series)}, **extra}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def typed(kind: str, result: Any) -> Answer:
    """Return a good answer of another type."""
    body = {"status": "success", "data": {"resultType": kind, "result": result}}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def text(status: int, body: str, **headers: str) -> Answer:
    """Return what a proxy, or Mimir, answers: plain text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "text/plain", **named}, body.encode()


def failure(status: int, kind: str, message: str, **headers: str) -> Answer:
    """Return what Prometheus answers when it refuses."""
    body = {"status": "error", "errorType": kind, "error": message}
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


@dataclass(kw_only=True)
class Prometheus:
    """The server: `value(t)` is the demand at POSIX second t, None where there is none; `answer` overrides all.

    It answers below `prefix`; `refusal` says what it answers to what was sent with these headers (names in lower case).
    """

    url: str = ""
    value: Callable[[float], float | str | None] = lambda moment: moment % 1000
    answer: Callable[[dict[str, str]], Answer] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    prefix: str = ""
    refusal: Callable[[dict[str, str]], Answer | None] = lambda headers: None  # noqa: ARG005

    def take(self, path: str, headers: dict[str, str], form: str = "") -> Answer:
        """Answer one request, whose parameters stand in its address or in its form."""
        asked = {name: values[0] for name, values in parse_qs(form or urlsplit(path).query).items()}
        self.asked.append(asked)
        self.methods.append("POST" if form else "GET")
        self.headers.append(headers)
        if not path.startswith(f"{self.prefix}/api/v1/query"):
            return text(404, "404 page not found\n")
        refused = self.refusal({name.lower(): value for name, value in headers.items()})
        if refused is not None:
            return refused
        if self.answer is not None:
            return self.answer(asked)
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        count = int((end - start) // step) + 1
        if (end - start) / step > 11_000:
            return failure(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries.")
        points = [[moment, self.value(moment)] for moment in (start + step * index for index in range(count))]
        values = [[moment, str(value)] for moment, value in points if value is not None]
        return success({"metric": self.labels, "values": values}) if values else success()


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Prometheus]:
    """Yield a running server, with TLS where a context is given; it is stopped at the end."""
    state = Prometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            status, headers, body = state.take(self.path, dict(self.headers.items()), form)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # noqa: ARG005
        state.url = f"http{'' if tls is None else 's'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        server.shutdown()
        thread.join()

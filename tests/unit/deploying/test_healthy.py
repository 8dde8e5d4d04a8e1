"""A container's health by the API server's word: deploy/airflow/healthy.py."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from architecture.sources import ROOT

main: Callable[[str, str], int] = runpy.run_path(str(ROOT / "deploy" / "airflow" / "healthy.py"))["main"]


@contextmanager
def api_server(body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "code"), [("healthy", 0), ("unhealthy", 1), (None, 1)])
def test_a_part_is_as_healthy_as_the_api_server_says(status: str | None, code: int) -> None:
    with api_server(json.dumps({"scheduler": {"status": status}}).encode()) as url:
        assert main("scheduler", url) == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"scheduler": {}}'])
def test_an_answer_that_says_nothing_is_not_health(body: bytes) -> None:
    with api_server(body) as url:
        assert main("scheduler", url) == 1


def test_who_does_not_answer_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    with api_server(b"") as url:
        pass

    assert main("scheduler", url) == 1
    assert "not known" in capsys.readouterr().out

"""A real Prometheus that measures the fleet: its last hours made by promtool, the present scraped from a page."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from benchmarks.fleet.services import METRIC, Fleet

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.prometheus_process import Series, make_blocks, running

if TYPE_CHECKING:
    from support.prometheus_process import Server

HOURS: Final = 3
SCRAPE_SECONDS: Final = 15
SEEN_SECONDS: Final = 330
"""After so long what is shown stands at five whole minutes: of fewer the default model takes the mean with what was."""

_MINUTE: Final = 60
_COUNTED: Final = re.compile(
    r'^prometheus_http_requests_total\{code="\d+",handler="/api/v1/(query|query_range)"\} (\S+)', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A Prometheus that knows the fleet."""

    server: Server
    page: _Page

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self.server.url

    @property
    def pid(self) -> int:
        """Its process."""
        return self.server.process.pid

    def requests(self) -> int:
        """Return how many queries it has answered."""
        text = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).text
        return round(sum(float(number) for _, number in _COUNTED.findall(text)))

    def show(self, fleet: Fleet) -> None:
        """Measure another fleet from the next scrape on."""
        self.page.text = fleet.metrics()


class _Page(ThreadingHTTPServer):
    """What is scraped."""

    text = ""


class _Handler(BaseHTTPRequestHandler):
    server: _Page

    def do_GET(self) -> None:
        body = self.server.text.encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def measured(folder: Path, fleet: Fleet, hours: int = HOURS) -> Iterator[Measured]:
    """Start it with the last `hours` of `fleet`, and stop it."""
    page = _Page(("127.0.0.1", 0), _Handler)
    page.text = fleet.metrics()
    threading.Thread(target=page.serve_forever, daemon=True).start()
    target = f"127.0.0.1:{page.server_address[1]}"
    make_blocks(folder, _series(fleet, target, time.time() // _MINUTE * _MINUTE, hours))
    scrape = f"[{{job_name: fleet, scrape_interval: {SCRAPE_SECONDS}s, static_configs: [{{targets: ['{target}']}}]}}]"
    try:
        with running(folder, f"scrape_configs: {scrape}\n") as server:
            yield Measured(server, page)
    finally:
        page.shutdown()
        page.server_close()


def _series(fleet: Fleet, target: str, now: float, hours: int) -> Iterator[Series]:
    for number, name in enumerate(fleet.names):
        # The labels that a scrape gives: a series with others would be a second one beside it for five minutes.
        title = f'{METRIC}{{service="{name}",job="fleet",instance="{target}"}}'
        yield title, ((now - _MINUTE * ago, fleet.demand(number)) for ago in range(hours * _MINUTE, -1, -1))

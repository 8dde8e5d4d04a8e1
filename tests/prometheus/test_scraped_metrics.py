"""A real Prometheus reads the metrics behind their token, and knows every one of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from springtide.record.looks import sweep_ended
from springtide.record.memory import MemoryStore
from springtide.record.metrics import METRICS
from springtide.record.scrape import scrape
from support.prometheus_process import Server, running
from unit.record.run_builders import NOON, PLAN, VERDICT, an_ended_phase, an_ended_run

TOKEN = "a-token-that-is-scraped-with"
SCRAPED_SECONDS = 60


@contextmanager
def served(token_file: Path, store: MemoryStore) -> Iterator[int]:
    """Serve the page on a loopback port, as the API server does, and yield the port."""

    def page(request: Request) -> Response:
        header = request.headers.get("authorization")
        answer = scrape(header, token_file=token_file, open_store=lambda: store)
        return Response(answer.body, status_code=answer.status, media_type=answer.content_type)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = Starlette(routes=[Route("/springtide/metrics", page)])
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


def scraping(port: int, token_file: Path) -> str:
    """Return the settings of docs/metrics.md for that port."""
    return f"""
scrape_configs:
  - job_name: springtide
    metrics_path: /springtide/metrics
    scrape_interval: 1s
    scrape_timeout: 1s
    authorization:
      credentials_file: {token_file}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


def target(server: Server, health: str) -> dict[str, Any]:
    """Return the target once it was scraped with this outcome."""
    deadline = time.monotonic() + SCRAPED_SECONDS
    seen: dict[str, Any] = {}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            (seen,) = client.get("/api/v1/targets").json()["data"]["activeTargets"]
            if seen["health"] == health:
                return seen
            time.sleep(0.1)
    raise AssertionError(f"the target is not {health} after {SCRAPED_SECONDS} s: {seen}")


def asked(server: Server, path: str, **parameters: str) -> Any:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
        return client.get(path, params=parameters).raise_for_status().json()["data"]


@pytest.fixture
def store() -> MemoryStore:
    """Return a store with a run and a sweep."""
    kept = MemoryStore()
    kept.save(an_ended_run(plan=PLAN, verdict=VERDICT, phases=(an_ended_phase(),)))
    kept.measure(sweep_ended(["checkout"], [], began_at=NOON, now=NOON))
    return kept


def test_prometheus_reads_every_metric_with_its_kind(tmp_path: Path, store: MemoryStore) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    with served(token_file, store) as port, running(tmp_path / "data", scraping(port, token_file)) as server:
        target(server, "up")
        known = asked(server, "/api/v1/targets/metadata")
        (runs,) = asked(server, "/api/v1/query", query="springtide_runs_total")["result"]
        (swept,) = asked(server, "/api/v1/query", query="springtide_sweep_duration_seconds_count")["result"]

    kinds = {each["metric"]: each["type"] for each in known}
    assert {metric.name: metric.kind for metric in METRICS}.items() <= kinds.items()
    assert (runs["metric"]["strategy"], runs["metric"]["outcome"], runs["value"][1]) == ("blue_green", "succeeded", "1")
    assert swept["value"][1] == "1"


def test_with_another_token_prometheus_says_that_it_may_not(tmp_path: Path, store: MemoryStore) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    wrong = tmp_path / "wrong"
    wrong.write_text("another-token-of-some-length")
    with served(token_file, store) as port, running(tmp_path / "data", scraping(port, wrong)) as server:
        assert "401" in target(server, "down")["lastError"]

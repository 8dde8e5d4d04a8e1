"""A real Prometheus reads the metrics behind their token, and knows every one of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from springtide.record.looks import sweep_ended
from springtide.record.metrics import METRICS
from springtide.record.sql import open_store
from support.prometheus_process import Server, running
from unit.record.run_builders import NOON, PLAN, VERDICT, an_ended_phase, an_ended_run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("metrics_page")  # one worker serves it
TOKEN = "a-token-that-is-scraped-with"
SCRAPED_SECONDS = 60
READY_SECONDS = 120


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve the API server's page alone, over the store in `folder`, on a loopback port, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    connection = {"conn_type": "sqlite", "host": str(folder / "runs.db")}
    environment = os.environ | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW_CONN_SPRINGTIDE_STORE": json.dumps(connection),
        "SPRINGTIDE_METRICS_TOKEN_FILE": str(folder / "token"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "plugins")]),
    }
    command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--log-level", "warning", "springtide_airflow.metrics_page:app"]
    with (folder / "page.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, port, folder / "page.log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the page is not served after {READY_SECONDS} s: {log.read_text()}")


def scraping(port: int, token_file: Path) -> str:
    """Return the settings of docs/metrics.md for that port, where nothing mounts the page below a prefix."""
    return f"""
scrape_configs:
  - job_name: springtide
    metrics_path: /metrics
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
    known: dict[str, Any] = {}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            for seen in client.get("/api/v1/targets").json()["data"]["activeTargets"]:  # none in the first moments
                known = seen
            if known.get("health") == health:
                return known
            time.sleep(0.1)
    raise AssertionError(f"the target is not {health} after {SCRAPED_SECONDS} s: {known}")


def asked(server: Server, path: str, **parameters: str) -> Any:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
        return client.get(path, params=parameters).raise_for_status().json()["data"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the token, and a store with a run and a sweep."""
    made = tmp_path_factory.mktemp("page")
    (made / "token").write_text(TOKEN)
    (made / "wrong").write_text("another-token-of-some-length")
    with open_store(f"sqlite:///{made}/runs.db") as kept:
        kept.save(an_ended_run(plan=PLAN, verdict=VERDICT, phases=(an_ended_phase(),)))
        kept.measure(sweep_ended(["checkout"], [], began_at=NOON, now=NOON))
    return made


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Yield the port of the page."""
    with served(folder) as serving:
        yield serving


def test_prometheus_reads_every_metric_with_its_kind(folder: Path, port: int, tmp_path: Path) -> None:
    with running(tmp_path / "data", scraping(port, folder / "token")) as server:
        target(server, "up")
        known = asked(server, "/api/v1/targets/metadata")
        (runs,) = asked(server, "/api/v1/query", query="springtide_runs_total")["result"]
        (swept,) = asked(server, "/api/v1/query", query="springtide_sweep_duration_seconds_count")["result"]

    kinds = {each["metric"]: each["type"] for each in known}
    assert {metric.name: metric.kind for metric in METRICS}.items() <= kinds.items()
    assert (runs["metric"]["strategy"], runs["metric"]["outcome"], runs["value"][1]) == ("blue_green", "succeeded", "1")
    assert swept["value"][1] == "1"


def test_with_another_token_prometheus_says_that_it_may_not(folder: Path, port: int, tmp_path: Path) -> None:
    with running(tmp_path / "data", scraping(port, folder / "wrong")) as server:
        assert "401" in target(server, "down")["lastError"]

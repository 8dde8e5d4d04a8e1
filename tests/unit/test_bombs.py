"""Small answers and files that hold far too much: every client and reader of ours stops in time and says how much."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.backtest import trace
from springtide.cli import airflow
from springtide.clock import SystemClock
from springtide.demand import file as demand_file
from springtide.demand.file import FileSource
from springtide.demand.instant import instant_query
from springtide.errors import ClusterRefused, DemandUnusable, InputError, PermanentError
from springtide.kube import live
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.kube.proxy import ProxyRequest
from springtide.verify.route import BODY_LIMIT, HttpRoute

MEGABYTE = 1024 * 1024
HELD = 400 * MEGABYTE
BOMB = gzip.compress(b" " * HELD, 6)


class _Answering(http.server.BaseHTTPRequestHandler):
    body = b""
    encoding = ""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(body: bytes, encoding: str = "gzip") -> Iterator[str]:
    methods = {"do_GET": _Answering._answer, "do_POST": _Answering._answer}
    handler = type("Answering", (_Answering,), methods | {"body": body, "encoding": encoding})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that has seen enough hangs up
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def within(limit: int) -> Iterator[None]:
    """Fail when the block held more than `limit` bytes at once."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak} bytes at once"


def client_of(url: str) -> LiveKube:
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration(host=url)
    settings.retries = False
    return LiveKube(ApiClient(settings))


def test_a_smoke_check_reads_the_beginning_of_an_answer() -> None:
    with answering(BOMB) as url, within(8 * MEGABYTE):
        answer = HttpRoute(SystemClock()).get(url, timeout_seconds=30)

    assert (answer.error, answer.status, len(answer.body)) == (None, 200, BODY_LIMIT)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_a_smoke_check_says_what_it_cannot_unpack(encoding: str) -> None:
    with answering(BOMB, encoding) as url:
        answer = HttpRoute(SystemClock()).get(url, timeout_seconds=30)

    assert answer.error == f"its encoding '{encoding}' is not one of gzip, deflate"


def test_a_smoke_check_takes_a_damaged_answer_for_none() -> None:
    with answering(b"not packed") as url:
        answer = HttpRoute(SystemClock()).get(url, timeout_seconds=30)

    assert answer.error is not None
    assert answer.error.startswith("its packed body is damaged")


def test_what_the_api_server_passes_on_is_cut() -> None:
    request = ProxyRequest(
        kind=Kind.POD, namespace="shop", name="web", port=80, path="/", timeout_seconds=30, body_limit=1000
    )
    with answering(BOMB) as url:
        client = client_of(url)
        with within(8 * MEGABYTE):
            answer = client.ask(request)

    assert (answer.error, len(answer.body)) == (None, 1000)


def test_an_answer_of_the_api_server_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ANSWER_BYTES", MEGABYTE)
    message = f"has {MEGABYTE + 1} bytes or more once unpacked, at most {MEGABYTE}"
    with answering(BOMB) as url:
        client = client_of(url)
        with within(16 * MEGABYTE), pytest.raises(ClusterRefused, match=message):
            client.get(Kind.LEASE, "shop", "web")


def test_prometheus_is_bounded() -> None:
    limit = 32 * MEGABYTE
    with (
        answering(BOMB) as url,
        within(3 * limit),
        pytest.raises(DemandUnusable, match=rf"\d+ bytes or more once unpacked, at most {limit} are read"),
    ):
        instant_query(url, "up")


def test_airflow_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_TOKEN", "token")
    message = rf"its answer to POST .*: it has \d+ bytes or more once unpacked, at most {airflow.MAX_BYTES} are read"
    with answering(BOMB) as url, within(16 * MEGABYTE), pytest.raises(PermanentError, match=message):
        airflow.queue_run(url, "event__sale", {}, datetime(2026, 11, 27, tzinfo=UTC))


def test_airflow_may_pack_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_AIRFLOW_TOKEN", "token")
    with answering(gzip.compress(json.dumps({"dag_run_id": "x"}).encode())) as url:
        airflow.queue_run(url, "event__sale", {}, datetime(2026, 11, 27, tzinfo=UTC))


def read(path: Path) -> Any:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    return FileSource(path, "requests/s", name=path.name).read(now - timedelta(hours=1), now, timedelta(minutes=1))


@pytest.mark.parametrize("filler", [b"\n", b'"\n",'], ids=["empty lines", "one endless row"])
def test_a_packed_file_of_demand_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filler: bytes) -> None:
    monkeypatch.setattr(demand_file, "MAX_TEXT", 4 * MEGABYTE)
    path = tmp_path / "demand.csv.gz"
    path.write_bytes(gzip.compress(b"timestamp,value\n" + filler * (32 * MEGABYTE // len(filler))))

    with pytest.raises(DemandUnusable, match=rf"it has \d+ characters or more once unpacked, at most {4 * MEGABYTE}"):
        read(path)


def test_columns_of_parquet_are_bounded_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    times = pa.array([datetime(2026, 11, 27, tzinfo=UTC)] * 100_000, pa.timestamp("us", "UTC"))
    path = tmp_path / "demand.parquet"
    parquet.write_table(
        pa.table({"timestamp": times, "value": [str(number) * 30 for number in range(100_000)]}),
        path,
        compression="zstd",
    )
    monkeypatch.setattr(demand_file, "MAX_TEXT", MEGABYTE)

    with pytest.raises(DemandUnusable, match=rf"it has \d+ bytes once unpacked, at most {MEGABYTE} are read"):
        read(path)


def test_a_recorded_history_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MAX_BYTES", MEGABYTE)
    (tmp_path / "day.csv.gz").write_bytes(gzip.compress(b"timestamp,value\n" + b"x" * (32 * MEGABYTE)))
    described = {"day": {"file": "day.csv.gz"}}

    with (
        within(8 * MEGABYTE),
        pytest.raises(InputError, match=rf"it has \d+ bytes or more once unpacked, at most {MEGABYTE} are read"),
    ):
        trace._read_samples(tmp_path / described["day"]["file"])

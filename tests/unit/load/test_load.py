"""The load generator counts every failure, and resends only where HTTP allows it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.errors import InputError
from springtide.load import generator
from springtide.load.generator import Load
from springtide.load.recorder import LoadRecorder, LoadReport, Percentiles
from springtide.sandbox import load as load_module

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nweb-1 1\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nweb"
CLOSE = b""
SILENCE = b"silence"

Script = Callable[[int, int], bytes]  # number of the request on its connection, number of the connection → answer


class Site:
    """A server whose answers a test scripts; after anything but OK it closes the connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.requests = 0
        self.busy = threading.Event()  # set with the fifth request
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []
        self.open: list[socket.socket] = []

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            serving = threading.Thread(target=self.serve, args=(connection, len(self.open)))
            self.threads.append(serving)
            serving.start()

    def serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            for request in range(1, 10_000):
                if not read_request(connection):
                    return
                self.requests += 1
                if self.requests >= 5:
                    self.busy.set()
                answer = self.script(request, number)
                if answer == SILENCE:
                    self.over.wait(60)
                    return
                connection.sendall(answer)
                if answer != OK:
                    return


def read_request(connection: socket.socket) -> bytes:
    """Return a request's head, nothing when the client has gone."""
    head = b""
    try:
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(65536)
            if not part:
                return b""
            head += part
    except ConnectionError:
        return b""
    return head


@contextmanager
def site(script: Script) -> Iterator[Site]:
    """Serve a script on loopback."""
    served = Site(script)
    accepting = threading.Thread(target=served.accept)
    accepting.start()
    try:
        yield served
    finally:
        served.over.set()
        served.listener.shutdown(socket.SHUT_RDWR)
        served.listener.close()
        accepting.join(60)
        for thread in served.threads:
            thread.join(60)


def always(answer: bytes) -> Script:
    """Return the script that gives one answer to everything."""
    return lambda _request, _connection: answer


def loaded(url: str, *, rate: float = 100, seconds: float = 0.3, keepalive: bool = False) -> LoadReport:
    """Return the report of a load that ended by itself."""
    return Load(url, rate, seconds=seconds, keepalive=keepalive).run()


@pytest.mark.parametrize("keepalive", [False, True])
def test_every_planned_request_is_sent_and_counted(keepalive: bool) -> None:  # noqa: FBT001
    with site(always(OK)) as server:
        report = loaded(server.url, keepalive=keepalive)

    assert (report.requests, report.failed, report.resent, server.requests) == (30, 0, 0, 30)
    assert report.answers == {"web-1": 30}
    assert report.latency_ms.max is not None
    assert report.lateness_ms.max is not None


def test_keepalive_uses_a_few_connections_and_fresh_one_each() -> None:
    with site(always(OK)) as server:
        loaded(server.url, keepalive=True)
        kept = len(server.open)
        loaded(server.url, keepalive=False)
        fresh = len(server.open) - kept

    assert kept <= 20
    assert fresh == 30


def test_any_other_status_is_a_failure() -> None:
    with site(lambda _request, connection: OK if connection % 2 else UNAVAILABLE) as server:
        report = loaded(server.url)

    assert (report.requests, report.failed) == (30, 15)
    assert report.errors == {"status 503": 15}
    assert report.first_error == report.failures[0][0]
    assert report.last_error == report.failures[-1][0]


def test_a_refused_connection_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    report = loaded(url)

    assert (report.requests, report.failed) == (30, 30)
    assert all("Connect" in error for error in report.errors)
    assert report.last_error is not None
    assert report.longest_gap >= report.last_error


def test_no_answer_in_time_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "_TIMEOUT", 0.2)
    with site(always(SILENCE)) as server:
        report = loaded(server.url, rate=20)

    assert report.errors == {"no whole answer in 0.2 s": 6}


async def test_aiohttp_by_itself_resends_even_on_a_fresh_connection() -> None:
    with site(lambda _request, connection: CLOSE if connection == 1 else OK) as server:
        async with aiohttp.ClientSession() as session, session.get(server.url) as answer:
            status = answer.status

    assert (status, len(server.open)) == (200, 2)


def test_a_fresh_connection_closed_without_an_answer_is_a_failure() -> None:
    with site(always(CLOSE)) as server:
        report = loaded(server.url)

    assert (report.failed, report.resent, server.requests) == (30, 0, 30)


@pytest.mark.parametrize("keepalive", [False, True])
def test_an_answer_that_breaks_off_is_a_failure(keepalive: bool) -> None:  # noqa: FBT001
    with site(always(HALF)) as server:
        report = loaded(server.url, keepalive=keepalive)

    assert (report.failed, report.resent, server.requests) == (30, 0, 30)


def test_a_kept_connection_closed_instead_of_an_answer_is_resent_on_a_fresh_one() -> None:
    with site(lambda request, _connection: OK if request == 1 else CLOSE) as server:
        report = loaded(server.url, keepalive=True)

    assert (report.requests, report.failed) == (30, 0)
    assert report.resent > 0
    assert server.requests == 30 + report.resent


def test_what_fails_when_resent_is_a_failure() -> None:
    with site(lambda request, connection: OK if request == 1 and connection <= 20 else CLOSE) as server:
        report = loaded(server.url, keepalive=True)

    assert report.failed > 0
    assert server.requests == 30 + report.resent


def test_stop_ends_it_early_and_waits_for_what_is_in_flight() -> None:
    with site(always(OK)) as server:
        load = Load(server.url, 100, seconds=3600)
        load.start()
        assert server.busy.wait(60)
        report = load.stop()

    assert report.requests == server.requests
    assert report.failed == 0
    assert load.stop() is report


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_ends_in_good_order_on_a_signal(number: signal.Signals) -> None:
    source = Path(load_module.__file__).parents[2]
    with site(always(OK)) as server:
        command = [sys.executable, "-m", "springtide.sandbox.load", "--url", server.url, "--rate", "50", "--for", "600"]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert server.busy.wait(60)
            process.send_signal(number)
            said, _ = process.communicate(timeout=60)

    record = json.loads(said)
    assert process.returncode == 0
    assert record["requests"] == server.requests
    assert record["failed"] == 0
    assert record["answers"] == {"web-1": server.requests}


def test_as_a_process_it_ends_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with site(always(OK)) as server:
            code = load_module.main(["--url", server.url, "--rate", "50", "--for", "0.2", "--keepalive"])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    record = json.loads(capsys.readouterr().out)
    assert (code, record["requests"], record["keepalive"]) == (0, 10, True)


@pytest.mark.parametrize(
    ("url", "rate", "seconds", "field"),
    [
        ("http://127.0.0.1/", 0, 1, "rate"),
        ("http://127.0.0.1/", -1, 1, "rate"),
        ("http://127.0.0.1/", float("nan"), 1, "rate"),
        ("http://127.0.0.1/", 2001, 1, "rate"),
        ("http://127.0.0.1/", 1, 0, "seconds"),
        ("http://127.0.0.1/", 1, 3601, "seconds"),
        ("http://127.0.0.1/", 1, float("inf"), "seconds"),
        ("https://127.0.0.1/", 1, 1, "url"),
        ("http://8.8.8.8/", 1, 1, "url"),
        ("http://example.com/", 1, 1, "url"),
        ("http://127.0.0.1:99999/", 1, 1, "url"),
        ("127.0.0.1", 1, 1, "url"),
        ("", 1, 1, "url"),
    ],
)
def test_what_is_out_of_bounds_is_refused(url: str, rate: float, seconds: float, field: str) -> None:
    with pytest.raises(InputError) as caught:
        Load(url, rate, seconds=seconds)

    assert (caught.value.code, caught.value.field) == ("load_invalid", field)


@given(st.lists(st.floats(0, 1000), max_size=30), st.floats(0, 100))
def test_the_longest_gap_includes_both_ends(moments: list[float], rest: float) -> None:
    tally = LoadRecorder()
    moments.sort()
    for moment in moments:
        tally.succeeded(moment, 0.001, "web-1")
    end = (moments[-1] if moments else 0.0) + rest

    edges = [0.0, *moments, end]
    longest = max(after - before for before, after in pairwise(edges))
    assert tally.gap(end) == round(longest, 3)


def test_a_spread_is_by_nearest_rank() -> None:
    spread = Percentiles.of(array("d", [number / 1000 for number in range(1, 101)]))

    assert (spread.p50, spread.p99, spread.max) == (50.0, 99.0, 100.0)
    assert Percentiles.of(array("d")) == Percentiles(None, None, None)


def test_words_without_end_do_not_fill_the_memory() -> None:
    tally = LoadRecorder()
    for number in range(3000):
        tally.succeeded(number, 0.001, f"pod-{number}")
        tally.failure(number, f"error {number}")

    assert sum(tally.answers.values()) == sum(tally.errors.values()) == tally.failed == 3000
    assert len(tally.answers) == len(tally.errors) == 1001
    assert len(tally.failures) == 100

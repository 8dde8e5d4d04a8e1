"""What is made of the looks at a wave: who stood when, who was short, who left again, and which requests failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmarks.fleet import wave_load
from benchmarks.fleet.api_server import Counted, Standing, _numbers, _samples, _sum
from benchmarks.fleet.control_plane import Moment, Watched
from benchmarks.fleet.real_services import RealServices
from benchmarks.fleet.wave_load import WaveLoad
from benchmarks.fleet.wave_peers import Wave

from springtide.events.calendars import Calendars
from springtide.events.snapshot import read_calendars
from springtide.policy.reading.folder import PolicyFolder
from support.builders import NOW

LOOKS = 6000


def until(condition: Callable[[], bool]) -> bool:
    """Say whether it came true within so many looks."""
    between = threading.Event()
    return any(condition() or between.wait(0.01) for _ in range(LOOKS))


FLEET = RealServices(name="fleet", services=23, first=3, target=9, is_fake=True)


def seen(*services: tuple[int, int, int]) -> Standing:
    return Standing({f"service-{number}": numbers for number, numbers in enumerate(services)})


@pytest.fixture
def wave() -> Wave:
    """Two services: both at one pod, one at two, both at two, one at three, both at two."""
    one = (1, 1, 1)
    two = (2, 2, 2)
    three = (3, 2, 2)
    looks = [seen(one, one), seen(two, one), seen(two, two), seen(two, three), seen(two, two)]
    return Wave(2, 2, looks=[(10.0 * number, look) for number, look in enumerate(looks)])


def test_when_the_first_stood_and_when_all(wave: Wave) -> None:
    assert (wave.first, wave.stood) == (10.0, 20.0)


@pytest.mark.parametrize(("after", "short"), [(0, 2), (5, 1), (10, 1), (15, 0), (30, 1), (99, 0)])
def test_who_is_short_is_counted_at_the_next_look(wave: Wave, after: float, short: int) -> None:
    assert wave.short(after) == short


def test_who_left_again_and_by_how_much_too_many(wave: Wave) -> None:
    assert (wave.left(), wave.above()) == (1, 1)


def test_what_never_stood_left_nothing() -> None:
    wave = Wave(1, 2, looks=[(0.0, seen((1, 1, 1)))])

    assert (wave.first, wave.stood, wave.left()) == (None, None, 0)


@pytest.mark.parametrize(
    ("status", "numbers"),
    [
        ({}, (4, 0, 0)),
        ({"replicas": 3, "readyReplicas": 2}, (4, 3, 2)),
        ({"replicas": 4, "readyReplicas": 4, "terminatingReplicas": 1}, (4, 5, 4)),
    ],
)
def test_a_pod_that_leaves_is_still_there(status: dict[str, int], numbers: tuple[int, int, int]) -> None:
    assert _numbers({"spec": {"replicas": 4}, "status": status}) == numbers


def test_the_most_a_second_lies_between_two_looks() -> None:
    counts = [Counted(reads=0, writes=number, refused=0, changes=0, puts=0) for number in (0, 10, 70, 80)]
    moments = [Moment(at, counted) for at, counted in zip((0, 5, 10, 20), counts, strict=True)]

    assert Watched(1, 2, moments=moments).most("writes") == 12


def test_requests_are_told_apart_by_their_labels() -> None:
    page = """# HELP apiserver_request_total Counter of apiserver requests.
apiserver_request_total{code="200",verb="GET",resource="pods"} 12
apiserver_request_total{code="201",verb="POST",resource="pods"} 1.5e+02
apiserver_request_total{code="409",verb="POST",resource="leases"} 2
etcd_mvcc_put_total 77
go_goroutines 9
"""
    found = _samples(page)

    assert _sum(found["apiserver_request_total"], verb="POST") == 152
    assert _sum(found["etcd_mvcc_put_total"]) == 77
    assert "go_goroutines" not in found


def test_the_documents_of_a_fleet_are_good_ones(tmp_path: Path) -> None:
    FLEET.write(tmp_path, runs=100, pods_per_minute=6000)

    policies = PolicyFolder(tmp_path / "policies").all()
    known = read_calendars(tmp_path / "calendars", policies, now=NOW)

    assert sorted(policies) == FLEET.names()
    known.raise_if_broken()
    assert isinstance(known.calendars, Calendars)
    assert known.calendars.pace.runs == 100


def test_ten_services_share_a_namespace_and_each_has_its_workload() -> None:
    objects = FLEET.objects()
    deployments = [each for each in objects if each["kind"] == "Deployment"]

    assert len(FLEET.namespaces()) == 3
    assert len(deployments) == FLEET.services
    assert {each["metadata"]["namespace"] for each in objects if each["kind"] == "Role"} == set(FLEET.namespaces())


class Failing(BaseHTTPRequestHandler):
    """Fails every third request."""

    count = 0

    def do_GET(self) -> None:
        """Answer."""
        type(self).count += 1
        self.send_response(500 if self.count % 3 == 0 else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Failing]]:
    handler = type("Handler", (Failing,), {"count": 0})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setattr(wave_load, "PORT", server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


def test_every_request_that_is_not_answered_well_counts(service: type[Failing]) -> None:
    with WaveLoad(["127.0.0.1"], rate=500) as load:
        assert until(lambda: load.requests >= 30)

    assert load.requests == service.count
    assert load.failed == service.count // 3


def test_nobody_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave_load, "PORT", 9)

    with WaveLoad(["127.0.0.1"], rate=500) as load:
        assert until(lambda: load.requests >= 8)

    assert load.failed == load.requests

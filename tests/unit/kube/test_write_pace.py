"""How fast writes go to one API server: one queue a process, no burst, and a wait that has an end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from springtide.clock import Clock, ManualClock, SystemClock
from springtide.errors import ClusterUnavailable, Halted, InputError
from springtide.kube.live import TOLD_SECONDS, LiveKube
from springtide.kube.object_events import ObjectEvent, ToldReason
from springtide.kube.objects import Deployment, Json, Kind, Version
from springtide.kube.write_pace import LONGEST_WAIT, WritePace, pace_of
from springtide.run import phases
from springtide.run.halt import FRESH_SECONDS
from springtide.run.halting import pull
from springtide.run.ports import RunRef
from springtide.run.work import Work
from springtide.run.write_limit import writes_a_second
from springtide.sandbox import transport
from springtide.settings import Settings
from springtide.strategy.model import Scale
from support.builders import NOW
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from unit.kube.test_error_translation import api

RATE = 5
GAP = 1 / RATE
LEASE: Json = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "web", "uid": "uid-1"}}


@pytest.fixture
def server() -> Iterator[Server]:
    with api(200, json.dumps(LEASE)) as (_, handler):  # a port of its own, so nobody else's queue
        yield Server(f"http://127.0.0.1:{handler.port}", handler.requests)


def client(host: str, clock: Clock, *, rate: int | None = RATE) -> LiveKube:
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration(host=host)
    settings.retries = False
    return LiveKube(ApiClient(settings), clock=clock, writes_a_second=rate)


@dataclass
class Server:
    """An API server, what it was asked, and the time of its clients."""

    host: str
    requests: list[tuple[str, str, str]]
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def client(self, *, rate: int | None = RATE) -> LiveKube:
        """Return one more client."""
        return client(self.host, self.clock, rate=rate)

    def crowd(self, seconds: float) -> None:
        """Have others take the turns of the next `seconds`."""
        crowd(self.host, self.clock, seconds)


def crowd(host: str, clock: Clock, seconds: float) -> None:
    """Have others take the turns of the next `seconds`, by a clock of their own."""
    others = ManualClock(NOW)
    others.sleep(clock.monotonic())
    until = others.monotonic() + seconds
    while others.monotonic() < until:
        pace_of(host, RATE).take(others, "patch service shop/web")


WRITES: dict[str, Callable[[LiveKube], object]] = {
    "create": lambda kube: kube.create(Kind.LEASE, NAMESPACE, LEASE),
    "patch": lambda kube: kube.patch(Kind.LEASE, NAMESPACE, "web", {}, version=Version("uid-1", "7")),
    "scale": lambda kube: kube.scale(Kind.DEPLOYMENT, NAMESPACE, "web", 3, version=Version("uid-1", "7")),
    "delete": lambda kube: kube.delete(Kind.LEASE, NAMESPACE, "web", version=Version("uid-1", "7")),
    "dry run": lambda kube: kube.create(Kind.LEASE, NAMESPACE, LEASE, dry_run=True),
}


def took(clock: ManualClock, *clients: LiveKube, times: int) -> float:
    """Return how long it took until each client had written so many times."""
    began = clock.monotonic()
    for _ in range(times):
        for kube in clients:
            WRITES["create"](kube)
    return clock.monotonic() - began


class TestRate:
    def test_writes_of_one_client_lie_apart(self, server: Server) -> None:
        assert took(server.clock, server.client(), times=11) == pytest.approx(10 * GAP)

    @pytest.mark.parametrize("write", WRITES)
    def test_every_kind_of_write_waits(self, server: Server, write: str) -> None:
        kube = server.client()
        WRITES["create"](kube)

        WRITES[write](kube)

        assert server.clock.monotonic() == pytest.approx(GAP)

    def test_two_clients_of_one_server_share_it(self, server: Server) -> None:
        assert took(server.clock, server.client(), server.client(), times=10) == pytest.approx(19 * GAP)

    def test_another_server_has_its_own(self, server: Server) -> None:
        with api(200, json.dumps(LEASE)) as (_, handler):
            other = client(f"http://127.0.0.1:{handler.port}", server.clock)

            assert took(server.clock, server.client(), other, times=10) == pytest.approx(9 * GAP)

    def test_a_pause_saves_nothing_up(self, server: Server) -> None:
        kube = server.client()
        WRITES["create"](kube)
        server.clock.sleep(60)

        assert took(server.clock, kube, times=6) == pytest.approx(5 * GAP)

    def test_threads_share_it(self, server: Server) -> None:
        kube = client(server.host, SystemClock(), rate=200)
        began = SystemClock().monotonic()
        with ThreadPoolExecutor(8) as threads:
            done = list(threads.map(lambda _: WRITES["create"](kube), range(40)))

        assert len(done) == len(server.requests) == 40
        assert SystemClock().monotonic() - began >= 39 / 200  # never less, however slow this machine is

    def test_reads_are_not_held_back(self, server: Server) -> None:
        kube = server.client()
        server.crowd(20)

        for _ in range(10):
            kube.get(Kind.SERVICE, NAMESPACE, "web")

        assert server.clock.monotonic() == 0

    def test_without_a_number_nothing_waits(self, server: Server) -> None:
        assert took(server.clock, server.client(rate=None), times=20) == 0


class TestTooLate:
    def test_a_write_whose_turn_comes_too_late_is_not_sent_and_says_what_to_do(self, server: Server) -> None:
        server.crowd(LONGEST_WAIT + 1)

        with pytest.raises(ClusterUnavailable, match=r"patch lease shop/web: .*SPRINGTIDE_API_WRITES") as refused:
            WRITES["patch"](server.client())

        assert refused.value.code == "writes_paced"
        assert timedelta(seconds=30) < refused.value.retry_after < timedelta(seconds=33)
        assert server.requests == []

    def test_it_has_taken_no_turn(self) -> None:
        clock = ManualClock(NOW)
        pace = WritePace(per_second=RATE)
        pace.take(clock, "the first")
        for _ in range(3):
            with pytest.raises(ClusterUnavailable):
                pace.take(clock, "one in a hurry", longest=0)

        pace.take(clock, "the second")

        assert clock.monotonic() == pytest.approx(GAP)

    def test_what_is_only_told_waits_for_seconds(self, server: Server) -> None:
        server.crowd(TOLD_SECONDS + 1)
        event = ObjectEvent(workload=WORKLOAD, run_id="run-1", reason=ToldReason.STARTED, message="from 2 to 4", at=NOW)

        with pytest.raises(ClusterUnavailable, match="create event"):
            server.client().announce(Kind.DEPLOYMENT, event)

        assert [method for method, _, _ in server.requests] == ["GET"]


class WhileItWaits:
    """A clock whose next wait something happens in."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.monotonic = simulation.world.clock.monotonic
        self.now = simulation.world.clock.now

    def sleep(self, seconds: float) -> None:
        """Have somebody pull the switch."""
        self._simulation.world.clock.sleep(seconds)
        pull(self._simulation.ports("ann").kube, self, NAMESPACE, by="ann", why="the sale is over")


def test_who_halts_while_a_write_waits_for_its_turn_is_heard() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    host = "http://halted.invalid"
    ports = simulation.ports("run-1")
    request = simulation.request(4)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    kube = client(host, WhileItWaits(simulation))
    transport.install(kube._client, simulation.world)
    work = Work.of(replace(ports, kube=kube), RunRef.of_plan(plan, "run-1"))
    simulation.world.settle()
    crowd(host, ports.clock, 2 * FRESH_SECONDS)
    deployment = Deployment(ports.kube.get(Kind.DEPLOYMENT, NAMESPACE, "web"))

    with pytest.raises(Halted, match="ann: the sale is over"):
        work.engine.fence.apply(
            Scale(kind=Kind.DEPLOYMENT, name="web", version=deployment.version, replicas=9, reason="nine")
        )

    assert Deployment(ports.kube.get(Kind.DEPLOYMENT, NAMESPACE, "web")).replicas != 9


class TestSetting:
    def test_its_default(self) -> None:
        assert writes_a_second(Settings.from_environment({})) == 50

    @pytest.mark.parametrize("text", ["4", "1001", "many", "-5", "1e2"])
    def test_what_is_no_such_number_is_refused_by_its_name(self, text: str) -> None:
        settings = Settings.from_environment({"SPRINGTIDE_API_WRITES": text})

        with pytest.raises(InputError, match=r"^SPRINGTIDE_API_WRITES: .* is not a whole number from 5 to 1000\.$"):
            writes_a_second(settings)

"""A run that verifies for minutes keeps its Lease: nobody else takes it away, whatever takes so long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from springtide.clock import Clock
from springtide.errors import SpringtideError
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.recovery.report import ReconcileStatus
from springtide.recovery.rounds import COMMAND_LINE, reconcile_round
from springtide.run import pipeline
from springtide.run.ports import Ports
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from springtide.verify.database import DatabaseLook
from springtide.verify.route import Answer
from support.builders import policy
from support.simulation import NAMESPACE, WAITS, Simulation, WorldRoute
from support.virtual_threads import VirtualThreads

RUN = f"{COMMAND_LINE}20260105T080000-abcdef"
LONG = {"deadlines": {"ready": "60s", "switched": "30m", "removed": "5m", "smoke": "30m"}}


@dataclass
class Slow:
    """Whatever takes `seconds` by the clock of its process, during which the other one goes on."""

    world: World
    clock: Clock
    seconds: float
    begun: float | None = None
    ended: float = 0.0

    def __call__(self) -> None:
        """Let the time pass."""
        self.begun = self.world.elapsed if self.begun is None else self.begun
        self.clock.sleep(self.seconds)
        self.ended = self.world.elapsed


@dataclass(frozen=True)
class SlowRoute:
    """Every answer comes late."""

    route: WorldRoute
    slow: Slow

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one GET."""
        self.slow()
        return self.route.get(url, timeout_seconds=timeout_seconds, headers=headers)


@dataclass(frozen=True)
class SlowDatabases:
    """Every look takes its whole time, and finds the database well."""

    slow: Slow

    def look(self, _check: DatabaseCheck) -> DatabaseLook:
        """Look."""
        self.slow()
        return DatabaseLook(is_primary=True, free_connections=100)


@dataclass(frozen=True)
class Course:
    """A policy, what of it is slow, and how long one call takes."""

    name: str
    seconds: float
    least: float
    spec: Json = field(default_factory=dict)
    strategy: Json = field(default_factory=dict)
    slowed: Callable[[Ports, Slow], Ports] = lambda ports, slow: replace(
        ports, route=SlowRoute(WorldRoute(slow.world), slow)
    )


def http(**settings: Any) -> list[Json]:
    return [{"http": {"path": "/healthz", "when": "after_switch", **settings}}]


def condition(ports: Ports, slow: Slow) -> Ports:
    def instant(_query: str) -> float:
        slow()
        return 0.0

    return replace(ports, instant=instant)


def database(number: int) -> Json:
    return {"name": f"db-{number}", "connection": f"db-{number}", "timeout": "30s"}


def databases(ports: Ports, slow: Slow) -> Ports:
    return replace(ports, databases=SlowDatabases(slow))


COURSES = [
    Course("fifty samples", seconds=1.5, least=70, spec={"smoke": http(samples=50)}),
    Course("one answer that takes two minutes", seconds=119, least=119, spec={"smoke": http(samples=1, timeout="1m")}),
    Course(
        "probes of who answers",
        seconds=4.5,
        least=80,
        strategy={"probe": {"path": "/healthz", "times": 20, "identity": "none"}},
    ),
    Course(
        "conditions",
        seconds=55,
        least=100,
        spec={"smoke": [{"promql": {"query": "up", "below": 1}}, {"promql": {"query": "down", "below": 1}}]},
        slowed=condition,
    ),
    Course("databases", seconds=29, least=80, spec={"databases": [database(n) for n in range(3)]}, slowed=databases),
    Course(
        "stability",
        seconds=10,
        least=100,
        spec={"smoke": http(samples=1, timeout="10s"), "stability": {"window": "2m", "every": "30s"}},
    ),
]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_nobody_takes_the_run_away_while_it_verifies(course: Course) -> None:
    simulation = Simulation.of(2)
    strategy = WAITS | {"type": "in_place", **LONG, **course.strategy}
    simulation.policy = policy(strategy=strategy, **({"smoke": []} | course.spec))
    ends: list[str] = []
    seen: set[ReconcileStatus] = set()
    slow: list[Slow] = []

    def owner(clock: Clock) -> None:
        slow.append(Slow(simulation.world, clock, course.seconds))
        ports = course.slowed(replace(simulation.ports("owner"), clock=clock), slow[0])
        try:
            ends.append(pipeline.run(ports, simulation.request(3, RUN)).value)
        except SpringtideError as error:
            ends.append(error.message)

    def reconciler(clock: Clock) -> None:
        while not ends:
            ports = replace(simulation.ports("reconcile"), clock=clock)
            seen.update(run.status for run in reconcile_round(ports, [NAMESPACE], lambda _run: False).runs)
            clock.sleep(5)

    VirtualThreads(simulation.world, limit=2).run(simulation.world.clock, [owner, reconciler])

    assert ends == ["succeeded"]
    assert seen <= {ReconcileStatus.RETRY_LATER}
    assert slow[0].begun is not None
    assert slow[0].ended - slow[0].begun >= course.least

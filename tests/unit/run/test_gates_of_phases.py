"""What a phase asks besides the cluster before it goes on: who answers by the route, whether the databases are fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from springtide.errors import DeadlineExceeded
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.admission import plan_capacity
from springtide.run.ports import Ports
from springtide.sandbox.world import World
from springtide.verify.database import DatabaseLook
from springtide.verify.route import Answer
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation, WorldRoute

ORDERS = {"name": "orders", "connection": "orders"}
FIT = DatabaseLook(is_primary=True, free_connections=100)
AWAY = DatabaseLook(error="the server closed the connection")


class StaleRoute(WorldRoute):
    """A router that knows nothing of a switch until `seconds` after it was first asked."""

    def __init__(self, world: World, old: str, seconds: float) -> None:
        super().__init__(world)
        self._world = world
        self._old = old
        self._seconds = seconds
        self._end: float | None = None

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one GET."""
        if not url.endswith("/"):
            return super().get(url, timeout_seconds=timeout_seconds, headers=headers)
        self._end = self._end or self._world.elapsed + self._seconds
        is_old = self._world.elapsed < self._end
        return Answer(status=200, body=f"{self._old} 1", headers={}) if is_old else super().get(url, timeout_seconds=1)


@pytest.mark.parametrize(("seconds", "outcome"), [(20, RunOutcome.SUCCEEDED), (600, RunOutcome.ROLLED_BACK)])
def test_nothing_is_removed_while_a_router_still_leads_to_the_old_pods(seconds: float, outcome: RunOutcome) -> None:
    simulation = Simulation.of(2, probe={"path": "/", "identity": "body", "times": 5})
    old = simulation.world.pods(NAMESPACE)[0]["metadata"]["name"]
    simulation.route = StaleRoute(simulation.world, old, seconds)
    began = simulation.world.elapsed

    if outcome is RunOutcome.SUCCEEDED:
        simulation.run(4)
    else:
        with pytest.raises(DeadlineExceeded, match=f"names none of the 4 pods that should serve: '{old} 1'"):
            simulation.run(4)

    assert simulation.store.get("run-1").outcome is outcome
    assert simulation.world.elapsed - began > min(seconds, 60)


class SeenDatabases:
    """Databases of which `seen` says what a look sees."""

    def __init__(self, seen: Callable[[], DatabaseLook]) -> None:
        self._seen = seen

    def look(self, check: DatabaseCheck) -> DatabaseLook:
        """Return what is seen now."""
        assert check.name == "orders"
        return self._seen()


def behind(simulation: Simulation, seen: Callable[[], DatabaseLook]) -> Ports:
    """Return ports to a workload that depends on a database."""
    strategy = WAITS | {"type": "in_place"}
    simulation.policy = policy(strategy=strategy, smoke=list(SMOKE), databases=[ORDERS])
    return replace(simulation.ports(), databases=SeenDatabases(seen))


def test_nothing_is_changed_while_a_database_is_away() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    back = simulation.world.elapsed + 30
    grown: list[float] = []

    def seen() -> DatabaseLook:
        deployment = simulation.deployment("web")
        assert deployment is not None
        if deployment["spec"]["replicas"] > 2:
            grown.append(simulation.world.elapsed)
        is_asked_first = simulation.world.get("leases", NAMESPACE, "springtide-web") is None
        return FIT if is_asked_first or simulation.world.elapsed >= back else AWAY

    ports = behind(simulation, seen)
    assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED
    assert min(grown) >= back


def test_a_run_whose_database_does_not_come_back_is_undone() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    ports = behind(
        simulation, lambda: FIT if simulation.world.get("leases", NAMESPACE, "springtide-web") is None else AWAY
    )

    with pytest.raises(DeadlineExceeded, match="the server closed the connection"):
        pipeline.run(ports, simulation.request(4))

    assert simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_a_run_does_not_begin_while_a_database_is_away() -> None:
    simulation = Simulation.of(2, strategy="in_place")

    plan = plan_capacity(behind(simulation, lambda: AWAY), simulation.request(4))

    assert [(each.status.value, each.code) for each in plan.findings if each.check == "database"] == [
        ("refused", "database_unfit")
    ]

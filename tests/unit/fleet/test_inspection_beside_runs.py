"""A look at a service that another run owns: an event waits for the run, a sweep leaves what comes after it alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from springtide.clock import Clock
from springtide.events.calendars import Calendars
from springtide.events.release import Health
from springtide.events.sweep import Inspection, order_for
from springtide.fleet.inspection import OWNED_FOR, inspect_service
from springtide.fleet.looking import look_at
from springtide.fleet.ports import FleetPorts
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import phases
from springtide.run.ports import RunRef
from springtide.sandbox.world import World
from support.simulation import Simulation


@dataclass
class Meanwhile:
    """The world's clock; what is to happen meanwhile happens in the first sleep that ends after `seconds`."""

    world: World
    seconds: float
    act: Callable[[], object]

    def now(self) -> datetime:
        return self.world.now()

    def monotonic(self) -> float:
        return self.world.elapsed

    def sleep(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.seconds -= seconds
        if self.seconds <= 0:
            self.act()
            self.seconds = float("inf")


def owned() -> tuple[Simulation, RunRef]:
    """Return a service and the run that owns it."""
    simulation = Simulation.of(2, strategy="in_place")
    request = simulation.request(4)
    phases.create_instances(simulation.ports(), request, phases.calculate_capacity(simulation.ports(), request))
    target = simulation.policy.spec.target
    return simulation, RunRef(workload=target.workload, run_id=request.run_id)


@dataclass
class OnePolicy:
    """The policy of the simulation."""

    simulation: Simulation

    def names(self) -> list[str]:
        return [self.simulation.policy.name]

    def get(self, name: str) -> ScalingPolicy:
        del name
        return self.simulation.policy


def waited_for(simulation: Simulation, clock: Clock) -> Inspection:
    """Return what a preparation finds."""
    fleet = FleetPorts(
        clock=clock,
        calendars=Calendars,
        policies=OnePolicy(simulation),
        open_ports=lambda: nullcontext(replace(simulation.ports(), clock=clock)),
        open_store=lambda: nullcontext(simulation.store),
    )
    return look_at(fleet, [simulation.policy.name], waits=True).seen[simulation.policy.name]


def test_a_sweep_does_not_wait_for_the_run() -> None:
    simulation, _ = owned()
    begin = simulation.world.elapsed

    facts = inspect_service(simulation.ports(), simulation.policy)

    assert facts.is_owned
    assert "owns the workload" in str(facts.frozen)
    assert simulation.world.elapsed - begin < 1
    assert Inspection.from_record(facts.to_record()) == facts


def test_an_event_waits_until_the_run_is_over() -> None:
    simulation, ref = owned()

    def end() -> None:
        phases.roll_back(simulation.ports(), ref)
        phases.report(simulation.ports(), ref)

    clock = Meanwhile(simulation.world, 60, end)
    facts = waited_for(simulation, clock)

    assert (facts.is_owned, facts.frozen, facts.current) == (False, None, 2)
    assert facts.expected is not None


def test_an_event_does_not_wait_for_ever() -> None:
    simulation, _ = owned()
    begin = simulation.world.now()

    facts = waited_for(simulation, simulation.ports().clock)

    assert facts.is_owned
    assert OWNED_FOR <= simulation.world.now() - begin < OWNED_FOR + timedelta(seconds=10)


def test_what_comes_after_an_owned_service_does_not_grow_before_it() -> None:
    well = Health(None)
    others = {
        "db": Inspection(
            service="db", current=0, planned=None, frozen="db: run 'sale' owns the workload", is_owned=True
        )
    }

    grown, shrunk = (
        order_for(Inspection(service="web", current=4, planned=planned, health=well, after=("db",)), others)
        for planned in (8, 2)
    )

    assert grown.steps == ()
    assert grown.reason == "held at 4: db, which it comes after: db: run 'sale' owns the workload"
    assert shrunk.steps == ()  # whether db is well is not known

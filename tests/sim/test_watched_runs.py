"""Runs whose waits go by watches: they do what runs do that poll, ask far less, and never depend on a watch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import SpringtideError
from springtide.kube.live import LiveKube
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.aborting import request_abort
from springtide.run.acquisition import ref_of
from springtide.run.ports import Ports
from springtide.run.state import Phase
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Ref
from support.courses import FAILING, SUCCEEDING, Course
from support.role import bind, recorded_rights
from support.simulation import WORKLOAD, Simulation
from support.watching import PumpedWatches, watching

FIVE_SECONDS = 5.0
SLOW = {"STARTUP": "8s", "DRAIN": "5s"}


def end_of(simulation: Simulation, target: int, ports: Ports) -> str:
    try:
        return pipeline.run(ports, simulation.request(target)).value
    except SpringtideError as error:
        return error.code


def writes_of(simulation: Simulation) -> list[tuple[str, str]]:
    """Return the writes to anything but Leases, whose renewals go by time."""
    calls = simulation.world.history.calls
    return [(call.method, call.path) for call in calls if call.write and call.applied and "/leases" not in call.path]


def steps_of(simulation: Simulation) -> list[tuple[str, str]]:
    """Return the writes without names that differ from one world to another."""
    return [(method, path.rpartition("/replicasets/")[0] or path) for method, path in writes_of(simulation)]


@pytest.mark.parametrize("course", [*SUCCEEDING, *FAILING], ids=lambda course: course.name)
def test_a_run_does_the_same_steps_as_one_that_polls(course: Course) -> None:
    polled = course.simulation()
    expected = end_of(polled, course.target, polled.ports())
    watched = course.simulation()

    assert end_of(watched, course.target, watching(watched.ports(), watched.world)) == expected
    assert steps_of(watched) == steps_of(polled)
    assert watched.world.elapsed <= polled.world.elapsed + 2.0


def slow(replicas: int, *, drain: str = "8s") -> Simulation:
    """Return a workload whose run takes half a minute, or more by a longer `drain`."""
    simulation = Simulation.of(replicas, propagation="5s", drain=drain)
    deployment = deepcopy(simulation.deployment("web") or {})
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": value} for name, value in SLOW.items()]
    simulation.world.apply(deployment)
    simulation.world.settle(quiet=30.0)
    return simulation


def requests_of(simulation: Simulation, target: int, ports: Ports) -> list[Call]:
    before = len(simulation.world.history.calls)
    assert pipeline.run(ports, simulation.request(target)) is RunOutcome.SUCCEEDED
    return simulation.world.history.calls[before:]


def without_smoke(calls: list[Call]) -> int:
    """Return how many there are, but for the smoke checks, which ask each pod."""
    return len([call for call in calls if "/proxy/" not in call.path])


def test_a_run_of_half_a_minute_asks_half_as_much_as_one_that_polls() -> None:
    polled = slow(3)
    watched = slow(3)

    before = requests_of(polled, 6, polled.ports())
    after = requests_of(watched, 6, watching(watched.ports(), watched.world))

    assert without_smoke(after) < 0.6 * without_smoke(before)


def test_what_it_asks_does_not_grow_with_its_pods() -> None:
    few = slow(3)
    many = slow(10)

    of_few = without_smoke(requests_of(few, 6, watching(few.ports(), few.world)))
    of_many = without_smoke(requests_of(many, 30, watching(many.ports(), many.world)))

    assert of_many <= of_few * 1.1


def is_watch(call: Call) -> bool:
    return call.query.get("watch") == "1"


FAULTS: dict[str, Callable[[Call], Fault | None]] = {
    "no event ever comes": lambda call: Fault(FaultKind.DROP_EVENTS, events=10**6) if is_watch(call) else None,
    "every third event is missed": lambda call: Fault(FaultKind.DROP_EVENTS) if is_watch(call) else None,
    "every version is gone": lambda call: Fault(FaultKind.GONE) if is_watch(call) else None,
    "every second version is gone": (
        lambda call: Fault(FaultKind.GONE) if is_watch(call) and call.number % 2 else None
    ),
    "no watch can be had": lambda call: Fault(FaultKind.STATUS, status=429) if is_watch(call) else None,
    "the server breaks": lambda call: Fault(FaultKind.STATUS, status=500) if is_watch(call) else None,
    "nobody answers a watch": lambda call: Fault(FaultKind.REFUSED) if is_watch(call) else None,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_wait_does_not_depend_on_the_watch(fault: Callable[[Call], Fault | None]) -> None:
    polled = slow(3)
    watched = slow(3)
    requests_of(polled, 6, polled.ports())
    watched.world.faults = fault
    trusted = timedelta(seconds=10)

    requests_of(watched, 6, watching(watched.ports(), watched.world, trusted=trusted))

    waits = len(steps_of(polled))
    assert steps_of(watched) == steps_of(polled)
    assert watched.world.elapsed <= polled.world.elapsed + waits * trusted.total_seconds()


def test_what_nobody_showed_is_seen_within_the_time_for_which_watches_are_trusted() -> None:
    simulation = slow(3)
    simulation.world.faults = FAULTS["no event ever comes"]
    ports = watching(simulation.ports(), simulation.world, trusted=timedelta(seconds=12))
    plan = phases.calculate_capacity(ports, simulation.request(6))
    phases.create_instances(ports, simulation.request(6), plan)
    began = simulation.world.elapsed

    phases.instances_ready(ports, ref_of(simulation.request(6), plan, 1))

    assert 12.0 <= simulation.world.elapsed - began < 12.0 + 4.0


def test_without_the_right_to_watch_it_polls() -> None:
    simulation = bind(Simulation.of(2))
    role = simulation.world.get("roles", "shop", "springtide") or {}
    rules = [rule for rule in role["rules"] if rule["verbs"] != ["watch"]]
    simulation.world.apply(role | {"rules": rules})
    with recorded_rights(simulation) as rights:
        ports = watching(simulation.ports(), simulation.world, token=simulation.token)
        assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED

    refused = [right.verb for right, had in rights.items() if not had and right.resource not in {"nodes", "namespaces"}]
    assert refused == ["watch"]


def test_under_the_role_nothing_that_is_watched_is_refused() -> None:
    simulation = bind(Simulation.of(2))
    with recorded_rights(simulation) as rights:
        ports = watching(simulation.ports(), simulation.world, token=simulation.token)
        assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED

    assert {right.verb for right, had in rights.items() if had} >= {"watch"}
    assert not [right for right, had in rights.items() if right.verb == "watch" and not had]


def ready_wait(simulation: Simulation) -> tuple[Ports, Callable[[], object]]:
    """Return ports and what waits for pods that start for 8 s, after its watches are open."""
    ports = watching(simulation.ports(), simulation.world)
    request = simulation.request(6)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    ref = ref_of(request, plan, 1)
    return ports, lambda: phases.instances_ready(ports, ref)


def abort(simulation: Simulation) -> None:
    request_abort(simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="a test")


def test_an_abort_is_seen_at_once() -> None:
    simulation = slow(3)
    ports, wait = ready_wait(simulation)
    began = simulation.world.elapsed
    simulation.world.core.timeline.after(3.0, lambda: abort(simulation))

    with pytest.raises(SpringtideError, match="aborted by ann"):
        wait()

    assert simulation.world.elapsed - began < 4.0
    assert ports.watched is not None


def seconds_until_seen(simulation: Simulation, ports: Ports, *, is_half_open: bool = False) -> float:
    """Let the new pods break once they have the traffic; return after how long the run turns back."""
    world = simulation.world
    moments: list[float] = []

    def break_down() -> None:
        if is_half_open and isinstance(ports.watched, PumpedWatches):
            ports.watched.is_deaf = True
        pods = sorted(world.pods("shop"), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        for pod in pods[-6:]:
            world.kubelet.disturb(Ref("pods", "shop", pod["metadata"]["name"]), broken=True)
        moments.append(world.elapsed)

    def on_phase(phase: Phase) -> None:
        if phase is Phase.REMOVE_OLD_INSTANCES:
            world.core.timeline.after(2.0, break_down)
        if phase is Phase.ROLL_BACK:
            moments.append(world.elapsed)

    with pytest.raises(SpringtideError):
        pipeline.run(ports, simulation.request(6), on_phase)
    return moments[1] - moments[0]


def test_pods_that_fail_during_the_drain_bring_the_run_back_as_fast_as_with_polls() -> None:
    polled = slow(3)
    watched = slow(3)

    by_watch = seconds_until_seen(watched, watching(watched.ports(), watched.world))

    assert by_watch <= seconds_until_seen(polled, polled.ports()) + 0.5
    assert by_watch < FIVE_SECONDS


def test_pods_that_fail_during_the_drain_are_seen_where_every_watch_is_half_open() -> None:
    polled = slow(3, drain="40s")
    watched = slow(3, drain="40s")

    by_looks = seconds_until_seen(watched, watching(watched.ports(), watched.world), is_half_open=True)

    assert by_looks <= seconds_until_seen(polled, polled.ports()) + FIVE_SECONDS


def test_watches_of_whole_namespaces_show_the_same() -> None:
    simulation = slow(3)
    ports = simulation.ports()
    assert isinstance(ports.kube, LiveKube)
    watched = PumpedWatches(ports.kube, simulation.world, is_wide=True)

    calls = requests_of(simulation, 6, replace(ports, watched=watched))

    assert len([call for call in calls if is_watch(call)]) == 6  # one of each kind

"""Kubernetes Events on the workload: what a run did, told once, and never in the run's way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from springtide.errors import SpringtideError
from springtide.kube.client import Right
from springtide.kube.object_events import KeptObjectEvents, ObjectEvent, ToldReason
from springtide.kube.objects import Kind
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.objects import Json
from springtide.workload import WorkloadKind
from support.courses import FAILING, Course
from support.other_kinds import simulation_of
from support.role import bind
from support.simulation import NAMESPACE, WORKLOAD, Simulation

EVENT = Match(method="POST", path="/events$")
SMOKE = next(course for course in FAILING if course.name == "blue_green, smoke")


def told(simulation: Simulation) -> list[Json]:
    """Return what stands on the workload, in the order in which it was told."""
    events = replace(simulation, token="").ports("a test").kube.list(Kind.EVENT, NAMESPACE)
    mine = [event for event in events if event.get("reportingComponent") == "springtide"]
    return sorted(mine, key=lambda event: int(event["metadata"]["resourceVersion"]))


def reasons(simulation: Simulation) -> list[str]:
    return [event["reason"] for event in told(simulation)]


def test_a_good_run_tells_that_it_began_switched_and_succeeded_on_the_very_object() -> None:
    simulation = Simulation.of(2)

    pipeline.run(simulation.telling_ports("run-1"), simulation.request(4))

    began, _, _ = told(simulation)
    deployment = simulation.deployment("web")
    assert deployment is not None
    assert reasons(simulation) == ["ScalingStarted", "EndpointsSwitched", "ScalingSucceeded"]
    assert {event["type"] for event in told(simulation)} == {"Normal"}
    assert began["message"].startswith("run run-1: 2 → 4 replicas for ")
    assert began["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "namespace": NAMESPACE,
        "uid": deployment["metadata"]["uid"],
    }


def test_a_run_that_is_rolled_back_says_why() -> None:
    simulation = SMOKE.simulation()

    with pytest.raises(SpringtideError):
        pipeline.run(simulation.telling_ports("run-1"), simulation.request(SMOKE.target))

    last = told(simulation)[-1]
    assert (last["reason"], last["type"]) == ("ScalingRolledBack", "Warning")
    assert "smoke test fail" in last["message"]


def test_a_run_that_is_refused_says_so_and_a_dry_run_says_nothing() -> None:
    simulation = Simulation.of(2)
    with pytest.raises(SpringtideError):
        pipeline.run(simulation.telling_ports("run-1"), simulation.request(40))
    assert reasons(simulation) == ["ScalingRefused"]

    with pytest.raises(SpringtideError):
        pipeline.run(simulation.telling_ports("run-2"), replace(simulation.request(40), run_id="run-2", dry_run=True))
    assert reasons(simulation) == ["ScalingRefused"]


def test_what_is_repeated_is_told_once() -> None:
    simulation = Simulation.of(2)
    pipeline.run(simulation.telling_ports("run-1"), simulation.request(4))
    before = told(simulation)

    phases.report(simulation.telling_ports("run-1"), RunRef(workload=WORKLOAD, run_id="run-1"))

    assert told(simulation) == before


@pytest.mark.parametrize("kind", [WorkloadKind.STATEFUL_SET, WorkloadKind.ROLLOUT])
def test_other_kinds_are_told_on_as_well(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2, strategy="in_place")

    pipeline.run(simulation.telling_ports("run-1"), simulation.request(4))

    assert reasons(simulation) == ["ScalingStarted", "ScalingSucceeded"]
    assert {event["involvedObject"]["kind"] for event in told(simulation)} == {kind.noun}


def test_under_the_shipped_role_everything_is_told() -> None:
    simulation = bind(Simulation.of(2))

    pipeline.run(simulation.telling_ports("run-1"), simulation.request(4))

    assert len(told(simulation)) == 3


def test_without_the_right_the_run_goes_on_and_asks_once() -> None:
    simulation = bind(Simulation.of(2), without=Right(verb="create", group="", resource="events"))

    outcome = pipeline.run(simulation.telling_ports("run-1"), simulation.request(4))

    assert outcome is RunOutcome.SUCCEEDED
    assert told(simulation) == []
    calls = simulation.world.history.calls
    assert len([call for call in calls if call.method == "POST" and call.path.endswith("/events")]) == 1


@pytest.mark.parametrize(
    "kind", [FaultKind.REFUSED, FaultKind.TIMEOUT, FaultKind.ANSWER_TIMEOUT, FaultKind.RESET, FaultKind.STATUS]
)
def test_an_api_server_that_does_not_take_them_fails_no_run(kind: FaultKind) -> None:
    simulation = Simulation.of(2)
    simulation.world.faults = FaultPlan().at(EVENT, Fault(kind), times=10)

    assert pipeline.run(simulation.telling_ports("run-1"), simulation.request(4)) is RunOutcome.SUCCEEDED


class Defect:
    """A client with a defect."""

    def announce(self, _kind: Kind, _event: ObjectEvent) -> None:
        raise ZeroDivisionError


def test_not_even_a_defect_fails_a_run() -> None:
    simulation = Simulation.of(2)
    ports = replace(simulation.ports("run-1"), object_events=KeptObjectEvents(Defect()))

    assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED


@dataclass
class Asked:
    """A client that counts."""

    asked: list[ToldReason] = field(default_factory=list)

    def announce(self, _kind: Kind, event: ObjectEvent) -> None:
        self.asked.append(event.reason)


@pytest.mark.parametrize("course", FAILING, ids=lambda course: course.name)
def test_a_run_tells_no_more_than_it_has_ends(course: Course) -> None:
    simulation = course.simulation()
    client = Asked()

    with pytest.raises(SpringtideError):
        pipeline.run(
            replace(simulation.ports("run-1"), object_events=KeptObjectEvents(client)),
            simulation.request(course.target),
        )

    assert len(client.asked) == len(set(client.asked)) <= 3


def test_long_words_are_cut_to_what_the_api_server_takes() -> None:
    at = Simulation.of(1).world.clock.now()
    event = ObjectEvent(workload=WORKLOAD, run_id="r" * 300, reason=ToldReason.FAILED, message="x" * 5000, at=at)

    manifest = event.manifest("uid")

    assert len(manifest["message"]) == 1024
    assert len(manifest["reportingInstance"]) == 128
    assert len(manifest["metadata"]["name"]) < 253

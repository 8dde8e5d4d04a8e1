"""Crash at every write of every strategy, three ways, and go on three ways: the run converges all the same.

The oracle is differential: the end state and the count of writes of the run that nothing happened to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from invariants import Evidence, broken
from simulation import NAMESPACE, Simulation
from springtide import labels
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.objects import Json
from task_driver import AfterCrash, TaskDriver


@dataclass(frozen=True)
class Course:
    """One way from `start` to `target` replicas."""

    name: str
    strategy: str
    start: int
    target: int
    settings: tuple[tuple[str, Any], ...] = ()

    def simulation(self) -> Simulation:
        return Simulation.of(self.start, strategy=self.strategy, **dict(self.settings))


COURSES = (
    Course("blue_green up", "blue_green", 2, 4),
    Course("blue_green down", "blue_green", 4, 2),
    Course("in_place up", "in_place", 2, 4),
    Course("in_place down", "in_place", 4, 2),
    Course("batched up", "blue_green", 2, 4, (("overlap", "batched"), ("batch", 2))),
    Course("batched down", "blue_green", 4, 2, (("overlap", "batched"), ("batch", 2))),
)
FAULTS = {
    "crash before": Fault(FaultKind.CRASH_BEFORE),
    "crash after": Fault(FaultKind.CRASH_AFTER),
    "answer lost": Fault(FaultKind.ANSWER_TIMEOUT),
    "500 after it took effect": Fault(FaultKind.STATUS_AFTER, status=500),
}


@dataclass(frozen=True)
class End:
    """How a simulation ended."""

    outcome: RunOutcome
    state: Json
    writes: int
    attempts: int
    evidence: Evidence


def play(course: Course, faults: FaultPlan, after: AfterCrash) -> End:
    """Do one whole run under `faults`."""
    simulation = course.simulation()
    world = simulation.world
    since, before = world.elapsed, max((call.write for call in world.history.calls), default=0)
    world.faults = faults
    outcome = TaskDriver(simulation, simulation.request(course.target), after).go()
    world.settle(quiet=20)
    evidence = Evidence(world, since, course.start, course.target, propagation=2.0)
    attempts = max((call.write for call in world.history.calls), default=0) - before
    return End(outcome, state_of(simulation), len(evidence.workload_writes), attempts, evidence)


def state_of(simulation: Simulation) -> Json:
    """Return the end state without what must differ: names of pods, versions, times."""
    found = simulation.world.store.select("deployments", NAMESPACE)
    deployments = {each["metadata"]["name"]: each["spec"] for each in found}
    pods = simulation.world.pods(NAMESPACE)
    sets = sorted(pod["metadata"]["labels"].get(labels.SET, "own") for pod in pods)
    return {"deployments": deployments, "pods": sets, "selector": simulation.selector}


@cache
def unfaulted(course: Course) -> End:
    return play(course, FaultPlan(), AfterCrash.RETRY)


def points() -> list[Any]:
    return [
        pytest.param(course, number, id=f"{course.name}-write{number}")
        for course in COURSES
        for number in range(1, unfaulted(course).attempts + 1)
    ]


@pytest.mark.parametrize(("course", "number"), points())
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after", [AfterCrash.RETRY, AfterCrash.CLEAR])
def test_a_run_that_goes_on_ends_as_if_nothing_had_happened(
    course: Course, number: int, fault: str, after: AfterCrash
) -> None:
    end = play(course, FaultPlan().at(Match(write=number), FAULTS[fault]), after)
    expected = unfaulted(course)

    assert broken(end.evidence) == []
    assert end.outcome in {RunOutcome.SUCCEEDED, RunOutcome.NOTHING_TO_DO}  # the latter: cleared when it had ended
    assert end.state == expected.state
    assert end.writes == expected.writes


@pytest.mark.parametrize(("course", "number"), points())
@pytest.mark.parametrize("fault", ["crash before", "crash after"])
def test_a_run_whose_owner_is_gone_is_finished_or_undone_from_its_lease(
    course: Course, number: int, fault: str
) -> None:
    end = play(course, FaultPlan().at(Match(write=number), FAULTS[fault]), AfterCrash.RECONCILE)
    before = state_of(course.simulation())
    after = unfaulted(course).state

    assert broken(end.evidence) == []
    assert end.state in (before, after)

"""The courses that simulations run: from so many replicas to so many, by one strategy, to success or to a failure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from invariants import Begin, Evidence, Terms
from springtide import labels
from springtide.errors import SpringtideError
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.faults import FaultPlan
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json, annotations_of, controller_of, labels_of
from support.simulation import NAMESPACE, Simulation
from support.task_driver import AfterCrash, TaskDriver


@dataclass(frozen=True)
class Course:
    """One way from `start` to `target` replicas; `problem` makes it fail.

    With `held_from` an earlier run has raised a floor from there to `start`.
    """

    name: str
    strategy: str
    start: int
    target: int
    settings: tuple[tuple[str, Any], ...] = ()
    problem: str = ""
    held_from: int | None = None

    @property
    def natural(self) -> int:
        """The replicas without any floor: where an earlier run holds one, what it was raised from."""
        return self.start if self.held_from is None else self.held_from

    def simulation(self) -> Simulation:
        """Return the settled cluster in which it runs."""
        # As where the quota is filled up, or the service breaks, behind the preflight.
        late = [self.problem] if self.problem in {"quota", "smoke"} else []
        settings = dict(self.settings)
        simulation = Simulation.of(self.natural, strategy=self.strategy, smoke=self.smoke, only_warn=late, **settings)
        if self.strategy == "floor":
            simulation.world.apply(autoscaler(self.natural))
            simulation.world.settle()
        if self.natural != self.start:
            simulation.run(self.start, "run-0")
        if self.problem == "image gone":
            simulation.world.core.images.discard("localhost/web:1")
        if self.problem == "quota":
            hard = {"pods": str(max(self.start, self.target) - 1)}
            metadata = {"name": "small", "namespace": NAMESPACE}
            simulation.world.apply(
                {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
            )
        return simulation

    @property
    def terms(self) -> Terms:
        """What every run of it has to keep."""
        batch = int(dict(self.settings).get("batch", 0))
        return Terms(start=self.start, target=self.target, step=batch or 1, batch=batch)

    @property
    def smoke(self) -> list[Json]:
        """The smoke checks of its policy."""
        if self.problem == "smoke":  # the app never answers 204
            return [{"http": {"path": "/healthz", "samples": 3, "expect": 204, "when": "after_switch"}}]
        return [{"http": {"path": "/healthz", "samples": 3}}]


def autoscaler(replicas: int) -> Json:
    """Return an HPA whose metrics ask for `replicas` and which follows them down at once."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": NAMESPACE, "annotations": {WANTED: str(replicas)}},
        "spec": {
            "minReplicas": replicas,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


BATCHED = (("overlap", "batched"), ("batch", 2))
SUCCEEDING = (
    Course("blue_green up", "blue_green", 2, 4),
    Course("blue_green down", "blue_green", 4, 2),
    Course("in_place up", "in_place", 2, 4),
    Course("in_place down", "in_place", 4, 2),
    Course("batched up", "blue_green", 2, 4, BATCHED),
    Course("batched down", "blue_green", 4, 2, BATCHED),
    Course("floor up", "floor", 2, 4),
    Course("floor up over the maximum", "floor", 2, 6, (("raise_max", True),)),
    Course("floor given back", "floor", 4, 2, held_from=2),
)
FAILING = (
    Course("blue_green, image gone", "blue_green", 2, 4, problem="image gone"),
    Course("blue_green, quota", "blue_green", 2, 4, problem="quota"),
    Course("blue_green, smoke", "blue_green", 2, 4, problem="smoke"),
    Course("in_place, image gone", "in_place", 2, 4, problem="image gone"),
    Course("in_place, quota", "in_place", 2, 4, problem="quota"),
    Course("in_place, smoke", "in_place", 2, 4, problem="smoke"),
    Course("batched, smoke", "blue_green", 2, 4, BATCHED, problem="smoke"),
    Course("floor, image gone", "floor", 2, 4, problem="image gone"),
    Course("floor, quota", "floor", 2, 4, problem="quota"),
    Course("floor, smoke", "floor", 2, 4, problem="smoke"),
)


@dataclass(frozen=True)
class End:
    """How a simulation ended; `before` is the number of the last write before its run."""

    outcome: RunOutcome
    state: Json
    writes: int
    before: int
    attempts: int
    calls: int
    evidence: Evidence
    failures: tuple[str, ...]


def play(course: Course, faults: Any, after: AfterCrash) -> End:
    """Do one whole run under `faults`."""
    simulation = course.simulation()
    world = simulation.world
    begin = Begin.now(world)
    before = most(world.history.calls)
    world.faults = faults(simulation) if callable(faults) else faults
    driver = TaskDriver(simulation, simulation.request(course.target), after)
    outcome = driver.go()
    world.faults = FaultPlan()
    world.settle(quiet=20)
    evidence = Evidence.of(world, begin, course.terms)
    attempts = most(world.history.calls) - before
    calls = len(world.history.calls) - begin.calls
    writes = len(evidence.workload_writes)
    return End(outcome, state_of(simulation), writes, before, attempts, calls, evidence, tuple(driver.failures))


def most(calls: list[Call]) -> int:
    """Return the number of the last write."""
    return max((call.write for call in calls), default=0)


def state_of(simulation: Simulation) -> Json:
    """Return the end state without what must differ: names of pods, versions, times."""
    store = simulation.world.store
    deployments = {each["metadata"]["name"]: each["spec"] for each in store.select("deployments", NAMESPACE)}
    sets = {each["metadata"]["name"]: _without_times(each) for each in store.select("replicasets", NAMESPACE)}
    owners = [controller_of(pod) or {} for pod in simulation.world.pods(NAMESPACE)]
    hpas = store.select("horizontalpodautoscalers", NAMESPACE)
    autoscalers = [(each["spec"], labels.FLOOR in each["metadata"].get("annotations", {})) for each in hpas]
    return {
        "deployments": deployments,
        "replica_sets": sets,
        "pods": sorted(str(owner.get("name")) for owner in owners),
        "selector": simulation.selector,
        "autoscalers": autoscalers,
    }


def _without_times(replica_set: Json) -> Json:
    """Return what a ReplicaSet asks for, whose it is, and whether a run's note is on it."""
    controller = controller_of(replica_set)
    return {
        "spec": replica_set["spec"],
        "labels": labels_of(replica_set),
        "controller": controller["name"] if controller else None,
        "is_noted": labels.ASIDE in annotations_of(replica_set),
    }


@cache
def unfaulted(course: Course) -> End:
    """Return how the course ends when nothing happens to it."""
    return play(course, FaultPlan(), AfterCrash.RETRY)


@cache
def untouched(course: Course) -> str:
    """Return the state before the course, in a form that can be kept."""
    return repr(state_of(course.simulation()))


def points(courses: tuple[Course, ...]) -> list[Any]:
    """Return each course with the number of each of its writes, as the parameters of a test."""
    return [
        pytest.param(course, number, id=f"{course.name}-write{number}")
        for course in courses
        for number in range(unfaulted(course).before + 1, unfaulted(course).before + unfaulted(course).attempts + 1)
    ]


def points_in_one_process(courses: tuple[Course, ...]) -> list[Any]:
    """Return what `points` does of courses whose phases are all done in one process, which writes less to the Lease."""
    return [
        pytest.param(course, number, id=f"{course.name}-write{number}")
        for course in courses
        for number in _writes_of_one_process(course)
    ]


@cache
def _writes_of_one_process(course: Course) -> range:
    simulation = course.simulation()
    before = most(simulation.world.history.calls)
    with suppress(SpringtideError):  # a course that fails has its writes, too
        pipeline.run(simulation.ports("run-1"), simulation.request(course.target))
    return range(before + 1, most(simulation.world.history.calls) + 1)

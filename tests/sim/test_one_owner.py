"""A hundred runs of one workload at once: one owns it at a time, every other is refused with the owner's name (I-1)."""

from __future__ import annotations

import re
from functools import partial

import pytest

from invariants import Begin, Evidence, broken
from springtide.errors import Fenced, WorkloadFailed
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.lease import read_lease
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Fault
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Ref
from support.courses import Course
from support.interleaving import Interleaving
from support.simulation import NAMESPACE, WORKLOAD
from support.task_driver import TaskDriver
from support.trials import Stage, Strike, Trial

RUNS = 100
UP = Course("in_place up", "in_place", 2, 4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hundred_runs_at_once_have_one_owner_at_a_time(seed: int) -> None:
    simulation = UP.simulation()
    together = Interleaving(seed)
    begin = Begin.now(simulation.world)
    ended: list[RunOutcome] = []
    refused: list[str] = []

    def process(number: int) -> None:
        run = f"run-{number}"
        try:
            ended.append(pipeline.run(simulation.ports(run), simulation.request(4, run)))
        except (Fenced, WorkloadFailed) as error:
            refused.append(error.message)

    def hand_over(_call: Call) -> Fault | None:
        together.switch()
        return None

    simulation.world.faults = hand_over
    together.run(*(partial(process, number) for number in range(RUNS)))
    simulation.world.settle(quiet=20)
    evidence = Evidence.of(simulation.world, begin, UP.terms)
    owners = [lease.holder for lease in evidence.leases if lease.holder]

    assert broken(evidence) == []
    assert len(ended) + len(refused) == RUNS
    assert ended.count(RunOutcome.SUCCEEDED) == 1
    assert set(ended) <= {RunOutcome.SUCCEEDED, RunOutcome.NOTHING_TO_DO}
    assert len(set(owners)) == 1
    assert all(re.search(rf"run '{owners[0]}' owns|no run does|was made", message) for message in refused)


COURSES = [
    Course("blue_green up", "blue_green", 2, 4),
    Course("in_place down", "in_place", 4, 2),
    Course("floor up", "floor", 2, 4),
]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_the_whole_run_again_on_the_finished_state_writes_nothing(course: Course) -> None:
    """I-21: cleared as it is, or asked for anew under another name."""
    simulation = course.simulation()
    assert TaskDriver(simulation, simulation.request(course.target)).go() is RunOutcome.SUCCEEDED
    begin = Begin.now(simulation.world)

    cleared = TaskDriver(simulation, simulation.request(course.target)).go()
    anew = TaskDriver(simulation, simulation.request(course.target, "run-2")).go()

    assert cleared in {RunOutcome.NOTHING_TO_DO, RunOutcome.FAILED}
    assert anew is RunOutcome.NOTHING_TO_DO
    assert Evidence.of(simulation.world, begin, course.terms).writes == ()


def test_a_run_after_its_lease_was_deleted_begins_above_what_is_stamped() -> None:
    """Else what an older run still has under way would be newer than the run that goes on."""
    simulation = UP.simulation()
    for replicas, run in ((3, "run-1"), (2, "run-2"), (3, "run-3")):
        simulation.run(replicas, run)
    simulation.world.core.writes.delete(KINDS["leases"], Ref("leases", NAMESPACE, WORKLOAD.lease_name))

    assert simulation.run(4, "run-4") is RunOutcome.SUCCEEDED

    lease = read_lease(simulation.ports().kube, WORKLOAD)
    assert lease is not None
    assert lease.generation == 4


@pytest.mark.parametrize("phase", ["instances_ready", "endpoints_switched", "instances_removed"])
def test_a_trigger_only_reads(phase: str) -> None:
    """I-17: what it calls looks once, may be called twice at once, and writes nothing at all."""
    trial = Trial.at(Stage.BEFORE)
    looks: list[int] = []

    def look_twice(name: str) -> None:
        if name == phase:
            before = len(trial.evidence.writes)
            for _ in range(2):
                phases.look(trial.simulation.ports("trigger"), RunRef(workload=WORKLOAD, run_id="run-1"), Phase(phase))
            looks.append(len(trial.evidence.writes) - before)

    trial.driver.before_task = look_twice
    trial.go(Strike(trial.world, Stage.BEFORE))

    assert looks == [0]
    assert trial.outcome is RunOutcome.SUCCEEDED

"""A finished run that is cleared later writes nothing, whatever came after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from invariants import Begin
from springtide.errors import Fenced, PermanentError
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.lease import Lease
from springtide.run.ports import RunRef
from springtide.run.state import RunState
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Ref
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.task_driver import TaskDriver

REF = RunRef(workload=WORKLOAD, run_id="run-1")


def nothing(_simulation: Simulation) -> None:
    return


def another_run(simulation: Simulation) -> None:
    assert simulation.run(5, "run-2") is RunOutcome.SUCCEEDED


def three_more_runs(simulation: Simulation) -> None:
    for number, replicas in enumerate((5, 3, 6), start=2):
        assert simulation.run(replicas, f"run-{number}") is RunOutcome.SUCCEEDED


def a_run_that_is_under_way(simulation: Simulation) -> None:
    request = simulation.request(5, "run-2")
    phases.create_instances(simulation.ports(), request, phases.calculate_capacity(simulation.ports(), request))


def a_failing_run(simulation: Simulation) -> None:
    simulation.policy = Simulation.of(2, smoke=[{"http": {"path": "/nothing"}}]).policy
    with pytest.raises(PermanentError):
        simulation.run(5, "run-2")


def by_hand(simulation: Simulation) -> None:
    deployment = simulation.deployment("web") or {}
    simulation.world.apply({**deployment, "spec": {**deployment["spec"], "replicas": 3}}, manager="kubectl-scale")
    simulation.world.settle()


def no_lease_any_more(simulation: Simulation) -> None:
    simulation.world.core.writes.delete(KINDS["leases"], Ref("leases", NAMESPACE, WORKLOAD.lease_name))


def no_lease_and_another_number(simulation: Simulation) -> None:
    by_hand(simulation)
    no_lease_any_more(simulation)


AFTER = [
    no_lease_and_another_number,
    nothing,
    another_run,
    three_more_runs,
    a_run_that_is_under_way,
    by_hand,
    no_lease_any_more,
]


def written(simulation: Simulation, begin: Begin) -> list[str]:
    return [call.path for call in simulation.world.history.calls[begin.calls :] if call.write and call.applied]


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_cleared_as_a_whole_it_writes_nothing(strategy: str, after: Callable[[Simulation], None]) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    assert simulation.run(4) is RunOutcome.SUCCEEDED
    after(simulation)
    simulation.store = MemoryStore()  # which another machine has not
    begin = Begin.now(simulation.world)

    outcome = TaskDriver(simulation, simulation.request(4)).go()

    assert outcome in {RunOutcome.FAILED, RunOutcome.NOTHING_TO_DO, RunOutcome.SUCCEEDED, RunOutcome.NEEDS_ATTENTION}
    assert written(simulation, begin) == []


def test_one_that_was_rolled_back_is_not_tried_again_behind_another() -> None:
    simulation = Simulation.of(2, smoke=[{"http": {"path": "/healthz"}}])
    phases.create_instances(
        simulation.ports(),
        simulation.request(4),
        phases.calculate_capacity(simulation.ports(), simulation.request(4)),
    )
    phases.roll_back(simulation.ports(), REF)
    assert phases.report(simulation.ports(), REF) is RunOutcome.ROLLED_BACK
    another_run(simulation)
    begin = Begin.now(simulation.world)

    with pytest.raises(Fenced, match="A finished run is not repeated"):
        simulation.run(4)

    assert written(simulation, begin) == []


@pytest.mark.parametrize("phase", ["instances_ready", "smoke_test", "remove_old_instances"])
def test_cleared_from_any_phase_on_it_writes_nothing(phase: str) -> None:
    simulation = Simulation.of(2)
    driver = TaskDriver(simulation, simulation.request(4))
    assert driver.go() is RunOutcome.SUCCEEDED
    another_run(simulation)
    order = ["create_instances", "instances_ready", "switch_endpoints", "endpoints_switched", "smoke_test"]
    order += ["remove_old_instances", "instances_removed"]
    driver.done -= set(order[order.index(phase) :])
    begin = Begin.now(simulation.world)

    assert driver.go() is RunOutcome.FAILED
    assert written(simulation, begin) == []


def test_one_that_was_refused_before_it_began_may_be_tried_again() -> None:
    simulation = Simulation.of(2)
    a_run_that_is_under_way(simulation)
    with pytest.raises(Fenced):
        simulation.run(4)
    other = replace(REF, run_id="run-2")
    phases.roll_back(simulation.ports(), other)
    phases.report(simulation.ports(), other)
    simulation.world.settle()

    assert pipeline.run(simulation.ports(), simulation.request(4)) is RunOutcome.SUCCEEDED


class TestWhatALeaseRemembers:
    @pytest.fixture
    def last(self) -> tuple[RunState, datetime]:
        """The state of a run that is over, and the time."""
        simulation = Simulation.of(2)
        simulation.run(4)
        lease = Lease(simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name) or {})
        return lease.required_state(), simulation.world.clock.now()

    def test_every_run_of_a_day(self, last: tuple[RunState, datetime]) -> None:
        state, now = last
        for number in range(5):
            state = replace(state, run_id=f"run-{number}").after(state, now + timedelta(hours=8 * number))

        assert [run.run_id for run in state.earlier] == ["run-1", "run-2", "run-3"]

    def test_never_more_than_fit(self, last: tuple[RunState, datetime]) -> None:
        state, now = last
        for number in range(300):
            state = replace(state, run_id=f"{number:0250}").after(state, now)

        assert len(state.earlier) == 100
        assert state.earlier[-1].run_id == f"{298:0250}"

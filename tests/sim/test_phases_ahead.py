"""Phases that go ahead of their tasks: in their order, each with its record, and what takes long or fails is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.record.model import PhaseStatus, RunOutcome
from springtide.run import phases
from springtide.run.ahead import WentAhead, begin_ahead, done_ahead, go_ahead
from springtide.run.phase_table import FORWARD
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from springtide.sandbox.history import Call

BEHIND = FORWARD[FORWARD.index(Phase.CREATE_INSTANCES) + 1 :]
LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=0)
UNMET = {"http": {"path": "/healthz", "samples": 1, "expect": 204, "when": "after_switch"}}


def created(simulation: Simulation) -> RunRef:
    """Let a run create its instances; return its name."""
    request = simulation.request(4)
    plan = phases.calculate_capacity(simulation.ports(), request)
    phases.create_instances(simulation.ports(), request, plan)
    return RunRef.of_plan(plan, request.run_id)


def went_ahead(simulation: Simulation, ref: RunRef, after: Phase, patience: timedelta) -> list[WentAhead]:
    return list(go_ahead(simulation.ports(), ref, after, patience=patience))


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_whatever_needs_no_wait_is_done_in_its_order_and_has_its_own_record(strategy: str) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    ref = created(simulation)

    ahead = went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG)

    assert [each.phase for each in ahead] == list(BEHIND)
    assert all(each.progress is not None and each.progress.is_done for each in ahead)
    kept = {phase.phase: phase.status for phase in simulation.store.get(ref.run_id).phases}
    assert kept == {
        phase.value: PhaseStatus.SUCCEEDED for phase in (Phase.CALCULATE_CAPACITY, Phase.CREATE_INSTANCES)
    } | {phase.value: PhaseStatus.SUCCEEDED for phase in BEHIND}
    assert phases.report(simulation.ports(), ref) is RunOutcome.SUCCEEDED
    assert len(simulation.world.pods(NAMESPACE)) == 4


def test_what_is_not_done_within_the_patience_is_left_to_its_task() -> None:
    simulation = Simulation.of(2)
    ref = created(simulation)

    assert went_ahead(simulation, ref, Phase.CREATE_INSTANCES, SHORT) == []

    record = simulation.store.get(ref.run_id).phases[-1]
    assert (record.phase, record.status) == ("instances_ready", PhaseStatus.RUNNING)
    assert done_ahead(simulation.ports(), ref, Phase.INSTANCES_READY) is None
    assert phases.instances_ready(simulation.ports(), ref).is_done


def test_the_old_pods_drain_under_their_own_name() -> None:
    simulation = Simulation.of(2)
    ref = created(simulation)
    phases.instances_ready(simulation.ports(), ref)
    phases.switch_endpoints(simulation.ports(), ref)
    phases.endpoints_switched(simulation.ports(), ref)

    ahead = went_ahead(simulation, ref, Phase.ENDPOINTS_SWITCHED, SHORT)

    assert [each.phase for each in ahead] == [Phase.SMOKE_TEST]
    assert phases.remove_old_instances(simulation.ports(), ref).is_done
    assert phases.instances_removed(simulation.ports(), ref).is_done
    assert phases.report(simulation.ports(), ref) is RunOutcome.SUCCEEDED


def test_what_fails_for_good_is_the_last_and_nothing_behind_it_is_begun() -> None:
    simulation = Simulation.of(2, smoke=[UNMET], only_warn=["smoke"])
    ref = created(simulation)

    ahead = went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG)

    failed = ahead[-1]
    assert failed.phase is Phase.SMOKE_TEST
    assert failed.error is not None
    assert failed.error.code == "smoke_failed"
    assert phases.report(simulation.ports(), ref, failed.error) is not RunOutcome.SUCCEEDED


def test_what_does_not_answer_is_left_to_its_task() -> None:
    simulation = Simulation.of(2)
    ref = created(simulation)

    def silent(call: Call) -> Fault | None:
        return Fault(FaultKind.REFUSED) if call.path.endswith("/deployments/web") else None

    simulation.world.faults = silent
    assert went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG) == []

    simulation.world.faults = FaultPlan()
    assert [each.phase for each in went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG)] == list(BEHIND)


def test_a_smoke_test_that_watches_for_a_while_has_its_own_task() -> None:
    simulation = Simulation.of(2)
    simulation.policy = policy(
        strategy=WAITS | {"type": "blue_green"}, smoke=list(SMOKE), stability={"window": "1m", "every": "5s"}
    )
    ref = created(simulation)

    ahead = went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG)

    assert [each.phase for each in ahead] == [Phase.INSTANCES_READY, Phase.SWITCH_ENDPOINTS, Phase.ENDPOINTS_SWITCHED]


def test_the_journal_says_what_is_done() -> None:
    simulation = Simulation.of(2)
    ref = created(simulation)
    went_ahead(simulation, ref, Phase.CREATE_INSTANCES, LONG)

    said: list[Any] = [done_ahead(simulation.ports(), ref, phase) for phase in BEHIND]

    assert None not in said
    assert said[-1] == "exactly 4 pods serve"


def begun(simulation: Simulation, patience: timedelta = LONG, **asked: Any) -> tuple[list[WentAhead], RunRef]:
    """Plan, and let the instances be created in the same process; return what went ahead, and the run's name."""
    request = replace(simulation.request(4), **asked)
    plan = phases.calculate_capacity(simulation.ports(), request)
    went = list(begin_ahead(simulation.ports(), request, plan, patience=patience))
    return went, RunRef.of_plan(plan, request.run_id)


def test_who_planned_goes_on_to_the_end() -> None:
    simulation = Simulation.of(2, strategy="in_place")

    went, ref = begun(simulation)

    assert [each.phase for each in went] == [Phase.CREATE_INSTANCES, *BEHIND]
    assert phases.report(simulation.ports(), ref) is RunOutcome.SUCCEEDED
    assert len(simulation.world.pods(NAMESPACE)) == 4


def test_a_dry_run_and_a_plan_with_nothing_to_do_begin_nothing() -> None:
    assert begun(Simulation.of(2), dry_run=True)[0] == []
    assert begun(Simulation.of(4))[0] == []


def test_a_plan_that_a_person_has_to_approve_is_not_begun() -> None:
    simulation = Simulation.of(2)
    simulation.policy = policy(strategy=WAITS | {"type": "blue_green"}, smoke=list(SMOKE), approval={"always": True})

    went, ref = begun(simulation)

    assert went == []
    assert [phase.phase for phase in simulation.store.get(ref.run_id).phases] == ["calculate_capacity"]


def test_what_is_refused_at_the_last_moment_is_left_with_its_error() -> None:
    simulation = Simulation.of(2)
    request = simulation.request(4)
    plan = phases.calculate_capacity(simulation.ports(), request)
    moved = simulation.deployment("web") or {}
    simulation.world.apply({**moved, "spec": {**moved["spec"], "replicas": 3}})
    simulation.world.settle()

    went = list(begin_ahead(simulation.ports(), request, plan, patience=LONG))

    assert [each.phase for each in went] == [Phase.CREATE_INSTANCES]
    assert went[0].error is not None
    assert went[0].error.code == "plan_stale"


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_killed_behind_any_write_whoever_plans_again_goes_on_with_the_same_plan(strategy: str) -> None:
    whole = Simulation.of(2, strategy=strategy)
    begun(whole)
    writes = len([call for call in whole.world.history.writes() if call.write])
    for number in range(1, writes + 1):
        simulation = Simulation.of(2, strategy=strategy)
        simulation.world.faults = dying_behind(number)
        with pytest.raises(Crashed):
            begun(simulation)
        simulation.world.faults = FaultPlan()

        _, ref = begun(simulation)

        assert phases.report(simulation.ports(), ref) is RunOutcome.SUCCEEDED, f"killed behind write {number}"
        plan = simulation.store.get(ref.run_id).plan or {}
        assert (plan["current"], plan["replicas"], len(simulation.world.pods(NAMESPACE))) == (2, 4, 4)
    assert writes > len(BEHIND)


def dying_behind(number: int) -> Callable[[Call], Fault | None]:
    """Return what ends the process behind its write of that number."""
    seen: list[int] = []

    def dies(call: Call) -> Fault | None:
        if call.write:
            seen.append(call.number)
        return Fault(FaultKind.CRASH_AFTER) if call.write and len(seen) == number else None

    return dies

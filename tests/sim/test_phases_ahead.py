"""Phases that go ahead of their tasks: in their order, each with its record, and what takes long or fails is left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.record.model import PhaseStatus, RunOutcome
from springtide.run import phases
from springtide.run.ahead import WentAhead, done_ahead, go_ahead
from springtide.run.phase_table import FORWARD
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation

if TYPE_CHECKING:
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

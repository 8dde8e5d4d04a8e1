"""What a person must approve, and that only what was approved is applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import PermanentError
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.approval import Approval
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.ports import RunRequest
from support.builders import policy
from support.simulation import Simulation


@pytest.mark.parametrize(
    ("settings", "current", "replicas", "needed"),
    [
        ({}, 2, 100, False),
        ({"always": True}, 2, 3, True),
        ({"above": "2x"}, 3, 6, False),
        ({"above": "2x"}, 3, 7, True),
        ({"above": "2x"}, 6, 3, False),
        ({"below": "50%"}, 6, 3, False),
        ({"below": "50%"}, 6, 2, True),
    ],
)
def test_a_person_is_needed_beyond_the_thresholds(
    settings: dict[str, Any], current: int, replicas: int, *, needed: bool
) -> None:
    approval = policy(approval=settings).spec.approval

    assert isinstance(approval, Approval)
    assert approval.is_needed(current, replicas) is needed


def asked(simulation: Simulation, replicas: int = 4) -> RunRequest:
    """Return a request under a policy that always wants a person."""
    spec = simulation.policy.model_dump(mode="json")["spec"] | {"approval": {"always": True}}
    return replace(simulation.request(replicas), policy=policy(**spec))


def test_without_approval_nothing_is_written() -> None:
    simulation = Simulation.of(2, strategy="in_place")

    with pytest.raises(PermanentError) as caught:
        pipeline.run(simulation.ports(), asked(simulation))

    assert caught.value.code == "approval_missing"
    assert "--approve" in caught.value.message
    assert simulation.store.get("run-1").outcome is RunOutcome.FAILED
    assert [call for call in simulation.world.history.calls if call.write] == []


def test_the_plan_that_was_approved_is_applied() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    plan = plan_capacity(simulation.ports(), asked(simulation))

    request = replace(asked(simulation), approved=plan.fingerprint)
    assert pipeline.run(simulation.ports(), request) is RunOutcome.SUCCEEDED


def test_another_plan_than_the_approved_one_is_not_applied() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    plan = plan_capacity(simulation.ports(), asked(simulation))
    simulation.run(3, "run-0")

    request = replace(asked(simulation), approved=plan.fingerprint)
    with pytest.raises(PermanentError) as caught:
        pipeline.run(simulation.ports(), request)
    assert caught.value.code == "plan_changed"


def test_what_changed_between_approval_and_run_stops_it() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    request = asked(simulation)
    plan = plan_capacity(simulation.ports(), request)
    simulation.run(3, "run-0")

    with pytest.raises(PermanentError) as caught:
        phases.create_instances(simulation.ports(), replace(request, approved=plan.fingerprint), plan)
    assert caught.value.code == "plan_stale"


@pytest.mark.parametrize(("answer", "outcome"), [(True, RunOutcome.SUCCEEDED), (False, RunOutcome.FAILED)])
def test_whoever_sits_there_is_asked_and_obeyed(*, answer: bool, outcome: RunOutcome) -> None:
    simulation = Simulation.of(2, strategy="in_place")
    seen: list[ScalingPlan] = []

    def approve(plan: ScalingPlan) -> bool:
        seen.append(plan)
        return answer

    if answer:
        pipeline.run(simulation.ports(), asked(simulation), approve=approve)
    else:
        with pytest.raises(PermanentError):
            pipeline.run(simulation.ports(), asked(simulation), approve=approve)

    assert [plan.replicas for plan in seen] == [4]
    assert simulation.store.get("run-1").outcome is outcome

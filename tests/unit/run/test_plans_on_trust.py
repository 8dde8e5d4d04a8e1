"""A plan comes to `create_instances` by way of others: it is judged again, by the policy and the request of now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from springtide.errors import InputError, WorkloadFailed
from springtide.plan.model import ScalingPlan
from springtide.run import phases, pipeline
from springtide.run.ports import RunRequest
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from springtide.workload import Workload
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation

Change = Callable[[ScalingPlan], ScalingPlan]


def planned(simulation: Simulation, request: RunRequest) -> ScalingPlan:
    return phases.calculate_capacity(simulation.ports(), request)


def refused(simulation: Simulation, request: RunRequest, plan: ScalingPlan) -> InputError:
    """Return why the plan is refused; nothing was written, not even a Lease."""
    before = simulation.world.store.revision
    with pytest.raises(InputError) as caught:
        phases.create_instances(simulation.ports(), request, plan)
    assert simulation.world.store.revision == before
    assert caught.value.code == "plan_stale"
    return caught.value


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda plan: replace(plan, replicas=200), "replicas"),
        (lambda plan: replace(plan, replicas=5), "replicas"),
        (lambda plan: replace(plan, strategy="floor"), "strategy"),
        (lambda plan: replace(plan, policy="other"), "policy"),
        (lambda plan: replace(plan, target=Workload(namespace=NAMESPACE, deployment="other", service="web")), "target"),
        (
            lambda plan: replace(plan, target=Workload(namespace=NAMESPACE, deployment="web", service="other")),
            "service",
        ),
    ],
)
def test_a_plan_that_somebody_changed_on_the_way_is_refused(strategy: str, change: Change, field: str) -> None:
    simulation = Simulation.of(3, strategy=strategy)
    request = simulation.request(4)

    assert refused(simulation, request, change(planned(simulation, request))).field == field


def test_a_plan_below_what_the_policy_allows_is_refused() -> None:
    simulation = Simulation.of(40, strategy="in_place")
    simulation.policy = policy(
        strategy=WAITS | {"type": "in_place"}, smoke=list(SMOKE), replicas={"min": 30, "max": 50}
    )
    request = simulation.request(35)
    plan = replace(planned(simulation, request), replicas=1)

    assert "30" in refused(simulation, request, plan).message


def test_an_approval_for_a_plan_that_somebody_changed_is_worth_nothing() -> None:
    """Whoever can change a plan on its way can name it as the approved one, too: what was asked for still counts."""
    simulation = Simulation.of(3, strategy="in_place")
    simulation.policy = policy(strategy=WAITS | {"type": "in_place"}, smoke=list(SMOKE), approval={"above": "2x"})
    request = simulation.request(4)
    changed = replace(planned(simulation, request), replicas=8)

    assert refused(simulation, replace(request, approved=changed.fingerprint), changed).field == "replicas"


def test_a_policy_that_was_tightened_while_the_plan_waited_holds() -> None:
    simulation = Simulation.of(3, strategy="in_place")
    plan = planned(simulation, simulation.request(9))
    simulation.policy = policy(strategy=WAITS | {"type": "in_place"}, smoke=list(SMOKE), replicas={"min": 1, "max": 8})
    of_the_models = replace(simulation.request(9), replicas=None)

    assert "8" in refused(simulation, of_the_models, plan).message


def test_a_step_that_the_policy_does_not_allow_any_more_is_refused() -> None:
    simulation = Simulation.of(3, strategy="in_place")
    plan = planned(simulation, simulation.request(9))
    simulation.policy = policy(strategy=WAITS | {"type": "in_place"}, smoke=list(SMOKE), guards={"step_up": "2x"})

    assert "guards.step_up" in refused(simulation, replace(simulation.request(9), replicas=None), plan).message


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_run_that_stood_still_before_its_claim_does_not_do_again_what_another_did(
    strategy: str, *, is_first: bool
) -> None:
    simulation = Simulation.of(3, strategy=strategy)
    if not is_first:  # a Lease is there already, which is the usual case
        simulation.run(4, "run-0")
        simulation.run(3, "run-00")
    between: list[str] = []

    def faults(call: Call) -> Fault | None:
        if call.write and "/leases" in call.path and call.user_agent == "late" and not between:
            between.append(call.method)
            return Fault(FaultKind.PAUSE, meanwhile=lambda: void(simulation.run(5, "faster")))
        return None

    simulation.world.faults = faults
    with pytest.raises(WorkloadFailed, match=r"run 'faster'\. Plan again") as caught:
        pipeline.run(simulation.ports("late"), simulation.request(6, "late"))
    simulation.world.faults = FaultPlan()
    simulation.world.settle()

    assert caught.value.code == "plan_stale"
    assert between == ["POST" if is_first else "PATCH"]
    assert len(simulation.world.pods(NAMESPACE)) == 5


def void(_result: object) -> None:
    """Forget what an action returned."""

"""StatefulSets and Rollouts, scaled through their `scale` subresource: whole runs, with faults, there and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.run.admission import plan_capacity
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Ref, is_terminating, is_true
from springtide.workload import WorkloadKind
from support.other_kinds import OTHERS, PLURALS, follower, scaled_by, simulation_of, workload_of
from support.simulation import NAMESPACE, Simulation
from support.task_driver import AfterCrash, TaskDriver

STATEFUL = WorkloadKind.STATEFUL_SET
ROLLOUT = WorkloadKind.ROLLOUT
SUCCEEDED = RunOutcome.SUCCEEDED


def serving(simulation: Simulation) -> int:
    """Return how many pods are ready and stay."""
    pods = simulation.world.pods(NAMESPACE)
    return sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in pods)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize(("start", "target"), [(2, 5), (5, 3)])
def test_in_place_changes_the_number_and_nothing_else(kind: WorkloadKind, start: int, target: int) -> None:
    simulation = simulation_of(kind, start)
    before = workload_of(simulation, kind)

    assert simulation.run(target) is SUCCEEDED
    assert workload_of(simulation, kind)["spec"] == before["spec"] | {"replicas": target}
    assert serving(simulation) == len(simulation.world.pods(NAMESPACE)) == target
    assert simulation.world.history.least_ready(NAMESPACE, "web", since=30) >= min(start, target)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_floor_is_raised_on_the_autoscaler_of_any_kind_and_restored(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2, strategy="floor")

    assert simulation.run(6) is SUCCEEDED
    assert serving(simulation) == 6
    autoscaler = simulation.world.get("horizontalpodautoscalers", NAMESPACE, "web")
    assert autoscaler is not None
    assert autoscaler["spec"]["minReplicas"] == 6


@pytest.mark.parametrize("kind", OTHERS)
def test_an_autoscaler_over_it_is_found_by_the_kind_of_its_target(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2)
    simulation.world.apply(follower(kind, 2))
    simulation.world.settle()

    with pytest.raises(InputError, match=f"owns the replicas of {kind.noun} web"):
        plan_capacity(simulation.ports(), simulation.request(4))


@pytest.mark.parametrize("kind", OTHERS)
def test_the_autoscaler_of_a_deployment_of_the_same_name_is_not_its_own(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2)
    other = follower(kind, 2)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    simulation.world.apply({**other, "spec": other["spec"] | {"scaleTargetRef": reference}})
    simulation.world.settle()

    assert simulation.run(3) is SUCCEEDED


FAULTS = {
    "crash before": Fault(FaultKind.CRASH_BEFORE),
    "crash after": Fault(FaultKind.CRASH_AFTER),
    "answer lost": Fault(FaultKind.ANSWER_TIMEOUT),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("start", "target"), [(2, 4), (4, 2)])
@pytest.mark.parametrize("scale", [0, 1])
def test_what_happens_at_a_write_of_the_number_changes_no_end(
    kind: WorkloadKind, fault: str, start: int, target: int, scale: int
) -> None:
    simulation = simulation_of(kind, start)
    simulation.world.faults = FaultPlan().at(Match(path=r"/web/scale$"), FAULTS[fault], skip=scale)
    driver = TaskDriver(simulation, simulation.request(target), AfterCrash.RETRY)

    assert driver.go() is SUCCEEDED
    assert workload_of(simulation, kind)["spec"]["replicas"] == serving(simulation) == target


@pytest.mark.parametrize("kind", OTHERS)
def test_pods_that_never_become_ready_are_taken_back(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2, only_warn=("image",))
    simulation.world.core.images.discard("localhost/web:1")

    driver = TaskDriver(simulation, simulation.request(4))

    assert driver.go() is RunOutcome.ROLLED_BACK
    simulation.world.settle()
    assert workload_of(simulation, kind)["spec"]["replicas"] == serving(simulation) == 2


@pytest.mark.parametrize("management", ["OrderedReady", "Parallel"])
def test_a_stateful_set_loses_its_highest_ordinals_and_keeps_the_others(management: str) -> None:
    simulation = simulation_of(STATEFUL, 5, podManagementPolicy=management)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in simulation.world.pods(NAMESPACE)}

    assert simulation.run(3) is SUCCEEDED
    kept = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in simulation.world.pods(NAMESPACE)}
    assert kept == {name: before[name] for name in ("web-0", "web-1", "web-2")}


def test_a_stateful_set_with_a_broken_low_ordinal_is_not_shrunk_below_its_floor() -> None:
    simulation = simulation_of(STATEFUL, 4, podManagementPolicy="Parallel")
    world = simulation.world
    driver = TaskDriver(simulation, simulation.request(3), AfterCrash.RETRY)
    broken: list[str] = []

    def break_the_first(task: str) -> None:
        if task == "remove_old_instances" and not broken:
            broken.append(task)
            world.kubelet.disturb(Ref("pods", NAMESPACE, "web-0"), broken=True)
            world.advance(10)  # until its probe has failed often enough

    driver.before_task = break_the_first
    outcome = driver.go()

    assert broken
    assert outcome is not SUCCEEDED
    assert workload_of(simulation, STATEFUL)["spec"]["replicas"] == 4
    assert world.history.least_ready(NAMESPACE, "web", since=30) == 3


def test_pods_of_a_revision_that_is_held_back_are_a_rollout_under_way() -> None:
    simulation = simulation_of(STATEFUL, 3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    _, changed, _ = scaled_by(
        STATEFUL,
        3,
        env={"VERSION": "2"},
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
    )
    simulation.world.apply(changed)
    simulation.world.settle()

    with pytest.raises(InputError, match="held back by partition 2") as caught:
        plan_capacity(simulation.ports(), simulation.request(4))

    assert (caught.value.code, caught.value.field) == ("rollout_in_progress", "target.statefulset")


def test_a_new_template_in_the_middle_of_a_run_is_its_owners() -> None:
    simulation = simulation_of(ROLLOUT, 2)
    _, changed, _ = scaled_by(ROLLOUT, 4, env={"VERSION": "2"})
    applied: list[int] = []

    def deploy(call: Call) -> None:
        if not applied and b"instances_ready" in call.body:
            applied.append(call.number)
            simulation.world.apply(changed)

    simulation.world.faults = deploy
    outcome = TaskDriver(simulation, simulation.request(4), AfterCrash.RETRY).go()

    assert applied
    assert outcome is not SUCCEEDED


def test_a_rollout_that_takes_the_template_of_a_deployment_is_refused_in_words_of_its_own() -> None:
    simulation = simulation_of(ROLLOUT, 2)
    rollout = workload_of(simulation, ROLLOUT)
    spec = {key: value for key, value in rollout["spec"].items() if key != "template"}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    simulation.world.apply({**rollout, "spec": spec | {"workloadRef": reference}})

    with pytest.raises(InputError, match=r"takes its template from Deployment shop \(spec.workloadRef\)") as caught:
        plan_capacity(simulation.ports(), simulation.request(4))

    assert (caught.value.code, caught.value.field) == ("workload_unsupported", "target.rollout")


@pytest.mark.parametrize("kind", OTHERS)
def test_blue_green_is_for_deployments(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2)
    request = replace(simulation.request(4), strategy="blue_green")

    with pytest.raises(InputError):
        plan_capacity(simulation.ports(), request)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_workload_that_is_not_there_is_named_by_its_kind(kind: WorkloadKind) -> None:
    simulation = simulation_of(kind, 2)
    plural = PLURALS[kind]
    simulation.world.core.writes.delete(KINDS[plural], Ref(plural, NAMESPACE, "web"))
    simulation.world.settle()

    with pytest.raises(InputError, match=f"there is no {kind.noun} 'web'") as caught:
        plan_capacity(simulation.ports(), simulation.request(4))

    assert caught.value.field == f"target.{kind.value}"

"""One Service over several workloads: each is scaled by its own pods, whatever the others do, and none is switched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.errors import InputError
from springtide.plan.findings import FindingStatus
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.run.admission import plan_capacity
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json, Ref, is_terminating, is_true, labels_of
from support.builders import policy, policy_document
from support.courses import autoscaler
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation, web
from support.task_driver import TaskDriver


def version(name: str, replicas: int) -> Json:
    """Return the Deployment of one version; the Service `web` leads to the pods of all of them."""
    deployment = web(replicas)[1]
    labels = {"app": "web", "version": name}
    template = {**deployment["spec"]["template"], "metadata": {"labels": labels}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {**deployment, "metadata": {"name": f"web-{name}", "namespace": NAMESPACE}, "spec": spec}


def shared(v1: int, v2: int, *, strategy: str = "in_place") -> Simulation:
    """Return a world in which Service `web` leads to `v1` pods of one version and `v2` of another."""
    simulation = Simulation.of(0, strategy=strategy)
    simulation.world.apply(version("v1", v1), version("v2", v2))
    simulation.world.settle()
    target = {"namespace": NAMESPACE, "deployment": "web-v1", "service": "web"}
    chosen = policy(target=target, strategy=WAITS | {"type": strategy}, smoke=list(SMOKE))
    return replace(simulation, policy=chosen)


def ready(simulation: Simulation, name: str) -> int:
    pods = [pod for pod in simulation.world.pods(NAMESPACE) if labels_of(pod).get("version") == name]
    return sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in pods)


@pytest.mark.parametrize(("start", "target"), [(2, 4), (4, 2)])
def test_one_version_is_scaled_and_the_other_is_left(start: int, target: int) -> None:
    simulation = shared(start, 3)
    service = simulation.world.get("services", NAMESPACE, "web")

    assert simulation.run(target) is RunOutcome.SUCCEEDED
    assert (ready(simulation, "v1"), ready(simulation, "v2")) == (target, 3)
    assert simulation.world.get("services", NAMESPACE, "web") == service


def test_a_floor_is_proven_by_its_own_pods() -> None:
    simulation = shared(2, 3, strategy="floor")
    hpa = autoscaler(2)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-v1"}
    simulation.world.apply({**hpa, "spec": hpa["spec"] | {"scaleTargetRef": reference}})
    simulation.world.settle()

    assert simulation.run(4) is RunOutcome.SUCCEEDED
    assert (ready(simulation, "v1"), ready(simulation, "v2")) == (4, 3)


def test_the_plan_says_whose_pods_checks_reach_as_well() -> None:
    plan = plan_capacity(shared(2, 3).ports(), shared(2, 3).request(4))

    (told,) = [finding for finding in plan.findings if finding.check == "workload"]
    assert told.status is FindingStatus.WARNING
    assert "Service web also leads to the pods of ReplicaSet/web-v2-" in told.message


def test_a_switch_would_take_the_others_out() -> None:
    simulation = shared(2, 3, strategy="blue_green")

    with pytest.raises(InputError, match="which a switch would take out of it") as caught:
        plan_capacity(simulation.ports(), simulation.request(4))
    assert caught.value.code == "selector_ambiguous"


def test_the_pods_of_others_do_not_make_up_for_its_own() -> None:
    simulation = shared(5, 6)
    world = simulation.world
    broken: list[str] = []

    def fall(call: Call) -> None:
        if not broken and b"remove_old_instances" in call.body:
            mine = [pod["metadata"]["name"] for pod in world.pods(NAMESPACE) if labels_of(pod).get("version") == "v1"]
            broken.extend(mine[:3])
            for name in broken:
                world.kubelet.disturb(Ref("pods", NAMESPACE, name), broken=True)
            world.settle()

    world.faults = fall
    outcome = TaskDriver(simulation, simulation.request(3)).go()
    last = simulation.deployment("web-v1")

    assert broken
    assert outcome is not RunOutcome.SUCCEEDED
    assert last is not None
    assert last["spec"]["replicas"] == 5


def test_two_runs_at_once_on_one_service_do_not_keep_each_other() -> None:
    simulation = shared(2, 2)
    target = {"namespace": NAMESPACE, "deployment": "web-v2", "service": "web"}
    document = policy_document("other", target=target, strategy=WAITS | {"type": "in_place"})
    other = replace(simulation, policy=ScalingPolicy.model_validate(document))
    TaskDriver(simulation, simulation.request(4, "run-0")).go()  # so that the generations of both Leases differ

    assert TaskDriver(simulation, simulation.request(3, "run-1")).go() is RunOutcome.SUCCEEDED
    assert TaskDriver(other, other.request(3, "run-2")).go() is RunOutcome.SUCCEEDED
    assert TaskDriver(simulation, simulation.request(2, "run-3")).go() is RunOutcome.SUCCEEDED

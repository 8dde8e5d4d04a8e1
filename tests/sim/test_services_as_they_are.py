"""Services whose slices have two entries for a pod, or call pods ready that are not: pods count, and not entries."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from springtide.sandbox.objects import is_terminating, is_true
from springtide.sandbox.world import World
from support.simulation import NAMESPACE, Simulation
from support.task_driver import TaskDriver
from support.trials import Stage, Trial, lease_text

DUAL_STACK = {"ipFamilyPolicy": "PreferDualStack"}
FLOOR = 5


def changed_service(simulation: Simulation, **spec: Any) -> Simulation:
    """Return the simulation once its Service has other fields, and its slices follow them."""
    service = simulation.world.get("services", NAMESPACE, "web")
    assert service is not None
    kept = {key: value for key, value in service["spec"].items() if key not in {"ipFamilies", "ipFamilyPolicy"}}
    simulation.world.apply({**service, "spec": kept | spec})
    simulation.world.settle()
    return simulation


def ready_pods(world: World) -> int:
    """Return how many pods say themselves that they are ready."""
    return sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in world.pods(NAMESPACE))


def failing(strategy: str, **service: Any) -> tuple[Trial, list[int]]:
    """Return the end of a run from 6 to 5 pods of which three stop being ready as soon as the first one may go.

    Besides, how many were ready at each moment from then on.
    """
    trial = Trial.at(Stage.AFTER)
    trial.simulation = changed_service(Simulation.of(6, strategy=strategy), **service)
    trial.driver = TaskDriver(trial.simulation, trial.simulation.request(FLOOR))
    ready: list[int] = []
    world = trial.world

    def fail() -> None:
        for ref in (trial.new_pods or trial.stable_pods)[:3]:
            world.kubelet.disturb(ref, broken=True)
        count()
        world.advance(5)

    def faults(call: Call) -> Fault | None:
        removes = call.write and call.path.endswith("/scale") and '"remove_old_instances"' in lease_text(world)
        return Fault(FaultKind.PAUSE, meanwhile=fail) if removes and not ready else None

    def count() -> None:
        ready.append(ready_pods(world))
        if len(ready) < 1000:
            world.core.timeline.after(0.2, count)

    return trial.go(faults), ready


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize(("start", "target"), [(3, 6), (6, 3)])
def test_each_pod_of_a_dual_stack_service_counts_once(strategy: str, start: int, target: int) -> None:
    simulation = changed_service(Simulation.of(start, strategy=strategy), **DUAL_STACK)
    families = {each["addressType"] for each in simulation.world.store.select("endpointslices", NAMESPACE)}

    assert families == {"IPv4", "IPv6"}
    assert simulation.run(target) is RunOutcome.SUCCEEDED
    assert ready_pods(simulation.world) == len(simulation.world.pods(NAMESPACE)) == target


SERVICES: dict[str, dict[str, Any]] = {
    "one family": {},
    "two families": DUAL_STACK,
    "all pods published": {"publishNotReadyAddresses": True},
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_the_stable_set_stays_while_too_few_new_pods_are_ready(service: dict[str, Any]) -> None:
    trial, ready = failing("blue_green", **service)

    assert min(ready) >= FLOOR
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert ready_pods(trial.world) == 6


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_no_run_in_place_succeeds_with_pods_that_are_not_ready(service: dict[str, Any]) -> None:
    trial, ready = failing("in_place", **service)

    assert ready[-1] < FLOOR
    assert trial.outcome is not RunOutcome.SUCCEEDED

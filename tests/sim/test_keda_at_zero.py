"""KEDA at zero: before an event the minimum is raised, pods come from nothing, and go again when it is restored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.admission import plan_capacity
from springtide.run.release import release_request
from springtide.sandbox.objects import Json, is_true
from support.simulation import NAMESPACE, Simulation


def at_zero(*, paused: str | None = None) -> Simulation:
    """Return a workload that a ScaledObject has taken to 0."""
    simulation = Simulation.of(0, strategy="floor")
    annotations = {} if paused is None else {"autoscaling.keda.sh/paused": paused}
    keda: Json = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 0, "maxReplicaCount": 20, "triggers": []},
    }
    simulation.world.apply(keda)
    simulation.world.settle()
    return simulation


def least(simulation: Simulation) -> object:
    scaled = simulation.world.get("scaledobjects", NAMESPACE, "web")
    assert scaled is not None
    return scaled["spec"]["minReplicaCount"]


@pytest.mark.parametrize("paused", [None, "false"])
def test_the_minimum_is_raised_and_so_many_pods_serve(paused: str | None) -> None:
    simulation = at_zero(paused=paused)

    assert simulation.run(6) is RunOutcome.SUCCEEDED
    assert least(simulation) == 6
    assert sum(is_true(pod, "Ready") for pod in simulation.world.pods(NAMESPACE)) == 6


def test_the_usual_step_limit_does_not_wake_it_with_a_single_pod() -> None:
    simulation = at_zero()
    assert str(simulation.policy.spec.guards.step_up) == "3x"

    plan = plan_capacity(simulation.ports(), replace(simulation.request(0), replicas=None))

    assert plan.replicas == 6


def test_what_it_was_before_is_restored() -> None:
    simulation = at_zero()
    simulation.run(6)
    request = release_request(simulation.policy, run_id="run-2", requested_by="ada", reason="the sale is over")

    assert pipeline.run(simulation.ports(), request) is RunOutcome.SUCCEEDED
    assert least(simulation) == 0

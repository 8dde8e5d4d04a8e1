"""An HPA without metrics keeps a Deployment between its bounds, and nothing else."""

from __future__ import annotations

import pytest

from springtide.sandbox.objects import Json
from unit.sandbox.scenes import call, conditions, deployment, read, scaled, shop

PATH = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/checkout"


def autoscaler(low: int, high: int, target: str = "checkout") -> Json:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": reference},
    }


def test_a_raised_minimum_is_followed_within_one_sync() -> None:
    world = shop(autoscaler(2, 10))
    call(world, "PATCH", PATH, {"spec": {"minReplicas": 6}})
    world.advance(16)

    obj = read(world)
    assert obj["spec"]["replicas"] == 6
    managers = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
    assert "kube-controller-manager" in managers


@pytest.mark.parametrize(("asked", "kept"), [(1, 2), (5, 5), (20, 10)])
def test_replicas_outside_the_bounds_are_taken_back(asked: int, kept: int) -> None:
    world = scaled(shop(autoscaler(2, 10)), asked)
    world.advance(20)

    assert read(world)["spec"]["replicas"] == kept


def test_a_deployment_at_zero_is_left_alone() -> None:
    world = shop(autoscaler(2, 10), running=deployment(0))
    world.advance(60)

    assert read(world)["spec"]["replicas"] == 0
    assert conditions(read(world, PATH))["ScalingActive"] == ("False", "ScalingDisabled")


def test_a_missing_target_is_told() -> None:
    world = shop(autoscaler(2, 10, target="nope"))

    assert conditions(read(world, PATH))["AbleToScale"] == ("False", "FailedGetScale")

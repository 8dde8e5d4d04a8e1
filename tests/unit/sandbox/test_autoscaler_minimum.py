"""An HPA keeps a Deployment between its bounds, follows what its metrics ask for, and KEDA keeps an HPA of its own."""

from __future__ import annotations

import pytest

from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import call, conditions, deployment, read, scaled, shop

KEDA = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/checkout"
KEDA_HPA = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/keda-hpa-checkout"
PATH = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/checkout"


def autoscaler(low: int, high: int, target: str = "checkout") -> Json:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": reference},
    }


def scaled_object(**spec: int) -> Json:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "checkout"}} | spec,
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


def test_what_the_metrics_ask_for_is_followed_up_at_once_and_down_after_five_minutes() -> None:
    world = shop(autoscaler(2, 10))
    call(world, "PATCH", PATH, {"metadata": {"annotations": {WANTED: "7"}}})
    world.advance(16)
    assert read(world)["spec"]["replicas"] == 7

    call(world, "PATCH", PATH, {"metadata": {"annotations": {WANTED: "4"}}})
    world.advance(240)
    assert read(world)["spec"]["replicas"] == 7
    world.advance(90)
    assert read(world)["spec"]["replicas"] == 4


def test_one_sync_doubles_at_most_or_adds_four() -> None:
    world = shop(autoscaler(2, 100))
    call(world, "PATCH", PATH, {"metadata": {"annotations": {WANTED: "60"}}})

    seen = []
    for _ in range(6):
        world.advance(15)
        seen.append(read(world)["spec"]["replicas"])

    assert seen == [7, 14, 28, 56, 60, 60]


def test_a_minimum_that_is_given_back_is_no_wish_of_the_metrics() -> None:
    world = shop(autoscaler(2, 100))
    call(world, "PATCH", PATH, {"metadata": {"annotations": {WANTED: "3"}}})
    call(world, "PATCH", PATH, {"spec": {"minReplicas": 20}})
    world.advance(400)
    assert read(world)["spec"]["replicas"] == 20

    call(world, "PATCH", PATH, {"spec": {"minReplicas": 2}})
    world.advance(16)

    assert read(world)["spec"]["replicas"] == 3


def test_metrics_do_not_get_below_the_minimum() -> None:
    world = shop(autoscaler(6, 10))
    call(world, "PATCH", PATH, {"metadata": {"annotations": {WANTED: "1"}}})
    world.advance(700)

    assert read(world)["spec"]["replicas"] == 6


def test_keda_keeps_an_hpa_of_its_own_and_takes_back_what_others_write_into_it() -> None:
    world = shop(scaled_object(minReplicaCount=2, maxReplicaCount=9))
    assert bounds(world) == (2, 9)

    call(world, "PATCH", KEDA_HPA, {"spec": {"minReplicas": 5}})
    world.advance(5)
    assert bounds(world) == (2, 9)

    call(world, "PATCH", KEDA, {"spec": {"minReplicaCount": 6}})
    world.advance(20)
    assert bounds(world) == (6, 9)
    assert read(world)["spec"]["replicas"] == 6


def test_kedas_hpa_goes_with_its_scaled_object() -> None:
    world = shop(scaled_object())
    assert bounds(world) == (1, 100)

    call(world, "DELETE", KEDA)
    world.advance(5)

    assert call(world, "GET", KEDA_HPA).status == 404


def bounds(world: World) -> tuple[int, int]:
    spec = read(world, KEDA_HPA)["spec"]
    return spec["minReplicas"], spec["maxReplicas"]

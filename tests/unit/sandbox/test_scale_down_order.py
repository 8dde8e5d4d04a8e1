"""Which pods go first when a ReplicaSet shrinks: the documented order."""

from __future__ import annotations

import pytest

from springtide.sandbox.objects import Ref
from springtide.sandbox.world import World
from unit.sandbox.scenes import PODS, call, container, deployment, ready_pods, scaled, shop, template

COST = "controller.kubernetes.io/pod-deletion-cost"


def survivors(world: World, replicas: int) -> set[str]:
    scaled(world, replicas)
    return set(ready_pods(world))


def test_pods_that_are_not_ready_go_first() -> None:
    world = shop()
    sick = ready_pods(world)[1]
    world.kubelet.disturb(Ref("pods", "shop", sick), broken=True)
    world.advance(10)

    assert survivors(world, 2) == {pod["metadata"]["name"] for pod in world.pods("shop")} - {sick}
    assert len(ready_pods(world)) == 2


def test_the_younger_go_before_the_older() -> None:
    world = shop()
    old = set(ready_pods(world))
    world.advance(3600)
    scaled(world, 6)
    world.advance(30)

    assert survivors(world, 3) == old


def test_a_higher_deletion_cost_keeps_a_pod() -> None:
    world = shop()
    dear = ready_pods(world)[0]
    call(world, "PATCH", f"{PODS}/{dear}", {"metadata": {"annotations": {COST: "100"}}})

    assert survivors(world, 1) == {dear}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_of_pods_that_are_not_ready_the_restarted_go_first(which: int) -> None:
    world = shop(running=deployment(pods=template(None, container({"NEVER_READY": "1"}))))
    names = [pod["metadata"]["name"] for pod in world.pods("shop")]
    world.kubelet.crash(Ref("pods", "shop", names[which]))
    world.advance(30)
    scaled(world, 2)

    assert [pod["metadata"]["name"] for pod in world.pods("shop")] == names[:which] + names[which + 1 :]

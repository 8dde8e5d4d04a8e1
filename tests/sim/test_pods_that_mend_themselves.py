"""New pods that are in trouble for a while and come all the same; and a few that never do, where the policy allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from springtide.errors import DeadlineExceeded, WorkloadFailed
from springtide.kube.client import Right
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.ports import Ports
from springtide.sandbox.objects import Json, is_true
from springtide.sandbox.world import World
from support.role import bind
from support.simulation import NAMESPACE, Simulation, others, web
from support.trials import void

EVERY = ["blue_green", "in_place"]
LONG = {"ready": "5m", "switched": "60s", "removed": "5m"}
IMAGE = "localhost/web:1"
ADDED = "pod triggered scale-up: [{group-1 1->2 (max: 5)}]"
FULL = "pod didn't trigger scale-up: 1 max node group size reached"
EVENTS = Right(verb="list", group="", resource="events")


@dataclass
class Scene:
    """One workload of three pods; what its run says while it waits stands in `heard`."""

    simulation: Simulation
    heard: list[str]

    @classmethod
    def of(
        cls,
        strategy: str,
        *,
        change: Callable[[Json], object] = lambda _container: None,
        node_pods: int = 500,
        **settings: Any,
    ) -> Scene:
        """Return the settled scene; `change` edits the container before anything runs."""
        chosen = {"deadlines": LONG, "patience": {}} | settings
        simulation = Simulation.of(3, strategy=strategy, node_pods=node_pods, only_warn=["nodes", "quota"], **chosen)
        deployment = web(3)[1]
        change(deployment["spec"]["template"]["spec"]["containers"][0])
        simulation.world.apply(deployment)
        simulation.world.settle(quiet=20)
        return cls(simulation, [])

    @property
    def world(self) -> World:
        """The cluster."""
        return self.simulation.world

    @property
    def ports(self) -> Ports:
        """The ports of the run."""
        return replace(self.simulation.ports("run-1"), on_wait=self.heard.append)

    def after(self, seconds: float, act: Callable[[], object]) -> Scene:
        """Have something happen so long after the run began."""
        self.world.core.timeline.after(seconds, lambda: void(act()))
        return self

    def is_scaled(self, to: int) -> RunOutcome:
        """Do the whole run."""
        return pipeline.run(self.ports, self.simulation.request(to))

    def ready(self) -> int:
        """How many pods are ready."""
        return sum(is_true(pod, "Ready") for pod in self.world.pods(NAMESPACE, {"app": "web"}))


def without_a_node(
    strategy: str, *, for_seconds: float = 85, says: tuple[str, str] | None = None, **settings: Any
) -> Scene:
    """Return a scene in which the new pods find no room until a node comes; `says` is a node autoscaler's event."""
    scene = Scene.of(strategy, node_pods=12, **settings)
    scene.world.apply(others(9))
    scene.world.settle()

    def speak() -> None:
        for pod in scene.world.pods(NAMESPACE, {"app": "web"}):
            if says is not None and not pod["spec"].get("nodeName"):
                scene.world.core.event(pod, "Normal", *says)

    scene.after(15, speak)
    return scene.after(for_seconds, lambda: scene.world.add_node("pool-1"))


@pytest.mark.parametrize("strategy", EVERY)
def test_a_node_that_comes_after_a_while_is_waited_for(strategy: str) -> None:
    scene = without_a_node(strategy, says=("TriggeredScaleUp", ADDED))

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert scene.ready() == 6
    assert any("Unschedulable" in heard and "strategy.patience.unschedulable" in heard for heard in scene.heard)
    assert any("a node autoscaler adds nodes for pod web-" in heard and ADDED in heard for heard in scene.heard)


def test_a_node_autoscaler_that_sees_no_way_is_repeated_where_the_run_gives_up() -> None:
    patience = {"patience": {"unschedulable": "60s"}}
    scene = without_a_node("in_place", for_seconds=1000, says=("NotTriggerScaleUp", FULL), **patience)

    with pytest.raises(WorkloadFailed) as caught:
        scene.is_scaled(6)

    assert caught.value.code == "unschedulable"
    assert "a node autoscaler adds no node for pod web-" in caught.value.message
    assert FULL in caught.value.message


def test_where_no_node_autoscaler_says_anything_that_is_told() -> None:
    scene = without_a_node("in_place")
    scene.is_scaled(6)

    assert any("no node autoscaler has said that it adds nodes" in heard for heard in scene.heard)


def test_without_the_right_to_list_events_it_is_told_that_nobody_knows() -> None:
    scene = without_a_node("in_place", says=("TriggeredScaleUp", ADDED))
    bind(scene.simulation, without=EVENTS)

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert any("whether a node autoscaler adds nodes is not known" in heard for heard in scene.heard)
    assert not any(ADDED in heard for heard in scene.heard)


def pulled(container: Json) -> None:
    container["imagePullPolicy"] = "IfNotPresent"


@pytest.mark.parametrize("strategy", EVERY)
def test_a_registry_that_answers_again_is_waited_for(strategy: str) -> None:
    scene = Scene.of(strategy, change=pulled)
    scene.world.core.images.discard(IMAGE)
    scene.after(12, lambda: scene.world.core.images.add(IMAGE))

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert any("ImagePullBackOff" in heard for heard in scene.heard)


def test_an_image_that_nobody_has_ends_the_run_at_once() -> None:
    scene = Scene.of("in_place")
    scene.world.core.images.discard(IMAGE)
    began = scene.world.elapsed

    with pytest.raises(WorkloadFailed, match="ErrImageNeverPull"):
        scene.is_scaled(6)
    assert scene.world.elapsed - began < 30


def dependency(crash: str) -> Json:
    """Return the ConfigMap by which a container crashes, or does not."""
    metadata = {"name": "dependency", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"CRASH": crash}}


def depending(container: Json) -> None:
    reference = {"name": "dependency", "key": "CRASH", "optional": True}
    container["env"].append({"name": "CRASH", "valueFrom": {"configMapKeyRef": reference}})


@pytest.mark.parametrize("strategy", EVERY)
def test_pods_that_crash_until_what_they_need_is_there_are_waited_for(strategy: str) -> None:
    scene = Scene.of(strategy, change=depending)
    scene.world.apply(dependency("500ms"))
    scene.after(20, lambda: scene.world.apply(dependency("")))

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert any("CrashLoopBackOff after 2 restarts" in heard for heard in scene.heard)
    assert scene.ready() == 6


@pytest.mark.parametrize("strategy", EVERY)
def test_a_quota_that_has_room_again_is_waited_for(strategy: str) -> None:
    scene = Scene.of(strategy)
    scene.world.apply(quota(4))
    scene.after(30, lambda: scene.world.apply(quota(20)))

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert any("exceeded quota" in heard for heard in scene.heard)


def quota(pods: int) -> Json:
    """Return the quota of the namespace."""
    metadata = {"name": "small", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": str(pods)}}}


def bad_from_the_start(scene: Scene, pods: int) -> Scene:
    """Let so many of the new pods never become ready: each is broken as soon as it has an address."""
    stable = {pod["metadata"]["uid"] for pod in scene.world.pods(NAMESPACE)}
    broken: dict[str, None] = {}

    def spoil() -> None:
        for ref, runtime in scene.world.kubelet.pods.items():
            is_new = runtime.uid not in stable and ref.namespace == NAMESPACE
            if is_new and (runtime.uid in broken or len(broken) < pods) and runtime.is_running:
                broken[runtime.uid] = None
                scene.world.kubelet.disturb(ref, broken=True)
        scene.after(0.1, spoil)

    return scene.after(0, spoil)


@pytest.mark.parametrize("strategy", EVERY)
def test_a_share_of_the_pods_that_are_added_may_be_bad(strategy: str) -> None:
    scene = bad_from_the_start(Scene.of(strategy, min_ready="80%"), 1)

    assert scene.is_scaled(6) is RunOutcome.SUCCEEDED
    assert (scene.ready(), len(scene.world.pods(NAMESPACE))) == (5, 6)
    record = scene.simulation.store.get("run-1")
    assert any("5 of exactly 6 pods serve" in phase.message for phase in record.phases)


@pytest.mark.parametrize("strategy", EVERY)
def test_more_bad_pods_than_that_end_the_run(strategy: str) -> None:
    scene = bad_from_the_start(Scene.of(strategy, min_ready="80%", deadlines=LONG | {"ready": "30s"}), 2)

    with pytest.raises(DeadlineExceeded, match="4 of 5 pods are Ready"):
        scene.is_scaled(6)
    assert scene.simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK


def test_where_no_pod_is_added_none_may_be_bad() -> None:
    scene = bad_from_the_start(Scene.of("blue_green", min_ready="50%", deadlines=LONG | {"ready": "30s"}), 1)

    with pytest.raises(DeadlineExceeded, match="2 of 3 pods are Ready"):
        scene.is_scaled(2)
    assert scene.ready() == 3

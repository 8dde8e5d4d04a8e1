"""Where requests stay on their node, a switch waits until each node that has an endpoint has a new one."""

from __future__ import annotations

import pytest

from springtide.errors import WorkloadFailed
from springtide.kube.objects import Json
from springtide.kube.observation import Observation
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.model import Done, Patch, Wait
from support.builders import SetBuilder, observation, order, pinned, policy, service

STRATEGY = BlueGreenStrategy()
LOCAL: Json = {"internalTrafficPolicy": "Local"}


def look(stable: str, new: str, *, ready: int | None = None, given: Json | None = None) -> Observation:
    """Return a look before the switch; each letter is a pod and its node, `-` one that has none yet."""
    old = SetBuilder(aside=True, run="run-1", replicas=len(stable))
    coming = SetBuilder("new", replicas=len(new), ready=ready, hash="hash-new", run="run-1", paused=True)
    seen = observation(service(pinned("hash-own"), **(LOCAL if given is None else given)), old, coming)
    for pods, nodes in ((seen.aside[0].pods, stable), (seen.pod_set.pods, new)):
        for pod, node in zip(pods, nodes, strict=True):
            pod.raw["spec"]["nodeName"] = node.replace("-", "")
    return seen


@pytest.mark.parametrize(("stable", "new"), [("ab", "abb"), ("aa", "ab"), ("aab", "bac")])
def test_new_pods_on_every_node_that_serves_are_enough(stable: str, new: str) -> None:
    seen = look(stable, new)
    asked = order(len(new), start=len(stable))

    assert isinstance(STRATEGY.ready(seen, asked), Done)
    decision = STRATEGY.switch(seen, asked)
    assert isinstance(decision, Patch)
    assert decision.is_switch


@pytest.mark.parametrize("phase", ["ready", "switch"])
def test_all_new_pods_elsewhere_fail_the_run_before_anything_is_switched(phase: str) -> None:
    with pytest.raises(WorkloadFailed, match="no new pod is ready on b: all 3 new pods have their nodes") as caught:
        getattr(STRATEGY, phase)(look("ab", "aaa"), order(3, start=2))

    assert caught.value.code == "nodes_without_endpoint"


def test_a_pod_that_may_still_come_there_is_waited_for() -> None:
    lenient = policy(strategy={"type": "blue_green", "min_ready": "75%"}).spec.strategy
    asked = order(4, start=2, settings=lenient)

    assert STRATEGY.ready(look("ab", "aaa-", ready=3), asked) == Wait(
        "Service web has internalTrafficPolicy: Local, and no new pod is ready on b"
    )
    assert isinstance(STRATEGY.ready(look("ab", "aaab", ready=3), asked), Wait)


def test_without_the_policy_nodes_do_not_matter() -> None:
    assert isinstance(STRATEGY.ready(look("ab", "aaa", given={}), order(3, start=2)), Done)

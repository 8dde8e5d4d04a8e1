"""Pods of higher priority take the room of lower ones, as the scheduler of a real cluster has it."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import PODS, call, container, deployment, namespace, template

LOW = {"app": "low"}
HIGH = {"app": "high"}


def priority_class(name: str, value: int, **more: Any) -> Json:
    metadata = {"name": name}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": value} | more


def workload(labels: dict[str, str], replicas: int, of_class: str = "", **spec: Any) -> Json:
    named = {"priorityClassName": of_class} if of_class else {}
    return deployment(replicas, labels["app"], template(labels, container(), **named, **spec))


def full(low: Json, *classes: Json) -> World:
    """Return a settled world with one node of three places, which the pods of `low` take."""
    world = World(Settings(node_pods=3))
    world.apply(namespace(), priority_class("below", -10), *classes)
    world.apply(low)
    world.settle()
    return world


def placed(world: World, labels: dict[str, str]) -> list[Json]:
    return [pod for pod in world.pods("shop", labels) if pod["spec"].get("nodeName")]


def waiting(world: World, labels: dict[str, str]) -> list[Json]:
    return [pod for pod in world.pods("shop", labels) if not pod["spec"].get("nodeName")]


def test_a_pod_that_fits_nowhere_takes_the_room_of_lower_ones_and_of_no_more_than_it_needs() -> None:
    world = full(workload(LOW, 3, "below"))
    world.apply(workload(HIGH, 2))
    world.settle()

    assert (len(placed(world, HIGH)), len(placed(world, LOW))) == (2, 1)
    assert len(waiting(world, LOW)) == 2, "the ReplicaSet of the victims makes new ones, and they wait"
    told = [event["reason"] for event in world.store.select("events", "shop")]
    assert told.count("Preempted") == 2


def test_victims_end_with_their_grace_period_and_the_room_is_kept_meanwhile() -> None:
    slow = container({"DRAIN": "4s"})
    world = full(deployment(3, "low", template(LOW, slow, priorityClassName="below")))
    world.apply(workload(HIGH, 1))
    world.advance(2)

    (nominated,) = waiting(world, HIGH)
    assert nominated["status"]["nominatedNodeName"] == "sandbox"
    (condition,) = nominated["status"]["conditions"]
    assert (condition["reason"], "preemption victims" in condition["message"]) == ("Unschedulable", False)

    world.settle(quiet=10)
    (arrived,) = placed(world, HIGH)
    assert "nominatedNodeName" not in arrived["status"]


def test_no_pod_takes_the_room_of_its_own_priority() -> None:
    world = full(workload(LOW, 3))
    world.apply(workload(HIGH, 1))
    world.settle()

    (pod,) = waiting(world, HIGH)
    assert "No preemption victims found" in pod["status"]["conditions"][0]["message"]
    assert len(placed(world, LOW)) == 3


def test_a_class_that_never_preempts_waits() -> None:
    world = full(workload(LOW, 3, "below"), priority_class("patient", 100, preemptionPolicy="Never"))
    world.apply(workload(HIGH, 1, "patient"))
    world.settle()

    assert len(waiting(world, HIGH)) == 1


def test_the_least_important_goes_first() -> None:
    world = full(workload(LOW, 2), priority_class("lowest", -20))
    world.apply(workload({"app": "lowest"}, 1, "lowest"))
    world.settle()
    world.apply(priority_class("above", 5), workload(HIGH, 1, "above"))
    world.settle()

    assert (len(placed(world, LOW)), len(waiting(world, {"app": "lowest"}))) == (2, 1)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (0, None)),
        ({"priorityClassName": "below"}, (-10, "below")),
        ({"priorityClassName": "system-node-critical"}, (2_000_001_000, "system-node-critical")),
    ],
)
def test_a_pod_has_the_number_of_its_class(spec: Json, expected: tuple[int, str | None]) -> None:
    world = full(workload(LOW, 1))
    pod = {"metadata": {"name": "one"}, "spec": {"containers": [container()]} | spec}
    made = call(world, "POST", PODS, pod).json["spec"]

    assert (made["priority"], made.get("priorityClassName")) == expected
    assert made["preemptionPolicy"] == "PreemptLowerPriority"


def test_without_a_class_the_default_one_counts() -> None:
    world = full(workload(LOW, 1), priority_class("ordinary", 7, globalDefault=True))
    made = call(world, "POST", PODS, {"metadata": {"name": "one"}, "spec": {"containers": [container()]}}).json["spec"]

    assert (made["priority"], made["priorityClassName"]) == (7, "ordinary")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"priorityClassName": "nobody"}, "no PriorityClass with name nobody was found"),
        ({"priorityClassName": "below", "priority": 3}, "computed -10 from the given PriorityClass name"),
    ],
)
def test_what_no_class_says_is_refused(spec: Json, words: str) -> None:
    world = full(workload(LOW, 1))
    pod = {"metadata": {"name": "one"}, "spec": {"containers": [container()]} | spec}
    answer = call(world, "POST", PODS, pod)

    assert (answer.status, words in answer.json["message"]) == (403, True)

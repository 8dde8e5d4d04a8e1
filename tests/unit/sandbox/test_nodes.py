"""Several nodes: pods spread over them, wait for one that comes, and keep to it where a Service says so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json, labels_of
from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    LABELS,
    PODS,
    SCALE,
    SERVICE,
    call,
    conditions,
    container,
    deployment,
    ready_pods,
    scaled,
    service,
    shop,
    template,
)

SERVICES = "/api/v1/namespaces/shop/services"
URL = "http://checkout.shop/"
LOCAL = {"spec": {"internalTrafficPolicy": "Local"}}


def placed(world: World) -> Counter[str]:
    """Return how many pods stand on each node; "" is none."""
    return Counter(pod["spec"].get("nodeName", "") for pod in world.pods("shop"))


def small(nodes: int) -> World:
    """Return a shop of two pods on nodes with places for two each."""
    return shop(running=deployment(2), settings=Settings(nodes=nodes, node_pods=2))


def test_pods_spread_over_the_nodes() -> None:
    assert placed(shop(running=deployment(5), settings=Settings(nodes=2))) == {"sandbox": 3, "sandbox-2": 2}


def test_a_pod_that_fits_nowhere_is_told_of_every_node() -> None:
    world = scaled(small(2), 5)
    (waiting,) = [pod for pod in world.pods("shop") if not pod["spec"].get("nodeName")]

    assert waiting["status"]["conditions"][0]["message"].startswith("0/2 nodes are available: 2 Too many pods.")


def test_a_node_that_comes_takes_the_pods_that_wait() -> None:
    world = scaled(small(1), 4)
    assert placed(world) == {"sandbox": 2, "": 2}

    world.add_node("pool-1")
    world.settle()

    assert placed(world) == {"sandbox": 2, "pool-1": 2}
    assert len(ready_pods(world)) == 4


def test_since_when_a_pod_waits_stays_when_the_words_change() -> None:
    world = scaled(small(1), 3)
    (waiting,) = [pod for pod in world.pods("shop") if not pod["spec"].get("nodeName")]
    since = waiting["status"]["conditions"][0]["lastTransitionTime"]
    world.advance(60)
    call(world, "PATCH", "/api/v1/nodes/sandbox", {"spec": {"unschedulable": True}})
    world.settle()

    (still,) = [pod for pod in world.pods("shop") if not pod["spec"].get("nodeName")]
    (condition,) = still["status"]["conditions"]
    assert "node(s) were unschedulable" in condition["message"]
    assert condition["lastTransitionTime"] == since


def test_a_node_that_is_cordoned_takes_no_more() -> None:
    world = shop(running=deployment(2), settings=Settings(nodes=2))
    call(world, "PATCH", "/api/v1/nodes/sandbox", {"spec": {"unschedulable": True}})

    assert placed(scaled(world, 6)) == {"sandbox": 1, "sandbox-2": 5}


def test_a_pod_that_names_a_node_that_is_not_there_stays_pending() -> None:
    world = shop()
    lost: Json = {"metadata": {"name": "lost"}, "spec": {"containers": [container()], "nodeName": "elsewhere"}}
    call(world, "POST", PODS, lost)
    world.settle()

    pod = world.get("pods", "shop", "lost")
    assert pod is not None
    assert pod["status"]["phase"] == "Pending"


def asked(world: World, times: int = 40) -> Counter[str]:
    """Return who answered so many requests; "" is nobody."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        try:
            answers[world.fetch(URL).body.split()[0]] += 1
        except ConnectionRefusedError:
            answers[""] += 1
    return answers


def test_by_default_a_pod_of_any_node_answers() -> None:
    answers = asked(shop(running=deployment(1), settings=Settings(nodes=2)))

    assert len(answers) == 1
    assert answers[""] == 0


def local(replicas: int) -> World:
    """Return a shop on two nodes whose Service keeps requests on the node that they come from."""
    world = shop(running=deployment(replicas), settings=Settings(nodes=2))
    assert call(world, "PATCH", SERVICE, LOCAL).status == 200
    return world


def test_with_a_local_policy_a_node_without_a_pod_of_its_own_answers_nobody() -> None:
    answers = asked(local(1))

    assert 0 < answers[""] < 40


def test_with_a_local_policy_and_a_pod_on_each_node_both_answer_all() -> None:
    answers = asked(local(2))

    assert (len(answers), answers[""]) == (2, 0)


def test_a_node_that_loses_its_last_pod_loses_requests() -> None:
    world = local(2)
    before = len(world.history.losses)
    call(world, "PATCH", SCALE, {"spec": {"replicas": 1}})
    world.settle()

    assert [loss.why for loss in world.history.losses[before:]] in (
        ["has no endpoint on sandbox"],
        ["has no endpoint on sandbox-2"],
    )


def test_a_node_that_never_had_one_has_nothing_to_lose() -> None:
    world = local(1)
    world.settle()

    assert [loss for loss in world.history.losses if "has no endpoint on" in loss.why] == []


@pytest.mark.parametrize(
    ("spec", "field", "detail"),
    [
        ({"internalTrafficPolicy": "Nearby"}, "spec.internalTrafficPolicy", 'supported values: "Cluster", "Local"'),
        ({"externalTrafficPolicy": "Local"}, "spec.externalTrafficPolicy", "externally-accessible services"),
        ({"type": "NodePort", "externalTrafficPolicy": "Nearby"}, "spec.externalTrafficPolicy", "supported values"),
        ({"type": "Balancer"}, "spec.type", "supported values"),
        ({"sessionAffinity": "Cookie"}, "spec.sessionAffinity", 'supported values: "ClientIP", "None"'),
    ],
)
def test_words_that_a_service_cannot_have_are_refused(spec: dict[str, Any], field: str, detail: str) -> None:
    answer = call(shop(), "POST", SERVICES, service(name="other", **spec))

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    (cause,) = answer.json["details"]["causes"]
    assert cause["field"] == field
    assert detail in cause["message"]


def test_what_lets_traffic_in_from_outside_has_a_policy_for_it() -> None:
    world = shop()
    call(world, "POST", SERVICES, service(name="open", type="LoadBalancer"))
    call(world, "POST", SERVICES, service(name="local", type="NodePort", externalTrafficPolicy="Local"))
    policies = {
        each["metadata"]["name"]: each["spec"].get("externalTrafficPolicy")
        for each in world.store.select("services", "shop")
    }

    assert policies == {"open": "Cluster", "local": "Local", "checkout": None}


def test_endpoints_say_on_which_node_they_are() -> None:
    world = shop(running=deployment(2, pods=template(LABELS)), settings=Settings(nodes=2))
    entries = [
        entry
        for each in world.store.select("endpointslices", "shop")
        if labels_of(each)["kubernetes.io/service-name"] == "checkout"
        for entry in each["endpoints"]
    ]

    assert {entry["nodeName"] for entry in entries} == {"sandbox", "sandbox-2"}
    assert all(conditions(pod)["PodScheduled"][0] == "True" for pod in world.pods("shop"))

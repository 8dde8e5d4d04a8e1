"""A ResourceQuota refuses what would exceed it, and its words reach the Deployment."""

from __future__ import annotations

import pytest

from springtide.sandbox.objects import Json
from unit.sandbox.scenes import (
    PODS,
    SCALE,
    call,
    conditions,
    container,
    deployment,
    quota,
    read,
    ready_pods,
    scaled,
    shop,
    template,
)

POD = {"metadata": {"name": "extra"}, "spec": {"containers": [{"name": "web", "image": "localhost/web:1"}]}}
SMALL = "/api/v1/namespaces/shop/resourcequotas/small"


def sized(cpu: str = "100m") -> Json:
    asking = container(resources={"requests": {"cpu": cpu}, "limits": {"memory": "64Mi"}})
    return {"metadata": {"name": "extra"}, "spec": {"containers": [asking]}}


def test_a_pod_too_many_is_refused_with_all_three_numbers() -> None:
    answer = call(shop(quota(pods="3")), "POST", PODS, POD)

    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
    expected = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
    assert answer.json["message"] == f'pods "extra" is forbidden: {expected}'


@pytest.mark.parametrize(("limit", "resource"), [("requests_cpu", "requests.cpu"), ("cpu", "cpu")])
def test_requests_are_summed_over_the_pods(limit: str, resource: str) -> None:
    pods = template(None, container(resources={"requests": {"cpu": "100m"}}))
    world = shop(quota(**{limit: "800m"}), running=deployment(3, pods=pods))

    answer = call(world, "POST", PODS, sized("600m"))

    assert answer.status == 403
    expected = f"requested: {resource}=600m, used: {resource}=300m, limited: {resource}=800m"
    assert expected in answer.json["message"]


def test_a_pod_that_says_nothing_about_a_limited_resource_is_refused() -> None:
    answer = call(shop(quota(limits_memory="1Gi")), "POST", PODS, POD)

    assert (
        answer.json["message"] == 'pods "extra" is forbidden: failed quota: small: must specify limits.memory for: web'
    )


def test_objects_are_counted_by_their_resource() -> None:
    world = shop(quota(**{"count/deployments_apps": "1"}))
    body = read(world)
    body["metadata"] = {"name": "second"}

    answer = call(world, "POST", "/apis/apps/v1/namespaces/shop/deployments", body)

    assert "requested: count/deployments.apps=1, used: count/deployments.apps=1" in answer.json["message"]


def test_the_deployment_carries_the_words_until_there_is_room() -> None:
    world = shop(quota(pods="4"))
    scaled(world, 6)

    obj = read(world)
    failure = next(entry for entry in obj["status"]["conditions"] if entry["type"] == "ReplicaFailure")
    assert len(ready_pods(world)) == 4
    assert failure["reason"] == "FailedCreate"
    assert "exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4" in failure["message"]
    events = {event["reason"]: event["message"] for event in world.store.select("events", "shop")}
    assert events["FailedCreate"].startswith('Error creating: pods "checkout-')

    call(world, "PATCH", SCALE, {"spec": {"replicas": 4}})
    world.settle()
    assert "ReplicaFailure" not in conditions(read(world))


def test_the_controller_tries_again_when_the_quota_has_grown() -> None:
    world = scaled(shop(quota(pods="4")), 6)
    call(world, "PATCH", SMALL, {"spec": {"hard": {"pods": "10"}}})
    world.run_until(lambda: len(ready_pods(world)) == 6, limit=1200)

    assert len(ready_pods(world)) == 6


def test_the_status_tells_what_is_used() -> None:
    world = scaled(shop(quota(pods="10")), 5)

    assert read(world, SMALL)["status"] == {"hard": {"pods": "10"}, "used": {"pods": "5"}}

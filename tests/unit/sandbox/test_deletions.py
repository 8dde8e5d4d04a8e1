"""Deletion: dependents, foreground, orphans, finalizers, namespaces."""

from __future__ import annotations

import pytest

from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, PODS, call, deployment, read, ready_pods, shop


def names(world: World, resource: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in world.store.select(resource, "shop")]


def test_in_the_background_the_deployment_goes_first_and_all_it_owned_follows() -> None:
    world = shop()
    answer = call(world, "DELETE", DEPLOYMENT, {"propagationPolicy": "Background"})

    assert answer.json["status"] == "Success"
    assert (names(world, "deployments"), len(ready_pods(world))) == ([], 3)
    world.settle()
    assert (names(world, "replicasets"), names(world, "pods")) == ([], [])


def test_in_the_foreground_the_deployment_waits_for_what_it_owns() -> None:
    world = shop()
    call(world, "DELETE", DEPLOYMENT, {"propagationPolicy": "Foreground"})
    world.advance(1)

    obj = read(world)
    assert obj["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in obj["metadata"]
    world.settle()
    assert (names(world, "deployments"), names(world, "pods")) == ([], [])


def test_orphans_stay_and_are_adopted_by_a_deployment_that_selects_them() -> None:
    """Also by a stranger with a wider selector: why a run never orphans."""
    world = shop()
    pods = names(world, "pods")
    call(world, "DELETE", DEPLOYMENT, {"propagationPolicy": "Orphan"})
    world.settle()
    assert (names(world, "deployments"), names(world, "pods")) == ([], pods)

    world.apply(deployment(name="heir"))
    world.settle()
    assert names(world, "pods") == pods
    (replica_set,) = world.store.select("replicasets", "shop")
    assert replica_set["metadata"]["ownerReferences"][0]["name"] == "heir"


def test_an_object_with_a_finalizer_stays_until_it_is_taken_off() -> None:
    world = shop()
    call(world, "PATCH", DEPLOYMENT, {"metadata": {"finalizers": ["example.com/hold"]}})
    call(world, "DELETE", DEPLOYMENT)
    world.settle()
    assert "deletionTimestamp" in read(world)["metadata"]

    call(world, "PATCH", DEPLOYMENT, {"metadata": {"finalizers": None}})
    world.settle()
    assert (names(world, "deployments"), names(world, "pods")) == ([], [])


def test_a_pod_taken_out_by_its_label_is_replaced_and_lives_on() -> None:
    world = shop()
    stray = names(world, "pods")[0]
    call(world, "PATCH", f"{PODS}/{stray}", {"metadata": {"labels": {"app": "stray"}}})
    world.settle()

    assert len(ready_pods(world)) == 3
    assert ready_pods(world, app="stray") == [stray]


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_a_pod_taken_out_by_its_label_outlives_its_deployment(policy: str) -> None:
    world = shop()
    stray = names(world, "pods")[0]
    call(world, "PATCH", f"{PODS}/{stray}", {"metadata": {"labels": {"app": "stray"}}})
    world.settle()
    call(world, "DELETE", DEPLOYMENT, {"propagationPolicy": policy})
    world.settle()

    assert stray in names(world, "pods")
    assert names(world, "deployments") == []


def test_a_namespace_goes_with_everything_in_it_and_takes_nothing_new() -> None:
    world = shop()
    call(world, "DELETE", "/api/v1/namespaces/shop")
    refused = call(world, "POST", "/apis/apps/v1/namespaces/shop/deployments", deployment(name="late"))
    world.settle()

    assert refused.status == 403
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    assert world.get("namespaces", "", "shop") is None
    assert not any(names(world, resource) for resource in ("pods", "replicasets", "deployments", "endpointslices"))


def test_a_collection_is_deleted_by_label() -> None:
    metadata = {"name": "other", "namespace": "shop", "labels": {"x": "1"}}
    world = shop(deployment(1, name="other") | {"metadata": metadata})
    call(world, "DELETE", DEPLOYMENT.rpartition("/")[0], labelSelector="x=1")
    world.settle()

    assert names(world, "deployments") == ["checkout"]

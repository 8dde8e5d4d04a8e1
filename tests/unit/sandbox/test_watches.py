"""A watch tells every change once, in order, to those whom it concerns; what is too old is 410."""

from __future__ import annotations

import json
from typing import Any

import pytest

from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.world import World
from unit.sandbox.scenes import PODS, SCALE, call, kubernetes_client, scaled, shop


def events(world: World, path: str = PODS, **query: str) -> list[tuple[str, str]]:
    """Return (type, name) of what a watch has to say now."""
    watch = call(world, "GET", path, watch="1", **query).watch
    assert watch is not None
    return [
        (event["type"], event["object"].get("metadata", {}).get("name", "")) for event in map(json.loads, watch.take())
    ]


def test_without_a_version_it_begins_with_what_is_there() -> None:
    world = shop()

    assert events(world) == [("ADDED", pod["metadata"]["name"]) for pod in world.pods("shop")]


def test_with_a_version_it_tells_what_came_after() -> None:
    world = shop()
    version = str(world.store.revision)
    name = world.pods("shop")[0]["metadata"]["name"]
    call(world, "DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})

    assert events(world, resourceVersion=version) == [("DELETED", name)]


def test_an_object_that_comes_to_match_is_added_and_one_that_ceases_to_is_deleted() -> None:
    world = shop()
    version = str(world.store.revision)
    name = world.pods("shop")[0]["metadata"]["name"]
    call(world, "PATCH", f"{PODS}/{name}", {"metadata": {"labels": {"app": "stray"}}})

    assert events(world, resourceVersion=version, labelSelector="app=stray") == [("ADDED", name)]
    assert events(world, resourceVersion=version, labelSelector="app=checkout") == [("DELETED", name)]


def test_a_version_that_was_compacted_is_gone() -> None:
    world = shop()
    world.store.compact(world.store.revision - 3)
    watch = call(world, "GET", PODS, watch="1", resourceVersion="2").watch

    assert watch is not None
    (line,) = watch.take()
    error = json.loads(line)
    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert watch.over


def stream(world: World, **options: Any) -> list[tuple[str, str]]:
    """Watch with the official client for 20 s of the world's time."""
    from kubernetes.client import CoreV1Api
    from kubernetes.watch import Watch

    api = CoreV1Api(kubernetes_client(world))
    events = Watch().stream(api.list_namespaced_pod, "shop", timeout_seconds=20, **options)
    return [(event["type"], event["object"].metadata.name) for event in events]


def test_the_official_client_watches_a_scale_up_while_time_passes() -> None:
    world = shop()
    version = str(world.store.revision)
    began = world.elapsed
    call(world, "PATCH", SCALE, {"spec": {"replicas": 5}})

    events = stream(world, resource_version=version)

    added = [name for kind, name in events if kind == "ADDED"]
    assert len(set(added)) == 2
    assert world.elapsed - began == pytest.approx(20, abs=0.1)


def test_dropped_events_never_arrive() -> None:
    world = shop()
    version = str(world.store.revision)
    scaled(world, 5)
    world.faults = FaultPlan().at(Match(path="pods"), Fault(FaultKind.DROP_EVENTS, events=10_000))

    assert events(world, resourceVersion=version) == []


def test_the_official_client_raises_410_when_the_server_says_so() -> None:
    from kubernetes.client import ApiException

    world = shop()
    world.faults = FaultPlan().at(Match(path="pods"), Fault(FaultKind.GONE))

    with pytest.raises(ApiException, match="Expired: too old resource version") as caught:
        stream(world, resource_version="5")

    assert caught.value.status == 410

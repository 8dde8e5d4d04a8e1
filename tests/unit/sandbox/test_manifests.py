"""Manifests that hold several objects in one."""

from __future__ import annotations

import pytest

from springtide.sandbox.manifests import objects_of
from springtide.sandbox.world import World
from unit.sandbox.scenes import deployment, namespace, read, service


@pytest.mark.parametrize("kind", ["List", "DeploymentList"])
def test_a_list_stands_for_its_items(kind: str) -> None:
    inner = {"apiVersion": "v1", "kind": "List", "items": [service()]}
    world = World()
    world.apply({"apiVersion": "v1", "kind": kind, "items": [namespace(), deployment(2), inner]})

    assert read(world)["spec"]["replicas"] == 2
    assert world.get("services", "shop", "checkout") is not None


def test_an_object_stands_for_itself_whatever_its_fields_are() -> None:
    waiting_list = {"apiVersion": "v1", "kind": "WaitingList", "metadata": {"name": "guests"}}

    assert objects_of(namespace()) == [namespace()]
    assert objects_of(waiting_list) == [waiting_list]


def test_what_is_no_object_stays_for_others_to_refuse() -> None:
    assert objects_of("text") == ["text"]

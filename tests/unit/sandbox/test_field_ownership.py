"""`managedFields` names who set which field last, and forgets what is not there any more."""

from __future__ import annotations

from typing import Any

from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, SCALE, SERVICE, call, read, shop

WHO = "a-run"


def patched(world: World, path: str, change: Json) -> None:
    assert call(world, "PATCH", path, change, fieldManager=WHO).status == 200


def owned(world: World, path: str, who: str = WHO) -> list[Any]:
    entries = read(world, path)["metadata"].get("managedFields", ())
    return [entry["fieldsV1"] for entry in entries if entry["manager"] == who]


def test_a_scale_and_a_patch_are_two_entries_of_one_writer() -> None:
    world = shop()
    patched(world, SCALE, {"spec": {"replicas": 4}})
    patched(world, DEPLOYMENT, {"spec": {"paused": True}})

    assert owned(world, DEPLOYMENT) == [{"f:spec": {"f:replicas": {}}}, {"f:spec": {"f:paused": {}}}]


def test_what_is_taken_off_again_is_nobodys() -> None:
    world = shop()
    patched(world, DEPLOYMENT, {"metadata": {"annotations": {"note": "x"}}, "spec": {"paused": True}})
    assert owned(world, DEPLOYMENT) == [
        {"f:metadata": {"f:annotations": {"f:note": {}}}, "f:spec": {"f:paused": {}}},
    ]

    patched(world, DEPLOYMENT, {"metadata": {"annotations": {"note": None}}, "spec": {"paused": None}})
    assert owned(world, DEPLOYMENT) == []


def test_a_selector_is_one_field_and_stays_with_who_changed_it_last() -> None:
    world = shop()
    patched(world, SERVICE, {"spec": {"selector": {"pinned": "yes"}}})
    patched(world, SERVICE, {"spec": {"selector": {"pinned": None}}})

    assert owned(world, SERVICE) == [{"f:spec": {"f:selector": {}}}]
    assert "f:selector" not in owned(world, SERVICE, "sandbox")[0]["f:spec"]


def test_a_resumed_deployment_says_nothing_of_a_pause() -> None:
    world = shop()
    patched(world, DEPLOYMENT, {"spec": {"paused": True}})
    patched(world, DEPLOYMENT, {"spec": {"paused": False}})

    assert "paused" not in read(world)["spec"]
    assert owned(world, DEPLOYMENT) == []


def test_who_sends_the_entries_without_its_own_gives_its_fields_up() -> None:
    world = shop()
    patched(world, SERVICE, {"spec": {"selector": {"pinned": "yes"}}})
    before = read(world, SERVICE)
    others = [entry for entry in before["metadata"]["managedFields"] if entry["manager"] != WHO]
    patched(world, SERVICE, {"metadata": {"managedFields": others}})

    assert owned(world, SERVICE) == []
    assert owned(world, SERVICE, "sandbox") == [entry["fieldsV1"] for entry in others]
    assert read(world, SERVICE)["spec"] == before["spec"]


def test_a_write_that_changes_nothing_still_writes_nothing() -> None:
    world = shop()
    patched(world, DEPLOYMENT, {"spec": {"paused": True}})
    before = read(world)
    world.advance(60)
    patched(world, DEPLOYMENT, {"spec": {"paused": True}})

    after = read(world)["metadata"]
    assert after["managedFields"] == before["metadata"]["managedFields"]
    assert after["generation"] == before["metadata"]["generation"]

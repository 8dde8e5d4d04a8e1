"""Whose a field is after a write. Measured on a real Kubernetes first: an owner's server-side apply meets no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2e.manifests import NAME

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer
    from e2e.stages import Given

WHO = "promises"


@pytest.fixture
def see(given: Given) -> Observer:
    """A namespace with one ready pod behind a Service."""
    return given.web(replicas=1).scenario.see


def owned(see: Observer, collection: str) -> list[Any]:
    """Return the fields of each entry of our writer."""
    entries = see.get(collection, NAME)["metadata"]["managedFields"]
    return [entry["fieldsV1"] for entry in entries if entry["manager"] == WHO]


def test_a_scale_and_a_patch_are_two_entries_of_one_writer(see: Observer) -> None:
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 2}}, manager=WHO)
    see.patch("deployments", NAME, {"spec": {"paused": True}}, manager=WHO)

    assert owned(see, "deployments") == [{"f:spec": {"f:replicas": {}}}, {"f:spec": {"f:paused": {}}}]


@pytest.mark.parametrize("resumed", [None, False], ids=["taken off", "false"])
def test_what_is_taken_off_again_is_nobodys(see: Observer, *, resumed: bool | None) -> None:
    begun: Json = {"metadata": {"annotations": {"note": "x"}}, "spec": {"paused": True}}
    see.patch("deployments", NAME, begun, manager=WHO)
    assert owned(see, "deployments") == [
        {"f:metadata": {"f:annotations": {"f:note": {}}}, "f:spec": {"f:paused": {}}},
    ]

    ended: Json = {"metadata": {"annotations": {"note": None}}, "spec": {"paused": resumed}}
    after = see.patch("deployments", NAME, ended, manager=WHO)

    assert owned(see, "deployments") == []
    assert "paused" not in after["spec"]


def test_a_selector_is_one_field_and_stays_with_who_changed_it_last(see: Observer) -> None:
    """Also when it is again what its owner wrote: if he changes it by server-side apply, that is a conflict."""
    see.patch("services", NAME, {"spec": {"selector": {"pinned": "yes"}}}, manager=WHO)
    see.patch("services", NAME, {"spec": {"selector": {"pinned": None}}}, manager=WHO)

    assert owned(see, "services") == [{"f:spec": {"f:selector": {}}}]


def test_who_sends_the_entries_without_its_own_gives_its_fields_up(see: Observer) -> None:
    see.patch("services", NAME, {"spec": {"selector": {"pinned": "yes"}}}, manager=WHO)
    see.patch("services", NAME, {"spec": {"selector": {"pinned": None}}}, manager=WHO)
    entries = see.get("services", NAME)["metadata"]["managedFields"]
    others = [entry for entry in entries if entry["manager"] != WHO]

    after = see.patch("services", NAME, {"metadata": {"managedFields": others}}, manager=WHO)

    assert owned(see, "services") == []
    assert after["spec"]["selector"] == {"app": NAME}

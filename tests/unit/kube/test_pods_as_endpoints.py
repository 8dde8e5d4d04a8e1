"""One endpoint for each pod, whatever the slices say of it: ready where it is reached and says so itself."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.kube.endpoints import Endpoint, endpoints_of
from springtide.kube.objects import Json, Pod


def pod(uid: str, *, is_ready: bool = True) -> Pod:
    conditions = [{"type": "Ready", "status": str(is_ready)}]
    return Pod({"metadata": {"name": f"pod-{uid}", "uid": uid}, "status": {"conditions": conditions}})


def entry(uid: str, *, address: str = "10.0.0.1", **conditions: Any) -> Json:
    told = {"ready": True} | conditions
    return {"addresses": [address], "conditions": told, "targetRef": {"kind": "Pod", "name": f"pod-{uid}", "uid": uid}}


def slice_of(*entries: Json, family: str = "IPv4") -> Json:
    return {"addressType": family, "endpoints": list(entries)}


def ready(endpoints: tuple[Endpoint, ...]) -> dict[str, bool]:
    return {endpoint.pod_uid: endpoint.is_ready for endpoint in endpoints}


def test_a_pod_in_the_slices_of_two_families_is_one_endpoint() -> None:
    slices = [
        slice_of(entry("a"), entry("b")),
        slice_of(entry("a", address="fd00::1"), entry("b", address="fd00::2"), family="IPv6"),
    ]

    assert ready(endpoints_of(slices, [pod("a"), pod("b")])) == {"a": True, "b": True}
    assert len(endpoints_of(slices, [])) == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_pod_that_moves_between_two_slices_is_ready_where_either_says_so(*, first: bool) -> None:
    slices = [slice_of(entry("a", ready=first)), slice_of(entry("a", ready=not first))]

    assert ready(endpoints_of(slices, [pod("a")])) == {"a": True}


def test_a_pod_that_is_published_although_it_is_not_ready_is_reached_and_not_ready() -> None:
    (endpoint,) = endpoints_of([slice_of(entry("a"))], [pod("a", is_ready=False)])

    assert (endpoint.is_reached, endpoint.is_ready) == (True, False)


@pytest.mark.parametrize(
    ("conditions", "is_reached"),
    [({"ready": None}, True), ({"ready": False}, False), ({"ready": True, "terminating": True}, False)],
    ids=["not said", "not ready", "going away"],
)
def test_what_gets_new_connections_is_told_by_the_conditions(conditions: Json, *, is_reached: bool) -> None:
    (endpoint,) = endpoints_of([slice_of(entry("a", **conditions))], [pod("a")])

    assert (endpoint.is_reached, endpoint.is_ready) == (is_reached, is_reached)


def test_a_pod_that_nobody_has_seen_is_as_ready_as_its_entry_says() -> None:
    assert ready(endpoints_of([slice_of(entry("other"))], [pod("a")])) == {"other": True}


def test_addresses_of_no_pod_are_endpoints_of_their_own() -> None:
    written: list[Json] = [{"addresses": ["192.0.2.7"], "conditions": {}}, {"addresses": ["192.0.2.8"]}]

    assert [endpoint.is_ready for endpoint in endpoints_of([slice_of(*written), {"endpoints": None}], [])] == [
        True,
        True,
    ]

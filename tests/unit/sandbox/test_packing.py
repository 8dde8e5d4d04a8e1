"""Endpoints are shared out over slices with few writes: what has a place keeps it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from springtide.sandbox.controllers.packing import Packing, packed
from springtide.sandbox.objects import Json

LABELS = {"kubernetes.io/service-name": "checkout"}


def endpoint(uid: str, *, ready: bool = True) -> Json:
    return {"conditions": {"ready": ready}, "targetRef": {"uid": uid}}


def endpoint_slice(*uids: str, labels: dict[str, str] | None = None) -> Json:
    return {"metadata": {"labels": labels or LABELS}, "endpoints": [endpoint(uid) for uid in uids]}


def wanted(*uids: str) -> dict[str, Json]:
    return {uid: endpoint(uid) for uid in uids}


def held(packing: Packing) -> tuple[list[str], list[str]]:
    """Return the uids in each created and in each updated slice, as one word a slice."""
    return (
        ["".join(each["targetRef"]["uid"] for each in slot.endpoints) for slot in packing.created],
        ["".join(each["targetRef"]["uid"] for each in slot.endpoints) for slot in packing.updated],
    )


def test_nothing_new_is_no_write() -> None:
    packing = packed([endpoint_slice("a", "b")], wanted("a", "b"), LABELS, 3)

    assert packing == Packing()


def test_new_endpoints_go_where_something_changes_anyway() -> None:
    packing = packed([endpoint_slice("a", "b"), endpoint_slice("c", "d")], wanted("a", "b", "c", "e"), LABELS, 3)

    assert held(packing) == ([], ["ce"])


def test_new_endpoints_go_into_the_fullest_slice_that_has_room_for_all() -> None:
    stored = [endpoint_slice("a"), endpoint_slice("b", "c"), endpoint_slice("d", "e", "f")]
    packing = packed(stored, wanted("a", "b", "c", "d", "e", "f", "g", "h"), LABELS, 4)

    assert held(packing) == ([], ["bcgh"])


def test_what_fits_nowhere_whole_gets_slices_of_its_own() -> None:
    packing = packed([endpoint_slice("a", "b")], wanted("a", "b", "c", "d", "e", "f", "g"), LABELS, 3)

    assert held(packing) == (["cde", "fg"], [])


def test_an_endpoint_that_changed_is_written_in_its_place() -> None:
    gone_unready = wanted("a") | {"b": endpoint("b", ready=False)}
    packing = packed([endpoint_slice("a", "b")], gone_unready, LABELS, 3)

    assert [slot.endpoints for slot in packing.updated] == [[endpoint("a"), endpoint("b", ready=False)]]


def test_other_labels_are_a_write_and_move_nothing() -> None:
    packing = packed([endpoint_slice("a", labels={"old": "1"})], wanted("a"), LABELS, 3)

    assert held(packing) == ([], ["a"])


def test_a_slice_that_loses_all_is_given_up() -> None:
    packing = packed([endpoint_slice("a"), endpoint_slice("b")], wanted("b"), LABELS, 3)

    assert packing == Packing(emptied=[endpoint_slice("a")])


@given(
    st.lists(st.sets(st.sampled_from("abcdefghijkl"), min_size=1, max_size=3), max_size=4),
    st.sets(st.sampled_from("abcdefghijkl")),
    st.integers(3, 5),
)
def test_every_endpoint_stands_in_one_slice_and_no_slice_is_too_large(
    groups: list[set[str]], uids: set[str], size: int
) -> None:
    seen: set[str] = set()
    stored: list[Json] = []
    for group in groups:
        fresh = sorted(group - seen)
        seen |= group
        stored += [endpoint_slice(*fresh)] if fresh else []

    packing = packed(stored, wanted(*sorted(uids)), LABELS, size)

    written = [*packing.created, *packing.updated]
    touched = [slot.stored for slot in packing.updated] + packing.emptied
    untouched = [each["endpoints"] for each in stored if each not in touched]
    final = [*(slot.endpoints for slot in written), *untouched]
    assert sorted(each["targetRef"]["uid"] for endpoints in final for each in endpoints) == sorted(uids)
    assert all(0 < len(endpoints) <= size for endpoints in final)

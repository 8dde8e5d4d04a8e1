"""Label selectors in both forms, field selectors, and lists in pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.sandbox.selectors import label_selector, label_text, parse_labels
from springtide.sandbox.status import ApiError
from unit.sandbox.scenes import PODS, call, shop

LABELS = {"app": "web", "tier": "front", "canary": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app in (web, api)", True),
        ("app notin (web)", False),
        ("zone notin (a)", True),
        ("canary", True),
        ("!canary", False),
        ("!zone,app", True),
        ("app=web, tier in (front),canary=", True),
        ("app=api", False),
    ],
)
def test_a_selector_string(*, selector: str, matches: bool) -> None:
    assert parse_labels(selector)(LABELS) is matches


@pytest.mark.parametrize("selector", ["app=web=api", "app in web", "=web", "app in (web", "a b"])
def test_a_string_that_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ApiError, match="unable to parse requirement") as caught:
        parse_labels(selector)

    assert caught.value.code == 400


KEYS = st.sampled_from(["a", "b.io/c", "d"])
VALUES = st.sampled_from(["x", "y-1", "z"])
EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {"key": KEYS, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(VALUES, min_size=1, max_size=3)}
    ),
    st.fixed_dictionaries({"key": KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)


@given(st.dictionaries(KEYS, VALUES), st.lists(EXPRESSIONS, max_size=3), st.dictionaries(KEYS, VALUES))
def test_a_selector_means_the_same_as_an_object_and_as_a_string(
    match_labels: dict[str, str], expressions: list[dict[str, object]], labels: dict[str, str]
) -> None:
    selector = {"matchLabels": match_labels, "matchExpressions": expressions}

    assert label_selector(selector)(labels) is parse_labels(label_text(selector))(labels)


def test_no_selector_object_matches_nothing_and_an_empty_one_everything() -> None:
    assert (label_selector(None)(LABELS), label_selector({})(LABELS)) == (False, True)


def test_pods_are_listed_by_label_and_field() -> None:
    world = shop()
    name = world.pods("shop")[1]["metadata"]["name"]

    by_name = call(world, "GET", PODS, fieldSelector=f"metadata.name={name}").json["items"]
    running = call(world, "GET", PODS, labelSelector="app in (checkout)", fieldSelector="status.phase=Running").json
    none = call(world, "GET", PODS, labelSelector="app=other").json["items"]

    assert [pod["metadata"]["name"] for pod in by_name] == [name]
    assert (len(running["items"]), none) == (3, [])


def test_a_field_that_pods_cannot_be_selected_by_is_refused() -> None:
    answer = call(shop(), "GET", PODS, fieldSelector="spec.hostname=x")

    assert (answer.status, "field label not supported: spec.hostname" in answer.json["message"]) == (400, True)


def test_a_list_in_pages_is_one_moment_although_the_cluster_moves_on() -> None:
    world = shop()
    names = [pod["metadata"]["name"] for pod in world.pods("shop")]

    first = call(world, "GET", PODS, limit="2").json
    call(world, "DELETE", f"{PODS}/{names[2]}", {"gracePeriodSeconds": 0})
    second = call(world, "GET", PODS, **{"limit": "2", "continue": first["metadata"]["continue"]}).json

    assert [pod["metadata"]["name"] for page in (first, second) for pod in page["items"]] == names
    assert first["metadata"]["remainingItemCount"] == 1
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_items_of_a_list_do_not_repeat_their_kind() -> None:
    answer = call(shop(), "GET", PODS).json

    assert answer["kind"] == "PodList"
    assert not {"kind", "apiVersion"} & answer["items"][0].keys()


def test_a_version_from_the_future_is_answered_with_a_timeout() -> None:
    answer = call(shop(), "GET", PODS, resourceVersion="999999")

    assert (answer.status, answer.json["reason"]) == (504, "Timeout")

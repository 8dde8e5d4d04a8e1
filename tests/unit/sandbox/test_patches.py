"""Merge patch, JSON patch and the part of strategic merge that clients send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.sandbox.messages import Request
from springtide.sandbox.objects import dump
from springtide.sandbox.patches import merge
from unit.sandbox.scenes import DEPLOYMENT, SERVICE, read, shop

NAMES = st.sampled_from("abc")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=3)


def patch(body: Any, kind: str, path: str = SERVICE) -> tuple[int, Any]:
    world = shop()
    headers = {"content-type": f"application/{kind}+json", "user-agent": "test/1"}
    answer = world.call(Request("PATCH", path, headers=headers, body=dump(body)))
    return answer.status, read(world, path) if answer.status == 200 else answer.json["message"]


def test_a_merge_patch_merges_maps_replaces_lists_and_removes_by_null() -> None:
    status, obj = patch({"spec": {"selector": {"tier": "web", "app": None}, "ports": [{"port": 81}]}}, "merge-patch")

    assert status == 200
    assert obj["spec"]["selector"] == {"tier": "web"}
    assert obj["spec"]["ports"] == [{"protocol": "TCP", "targetPort": 81, "port": 81}]


def test_a_json_patch_whose_test_holds_is_applied_as_a_whole() -> None:
    status, obj = patch(
        [
            {"op": "test", "path": "/spec/selector/app", "value": "checkout"},
            {"op": "replace", "path": "/spec/selector/app", "value": "other"},
        ],
        "json-patch",
    )

    assert (status, obj["spec"]["selector"]) == (200, {"app": "other"})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/selector/app", "value": "other"},
        {"op": "remove", "path": "/spec/selector/nope"},
    ],
)
def test_a_json_patch_that_cannot_be_applied_is_refused_without_a_reason(operation: dict[str, str]) -> None:
    assert patch([operation], "json-patch") == (
        422,
        "the server rejected our request due to an error in our request",
    )


def test_a_strategic_patch_merges_containers_by_name_and_env_by_name() -> None:
    change = {"containers": [{"name": "web", "env": [{"name": "DRAIN", "value": "5s"}, {"name": "X", "value": "1"}]}]}

    status, obj = patch({"spec": {"template": {"spec": change}}}, "strategic-merge-patch", DEPLOYMENT)

    container = obj["spec"]["template"]["spec"]["containers"][0]
    assert (status, container["image"]) == (200, "localhost/web:1")
    assert container["env"] == [{"name": "DRAIN", "value": "5s"}, {"name": "X", "value": "1"}]


def test_a_strategic_patch_deletes_a_named_entry() -> None:
    change = {"containers": [{"name": "web", "env": [{"name": "DRAIN", "$patch": "delete"}]}]}

    _, obj = patch({"spec": {"template": {"spec": change}}}, "strategic-merge-patch", DEPLOYMENT)

    assert obj["spec"]["template"]["spec"]["containers"][0]["env"] == []


@given(DOCUMENTS, DOCUMENTS)
def test_merging_follows_rfc_7396(target: Any, change: Any) -> None:
    def reference(old: Any, new: Any) -> Any:
        if not isinstance(new, dict):
            return new
        result = old.copy() if isinstance(old, dict) else {}
        for name, value in new.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = reference(result.get(name), value)
        return result

    before = dump(target)

    assert merge(target, change) == reference(target, change)
    assert dump(target) == before  # what is stored is never changed in place

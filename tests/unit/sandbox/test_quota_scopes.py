"""A quota with scopes counts the pods that meet each of them, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import PODS, call, container, deployment, quota, read, scaled, shop, template

QUOTAS = "/api/v1/namespaces/shop/resourcequotas"
SMALL = f"{QUOTAS}/small"
SIZED = container(resources={"requests": {"cpu": "100m"}})


def scoped(*names: str, hard: Json | None = None, **selector: Any) -> Json:
    """Return a quota of three pods with these scopes, or with one expression of its selector."""
    spec: Json = {"hard": hard or {"pods": "3"}}
    spec |= {"scopes": list(names)} if names else {"scopeSelector": {"matchExpressions": [selector]}}
    return quota() | {"spec": spec}


def pod(name: str = "extra", **spec: Any) -> Json:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "localhost/web:1"}]} | spec}


def named(operator: str, *values: str) -> Json:
    expression: Json = {"scopeName": "PriorityClass", "operator": operator}
    return expression | ({"values": list(values)} if values else {})


GOLD = {"priorityClassName": "gold"}
ENDING = {"activeDeadlineSeconds": 60}
ASKING = {"containers": [SIZED]}


@pytest.mark.parametrize(
    ("limited", "counted", "free"),
    [
        (scoped("Terminating"), ENDING, {}),
        (scoped("NotTerminating"), {}, ENDING),
        (scoped("BestEffort"), {}, ASKING),
        (scoped("NotBestEffort"), ASKING, {}),
        (scoped("PriorityClass"), GOLD, {}),
        (scoped("NotTerminating", "NotBestEffort"), ASKING, ENDING | ASKING),
        (scoped(**named("In", "gold", "silver")), GOLD, {"priorityClassName": "bronze"}),
        (scoped(**named("NotIn", "gold")), {}, GOLD),
        (scoped(**named("Exists")), GOLD, {}),
        (scoped(**named("DoesNotExist")), {}, GOLD),
    ],
)
def test_only_pods_within_its_scopes_are_counted(limited: Json, counted: Json, free: Json) -> None:
    world = World()
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, limited)
    for name in ("gold", "bronze"):
        named_class = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        world.apply(named_class | {"value": 1})
    others = [call(world, "POST", PODS, pod(f"other-{number}", **free)).status for number in range(5)]
    mine = [call(world, "POST", PODS, pod(f"mine-{number}", **counted)) for number in range(4)]
    world.settle()

    assert others == [201] * 5
    assert [answer.status for answer in mine] == [201, 201, 201, 403]
    assert "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3" in mine[-1].json["message"]
    assert read(world, SMALL)["status"]["used"] == {"pods": "3"}


def test_a_deployment_of_pods_within_the_scope_is_held_by_it() -> None:
    world = scaled(shop(scoped("NotBestEffort"), running=deployment(2, pods=template(None, SIZED))), 5)

    assert len(world.pods("shop")) == 3


def test_a_deployment_of_pods_beyond_the_scope_is_not() -> None:
    assert len(scaled(shop(scoped("Terminating")), 5).pods("shop")) == 5


@pytest.mark.parametrize(
    ("refused", "detail"),
    [
        (scoped("Sometimes"), "unsupported scope"),
        (scoped("BestEffort", "NotBestEffort"), "conflicting scopes"),
        (scoped("Terminating", "NotTerminating"), "conflicting scopes"),
        (scoped("BestEffort", hard={"cpu": "1"}), "unsupported scope applied to resource"),
        (scoped("Terminating", hard={"services": "1"}), "unsupported scope applied to resource"),
        (scoped(**named("Is", "gold")), 'Unsupported value: "Is"'),
        (scoped(**named("In")), "must be at least one value"),
        (scoped(**named("Exists", "gold")), "must be no value"),
        (scoped(scopeName="BestEffort", operator="DoesNotExist"), "must be 'Exist'"),
    ],
)
def test_scopes_that_make_no_sense_are_refused(refused: Json, detail: str) -> None:
    answer = call(shop(), "POST", QUOTAS, refused)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert detail in answer.json["message"]


def test_scopes_stay_as_they_are() -> None:
    answer = call(shop(scoped("Terminating")), "PATCH", SMALL, {"spec": {"scopes": ["NotTerminating"]}})

    assert answer.status == 422
    assert "field is immutable" in answer.json["message"]

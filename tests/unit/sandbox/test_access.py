"""Tokens and RBAC: who may do what, in the words of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.messages import Request, Response
from springtide.sandbox.objects import Json, dump
from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, PODS, SCALE, SERVICE, call, kubernetes_client, shop

RBAC = "rbac.authorization.k8s.io/v1"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "system:serviceaccount:shop:springtide"
WHERE = 'in API group "apps" in the namespace "shop"'


def role(*rules: Json) -> list[Json]:
    """Return a Role, its binding and the service account."""
    metadata = {"name": "springtide", "namespace": "shop"}
    subject = {"kind": "ServiceAccount", "name": "springtide", "namespace": "shop"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "springtide"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": list(rules)},
        {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [subject]},
    ]


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> Json:
    named = {"resourceNames": names.split()} if names else {}
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **named}


class Caller:
    """A service account with the given rules."""

    def __init__(self, *rules: Json) -> None:
        self.world: World = shop(*role(*rules))
        path = "/api/v1/namespaces/shop/serviceaccounts/springtide/token"
        self.token = call(self.world, "POST", path, {}).json["status"]["token"]

    def __call__(self, method: str, path: str, body: Any = None) -> Response:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"authorization": f"Bearer {self.token}", "content-type": kind}
        content = b"" if body is None else dump(body)
        return self.world.call(Request(method, path, headers=headers, body=content))


def test_what_a_rule_grants_is_done() -> None:
    caller = Caller(rule("get list", "pods"), rule("patch", "deployments/scale", "apps"))

    assert caller("GET", PODS).status == 200
    assert caller("PATCH", SCALE, {"spec": {"replicas": 4}}).status == 200


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "PATCH",
            DEPLOYMENT,
            f'deployments.apps "checkout" is forbidden: User "{WHO}" cannot patch resource "deployments" {WHERE}',
        ),
        (
            "PATCH",
            SCALE,
            f'deployments.apps "checkout" is forbidden: User "{WHO}" cannot patch resource "deployments/scale" {WHERE}',
        ),
        (
            "GET",
            "/api/v1/namespaces/default/pods",
            f'pods is forbidden: User "{WHO}" cannot list resource "pods" in API group "" in the namespace "default"',
        ),
        (
            "GET",
            "/api/v1/pods",
            f'pods is forbidden: User "{WHO}" cannot list resource "pods" in API group "" at the cluster scope',
        ),
    ],
)
def test_everything_else_is_forbidden(method: str, path: str, message: str) -> None:
    answer = Caller(rule("get list", "pods deployments"))(method, path, {})

    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
    assert answer.json["message"] == message


def test_a_rule_with_names_grants_those_objects_only() -> None:
    caller = Caller(rule("get patch", "services", names="checkout"))

    assert caller("GET", SERVICE).status == 200
    assert caller("GET", SERVICE.replace("checkout", "other")).status == 403
    assert caller("GET", SERVICE.rpartition("/")[0]).status == 403


def test_an_unknown_token_is_unauthorized() -> None:
    answer = shop().call(Request("GET", PODS, headers={"authorization": "Bearer nobody"}))

    assert (answer.status, answer.json["message"]) == (401, "Unauthorized")


def test_with_the_door_closed_a_caller_without_a_token_is_anonymous() -> None:
    world = shop()
    world.access.allow_anonymous_admin = False

    answer = call(world, "GET", PODS)

    assert answer.status == 403
    assert 'User "system:anonymous" cannot list resource "pods"' in answer.json["message"]
    assert call(world, "GET", "/version").status == 200


def test_an_access_review_answers_what_a_request_would_meet() -> None:
    caller = Caller(rule("patch", "deployments/scale", "apps"))

    def allowed(verb: str, resource: str, subresource: str = "") -> bool:
        about = {"verb": verb, "group": "apps", "resource": resource, "namespace": "shop", "subresource": subresource}
        answer = caller("POST", REVIEW, {"spec": {"resourceAttributes": about}})
        assert answer.status == 201
        allowed: bool = answer.json["status"]["allowed"]
        return allowed

    assert allowed("patch", "deployments", "scale")
    assert not allowed("patch", "deployments")
    assert not allowed("delete", "deployments", "scale")


def test_the_official_client_raises_its_forbidden_exception() -> None:
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ForbiddenException

    caller = Caller(rule("get", "pods"))
    api = CoreV1Api(kubernetes_client(caller.world, caller.token))

    with pytest.raises(ForbiddenException):
        api.list_namespaced_pod("shop")

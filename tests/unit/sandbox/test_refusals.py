"""What a real API server refuses is refused in its words; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, PODS, SCALE, SERVICE, call, deployment, service, shop, template

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


@pytest.fixture(scope="module")
def world() -> World:
    return shop()


def other(**spec: Any) -> Json:
    return deployment(name="other") | {"spec": deployment()["spec"] | spec}


REFUSED = [
    pytest.param(
        ("POST", DEPLOYMENTS, deployment()),
        (409, "AlreadyExists", 'deployments.apps "checkout" already exists'),
        id="already there",
    ),
    pytest.param(
        ("GET", f"{DEPLOYMENTS}/nope", None),
        (404, "NotFound", 'deployments.apps "nope" not found'),
        id="not there",
    ),
    pytest.param(
        ("POST", "/apis/apps/v1/namespaces/nowhere/deployments", {"metadata": {"name": "x"}}),
        (404, "NotFound", 'namespaces "nowhere" not found'),
        id="no such namespace",
    ),
    pytest.param(
        ("GET", "/apis/apps/v1/namespaces/shop/daemonsets", None),
        (404, "NotFound", "the server could not find the requested resource"),
        id="a resource that is not served",
    ),
    pytest.param(
        ("GET", "/api/v1/namespaces/shop/secrets", None),
        (404, "NotFound", "the server could not find the requested resource"),
        id="secrets",
    ),
    pytest.param(
        ("DELETE", SCALE, None),
        (405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        id="a method without meaning",
    ),
    pytest.param(
        ("PATCH", SCALE, {"spec": {"replicas": -1}}),
        (
            422,
            "Invalid",
            '"checkout" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        ),
        id="a negative scale",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, other(replicas=-1)),
        (
            422,
            "Invalid",
            'Deployment.apps "other" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        ),
        id="negative replicas",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, other(replicas="3")),
        (400, "BadRequest", "json: cannot unmarshal string into Go struct field spec.replicas of type int32"),
        id="replicas that are no number",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, other(selector={"matchLabels": {"app": "b"}})),
        (
            422,
            "Invalid",
            'metadata.labels: Invalid value: {"app":"checkout"}: `selector` does not match template `labels`',
        ),
        id="a selector that does not match",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, other(template=template(None, {"name": "web"}))),
        (422, "Invalid", 'Deployment.apps "other" is invalid: spec.template.spec.containers[0].image: Required value'),
        id="a container without image",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, deployment(name="Web_App")),
        (422, "Invalid", "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"),
        id="a name that is none",
    ),
    pytest.param(
        ("POST", "/api/v1/namespaces/shop/services", service(name="9lives")),
        (422, "Invalid", "a DNS-1035 label must consist of lower case alphanumeric characters"),
        id="a Service name that begins with a digit",
    ),
    pytest.param(
        ("PATCH", DEPLOYMENT, {"spec": {"selector": {"matchLabels": {"tier": "web"}}}}),
        (422, "Invalid", "spec.selector: Invalid value:"),
        id="another selector",
    ),
    pytest.param(
        ("PATCH", SERVICE, {"spec": {"clusterIP": "127.1.2.3"}}),
        (422, "Invalid", "may not change once set"),
        id="another cluster IP",
    ),
    pytest.param(
        ("PATCH", DEPLOYMENT, {"metadata": {"annotations": {"snapshot": "x" * 300_000}}}),
        (422, "Invalid", "metadata.annotations: Too long: may not be more than 262144 bytes"),
        id="an annotation that is too long",
    ),
    pytest.param(
        ("PATCH", DEPLOYMENT, {"metadata": {"labels": {"run": "a b"}}}),
        (422, "Invalid", "a valid label must be an empty string or consist of alphanumeric characters"),
        id="a label value that is none",
    ),
    pytest.param(
        ("PUT", DEPLOYMENT, deployment(name="other")),
        (400, "BadRequest", "the name of the object (other) does not match the name on the URL (checkout)"),
        id="another name in the body",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}),
        (400, "BadRequest", "does not match the expected API version (apps/v1, Kind=Deployment)"),
        id="another kind in the body",
    ),
    pytest.param(
        ("POST", DEPLOYMENTS, deployment(name="other") | {"metadata": {"name": "other", "namespace": "default"}}),
        (400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
        id="another namespace in the body",
    ),
    pytest.param(
        ("POST", PODS, {"spec": {"containers": [{"name": "web", "image": "localhost/web:1"}]}}),
        (422, "Invalid", "metadata.name: Required value: name or generateName is required"),
        id="no name",
    ),
]


@pytest.mark.parametrize(("request_", "expected"), REFUSED)
def test_a_refusal_is_a_status_with_the_real_words(
    world: World, request_: tuple[str, str, Any], expected: tuple[int, str, str]
) -> None:
    revision = world.store.revision

    answer = call(world, *request_)

    assert (answer.status, answer.json["reason"]) == expected[:2]
    assert expected[2] in answer.json["message"]
    assert (answer.json["kind"], answer.json["code"]) == ("Status", answer.status)
    assert world.store.revision == revision


@pytest.mark.parametrize("content_type", ["application/apply-patch+yaml", "text/plain", ""])
def test_a_kind_of_patch_that_is_not_served_is_named_with_those_that_are(world: World, content_type: str) -> None:
    from springtide.sandbox.messages import Request

    answer = world.call(Request("PATCH", DEPLOYMENT, headers={"content-type": content_type}, body=b"{}"))

    assert answer.status == 415
    assert "application/merge-patch+json" in answer.json["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_a_bad_request(world: World, body: bytes) -> None:
    from springtide.sandbox.messages import Request

    answer = world.call(Request("POST", DEPLOYMENTS, body=body))

    assert answer.status == 400


def test_a_dry_run_judges_and_answers_but_writes_nothing(world: World) -> None:
    revision = world.store.revision

    good = call(world, "POST", DEPLOYMENTS, deployment(name="other"), dryRun="All")
    bad = call(world, "POST", DEPLOYMENTS, deployment(-1, name="other"), dryRun="All")

    assert (good.status, bad.status) == (201, 422)
    assert good.json["spec"]["strategy"]["type"] == "RollingUpdate"
    assert world.store.revision == revision

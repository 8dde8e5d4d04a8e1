"""An object is read by the types of its fields first: what does not fit is refused, never stored, never an error."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import LABELS, SERVICE, call, container, deployment, namespace, read, service, shop, template

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
SERVICES = "/api/v1/namespaces/shop/services"
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "x",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": LABELS},
}
FULL = container(
    resources={"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}},
    lifecycle={"preStop": {"sleep": {"seconds": 1}}},
    volumeMounts=[{"name": "a", "mountPath": "/a"}],
    livenessProbe={"tcpSocket": {"port": 8080}},
)
POD = template(None, FULL, volumes=[{"name": "a", "emptyDir": {}}], topologySpreadConstraints=[SPREAD])
METADATA = {"name": "other", "labels": {"a": "b"}}
WHOLE: dict[str, Json] = {
    DEPLOYMENTS: deployment(
        name="other",
        pods=POD,
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        revisionHistoryLimit=3,
        progressDeadlineSeconds=60,
    ),
    SERVICES: service(name="other", type="ClusterIP", sessionAffinity="None"),
    "/api/v1/namespaces/shop/pods": {"metadata": METADATA, "spec": POD["spec"]},
    "/api/v1/namespaces/shop/resourcequotas": {
        "metadata": METADATA,
        "spec": {"hard": {"pods": "3"}, "scopes": ["Terminating"]},
    },
    "/api/v1/namespaces/shop/configmaps": {"metadata": METADATA, "data": {"a": "b"}},
    "/apis/policy/v1/namespaces/shop/poddisruptionbudgets": {
        "metadata": METADATA,
        "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}},
    },
    "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers": {
        "metadata": METADATA,
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    },
    "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects": {
        "metadata": METADATA,
        "spec": {"scaleTargetRef": {"name": "checkout"}, "minReplicaCount": 1, "maxReplicaCount": 3},
    },
    "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices": {
        "metadata": METADATA | {"labels": {"kubernetes.io/service-name": "checkout"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.96.1.9"], "conditions": {"ready": True}, "targetRef": {"name": "a"}}],
        "ports": [{"name": "http", "port": 8080}],
    },
    "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles": {
        "metadata": METADATA,
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    },
    "/api/v1/nodes": {"metadata": METADATA, "spec": {"unschedulable": True}},
    "/apis/coordination.k8s.io/v1/namespaces/shop/leases": {
        "metadata": METADATA,
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 3},
    },
}
STRANGE: tuple[Any, ...] = (None, 0, 5, -5, 10**12, 1.5, True, "x", [], [1], [{}], {}, {"a": 1})
Path = tuple[str | int, ...]


def places_in(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield where something stands in an object, at any depth."""
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from places_in(value[key], (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places_in(item, (*at, index))


def changed(obj: Json, at: Path, value: Any) -> Json:
    """Return the object with another value in one place."""
    other = deepcopy(obj)
    holder: Any = other
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    return other


@pytest.mark.parametrize("path", WHOLE)
def test_whatever_stands_in_a_field_the_answer_is_never_an_error_of_the_server(path: str) -> None:
    statuses: set[int] = set()
    for at in places_in(WHOLE[path]):
        for value in STRANGE:
            world = World()
            world.apply(namespace())
            revision = world.store.revision
            answer = call(world, "POST", path, changed(WHOLE[path], at, value))
            statuses.add(answer.status)
            stored = world.store.revision > revision
            assert stored is (answer.status == 201), (at, value)
            world.advance(2)

    assert {400, 422} <= statuses <= {201, 400, 422}


def test_a_field_that_is_not_known_is_dropped() -> None:
    manifest = deployment(name="other", pods=template(None, container(colour="blue")), flavour="sweet")
    manifest["spec"]["template"]["spec"]["mood"] = "good"
    world = shop()

    assert call(world, "POST", DEPLOYMENTS, manifest | {"extra": 1}).status == 201
    stored = read(world, f"{DEPLOYMENTS}/other")
    assert "extra" not in stored
    assert "flavour" not in stored["spec"]
    assert "mood" not in stored["spec"]["template"]["spec"]
    assert "colour" not in stored["spec"]["template"]["spec"]["containers"][0]


def test_what_a_patch_adds_is_dropped_too() -> None:
    world = shop()
    call(world, "PATCH", SERVICE, {"spec": {"flavour": "sweet", "publishNotReadyAddresses": True}})
    spec = read(world, SERVICE)["spec"]

    assert "flavour" not in spec
    assert spec["publishNotReadyAddresses"] is True


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (deployment(name="other", replicas=3) | {"spec": "x"}, "string into Go struct field spec of type object"),
        (deployment(name="other", paused="yes"), "string into Go struct field spec.paused of type bool"),
        (
            deployment(name="other", minReadySeconds=2**31),
            "number 2147483648 into Go struct field spec.minReadySeconds",
        ),
        (
            deployment(name="other", pods=template(None, container() | {"env": [{"name": "A", "value": 1}]})),
            "number into Go struct field spec.template.spec.containers.env.value of type string",
        ),
        (
            deployment(name="other", pods=template(None, container(ports={"containerPort": 8080}))),
            "object into Go struct field spec.template.spec.containers.ports of type array",
        ),
    ],
    ids=["no object", "no bool", "too large", "no string", "no array"],
)
def test_a_value_of_another_type_is_a_bad_request_that_names_the_field(body: Json, words: str) -> None:
    answer = call(shop(), "POST", DEPLOYMENTS, body)

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert f"cannot unmarshal {words}" in answer.json["message"]


def test_a_null_is_a_field_that_is_not_there() -> None:
    world = shop()
    body = deployment(name="other", revisionHistoryLimit=None, pods=template(None, container(livenessProbe=None)))

    assert call(world, "POST", DEPLOYMENTS, body).status == 201
    spec = read(world, f"{DEPLOYMENTS}/other")["spec"]
    assert spec["revisionHistoryLimit"] == 10
    assert "livenessProbe" not in spec["template"]["spec"]["containers"][0]


def test_resources_of_other_projects_keep_what_they_hold() -> None:
    world = shop()
    path = "/apis/monitoring.coreos.com/v1/namespaces/shop/prometheusrules"
    groups = [{"name": "a", "rules": [{"record": "b", "expr": "c"}]}]

    assert call(world, "POST", path, {"metadata": METADATA, "spec": {"groups": groups}}).status == 201
    assert read(world, f"{path}/other")["spec"] == {"groups": groups}

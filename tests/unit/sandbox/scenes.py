"""Builders: a shop with the Deployment and Service `checkout`, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springtide.sandbox.core import Settings
from springtide.sandbox.messages import Request, Response
from springtide.sandbox.objects import Json, dump
from springtide.sandbox.transport import HOST, install
from springtide.sandbox.world import World

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

MERGE = {"content-type": "application/merge-patch+json", "user-agent": "test/1"}
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
SCALE = f"{DEPLOYMENT}/scale"
SERVICE = "/api/v1/namespaces/shop/services/checkout"
PODS = "/api/v1/namespaces/shop/pods"
LABELS = {"app": "checkout"}


def namespace(name: str = "shop") -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def container(env: dict[str, str] | None = None, **more: Any) -> Json:
    return {
        "name": "web",
        "image": "localhost/web:1",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": name, "value": value} for name, value in ({"DRAIN": "2s"} | (env or {})).items()],
        "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8080}, "periodSeconds": 1},
    } | more


def template(labels: dict[str, str] | None = None, *containers: Json, **spec: Any) -> Json:
    return {"metadata": {"labels": labels or LABELS}, "spec": {"containers": list(containers) or [container()]} | spec}


def deployment(replicas: int = 3, name: str = "checkout", pods: Json | None = None, **spec: Any) -> Json:
    pods = pods or template()
    labels = pods["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods} | spec,
    }


def service(name: str = "checkout", selector: dict[str, str] | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": selector or LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]} | spec,
    }


def quota(**hard: str) -> Json:
    metadata = {"name": "small", "namespace": "shop"}
    limits = {name.replace("_", "."): amount for name, amount in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": limits}}


def shop(*more: Json, settings: Settings | None = None, running: Json | None = None) -> World:
    """Return a settled world with the Service, the Deployment and more."""
    world = World(settings)
    world.apply(namespace(), service(), running or deployment(), *more)
    world.settle()
    return world


def call(world: World, method: str, path: str, body: Any = None, **query: str) -> Response:
    """Call the API directly; a PATCH is a merge patch."""
    headers = MERGE if method == "PATCH" else {"content-type": "application/json", "user-agent": "test/1"}
    content = b"" if body is None else dump(body)
    return world.call(Request(method, path, query=query, headers=headers, body=content))


def read(world: World, path: str = DEPLOYMENT) -> Json:
    answer = call(world, "GET", path)
    assert answer.status == 200, answer.body
    return answer.json


def scaled(world: World, replicas: int) -> World:
    """Scale the Deployment and wait until all is quiet."""
    assert call(world, "PATCH", SCALE, {"spec": {"replicas": replicas}}).status == 200
    world.settle()
    return world


def conditions(obj: Json) -> dict[str, tuple[str, str]]:
    return {entry["type"]: (entry["status"], entry.get("reason", "")) for entry in obj["status"].get("conditions", ())}


def ready_pods(world: World, **labels: str) -> list[str]:
    pods = world.pods("shop", labels or LABELS)
    return [pod["metadata"]["name"] for pod in pods if conditions(pod).get("Ready", ("", ""))[0] == "True"]


def kubernetes_client(world: World, token: str = "") -> ApiClient:
    """Return the official client, leading into a world."""
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=HOST)
    if token:
        configuration.api_key = {"authorization": f"Bearer {token}"}
    client = ApiClient(configuration)
    install(client, world)
    return client

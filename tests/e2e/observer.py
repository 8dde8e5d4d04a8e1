"""What a test sees of a cluster: plain JSON through the official client, nothing of the library under test."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.manifests import Json

COLLECTIONS = {
    "configmaps": "/api/v1",
    "deployments": "/apis/apps/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "leases": "/apis/coordination.k8s.io/v1",
    "pods": "/api/v1",
    "replicasets": "/apis/apps/v1",
    "resourcequotas": "/api/v1",
    "services": "/api/v1",
    "statefulsets": "/apis/apps/v1",
}
CUSTOM = {
    "prometheusrules": "/apis/monitoring.coreos.com/v1",
    "rollouts": "/apis/argoproj.io/v1alpha1",
    "scaledobjects": "/apis/keda.sh/v1alpha1",
}
"""Served only where somebody defined them, so they are no part of an inventory."""

TIMEOUTS = (3, 20)
OK = 200
EXISTS = 409


class Observer:
    """The administrator's view of one namespace."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        from kubernetes import config

        self._client: Any = config.new_client_from_config(str(kubeconfig))
        self.namespace = namespace

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def create_namespace(self) -> None:
        """Create the namespace and wait for what pods need in it."""
        metadata = {"name": self.namespace}
        self._call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def delete_namespace(self) -> None:
        """Delete the namespace with everything in it; the cluster does so in its own time."""
        self._call("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def create(self, collection: str, manifest: Json) -> Json:
        """Create an object."""
        return self._call("POST", self._path(collection), manifest)

    def patch(self, collection: str, name: str, change: Json, *, manager: str = "") -> Json:
        """Merge a change into an object, by the client's own name or another."""
        query = f"?fieldManager={manager}" if manager else ""
        return self._call("PATCH", f"{self._path(collection, name)}{query}", change)

    def get(self, collection: str, name: str) -> Json:
        """Return an object."""
        return self._call("GET", self._path(collection, name))

    def objects(self, collection: str) -> list[Json]:
        """Return all objects of a collection."""
        return list(self._call("GET", self._path(collection))["items"])

    def inventory(self) -> set[tuple[str, str]]:
        """Return what is in the namespace, by collection and name, but for what is already being deleted."""
        return {
            (collection, item["metadata"]["name"])
            for collection in COLLECTIONS
            for item in self.objects(collection)
            if "deletionTimestamp" not in item["metadata"]
        }

    def pods(self) -> dict[str, Json]:
        """Return the pods by name, but for those that are already being deleted."""
        pods = {pod["metadata"]["name"]: pod for pod in self.objects("pods")}
        return {name: pod for name, pod in pods.items() if "deletionTimestamp" not in pod["metadata"]}

    def ready_endpoints(self) -> set[str]:
        """Return the names of the pods that the Service sends requests to."""
        endpoints = [each for item in self.objects("endpointslices") for each in item.get("endpoints") or ()]
        return {each["targetRef"]["name"] for each in endpoints if each["conditions"].get("ready")}

    def until(self, what: str, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait for a condition; fail the test when it does not come true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}\n{self.describe()}"
            time.sleep(0.1)

    def describe(self) -> str:
        """Return the namespace in a few lines, for the message of a failing test."""
        lines = [f"{collection}/{name}" for collection, name in sorted(self.inventory())]
        for pod in self.objects("pods"):
            status = pod["status"]
            states = [container.get("state") for container in status.get("containerStatuses") or ()]
            ready = is_ready(pod)
            leaving = "deletionTimestamp" in pod["metadata"]
            lines.append(f"pod {pod['metadata']['name']}: {status.get('phase')} {ready=} {leaving=} {states}")
        lines.append(f"Service selector: {self.get('services', 'web')['spec'].get('selector')}")
        return "\n".join(lines)

    def _path(self, collection: str, name: str = "") -> str:
        path = f"{(COLLECTIONS | CUSTOM)[collection]}/namespaces/{self.namespace}/{collection}"
        return f"{path}/{name}" if name else path

    def define(self, path: str, manifest: Json) -> bool:
        """Create an object of the whole cluster; return False when it was there."""
        return self._answered("POST", path, manifest)[0] == OK

    def settle(self, path: str, manifest: Json) -> None:
        """Create an object of the whole cluster, or change the one that is there to this."""
        code, answer = self._answered("POST", path, manifest)
        if code == EXISTS:
            self._call("PATCH", f"{path}/{manifest['metadata']['name']}", manifest)
        else:
            assert code == OK, f"{path}: {answer}"

    def post(self, path: str, body: Json) -> Json:
        """Send a document to any path of the API, and return the answer."""
        return self._call("POST", path, body)

    def undefine(self, path: str, name: str) -> None:
        """Delete an object of the whole cluster."""
        self._call("DELETE", f"{path}/{name}")

    def change_node(self, name: str, change: Json) -> None:
        """Merge a change into a node."""
        self._call("PATCH", f"/api/v1/nodes/{name}", change)

    def version(self) -> str:
        """Return the version that the API server tells of itself."""
        return str(self._call("GET", "/version")["gitVersion"])

    def answer(
        self, method: str, collection: str, name: str = "", *, body: Json | list[Json], query: str = ""
    ) -> tuple[int, Json]:
        """Send one request; return the status code and the document, whatever they are."""
        return self._answered(method, f"{self._path(collection, name)}{query}", body)

    def asked(self, collection: str, name: str, path: str) -> tuple[int, str]:
        """Send a GET to a pod or a Service through the API server; return the status code and the text."""
        from kubernetes.client import ApiException

        try:
            return OK, str(self._send("GET", f"{self._path(collection, name)}/proxy{path}").data.decode())
        except ApiException as error:
            return int(error.status), str(error.body)

    def _answered(self, method: str, path: str, body: Json | list[Json]) -> tuple[int, Json]:
        from kubernetes.client import ApiException

        try:
            return OK, self._call(method, path, body)
        except ApiException as error:
            is_json = (error.headers or {}).get("Content-Type", "").startswith("application/json")
            return int(error.status), json.loads(error.body) if is_json else {}  # an unknown path answers in plain text

    def _call(self, method: str, path: str, body: Json | list[Json] | None = None) -> Json:
        answer: Json = json.loads(self._send(method, path, body).data)
        return answer

    def _send(self, method: str, path: str, body: Json | list[Json] | None = None) -> Any:
        patch = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        content_type = patch if method == "PATCH" else "application/json"
        return self._client.call_api(
            path,
            method,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=TIMEOUTS,
        )


def is_ready(pod: Json) -> bool:
    """Tell whether a pod is Ready."""
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

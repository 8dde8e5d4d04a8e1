"""A real API server: asked as its administrator, and what it counted of whom.

springtide's requests are told from everybody else's by flow schemas of their own, one of its reads and one of its
writes: the API server counts what it dispatched and what it refused by flow schema.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
import yaml

from benchmarks.fleet.real_services import ACCOUNT, HOME, MARK, Json, RealServices

ETCD: Final = "http://127.0.0.1:2379/metrics"
WRITES: Final = "springtide-writes"
READS: Final = "springtide-reads"
_VERBS: Final = {WRITES: ["create", "update", "patch", "delete"], READS: ["get", "list", "watch"]}
_FLOWS: Final = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE"})
_VALID_SECONDS: Final = 6 * 3600
_SAMPLE: Final = re.compile(r"^(\w+)\{?([^}\n]*)\}? ([0-9.e+]+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_REQUESTS: Final = "apiserver_request_total"
_DISPATCHED: Final = "apiserver_flowcontrol_dispatched_requests_total"
_REJECTED: Final = "apiserver_flowcontrol_rejected_requests_total"
_PUTS: Final = ("etcd_mvcc_put_total", "etcd_debugging_mvcc_put_total")
"""What etcd calls it since 3.4, and what it called it before; some have both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted so far: springtide's requests, everybody's changes, and what etcd wrote."""

    reads: int
    writes: int
    refused: int
    changes: int
    puts: int

    def since(self, before: Counted) -> Counted:
        """Return what came after `before`."""
        return Counted(
            reads=self.reads - before.reads,
            writes=self.writes - before.writes,
            refused=self.refused - before.refused,
            changes=self.changes - before.changes,
            puts=self.puts - before.puts,
        )


class ApiServer:
    """The API of the cluster that a kubeconfig leads to. As a context manager it gives its connections back."""

    def __init__(self, kubeconfig: Path) -> None:
        self._document: Json = yaml.safe_load(kubeconfig.read_text())
        cluster = self._document["clusters"][0]["cluster"]
        token = self._document["users"][0]["user"]["token"]
        trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=cluster["server"], headers=headers, verify=trusted, timeout=60, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Json:
        """Return a document."""
        answer = self._client.get(path, params=query)
        answer.raise_for_status()
        return dict(answer.json())

    def items(self, path: str, **query: str) -> list[Json]:
        """Return the objects of a list, as the API server has them in memory."""
        return list(self.get(path, resourceVersion="0", **query)["items"])

    def send(self, method: str, path: str, body: Json, *, content: str = "application/json") -> Json:
        """Send a document and return the answer."""
        answer = self._client.request(method, path, content=json.dumps(body), headers={"content-type": content})
        answer.raise_for_status()
        return dict(answer.json())

    def patch(self, path: str, change: Json) -> Json:
        """Merge a change into an object."""
        return self.send("PATCH", path, change, content="application/merge-patch+json")

    def counted(self) -> Counted:
        """Return what it and its etcd have counted."""
        found = _samples(self._client.get("/metrics").text)
        stored = _samples(httpx.get(ETCD, timeout=30, trust_env=False).text)
        flows = {name: _sum(found[_DISPATCHED], flow_schema=name) for name in (READS, WRITES)}
        return Counted(
            reads=flows[READS],
            writes=flows[WRITES],
            refused=sum(_sum(found.get(_REJECTED, []), flow_schema=name) for name in (READS, WRITES)),
            changes=sum(_sum(found[_REQUESTS], verb=verb) for verb in _CHANGES),
            puts=_sum(next(stored[name] for name in _PUTS if name in stored)),
        )

    def count_springtide(self) -> None:
        """Have requests of springtide's account counted for themselves, at the priority that they have anyway."""
        for name, verbs in _VERBS.items():
            manifest = _flow_schema(name, verbs)
            self.send(
                "PATCH", f"{_FLOWS}/{name}?fieldManager=benchmark", manifest, content="application/apply-patch+yaml"
            )

    def kubeconfig_of_springtide(self, folder: Path) -> Path:
        """Write a kubeconfig with a token of springtide's account, and return where."""
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _VALID_SECONDS},
        }
        answer = self.send("POST", f"/api/v1/namespaces/{HOME}/serviceaccounts/{ACCOUNT}/token", asked)
        users = [
            {"name": each["name"], "user": {"token": answer["status"]["token"]}} for each in self._document["users"]
        ]
        file = folder / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._document | {"users": users}))
        return file


@dataclass(frozen=True, slots=True)
class Standing:
    """How many pods each service of a fleet is to have and has, as its Deployment says: asked for, there, ready."""

    of: Mapping[str, tuple[int, int, int]]

    @classmethod
    def seen(cls, api: ApiServer, fleet: RealServices) -> Self:
        """Look."""
        found = api.items("/apis/apps/v1/deployments", labelSelector=f"{MARK}={fleet.name}")
        return cls({item["metadata"]["name"]: _numbers(item) for item in found})

    def exactly(self, number: int) -> int:
        """Return how many services have `number` pods asked for, there and ready."""
        return sum(numbers == (number, number, number) for numbers in self.of.values())

    def ready(self) -> int:
        """Return how many pods of all are ready."""
        return sum(ready for _, _, ready in self.of.values())


def _numbers(deployment: Json) -> tuple[int, int, int]:
    status = deployment.get("status", {})
    there = int(status.get("replicas", 0)) + int(status.get("terminatingReplicas") or 0)
    return int(deployment["spec"]["replicas"]), there, int(status.get("readyReplicas", 0))


def proven(api: ApiServer, fleet: RealServices) -> dict[str, tuple[int, int]]:
    """Return by service the pods that run, are ready and do not leave, and the ready endpoints of its Service."""
    pods = dict.fromkeys(fleet.names(), 0)
    endpoints = dict.fromkeys(fleet.names(), 0)
    for namespace in fleet.namespaces():
        for pod in api.items(f"/api/v1/namespaces/{namespace}/pods"):
            pods[pod["metadata"]["labels"]["app"]] += _serves(pod)
        for piece in api.items(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"):
            service = piece["metadata"]["labels"]["kubernetes.io/service-name"]
            endpoints[service] += sum(bool(each["conditions"].get("ready")) for each in piece.get("endpoints") or ())
    return {name: (pods[name], endpoints[name]) for name in fleet.names()}


def _serves(pod: Json) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"


def _samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return those samples of a page of metrics that are counted here."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for name, labels, value in _SAMPLE.findall(text):
        if name in {_REQUESTS, _DISPATCHED, _REJECTED, *_PUTS}:
            found.setdefault(name, []).append((dict(_LABEL.findall(labels)), float(value)))
    return found


def _sum(samples: list[tuple[dict[str, str], float]], **wanted: str) -> int:
    return round(sum(value for labels, value in samples if wanted.items() <= labels.items()))


def _flow_schema(name: str, verbs: list[str]) -> Json:
    account: dict[str, Any] = {"name": ACCOUNT, "namespace": HOME}
    everything = {"verbs": verbs, "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    rule = {"subjects": [{"kind": "ServiceAccount", "serviceAccount": account}], "resourceRules": [everything]}
    spec = {
        "priorityLevelConfiguration": {"name": "workload-low"},
        "matchingPrecedence": 900,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [rule],
    }
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name},
        "spec": spec,
    }

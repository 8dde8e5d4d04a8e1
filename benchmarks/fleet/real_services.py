"""So many services for a real Kubernetes: their objects, their policies, and a calendar with the one event of all.

Ten of them share a namespace, as a team's do: what lists a namespace lists a thousand pods and not thirty thousand.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from cluster.fake_nodes import HIDDEN_FROM_PROXY, PLACEMENT
from e2e.role import ROLES

Json = dict[str, Any]

EVENT: Final = "fleet.sale"
HOME: Final = "fleet-home"
"""The namespace of springtide's own account."""

ACCOUNT: Final = "springtide"
MARK: Final = "benchmark"
PORT: Final = 8080
A_NAMESPACE: Final = 10
_STEP_UP: Final = "20x"
"""One run takes a service all the way, whatever the sizes are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServices:
    """`services` that go from `first` pods to `target`; `is_fake` where their pods are on nodes that nobody is.

    `name` is what the namespaces begin with, so that one fleet can follow another in a cluster.
    """

    name: str
    services: int
    first: int
    target: int
    is_fake: bool

    def names(self) -> list[str]:
        """Return the services."""
        return [f"{self.name}-{number:03d}" for number in range(self.services)]

    def namespace_of(self, service: str) -> str:
        """Return where a service is."""
        return f"{self.name}-ns-{int(service.rpartition('-')[2]) // A_NAMESPACE:02d}"

    def namespaces(self) -> list[str]:
        """Return the namespaces, each once."""
        return sorted({self.namespace_of(service) for service in self.names()})

    def objects(self) -> list[Json]:
        """Return the namespaces with springtide's rights in each, and the workloads."""
        spaces = [_object("v1", "Namespace", name) for name in (HOME, *self.namespaces())]
        rights = [each for namespace in self.namespaces() for each in _rights(namespace)]
        account = _object("v1", "ServiceAccount", ACCOUNT, HOME)
        return [*spaces, account, *rights, *(each for name in self.names() for each in self._workload(name))]

    def write(self, folder: Path, *, runs: int, pods_per_minute: int, strategy: str = "in_place") -> None:
        """Write `policies` and `calendars` below `folder`."""
        yaml = YAML()
        for kind in ("policies", "calendars"):
            (folder / kind).mkdir(parents=True)
        for service in self.names():
            yaml.dump(self._policy(service, strategy), folder / "policies" / f"{service}.yaml")
        yaml.dump(self._calendar(runs, pods_per_minute), folder / "calendars" / "fleet.yaml")

    def _policy(self, service: str, strategy: str) -> Json:
        target = {"namespace": self.namespace_of(service), "deployment": service, "service": service}
        deadlines = {"ready": "30m", "switched": "10m", "removed": "10m"}
        spec = {
            "target": target,
            "replicas": {"min": min(self.first, self.target), "max": max(self.first, self.target)},
            "capacity": {"models": [{"model": "fixed", "replicas": self.first}]},
            "strategy": {"type": strategy, "deadlines": deadlines},
            "guards": {"step_up": _STEP_UP},
        }
        return _document("ScalingPolicy", service, spec)

    def _calendar(self, runs: int, pods_per_minute: int) -> Json:
        event = {
            "name": "sale",
            "start": f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M}",
            "duration": "2h",
            "services": {service: {"replicas": self.target} for service in self.names()},
        }
        pace = {"pods_per_minute": pods_per_minute, "runs": runs}
        return _document("EventCalendar", "fleet", {"timezone": "UTC", "pace": pace, "events": [event]})

    def _workload(self, name: str) -> list[Json]:
        labels = {"app": name}
        namespace = self.namespace_of(name)
        pods = {"containers": [_container(is_fake=self.is_fake)]} | (PLACEMENT if self.is_fake else {})
        deployment = _object("apps/v1", "Deployment", name, namespace)
        deployment["metadata"]["labels"] = {MARK: self.name}
        deployment["spec"] = {
            "replicas": self.first,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels | {MARK: self.name}}, "spec": pods},
        }
        service = _object("v1", "Service", name, namespace)
        service["metadata"]["labels"] = {MARK: self.name} | (HIDDEN_FROM_PROXY if self.is_fake else {})
        service["spec"] = {"selector": labels, "ports": [{"name": "http", "port": PORT, "targetPort": PORT}]}
        return [deployment, service]


def _container(*, is_fake: bool) -> Json:
    container: Json = {
        "name": "web",
        "image": "localhost/web:1",
        "imagePullPolicy": "Never",
        "ports": [{"containerPort": PORT}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
    }
    # Nobody probes a pod of KWOK, but without a probe springtide refuses a workload.
    container["readinessProbe"] = {"httpGet": {"path": "/readiness", "port": PORT}, "periodSeconds": 1}
    if is_fake:
        return container
    environment = [{"name": "DRAIN", "value": "2s"}]
    return container | {"env": environment, "resources": {"requests": {"memory": "8Mi"}}}


def _rights(namespace: str) -> list[Json]:
    """Return the Role that is shipped and its binding, for springtide's account."""
    documents = {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(ROLES / "rbac.yaml")}
    metadata = {"name": ACCOUNT, "namespace": namespace}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": HOME}
    binding = documents["RoleBinding"] | {"metadata": metadata, "subjects": [subject]}
    return [documents["Role"] | {"metadata": metadata}, binding]


def _object(version: str, kind: str, name: str, namespace: str = "") -> Json:
    metadata: Json = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _document(kind: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": "springtide/v1",
        "kind": kind,
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": spec,
    }

"""The fleet: N services of two pods in ten namespaces, a policy for each, and what they are measured to need.

Demand is steady, so a sweep finds nothing to do; of a fleet that changes, every tenth service is measured at four times
as much.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NAMESPACES: Final = 10
REPLICAS: Final = 2
PER_REPLICA: Final = 100.0
STEADY: Final = 120.0
"""Requests a second: two pods at 60 % each."""

CHANGED: Final = 480.0
_PROBE_SECONDS: Final = 30
"""A thousand services are probed at one moment, when they start: on a busy machine each waits for all others."""

ONE_IN: Final = 10
PROBED_EVERY: Final = 60
"""Seconds. Seldom: a thousand services are probed by the same two cores that are measured."""

LOOKBACK_DAYS: Final = 21
METRIC: Final = "fleet_requests_per_second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many services there are, and whether every tenth of them has more to do than it had."""

    services: int
    changes: bool = False

    @property
    def names(self) -> list[str]:
        """The services, by their names."""
        return [f"service-{number:04d}" for number in range(self.services)]

    def demand(self, number: int) -> float:
        """Return what a service is measured to serve, in requests a second."""
        return CHANGED if self.changes and number % ONE_IN == 0 else STEADY

    def metrics(self) -> str:
        """Return what the services are scraped for."""
        lines = [f'{METRIC}{{service="{name}"}} {self.demand(number):g}' for number, name in enumerate(self.names)]
        return "\n".join([f"# TYPE {METRIC} gauge", *lines, ""])

    def objects(self) -> list[dict[str, Any]]:
        """Return what the cluster begins with."""
        places = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"fleet-{n}"}} for n in range(NAMESPACES)
        ]
        made = (
            workload(name, namespace_of(number), replicas=REPLICAS, probed_every=PROBED_EVERY)
            for number, name in enumerate(self.names)
        )
        return [*places, *(each for objects in made for each in objects)]

    def write_policies(self, folder: Path) -> None:
        """Write a policy for each service."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(self.names):
            folder.joinpath(f"{name}.yaml").write_text(json.dumps(_policy(number, name), indent=2))


def namespace_of(number: int) -> str:
    """Return where a service stands."""
    return f"fleet-{number % NAMESPACES}"


def query_of(name: str) -> str:
    """Return how a service's demand is asked for."""
    return f'sum({METRIC}{{service="{name}"}})'


def _policy(number: int, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": {
            "target": {"namespace": namespace_of(number), "deployment": name, "service": name},
            "replicas": {"min": 1, "max": 8},
            "demand": {
                "source": "prometheus",
                "query": query_of(name),
                "unit": "requests/s",
                "lookback": f"{LOOKBACK_DAYS}d",
            },
            "capacity": {"models": [{"model": "auto", "per_replica": PER_REPLICA}]},
            "strategy": {"type": "in_place"},
        },
    }


def workload(
    name: str, namespace: str, *, replicas: int, probed_every: int, startup: int | None = None
) -> list[dict[str, Any]]:
    """Return a Deployment and its Service, both called `name`; its pods are ready after `startup` seconds."""
    labels = {"app": name}
    container: dict[str, Any] = {
        "name": "web",
        "image": "localhost/web:1",
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {
            "httpGet": {"path": "/readiness", "port": 8080},
            "periodSeconds": probed_every,
            "timeoutSeconds": _PROBE_SECONDS,
        },
    }
    if startup is not None:
        container["env"] = [{"name": "STARTUP", "value": f"{startup}s"}]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 8080, "targetPort": 8080}]},
    }
    return [deployment, service]

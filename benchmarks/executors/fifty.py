"""Fifty small services and their policies: `python -m benchmarks.executors.fifty FOLDER` writes both.

Each service has one pod that is ready after a second, and a policy by which a run scales it in place. The folder then
holds `fifty.yaml` for `springtide sandbox --manifest` and `policies/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

SERVICES: Final = 50
NAMESPACE: Final = "wave"


def name_of(number: int) -> str:
    """Return a service's name, which is its policy's too."""
    return f"service-{number:02d}"


def objects() -> list[dict[str, Any]]:
    """Return what the cluster begins with."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [namespace, *(each for number in range(SERVICES) for each in _workload(name_of(number)))]


def policy(name: str) -> dict[str, Any]:
    """Return the policy of one service: in place, with waits as short as on one machine."""
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "benchmark"},
        "spec": {
            "target": {"namespace": NAMESPACE, "deployment": name, "service": name},
            "replicas": {"min": 1, "max": 4},
            "capacity": {"models": [{"model": "fixed", "replicas": 2}]},
            "strategy": {"type": "in_place", "deadlines": {"ready": "5m", "switched": "5m", "removed": "5m"}},
        },
    }


def write(folder: Path) -> None:
    """Write the objects and the policies."""
    yaml = YAML()
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    with (folder / "fifty.yaml").open("w") as file:
        yaml.dump_all(objects(), file)
    for number in range(SERVICES):
        yaml.dump(policy(name_of(number)), folder / "policies" / f"{name_of(number)}.yaml")


def _workload(name: str) -> list[dict[str, Any]]:
    labels = {"app": name}
    container = {
        "name": "web",
        "image": "localhost/web:1",
        "env": [{"name": "STARTUP", "value": "1s"}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8080}, "periodSeconds": 1},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 8080, "targetPort": 8080}]},
    }
    return [deployment, service]


if __name__ == "__main__":
    write(Path(sys.argv[1]))

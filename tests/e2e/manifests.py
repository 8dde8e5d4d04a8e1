"""The workload that every scenario scales: one Deployment, one Service, and the ConfigMap that its pods start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Json = dict[str, Any]

NAME = "web"
PORT = 8080  # of the Service: above 1023, so that the embedded cluster needs no root
IMAGE = "localhost/web:1"
DRAIN_SECONDS = 2
"""How long a pod goes on answering after it was told to stop: many times what the Service needs to leave it out."""
PROPAGATION = timedelta(seconds=2)
"""How long a run gives the proxies to follow: one node's does so in 0.1 s."""


@dataclass(frozen=True, slots=True)
class Web:
    """What differs from scenario to scenario."""

    namespace: str
    replicas: int = 3
    image: str = IMAGE
    environment: dict[str, str] = field(default_factory=dict)

    def objects(self) -> list[tuple[str, Json]]:
        """Return everything that is created, with the collection it is created in."""
        return [("configmaps", self.config_map()), ("services", self.service()), ("deployments", self.deployment())]

    def deployment(self) -> Json:
        """Return the Deployment. `NEVER_READY`, `CRASH` and `STATUS` are the ConfigMap's as it is when a pod starts."""
        fixed = {"VERSION": "1", "DRAIN": f"{DRAIN_SECONDS}s"} | self.environment
        environment: list[Json] = [{"name": name, "value": value} for name, value in fixed.items()]
        environment += [from_config_map(name) for name in ("NEVER_READY", "CRASH", "STATUS")]
        container = {
            "name": NAME,
            "image": self.image,
            "imagePullPolicy": "Never",
            "env": environment,
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8080}, "periodSeconds": 1},
        }
        labels = {"app": NAME}
        pods = {"terminationGracePeriodSeconds": 20, "containers": [container]}
        spec = {
            "replicas": self.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pods},
        }
        return self._object("apps/v1", "Deployment", spec=spec) | {"metadata": self._metadata(NAME, labels)}

    def service(self) -> Json:
        """Return the Service, whose selector is what a blue-green run moves."""
        spec = {"selector": {"app": NAME}, "ports": [{"name": "http", "port": PORT, "targetPort": 8080}]}
        return self._object("v1", "Service", spec=spec)

    def config_map(self) -> Json:
        """Return the ConfigMap, empty: the pods that start first are healthy ones."""
        return self._object("v1", "ConfigMap", data={})

    def quota(self, pods: int) -> Json:
        """Return a quota that lets the namespace have `pods` pods."""
        return self._object("v1", "ResourceQuota", spec={"hard": {"pods": str(pods)}})

    def autoscaler(self, spec: Json) -> Json:
        """Return an HPA over the workload."""
        return self._object("autoscaling/v2", "HorizontalPodAutoscaler", spec=spec)

    def _object(self, version: str, kind: str, **content: Any) -> Json:
        return {"apiVersion": version, "kind": kind, "metadata": self._metadata(NAME, {})} | content

    def _metadata(self, name: str, labels: dict[str, str]) -> Json:
        return {"name": name, "namespace": self.namespace, "labels": labels}


def from_config_map(name: str) -> Json:
    """Return an environment variable whose value is the ConfigMap's, if it has one."""
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": NAME, "key": name, "optional": True}}}


def policy(
    namespace: str,
    *,
    smoke_path: str,
    ready_within: str,
    raise_max: bool = False,
    only_warn: tuple[str, ...] = (),
    overlap: str = "full",
) -> Json:
    """Return the policy: every proof switched on, short waits, for one node's kube-proxy follows in 0.1 s.

    A smoke check that the preflight may only warn of is one that is meant to fail, and after the switch.
    Its own strategy is `floor` where a maximum may be raised: that is no part of what strategies share.
    """
    kind: Json = {"type": "floor", "raise_max": True} if raise_max else {"type": "blue_green"}
    kind |= {"overlap": overlap} if overlap != "full" else {}
    when = "after_switch" if "smoke" in only_warn else "both"
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": NAME, "owner": "e2e"},
        "spec": {
            "target": {"namespace": namespace, "deployment": NAME, "service": NAME},
            "replicas": {"min": 1, "max": 20},
            "capacity": {"models": [{"model": "fixed", "replicas": 3}]},
            "strategy": kind
            | {
                "propagation": f"{PROPAGATION.seconds}s",
                "drain": "1s",
                "remove_step": "50%",
                "probe": {"path": "/", "identity": "body"},
                "deadlines": {"ready": ready_within, "switched": "60s", "removed": "120s"},
                "patience": {"refused": "5s", "crash": "5s"},
            },
            "smoke": [{"http": {"path": smoke_path, "samples": 30, "when": when}}],
            "guards": {"step_up": "10x"},
            "preflight": {"only_warn": list(only_warn)},
        },
    }


def tuned_policy(namespace: str, low: int, high: int) -> Json:
    """Return a policy whose autoscaler is springtide's own."""
    document = policy(namespace, smoke_path="/healthz", ready_within="60s")
    query = f'sum(rate(http_requests_total{{service="{NAME}"}}[1m]))'
    document["spec"] |= {
        "replicas": {"min": low, "max": high},
        "demand": {"source": "prometheus", "query": query, "unit": "requests/s", "lookback": "21d"},
        "capacity": {"models": [{"model": "auto", "per_replica": 50, "autoscaler": "tuned"}]},
    }
    document["spec"]["strategy"] |= {"type": "floor"}
    return document

"""Workloads of other kinds than Deployment in a simulation: a StatefulSet or a Rollout `web`, with its Service."""

from __future__ import annotations

from typing import Any

from springtide.record.memory import MemoryStore
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from springtide.workload import WorkloadKind
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation, web

API_VERSIONS = {WorkloadKind.STATEFUL_SET: "apps/v1", WorkloadKind.ROLLOUT: "argoproj.io/v1alpha1"}
PLURALS = {WorkloadKind.STATEFUL_SET: "statefulsets", WorkloadKind.ROLLOUT: "rollouts"}
OTHERS = tuple(PLURALS)


def scaled_by(kind: WorkloadKind, replicas: int, *, env: dict[str, str] | None = None, **spec: Any) -> list[Json]:
    """Return the manifests of `web` with its Deployment in another kind; `spec` is added to what says how many."""
    namespace, deployment, service = web(replicas, **(env or {}))
    changed = {**deployment, "apiVersion": API_VERSIONS[kind], "kind": kind.noun}
    return [namespace, {**changed, "spec": deployment["spec"] | spec}, service]


def simulation_of(
    kind: WorkloadKind,
    replicas: int,
    *,
    strategy: str = "in_place",
    env: dict[str, str] | None = None,
    only_warn: tuple[str, ...] = (),
    **spec: Any,
) -> Simulation:
    """Return a settled world with `replicas` pods of such a workload, and the policy to scale it by `strategy`."""
    world = World(Settings(seed=1))
    world.apply(*scaled_by(kind, replicas, env=env, **spec))
    world.settle()
    target = {"namespace": NAMESPACE, kind.value: "web", "service": "web"}
    chosen = policy(
        target=target,
        strategy=WAITS | {"type": strategy},
        smoke=list(SMOKE),
        preflight={"only_warn": list(only_warn)},
    )
    simulation = Simulation(world, MemoryStore(), chosen)
    if strategy == "floor":
        world.apply(follower(kind, replicas))
        world.settle()
    return simulation


def follower(kind: WorkloadKind, replicas: int) -> Json:
    """Return an HPA over `web` whose metrics ask for `replicas`."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": NAMESPACE, "annotations": {WANTED: str(replicas)}},
        "spec": {
            "minReplicas": replicas,
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": API_VERSIONS[kind], "kind": kind.noun, "name": "web"},
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def workload_of(simulation: Simulation, kind: WorkloadKind) -> Json:
    """Return the object that is scaled, as it stands."""
    found = simulation.world.get(PLURALS[kind], NAMESPACE, "web")
    assert found is not None
    return found

"""Services that keep requests on the node that they come to, or at the pod that a client had before. Pure.

With a traffic policy `Local` a node sends requests to pods of its own alone. So it can lose its last endpoint while
plenty serve elsewhere. A switch waits until that cannot be (`strategy.locality`); what is known before is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from springtide.kube.objects import Json, Pod, Service, nodes_of
from springtide.kube.observation import PodSet
from springtide.kube.workloads import StatefulSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.plan.preflight import some
from springtide.plan.room import admits
from springtide.policy.scaling.strategy import BlueGreen, InPlace, RunSettings

_CHECK: Final = "traffic_policy"
_INTERNAL: Final = "internalTrafficPolicy"


def locality_findings(
    service: Service | None, stable: PodSet, plan: ScalingPlan, settings: RunSettings
) -> Iterator[Finding]:
    """Yield what a traffic policy `Local` and `sessionAffinity` mean for the run; nothing where there is neither."""
    if service is None or not isinstance(settings, BlueGreen | InPlace):
        return
    if isinstance(settings, BlueGreen) and service.session_affinity != "None":
        yield _found(
            FindingStatus.WARNING,
            f"Service {service.name} has sessionAffinity: {service.session_affinity}, and the switch sends every "
            "client to another pod: sessions that a pod keeps to itself are lost. Strategy in_place leaves those of "
            "the pods that stay",
        )
    if service.local_policies:
        yield from _local(service, stable, plan, settings)


def closed_node_findings(
    service: Service | None, stable: PodSet, nodes: Sequence[Json], settings: RunSettings
) -> Iterator[Finding]:
    """Yield a refusal where a switch cannot be: pods serve on a node that takes no new ones."""
    if service is None or not service.local_policies or not isinstance(settings, BlueGreen):
        return
    serving = nodes_of(stable.ready_pods)
    pod_spec = stable.scaled.pod_spec
    closed = sorted(
        node["metadata"]["name"] for node in nodes if node["metadata"]["name"] in serving and not admits(node, pod_spec)
    )
    if closed:
        yield _found(
            FindingStatus.REFUSED,
            f"{_words(service)}, and {len(closed)} of the {len(serving)} nodes on which pods serve now take no new "
            f"ones: {some(closed)}. They would have no endpoint after the switch. Uncordon them, or use strategy "
            "in_place.",
            code="node_closed",
        )


def _local(service: Service, stable: PodSet, plan: ScalingPlan, settings: BlueGreen | InPlace) -> Iterator[Finding]:
    if isinstance(settings, BlueGreen) and settings.overlap == "batched":
        yield _found(
            FindingStatus.REFUSED,
            f"{_words(service)}, and in batches nobody can say which node is without a pod for a while. Use overlap: "
            "full, or strategy in_place.",
            code="traffic_policy_local",
        )
        return
    serving = sorted(nodes_of(stable.ready_pods))
    lost = _lost(stable, plan, serving)
    here = f"pods serve on {len(serving)} nodes now ({some(serving)})"
    if lost:
        is_internal = _INTERNAL in service.local_policies
        yield _found(
            FindingStatus.REFUSED if is_internal else FindingStatus.WARNING,
            f"{_words(service)}: {here}, and {plan.replicas} pods leave {lost} of them without an endpoint. Requests "
            f"that come {'from' if is_internal else 'to'} there are dropped. Keep at least a pod for each node, or set "
            f"{' and '.join(service.local_policies)} to Cluster.",
            code="nodes_without_endpoint" if is_internal else "",
        )
    elif isinstance(settings, BlueGreen):
        yield _found(FindingStatus.PASSED, f"{_words(service)}: {here}, and the switch waits for a new one on each")


def _lost(stable: PodSet, plan: ScalingPlan, serving: Sequence[str]) -> int:
    """Return how many of the nodes have no pod any more when the run is over.

    A ReplicaSet takes pods first from where several stand. A StatefulSet takes the highest ordinals, wherever they are.
    """
    if isinstance(stable.scaled, StatefulSet):
        staying = sorted(stable.pods, key=_ordinal)[: plan.replicas]
        return len(set(serving) - nodes_of(staying))
    return max(0, len(serving) - plan.replicas)


def _ordinal(pod: Pod) -> int:
    return int(pod.name.rpartition("-")[2])


def _words(service: Service) -> str:
    policies = " and ".join(f"{name}: Local" for name in service.local_policies)
    return f"Service {service.name} has {policies}, so a node sends requests to pods of its own alone"


def _found(status: FindingStatus, message: str, *, code: str = "") -> Finding:
    return Finding(check=_CHECK, status=status, message=message, code=code)

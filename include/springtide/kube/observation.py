"""What runs now: one look at everything that belongs to a workload, as values.

An observation is read afresh for every decision (I-16, I-20) and never kept: decisions are pure functions of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from springtide import labels
from springtide.clock import Clock
from springtide.errors import InputError, NotFound
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.client import KubeReader, selector_text
from springtide.kube.objects import (
    Deployment,
    Endpoint,
    Json,
    Kind,
    Pod,
    ReplicaSet,
    Service,
    endpoints_of,
)
from springtide.workload import Workload


@dataclass(frozen=True, slots=True)
class PodSet:
    """A Deployment with the ReplicaSets and pods that are its own, by controller reference and never by label."""

    deployment: Deployment
    replica_sets: tuple[ReplicaSet, ...]
    pods: tuple[Pod, ...]

    @property
    def current(self) -> ReplicaSet | None:
        """The ReplicaSet of the present template: the one that carries the Deployment's revision."""
        revision = self.deployment.annotations.get(labels.REVISION, "")
        return next((rs for rs in self.replica_sets if rs.revision == revision), None)

    @property
    def template_hash(self) -> str:
        """The present template's `pod-template-hash`; empty until the controller has created its ReplicaSet."""
        return self.current.template_hash if self.current else ""

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """The pods that are Ready and stay."""
        return tuple(pod for pod in self.pods if pod.is_ready)


@dataclass(frozen=True, slots=True)
class ReplicaSetPods:
    """A ReplicaSet with the pods that are its own, by controller reference."""

    replica_set: ReplicaSet
    pods: tuple[Pod, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.replica_set.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look: the Service, up to two pod sets by Deployment name, every endpoint, every pod that the selector meets.

    `pods` holds all pods with the workload's labels, also those of no pod set (orphans, other workloads).
    `autoscaler` is read only where a strategy works through it; None also when it is gone.
    """

    at: datetime
    service: Service
    pod_sets: dict[str, PodSet]
    endpoints: tuple[Endpoint, ...]
    pods: tuple[Pod, ...]
    autoscaler: Autoscaler | None = None
    aside: tuple[ReplicaSetPods, ...] = ()

    @property
    def pod_set(self) -> PodSet:
        """The Deployment with the ReplicaSets and pods that it owns."""
        return next(iter(self.pod_sets.values()))

    def ready_endpoints(self, pod_set: PodSet | None = None) -> tuple[Endpoint, ...]:
        """Return the endpoints that get new connections now, of all sets or of one."""
        ready = tuple(e for e in self.endpoints if e.is_ready and not e.is_terminating)
        if pod_set is None:
            return ready
        uids = {pod.uid for pod in pod_set.pods}
        return tuple(e for e in ready if e.pod_uid in uids)


def observe(
    kube: KubeReader,
    clock: Clock,
    workload: Workload,
    *,
    autoscaler: tuple[Kind, str] | None = None,
) -> Observation:
    """Read everything that belongs to the workload, by quorum reads only; `autoscaler` names one to read as well.

    Raises:
        InputError: the Service does not exist, or neither of the two Deployments does.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    # The six reads are not one moment. A write is refused where its own object has moved since; whatever else moved
    # shows at the next look.
    service = _service(kube, workload)
    deployments = _deployments(kube, workload)
    namespace = workload.namespace
    selector = selector_text(shared_labels(deployments[0]))
    replica_sets = [ReplicaSet(raw) for raw in kube.list(Kind.REPLICA_SET, namespace, selector=selector)]
    pods = tuple(Pod(raw) for raw in kube.list(Kind.POD, namespace, selector=selector))
    slices = kube.list(Kind.ENDPOINT_SLICE, namespace, selector=f"{labels.SERVICE_NAME}={workload.service}")
    return Observation(
        at=clock.now(),
        service=service,
        pod_sets={d.name: _pod_set(d, replica_sets, pods) for d in deployments},
        endpoints=endpoints_of(slices),
        pods=pods,
        autoscaler=None if autoscaler is None else _autoscaler(kube, namespace, *autoscaler),
    )


def shared_labels(deployment: Deployment) -> dict[str, str]:
    """Return the labels that the pods of both sets carry: the selector without the alternate set's own label."""
    return {key: value for key, value in deployment.match_labels.items() if key != labels.SET}


def _pod_set(deployment: Deployment, replica_sets: list[ReplicaSet], pods: tuple[Pod, ...]) -> PodSet:
    # Both sets' pods carry the selector's labels: only the chain of owners tells whose they are.
    mine = tuple(rs for rs in replica_sets if rs.controller_uid == deployment.uid)
    uids = {rs.uid for rs in mine}
    return PodSet(deployment, mine, tuple(p for p in pods if p.controller_uid in uids and not p.is_finished))


def _service(kube: KubeReader, workload: Workload) -> Service:
    try:
        return Service(kube.get(Kind.SERVICE, workload.namespace, workload.service))
    except NotFound as error:
        raise InputError(
            f"target.service: there is no Service {workload.service!r} in namespace {workload.namespace!r}. Create it, "
            "or correct the policy.",
            code="service_unknown",
            field="target.service",
        ) from error


def _deployments(kube: KubeReader, workload: Workload) -> list[Deployment]:
    documents = [_find(kube, workload.namespace, name) for name in workload.set_names]
    deployments = [Deployment(raw) for raw in documents if raw is not None]
    if not deployments:
        first, second = workload.set_names
        raise InputError(
            f"target.deployment: there is neither a Deployment {first!r} nor {second!r} in namespace "
            f"{workload.namespace!r}. Create it, or correct the policy.",
            code="service_unknown",
            field="target.deployment",
        )
    return deployments


def _autoscaler(kube: KubeReader, namespace: str, kind: Kind, name: str) -> Autoscaler | None:
    try:
        return Autoscaler(kube.get(kind, namespace, name), kind)
    except NotFound:
        return None


def _find(kube: KubeReader, namespace: str, name: str) -> Json | None:
    try:
        return kube.get(Kind.DEPLOYMENT, namespace, name)
    except NotFound:
        return None

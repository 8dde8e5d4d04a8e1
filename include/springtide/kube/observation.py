"""What runs now: one look at everything that belongs to a workload, as values.

An observation is read afresh for every decision (I-16, I-20) and never kept: decisions are pure functions of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from springtide import labels
from springtide.clock import Clock
from springtide.errors import InputError, NotFound
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.client import KubeReader, selector_text
from springtide.kube.endpoints import Endpoint, endpoint_of, endpoints_of
from springtide.kube.objects import (
    Deployment,
    Kind,
    Pod,
    ReplicaSet,
    Service,
    WorkloadObject,
)
from springtide.kube.workloads import read_workload
from springtide.workload import Workload, WorkloadKind


@dataclass(frozen=True, slots=True)
class PodSet:
    """A workload with the ReplicaSets and pods that are its own, by controller reference and never by label.

    `scaled` says how many pods there are to be; a StatefulSet has no ReplicaSets.
    """

    scaled: WorkloadObject
    replica_sets: tuple[ReplicaSet, ...]
    pods: tuple[Pod, ...]

    @property
    def deployment(self) -> Deployment:
        """The Deployment, for what only goes with one.

        Raises:
            InputError: it is another kind (`workload_unsupported`).
        """
        if not isinstance(self.scaled, Deployment):
            raise InputError(
                f"{self.scaled.title}: only a Deployment can have two sets of pods that one run owns. Use strategy "
                "in_place, or floor.",
                code="workload_unsupported",
                field="strategy.type",
            )
        return self.scaled

    @property
    def current(self) -> ReplicaSet | None:
        """The ReplicaSet of the present template."""
        return next((each for each in self.replica_sets if self.scaled.is_current(each)), None)

    @property
    def template_hash(self) -> str:
        """The present template's `pod-template-hash`; empty until the controller has created its ReplicaSet."""
        return self.current.template_hash if self.current else ""

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """The pods that are Ready and stay."""
        return tuple(pod for pod in self.pods if pod.is_ready)

    def without(self, uid: str) -> PodSet:
        """Return the same without the ReplicaSet of this uid and its pods."""
        kept = tuple(replica_set for replica_set in self.replica_sets if replica_set.uid != uid)
        return PodSet(self.scaled, kept, tuple(pod for pod in self.pods if pod.controller_uid != uid))


@dataclass(frozen=True, slots=True)
class ReplicaSetPods:
    """One ReplicaSet with its pods: a Deployment's, or one that is set aside and stands alone."""

    replica_set: ReplicaSet
    pods: tuple[Pod, ...]

    @property
    def scaled(self) -> ReplicaSet:
        """What says how many pods there are to be."""
        return self.replica_set

    @property
    def is_aside(self) -> bool:
        """Whether a run has released it from its Deployment."""
        return labels.ASIDE_OF in self.replica_set.labels

    @property
    def template_hash(self) -> str:
        """The `pod-template-hash` of its pods."""
        return self.replica_set.template_hash

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """The pods that are Ready and stay."""
        return tuple(pod for pod in self.pods if pod.is_ready)


ScaledPods = PodSet | ReplicaSetPods


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look: the Service, the workload's pods, what is set aside of it, every endpoint.

    `service` is None where the workload has none: each pod is an endpoint of its own then, ready while the pod is.

    `unowned` are ReplicaSets with the Deployment's labels that nobody controls: its controller is about to take them.
    `pods` holds all pods with the workload's labels, also those of no pod set (orphans, other workloads).
    `autoscaler` is read only where a strategy works through it; None also when it is gone. The same holds for
    `placeholders`, the Deployment of the pods by which a run warms nodes.
    """

    at: datetime
    service: Service | None
    pod_set: PodSet
    aside: tuple[ReplicaSetPods, ...] = ()
    unowned: tuple[ReplicaSetPods, ...] = ()
    endpoints: tuple[Endpoint, ...]
    pods: tuple[Pod, ...]
    autoscaler: Autoscaler | None = None
    placeholders: Deployment | None = None

    @property
    def required_service(self) -> Service:
        """The Service, for what goes by it.

        Raises:
            InputError: the workload has none (`service_missing`).
        """
        if self.service is None:
            raise InputError(
                f"target.service: the policy of {self.pod_set.scaled.title} names no Service, and this goes by "
                "one. Name it, or use in_place or floor without probe and without smoke checks over HTTP.",
                code="service_missing",
                field="target.service",
            )
        return self.service

    @property
    def highest_stamp(self) -> int:
        """The highest Lease generation that stands on anything that a run may write; 0 where none has written."""
        things = (self.service, self.autoscaler, self.placeholders, self.pod_set.scaled, *self.pod_set.replica_sets)
        set_aside = (each.replica_set for each in self.aside)
        return max(thing.generation_stamp for thing in (*things, *set_aside) if thing)

    def ready_endpoints(self, pod_set: ScaledPods | None = None) -> tuple[Endpoint, ...]:
        """Return the pods that get new connections now and are ready for them, of all sets or of one."""
        ready = tuple(each for each in self.endpoints if each.is_ready)
        if pod_set is None:
            return ready
        uids = {pod.uid for pod in pod_set.pods}
        return tuple(each for each in ready if each.pod_uid in uids)

    def reached_beside(self, pod_set: ScaledPods) -> tuple[Endpoint, ...]:
        """Return what gets new connections now and is not of this set, ready for them or not."""
        uids = {pod.uid for pod in pod_set.pods}
        return tuple(each for each in self.endpoints if each.is_reached and each.pod_uid not in uids)


def observe(
    kube: KubeReader,
    clock: Clock,
    workload: Workload,
    *,
    autoscaler: tuple[Kind, str] | None = None,
    placeholders: str | None = None,
) -> Observation:
    """Read everything that belongs to the workload, by quorum reads only.

    `autoscaler` and `placeholders` name one of each to read as well.

    Raises:
        InputError: the Service does not exist, or the workload does not.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    # The reads are not one moment. A write is refused where its own object has moved since; whatever else moved
    # shows at the next look.
    service = _service(kube, workload)
    scaled = read_workload(kube, workload)
    namespace = workload.namespace
    selector = selector_text(scaled.match_labels)
    replica_sets: list[ReplicaSet] = []
    if scaled.has_replica_sets:
        replica_sets = [ReplicaSet(raw) for raw in kube.list(Kind.REPLICA_SET, namespace, selector=selector)]
    # A set aside has no label of its Deployment, or its controller would take it back; its pods have kept theirs.
    aside = aside_sets(kube, workload)
    pods = tuple(Pod(raw) for raw in kube.list(Kind.POD, namespace, selector=selector))
    pod_set = _pod_set(scaled, replica_sets, pods)
    return Observation(
        at=clock.now(),
        service=service,
        pod_set=pod_set,
        aside=tuple(pods_of(replica_set, pods) for replica_set in aside),
        unowned=tuple(pods_of(each, pods) for each in replica_sets if each.controller_uid is None),
        endpoints=_endpoints(kube, workload, pods) if service else tuple(map(endpoint_of, pod_set.pods)),
        pods=pods,
        autoscaler=None if autoscaler is None else _autoscaler(kube, namespace, *autoscaler),
        placeholders=None if placeholders is None else find_placeholders(kube, namespace, placeholders),
    )


def selected_pods(kube: KubeReader, observation: Observation, namespace: str) -> tuple[Pod, ...]:
    """Return the pods that the Service of `observation` selects; none where it has none, or one that selects nothing.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    service = observation.service
    if service is None or not service.selector:  # an empty selector would list the whole namespace
        return ()
    selector = selector_text(service.selector)
    if selector == selector_text(observation.pod_set.scaled.match_labels):
        return observation.pods
    return tuple(Pod(raw) for raw in kube.list(Kind.POD, namespace, selector=selector))


def aside_sets(kube: KubeReader, workload: Workload) -> tuple[ReplicaSet, ...]:
    """Return the ReplicaSets that runs have set aside of the workload's Deployment; of no other kind any is.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    if workload.kind is not WorkloadKind.DEPLOYMENT:
        return ()
    selector = selector_text({labels.ASIDE_OF: workload.deployment})
    return tuple(map(ReplicaSet, kube.list(Kind.REPLICA_SET, workload.namespace, selector=selector)))


def pods_of(replica_set: ReplicaSet, pods: Iterable[Pod]) -> ReplicaSetPods:
    """Return the ReplicaSet with those of `pods` that are its own and not finished."""
    return ReplicaSetPods(
        replica_set, tuple(pod for pod in pods if pod.controller_uid == replica_set.uid and not pod.is_finished)
    )


def _pod_set(scaled: WorkloadObject, replica_sets: list[ReplicaSet], pods: tuple[Pod, ...]) -> PodSet:
    # Every set's pods carry the selector's labels: only the chain of owners tells whose they are.
    mine = tuple(rs for rs in replica_sets if rs.controller_uid == scaled.uid)
    uids = {rs.uid for rs in mine} if scaled.has_replica_sets else {scaled.uid}
    return PodSet(scaled, mine, tuple(p for p in pods if p.controller_uid in uids and not p.is_finished))


def _endpoints(kube: KubeReader, workload: Workload, pods: Iterable[Pod]) -> tuple[Endpoint, ...]:
    selector = f"{labels.SERVICE_NAME}={workload.service}"
    return endpoints_of(kube.list(Kind.ENDPOINT_SLICE, workload.namespace, selector=selector), pods)


def _service(kube: KubeReader, workload: Workload) -> Service | None:
    if workload.service is None:
        return None
    try:
        return Service(kube.get(Kind.SERVICE, workload.namespace, workload.service))
    except NotFound as error:
        raise InputError(
            f"target.service: there is no Service {workload.service!r} in namespace {workload.namespace!r}. Create it, "
            "or correct the policy.",
            code="service_unknown",
            field="target.service",
        ) from error


def _autoscaler(kube: KubeReader, namespace: str, kind: Kind, name: str) -> Autoscaler | None:
    try:
        return Autoscaler(kube.get(kind, namespace, name), kind)
    except NotFound:
        return None


def find_placeholders(kube: KubeReader, namespace: str, name: str) -> Deployment | None:
    """Return the Deployment of placeholders; None where there is none.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    try:
        return Deployment(kube.get(Kind.DEPLOYMENT, namespace, name))
    except NotFound:
        return None

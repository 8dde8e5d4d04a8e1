"""Small builders: one line per case, only what a case is about is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from springtide import labels
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.endpoints import Endpoint
from springtide.kube.objects import Deployment, Json, Kind, Pod, ReplicaSet, Service
from springtide.kube.observation import Observation, PodSet, ReplicaSetPods
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import RunSettings
from springtide.strategy.model import AutoscalerSnapshot, HoldRequest, RunOrder, Snapshot, StableSet
from springtide.workload import Workload

NOW = datetime(2026, 11, 11, 0, 0, tzinfo=UTC)
OWN_SELECTOR = {"app": "web"}


def policy(**spec: Any) -> ScalingPolicy:
    """Return a valid policy for the workload `web`, with `spec` merged in."""
    return ScalingPolicy.model_validate(policy_document(**spec))


def policy_text(name: str = "web", **spec: Any) -> str:
    """Return the same as a file's text, under a name of its own; JSON is YAML, too."""
    return json.dumps(policy_document(name, **spec))


def policy_document(name: str = "web", **spec: Any) -> Json:
    """Return what stands in the file of a valid policy."""
    return {
        "apiVersion": "springtide/v1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "owner": "team-web"},
        "spec": {
            "target": {"namespace": "shop", "deployment": "web", "service": "web"},
            "replicas": {"min": 1, "max": 50},
            "capacity": {"models": [{"model": "fixed", "replicas": 6}]},
            "strategy": {"type": "blue_green", "propagation": "2s", "drain": "1s"},
        }
        | spec,
    }


@dataclass(frozen=True)
class SetBuilder:
    """A ReplicaSet with `ready` of `replicas` pods ready, and the Deployment `web` as it stands where it owns the set.

    `age` is for how long its pods have been as they are. `aside` is set aside by a run. `desired` is what the
    Deployment says, where that differs from the set's replicas; `edited` what its template says, where the set does not
    have that yet.
    """

    name: str = "web"
    replicas: int = 3
    ready: int | None = None
    pods: int | None = None
    hash: str = "hash-own"
    aside: bool = False
    desired: int | None = None
    edited: str | None = None
    noted: int | None = None
    paused: bool = False
    run: str | None = None
    generation: int = 0
    observed: bool = True
    env: str = "v1"
    uid: str = "uid-web"
    terminating: bool = False
    conditions: tuple[Json, ...] = ()
    waiting: str | None = None
    age: timedelta | None = None
    pod_changes: Json = field(default_factory=dict)

    def with_(self, **changes: Any) -> Self:
        """Return the same set, changed."""
        return replace(self, **changes)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return OWN_SELECTOR | {labels.POD_TEMPLATE_HASH: self.hash}

    @property
    def _ready(self) -> int:
        return self.replicas if self.ready is None else self.ready

    def _annotations(self) -> dict[str, str]:
        if self.run is None:
            return {}
        return {labels.RUN: self.run, labels.GENERATION: str(self.generation)}

    def _template(self, carried: dict[str, str], env: str) -> Json:
        container = {"name": "web", "image": "web:1", "env": [{"name": "V", "value": env}], "readinessProbe": {}}
        return {"metadata": {"labels": carried}, "spec": {"containers": [container]}}

    @property
    def deployment(self) -> Deployment:
        """The Deployment."""
        metadata: Json = {
            "name": "web",
            "uid": self.uid,
            "resourceVersion": "7",
            "generation": 2,
            "annotations": {labels.REVISION: self.name} | self._annotations(),
        }
        if self.terminating:
            metadata["deletionTimestamp"] = NOW.isoformat()
        replicas = self.replicas if self.desired is None else self.desired
        spec: Json = {
            "replicas": replicas,
            "selector": {"matchLabels": OWN_SELECTOR},
            "template": self._template(OWN_SELECTOR, self.edited or self.env),
        }
        if self.paused:
            spec["paused"] = True
        status = {
            "observedGeneration": 2 if self.observed else 1,
            "replicas": self.replicas,
            "updatedReplicas": self.replicas,
            "readyReplicas": self._ready,
            "availableReplicas": self._ready,
            "conditions": list(self.conditions),
        }
        return Deployment({"metadata": metadata, "spec": spec, "status": status})

    @property
    def replica_set(self) -> ReplicaSet:
        """The ReplicaSet."""
        owner = {"kind": "Deployment", "name": "web", "uid": self.uid, "controller": True}
        noted = self.replicas if self.noted is None else self.noted
        metadata: Json = {
            "name": f"{self.name}-rs",
            "uid": f"rs-{self.name}",
            "resourceVersion": "1",
            "labels": {labels.ASIDE_OF: "web"} if self.aside else self.labels,
            "annotations": {labels.REVISION: self.name, labels.DESIRED_REPLICAS: str(noted)} | self._annotations(),
        }
        if not self.aside:
            metadata["ownerReferences"] = [owner]
        spec = {"replicas": self.replicas, "template": self._template(self.labels, self.env)}
        status = {"availableReplicas": self._ready, "conditions": list(self.conditions)}
        return ReplicaSet({"metadata": metadata, "spec": spec, "status": status})

    def pod_objects(self) -> tuple[Pod, ...]:
        """Return its pods, the ready ones first."""
        count = self.replicas if self.pods is None else self.pods
        return tuple(self._pod(number, is_ready=number < self._ready) for number in range(count))

    def _pod(self, number: int, *, is_ready: bool) -> Pod:
        ready: Json = {"type": "Ready", "status": "True" if is_ready else "False"}
        if self.age is not None:
            ready["lastTransitionTime"] = (NOW - self.age).isoformat()
        status: Json = {"phase": "Running", "conditions": [ready]}
        if self.waiting is not None and not is_ready:
            reason, _, message = self.waiting.partition(": ")
            state = {"waiting": {"reason": reason, "message": message}}
            status["containerStatuses"] = [{"name": "web", "state": state, "restartCount": 3}]
        owner = {"kind": "ReplicaSet", "name": f"{self.name}-rs", "uid": f"rs-{self.name}", "controller": True}
        name = f"{self.name}-{number}"
        metadata = {
            "name": name,
            "uid": f"pod-{name}",
            "resourceVersion": "1",
            "labels": self.labels,
            "ownerReferences": [owner],
        }
        return Pod({"metadata": metadata, "spec": {}, "status": status | self.pod_changes})

    def build(self) -> PodSet:
        """Return the Deployment with this set alone."""
        return PodSet(self.deployment, (self.replica_set,), self.pod_objects())


def service(
    selector: dict[str, str] | None = None, *, switched: timedelta | None = None, uid: str = "uid-service", **spec: Any
) -> Service:
    """Return the Service; `switched` is how long ago its selector was moved."""
    annotations = {} if switched is None else {labels.SWITCHED_AT: (NOW - switched).isoformat()}
    metadata = {"name": "web", "uid": uid, "resourceVersion": "9", "annotations": annotations}
    own = {"selector": OWN_SELECTOR if selector is None else selector, "clusterIP": "127.0.1.1"}
    return Service({"metadata": metadata, "spec": own | {"ports": [{"name": "http", "port": 80}]} | spec})


def pinned(template_hash: str) -> dict[str, str]:
    """Return the Service's selector pinned to one set."""
    return OWN_SELECTOR | {labels.POD_TEMPLATE_HASH: template_hash}


def hpa(
    low: int | None, high: int | None = 20, *, note: str = "", target: str = "web", uid: str = "uid-hpa"
) -> Autoscaler:
    """Return the HPA over `web`, with `note` as springtide's annotation."""
    reference = {"kind": "Deployment", "name": target}
    return _autoscaler(Kind.AUTOSCALER, note, uid, minReplicas=low, maxReplicas=high, scaleTargetRef=reference)


def scaled_object(low: int | None = None, high: int | None = None, *, note: str = "", **spec: Any) -> Autoscaler:
    """Return the ScaledObject over `web`."""
    spec |= {"minReplicaCount": low, "maxReplicaCount": high, "scaleTargetRef": {"name": "web"}}
    return _autoscaler(Kind.SCALED_OBJECT, note, "uid-keda", **spec)


def _autoscaler(kind: Kind, note: str, uid: str, **spec: Any) -> Autoscaler:
    annotations = {labels.FLOOR: note} if note else {}
    metadata = {"name": "web", "uid": uid, "resourceVersion": "5", "annotations": annotations}
    said = {key: value for key, value in spec.items() if value is not None}
    return Autoscaler({"metadata": metadata, "spec": said}, kind)


def observation(
    service: Service,
    *sets: SetBuilder,
    serving: Sequence[str] | None = None,
    autoscaler: Autoscaler | None = None,
    deployment: SetBuilder | None = None,
) -> Observation:
    """Return one look.

    The Deployment is as the last set says that is not aside, or as `deployment` does. `serving` names the sets whose
    ready pods are endpoints; by default those that the selector meets.
    """
    names = serving if serving is not None else [each.name for each in sets if _meets(service, each)]
    pods = {each.name: each.pod_objects() for each in sets}
    owned = [each for each in sets if not each.aside]
    holder = deployment or (owned[-1] if owned else SetBuilder())
    mine = tuple(pod for each in owned for pod in pods[each.name])
    return Observation(
        at=NOW,
        service=service,
        pod_set=PodSet(holder.deployment, tuple(each.replica_set for each in owned), mine),
        aside=tuple(ReplicaSetPods(each.replica_set, pods[each.name]) for each in sets if each.aside),
        endpoints=tuple(_endpoint(pod) for name in names for pod in pods[name]),
        pods=tuple(pod for each in sets for pod in pods[each.name]),
        autoscaler=autoscaler,
    )


def _meets(service: Service, each: SetBuilder) -> bool:
    return all(each.labels.get(key) == value for key, value in service.selector.items())


def _endpoint(pod: Pod) -> Endpoint:
    return Endpoint(pod_uid=pod.uid, pod_name=pod.name, is_ready=pod.is_ready, is_reached=pod.is_ready)


def order(
    replicas: int,
    *,
    start: int = 3,
    settings: RunSettings | None = None,
    ready: int | None = None,
    through: Autoscaler | None = None,
) -> RunOrder:
    """Return the order to go from `start` to `replicas`; `through` is the autoscaler as it stood before."""
    stable = SetBuilder()
    snapshot = Snapshot(
        service_uid="uid-service",
        selector=OWN_SELECTOR,
        deployment_uid=stable.uid,
        template_digest=stable.deployment.template_digest,
        replicas=start,
        ready=start if ready is None else ready,
        stable=StableSet(name="web-rs", uid="rs-web", template_hash=stable.hash, labels=stable.labels),
        autoscaler=None if through is None else _snapshot_of(through),
    )
    chosen = settings if settings is not None else policy().spec.strategy
    return RunOrder(
        run_id="run-1",
        workload=Workload(namespace="shop", deployment="web", service="web"),
        replicas=replicas,
        snapshot=snapshot,
        settings=chosen,
        hold=HoldRequest("ada", "a sale", NOW + timedelta(days=1)),
    )


def _snapshot_of(autoscaler: Autoscaler) -> AutoscalerSnapshot:
    return AutoscalerSnapshot(
        kind=autoscaler.kind,
        name=autoscaler.name,
        uid=autoscaler.uid,
        bounds=autoscaler.bounds,
        floor_annotation=autoscaler.floor_annotation,
    )

"""Kubernetes objects as springtide reads them: thin, frozen views over the API's own JSON.

Nothing is dropped: a view keeps the whole object in `raw`, so that a field unknown to this code survives a copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar, Final

from springtide import labels

Json = dict[str, Any]

LARGEST_GENERATION: Final = 1_000_000_000
"""Somebody wrote what is above it: at a run a second it takes 30 years, and a Lease counts to 2,147,483,647 only."""

_DIGITS: Final = len(str(LARGEST_GENERATION))


class Kind(StrEnum):
    """The kinds that springtide reads or writes."""

    DEPLOYMENT = "deployment"
    REPLICA_SET = "replica_set"
    STATEFUL_SET = "stateful_set"
    POD = "pod"
    SERVICE = "service"
    ENDPOINT_SLICE = "endpoint_slice"
    LEASE = "lease"
    AUTOSCALER = "horizontal_pod_autoscaler"
    SCALED_OBJECT = "scaled_object"
    CRON_AUTOSCALER = "cron_horizontal_pod_autoscaler"
    PROMETHEUS_RULE = "prometheus_rule"
    RESOURCE_QUOTA = "resource_quota"
    DISRUPTION_BUDGET = "pod_disruption_budget"
    NODE = "node"
    ROLLOUT = "rollout"
    VERTICAL_AUTOSCALER = "vertical_pod_autoscaler"
    CANARY = "canary"
    NAMESPACE = "namespace"
    EVENT = "event"
    CONFIG_MAP = "config_map"


@dataclass(frozen=True, slots=True)
class Version:
    """What a compare-and-swap names: this very object, exactly as it was read."""

    uid: str
    resource_version: str


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One status condition."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime | None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _conditions(raw: Json) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=entry["type"],
            status=entry.get("status", "Unknown"),
            reason=entry.get("reason", ""),
            message=entry.get("message", ""),
            since=_time(entry.get("lastTransitionTime")),
        )
        for entry in raw.get("status", {}).get("conditions") or ()
    )


@dataclass(frozen=True)
class KubeObject:
    """What all kinds share."""

    raw: Json

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.raw["metadata"]["uid"])

    @property
    def version(self) -> Version:
        return Version(self.uid, str(self.raw["metadata"]["resourceVersion"]))

    @property
    def labels(self) -> Mapping[str, str]:
        return self.raw["metadata"].get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.raw["metadata"].get("annotations") or {}

    @property
    def is_terminating(self) -> bool:
        return "deletionTimestamp" in self.raw["metadata"]

    @property
    def controller_uid(self) -> str | None:
        """The uid of the owner that controls this object."""
        owners = self.raw["metadata"].get("ownerReferences") or ()
        return next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)

    @property
    def controller(self) -> str:
        """The owner that controls this object, as people write it: `ReplicaSet/checkout-5d8`."""
        owners = self.raw["metadata"].get("ownerReferences") or ()
        return next((f"{o['kind']}/{o['name']}" for o in owners if o.get("controller")), f"no controller ({self.name})")

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        return _conditions(self.raw)

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of this type, or None."""
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def generation_stamp(self) -> int:
        """The Lease generation that wrote this object last; 0 when springtide never did, and where that is none."""
        text = self.annotations.get(labels.GENERATION, "0")
        stamp = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
        return stamp if stamp <= LARGEST_GENERATION else 0


@dataclass(frozen=True)
class Scalable(KubeObject):
    """What all share that can be scaled: pods of one template, as many as `replicas` says."""

    kind: ClassVar[Kind]
    noun: ClassVar[str]

    @property
    def title(self) -> str:
        """The object as people write it: `Deployment checkout`."""
        return f"{self.noun} {self.name}"

    @property
    def spec(self) -> Json:
        return dict(self.raw["spec"])

    @property
    def replicas(self) -> int:
        return int(self.spec.get("replicas", 1))

    @property
    def own_template(self) -> Json:
        """The pod template as its owner wrote it, without the hash that a controller adds for a ReplicaSet."""
        template: Json = self.spec["template"]
        metadata = {key: value for key, value in template["metadata"].items() if value is not None}
        carried = metadata.get("labels") or {}
        metadata["labels"] = {key: value for key, value in carried.items() if key not in labels.TEMPLATE_HASHES}
        return template | {"metadata": metadata}

    @property
    def template_digest(self) -> str:
        """What tells one pod template from another: the same for a Deployment and for a ReplicaSet of its template."""
        text = json.dumps(self.own_template, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def is_observed(self) -> bool:
        """Whether the controller has seen the present spec: without it, no count below means anything."""
        return self._status("observedGeneration") >= int(self.raw["metadata"].get("generation", 0))

    @property
    def available_replicas(self) -> int:
        return self._status("availableReplicas")

    def _status(self, field: str) -> int:
        # Argo Rollouts writes `observedGeneration` as text.
        number = str(self.raw.get("status", {}).get(field) or 0)
        return int(number) if number.isascii() and number.isdigit() else 0


@dataclass(frozen=True)
class WorkloadObject(Scalable):
    """What a policy can name as its target; the properties are the API's own fields."""

    has_replica_sets: ClassVar[bool] = True
    """Whether its pods belong to ReplicaSets of its own, one for each template."""

    @property
    def is_paused(self) -> bool:
        return bool(self.spec.get("paused", False))

    @property
    def match_labels(self) -> Mapping[str, str]:
        return self.spec["selector"].get("matchLabels") or {}

    @property
    def template_labels(self) -> Mapping[str, str]:
        return self.spec["template"]["metadata"].get("labels") or {}

    @property
    def pod_spec(self) -> Json:
        return dict(self.spec["template"]["spec"])

    @property
    def current_replicas(self) -> int:
        return self._status("replicas")

    @property
    def updated_replicas(self) -> int:
        return self._status("updatedReplicas")

    @property
    def ready_replicas(self) -> int:
        return self._status("readyReplicas")

    @property
    def min_ready_seconds(self) -> int:
        return int(self.spec.get("minReadySeconds") or 0)

    @property
    def is_settled(self) -> bool:
        """Whether all pods that are wanted are there, and of the present template."""
        return self.updated_replicas == self.current_replicas == self.replicas

    @property
    def rollout_obstacle(self) -> str | None:
        """Why its controller is not done with the present template, in its own words; None when it says nothing."""
        return None

    def is_current(self, replica_set: ReplicaSet) -> bool:
        """Say whether this is the ReplicaSet of the present template: the one that carries the same revision."""
        return replica_set.revision == self.annotations.get(labels.REVISION, "")


@dataclass(frozen=True)
class Deployment(WorkloadObject):
    """A Deployment."""

    kind = Kind.DEPLOYMENT
    noun = "Deployment"


@dataclass(frozen=True)
class ReplicaSet(Scalable):
    """A ReplicaSet."""

    kind = Kind.REPLICA_SET
    noun = "ReplicaSet"

    @property
    def template_hash(self) -> str:
        """The `pod-template-hash` of its pods; also while it is set aside, when its own labels do not say it."""
        return str(self.spec["template"]["metadata"]["labels"].get(labels.POD_TEMPLATE_HASH, ""))

    @property
    def rollout_hash(self) -> str:
        """The hash that Argo Rollouts gives the pods of one template; empty where it is not a Rollout's."""
        return self.labels.get(labels.ROLLOUT_HASH, "")

    @property
    def revision(self) -> str:
        return self.annotations.get(labels.REVISION, "")

    @property
    def desired_replicas(self) -> str:
        """The replicas of its Deployment when its controller scaled it last, as it wrote them; empty without."""
        return self.annotations.get(labels.DESIRED_REPLICAS, "")


@dataclass(frozen=True)
class Pod(KubeObject):
    """A pod."""

    @property
    def phase(self) -> str:
        return str(self.raw.get("status", {}).get("phase", "Pending"))

    @property
    def created_at(self) -> datetime | None:
        return _time(self.raw["metadata"].get("creationTimestamp"))

    @property
    def due_to_go(self) -> datetime | None:
        """When it is to be gone: the end of its grace period; None while nobody has deleted it."""
        return _time(self.raw["metadata"].get("deletionTimestamp"))

    @property
    def is_ready(self) -> bool:
        """Pod Ready: the containers are, and every readiness gate is (KEP-580)."""
        ready = self.condition("Ready")
        return ready is not None and ready.status == "True" and not self.is_terminating

    @property
    def node(self) -> str:
        """The name of its node; empty until it has one."""
        return str(self.raw["spec"].get("nodeName") or "")

    @property
    def is_finished(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}

    @property
    def is_unschedulable(self) -> bool:
        """Whether the scheduler has looked and found no node for it."""
        scheduled = self.condition("PodScheduled")
        return scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable"

    @property
    def template_hash(self) -> str:
        return self.labels.get(labels.POD_TEMPLATE_HASH, "")

    @property
    def container_statuses(self) -> tuple[Json, ...]:
        status = self.raw.get("status", {})
        return tuple(status.get("initContainerStatuses") or ()) + tuple(status.get("containerStatuses") or ())


def nodes_of(pods: Iterable[Pod]) -> set[str]:
    """Return the names of the nodes that the pods stand on."""
    return {pod.node for pod in pods if pod.node}


@dataclass(frozen=True)
class KubeEvent(KubeObject):
    """What somebody wrote down about an object."""

    @property
    def reason(self) -> str:
        return str(self.raw.get("reason") or "")

    @property
    def message(self) -> str:
        return str(self.raw.get("message") or "")

    @property
    def about(self) -> str:
        """The name of the object."""
        return str((self.raw.get("involvedObject") or {}).get("name") or "")

    @property
    def at(self) -> datetime | None:
        """When it happened last: writers of the old form and of the new one fill different fields."""
        series = (self.raw.get("series") or {}).get("lastObservedTime")
        return _time(series or self.raw.get("lastTimestamp") or self.raw.get("eventTime"))


@dataclass(frozen=True)
class Service(KubeObject):
    """A Service."""

    @property
    def selector(self) -> dict[str, str]:
        return dict(self.raw["spec"].get("selector") or {})

    @property
    def type(self) -> str:
        return str(self.raw["spec"].get("type", "ClusterIP"))

    @property
    def cluster_ip(self) -> str:
        return str(self.raw["spec"].get("clusterIP") or "")

    @property
    def is_headless(self) -> bool:
        """Whether it has no address of its own: DNS names the pods' addresses then."""
        return self.cluster_ip == "None"

    @property
    def ports(self) -> tuple[Json, ...]:
        return tuple(self.raw["spec"].get("ports") or ())

    @property
    def local_policies(self) -> tuple[str, ...]:
        """The fields by which a node sends requests to pods of its own alone."""
        fields = ("internalTrafficPolicy", "externalTrafficPolicy")
        return tuple(field for field in fields if self.raw["spec"].get(field) == "Local")

    @property
    def session_affinity(self) -> str:
        """Whether a client stays with its pod: `ClientIP`, or `None` in so many letters."""
        return str(self.raw["spec"].get("sessionAffinity") or "None")

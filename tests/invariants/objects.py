"""The workload's objects, at one moment and at every moment: what a run found, whoever had changed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from springtide import labels
from springtide.sandbox.objects import Json, Ref, controller_of, labels_of
from springtide.sandbox.store import Change
from springtide.sandbox.world import World
from support.simulation import NAMESPACE, WORKLOAD

LEASE = WORKLOAD.lease_name
_BY_NAME = {
    "deployments": "deployments",
    "replicasets": "replica_sets",
    "pods": "pods",
    "horizontalpodautoscalers": "autoscalers",
}


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The workload at one moment; all but the Service and the Lease by name."""

    service: Json | None
    deployments: dict[str, Json]
    replica_sets: dict[str, Json]
    pods: dict[str, Json]
    autoscalers: dict[str, Json]
    lease: Json | None

    @classmethod
    def of(cls, world: World, *, at: int | None = None) -> Objects:
        """Return it as it is now, or as it was at a revision."""

        def named(resource: str) -> dict[str, Json]:
            return {each["metadata"]["name"]: each for each in world.store.select(resource, NAMESPACE, at=at)}

        return cls(
            service=world.store.get(Ref("services", NAMESPACE, "web"), at=at),
            lease=world.store.get(Ref("leases", NAMESPACE, LEASE), at=at),
            **{field: named(resource) for resource, field in _BY_NAME.items()},
        )

    @property
    def pin(self) -> str | None:
        """The pod-template-hash that the Service is pinned to."""
        selector = self.service["spec"].get("selector") or {} if self.service else {}
        return selector.get(labels.POD_TEMPLATE_HASH)

    @property
    def deployment(self) -> Json | None:
        """The workload's Deployment."""
        return self.deployments.get(WORKLOAD.deployment)

    @property
    def is_paused(self) -> bool:
        """Whether the workload's Deployment is."""
        return self.deployment is not None and bool(self.deployment["spec"].get("paused"))

    @property
    def owned(self) -> tuple[Json, ...]:
        """The ReplicaSets that the workload's Deployment controls."""
        if self.deployment is None:
            return ()
        uid = self.deployment["metadata"]["uid"]
        return tuple(each for each in self.replica_sets.values() if (controller_of(each) or {}).get("uid") == uid)

    @property
    def aside(self) -> tuple[Json, ...]:
        """The ReplicaSets that say that a run has set them aside."""
        return tuple(each for each in self.replica_sets.values() if labels.ASIDE_OF in labels_of(each))

    @property
    def serving_owned(self) -> Json | None:
        """The ReplicaSet that the Service is pinned to, where it is the Deployment's own."""
        return next((each for each in self.owned if hash_of(each) == self.pin), None)

    def set_of(self, template_hash: str) -> Json | None:
        """Return the ReplicaSet whose pods have this pod-template-hash."""
        return next((each for each in self.replica_sets.values() if hash_of(each) == template_hash), None)

    def pods_of(self, replica_set: Json) -> list[Json]:
        """Return the pods of a ReplicaSet that have not ended."""
        uid = replica_set["metadata"]["uid"]
        mine = (pod for pod in self.pods.values() if (controller_of(pod) or {}).get("uid") == uid)
        return [pod for pod in mine if pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}]

    def after(self, change: Change) -> Objects:
        """Return it as a change leaves it."""
        name = change.ref.name
        now = None if change.type == "DELETED" else change.object
        if change.ref.resource == "services":
            return replace(self, service=now) if name == WORKLOAD.service else self
        if change.ref.resource == "leases":
            return replace(self, lease=now) if name == LEASE else self
        field = _BY_NAME[change.ref.resource]
        rest = {each: document for each, document in getattr(self, field).items() if each != name}
        return replace(self, **{field: rest if now is None else rest | {name: now}})


@dataclass(frozen=True, slots=True)
class ObjectsAt:
    """The workload from a revision of the store on; `at` is seconds."""

    revision: int
    at: float
    objects: Objects


def hash_of(replica_set: Json) -> str:
    """Return the pod-template-hash of a ReplicaSet's pods, which its own labels do not say while it is set aside."""
    return str(replica_set["spec"]["template"]["metadata"]["labels"][labels.POD_TEMPLATE_HASH])


def wanted(document: Json) -> int:
    """Return the replicas that an object asks for."""
    return int(document["spec"].get("replicas", 1))


def moments(world: World, since: int) -> Iterator[ObjectsAt]:
    """Yield the workload as it was at a revision, and after every change of it from there on."""
    objects = Objects.of(world, at=since)
    yield ObjectsAt(since, world.history.time_of(since), objects)
    for change in world.store.changes_from(world.store.position(since)):
        if change.ref.namespace == NAMESPACE and change.ref.resource in {"services", "leases", *_BY_NAME}:
            objects = objects.after(change)
            yield ObjectsAt(change.revision, world.history.time_of(change.revision), objects)

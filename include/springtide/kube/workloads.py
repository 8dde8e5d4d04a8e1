"""The other kinds that are scaled as Deployments are, through their `scale` subresource; and reading any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from springtide import labels
from springtide.errors import InputError, NotFound
from springtide.kube.client import KubeReader
from springtide.kube.objects import Deployment, Json, Kind, Pod, ReplicaSet, WorkloadObject
from springtide.workload import Workload, WorkloadKind

KIND_OF: Final = {
    WorkloadKind.DEPLOYMENT: Kind.DEPLOYMENT,
    WorkloadKind.STATEFUL_SET: Kind.STATEFUL_SET,
    WorkloadKind.ROLLOUT: Kind.ROLLOUT,
}
"""Under which kind the API has each."""


@dataclass(frozen=True)
class StatefulSet(WorkloadObject):
    """A StatefulSet: its pods are its own, each with an ordinal; the highest ones go first."""

    kind = Kind.STATEFUL_SET
    noun = "StatefulSet"
    has_replica_sets = False

    @property
    def is_settled(self) -> bool:
        """Whether all pods that are wanted are there; their template is its revisions' matter."""
        return self.current_replicas == self.replicas

    @property
    def rollout_obstacle(self) -> str | None:
        """That some pods are of an earlier revision, and what holds the others back."""
        status = self.raw.get("status") or {}
        before = status.get("currentRevision", "")
        after = status.get("updateRevision", "")
        if before == after:
            return None
        strategy = self.spec.get("updateStrategy") or {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        held = f", held back by partition {partition}" if partition else ""
        held = ", which OnDelete leaves to whoever deletes them" if strategy.get("type") == "OnDelete" else held
        return f"pods of revision {before} are still to become {after}{held}"

    @property
    def deletes_volumes(self) -> bool:
        """Whether the volume claims of pods that a shrink removes are deleted with them."""
        policy = self.spec.get("persistentVolumeClaimRetentionPolicy") or {}
        return bool(policy.get("whenScaled") == "Delete")

    def ordinal(self, pod: Pod) -> int:
        """Return which of its pods this is, counted from 0 whatever `spec.ordinals.start` says."""
        number = pod.name.removeprefix(f"{self.name}-")
        start = int((self.spec.get("ordinals") or {}).get("start") or 0)
        return int(number) - start if number.isascii() and number.isdigit() else 0


@dataclass(frozen=True)
class Rollout(WorkloadObject):
    """A Rollout of Argo Rollouts."""

    kind = Kind.ROLLOUT
    noun = "Rollout"

    @property
    def stable_hash(self) -> str:
        """The hash of the pods that serve; also what its controller pins its Services by."""
        return str((self.raw.get("status") or {}).get("stableRS") or "")

    @property
    def rollout_obstacle(self) -> str | None:
        """That it is not healthy, or that its present template is not the stable one yet."""
        status: Json = self.raw.get("status") or {}
        phase = status.get("phase", "Healthy")
        if phase != "Healthy":
            return f"its phase is {phase} {status.get('message', '')}".rstrip()
        present = status.get("currentPodHash", "")
        return None if present == self.stable_hash else f"{present} is not the stable {self.stable_hash} yet"

    def is_current(self, replica_set: ReplicaSet) -> bool:
        """Say whether it is the ReplicaSet of the present template."""
        return replica_set.rollout_hash == str((self.raw.get("status") or {}).get("currentPodHash") or "")


_VIEWS: Final[dict[WorkloadKind, type[WorkloadObject]]] = {
    WorkloadKind.DEPLOYMENT: Deployment,
    WorkloadKind.STATEFUL_SET: StatefulSet,
    WorkloadKind.ROLLOUT: Rollout,
}


def view_of(kind: WorkloadKind, raw: Json) -> WorkloadObject:
    """Return `raw`, an object of this kind, as the rest of springtide sees it."""
    return _VIEWS[kind](raw)


def read_workload(kube: KubeReader, workload: Workload) -> WorkloadObject:
    """Return the object that says how many pods the workload is to have.

    Raises:
        InputError: there is none of this name (`service_unknown`), or it has no template of its own
            (`workload_unsupported`).
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    try:
        raw = kube.get(KIND_OF[workload.kind], workload.namespace, workload.deployment)
    except NotFound as error:
        raise InputError(
            f"{workload.field}: there is no {workload.kind.noun} {workload.deployment!r} in namespace "
            f"{workload.namespace!r}. Create it, or correct the policy.",
            code="service_unknown",
            field=workload.field,
        ) from error
    reference = raw["spec"].get("workloadRef")
    if workload.kind is WorkloadKind.ROLLOUT and reference:
        raise InputError(
            f"{workload.field}: {workload.title} takes its template from {reference.get('kind')} "
            f"{reference.get('name')} (spec.workloadRef), where a run cannot see who changes it. Write the template "
            "into the Rollout, or scale it by hand.",
            code="workload_unsupported",
            field=workload.field,
        )
    return _VIEWS[workload.kind](raw)


def find_workload(kube: KubeReader, workload: Workload) -> WorkloadObject | None:
    """Return the same; None where it is gone.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    try:
        return _VIEWS[workload.kind](kube.get(KIND_OF[workload.kind], workload.namespace, workload.deployment))
    except NotFound:
        return None


def is_carried(scaled: WorkloadObject, key: str, value: str) -> bool:
    """Say whether the pods of `scaled` carry this label: by its template, or from its controller."""
    if key == labels.ROLLOUT_HASH and isinstance(scaled, Rollout):
        return value == scaled.stable_hash
    return scaled.template_labels.get(key) == value

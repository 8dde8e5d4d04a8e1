"""What owns a workload's replicas: a HorizontalPodAutoscaler, or the KEDA ScaledObject that keeps one.

KEDA overwrites its own HPA within seconds, so where a ScaledObject is behind an HPA, that is the autoscaler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from springtide import labels
from springtide.errors import NotFound
from springtide.kube.client import KubeReader
from springtide.kube.objects import Json, Kind, KubeObject
from springtide.workload import Workload

_PAUSED: Final = "autoscaling.keda.sh/paused"
_PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
_NOT_PAUSED: Final = frozenset({"0", "f", "F", "false", "False", "FALSE"})
"""What KEDA reads as no; any other value pauses, also one that is no truth value."""


@dataclass(frozen=True, slots=True)
class AutoscalerBounds:
    """The minimum and the maximum as they are written; None where the owner left one out."""

    minimum: int | None
    maximum: int | None


@dataclass(frozen=True)
class Autoscaler(KubeObject):
    """An HPA or a ScaledObject; the two differ in what they call their bounds, and in what they default to."""

    kind: Kind

    @property
    def title(self) -> str:
        """The object as people write it."""
        return f"{'ScaledObject' if self.is_keda else 'HorizontalPodAutoscaler'} {self.name}"

    @property
    def is_keda(self) -> bool:
        """Whether KEDA keeps the HPA behind it."""
        return self.kind is Kind.SCALED_OBJECT

    @property
    def target(self) -> str:
        """Whose replicas it owns, as people write it: `Deployment checkout`."""
        reference = self._spec.get("scaleTargetRef") or {}
        return f"{reference.get('kind') or 'Deployment'} {reference.get('name', '')}"

    @property
    def bounds(self) -> AutoscalerBounds:
        """The bounds as they are written."""
        return AutoscalerBounds(*(None if (bound := self._spec.get(key)) is None else int(bound) for key in self.keys))

    @property
    def minimum(self) -> int:
        """The fewest replicas that it keeps."""
        return effective_minimum(self.bounds, self.kind)

    @property
    def maximum(self) -> int:
        """The most replicas that it goes to."""
        return effective_maximum(self.bounds)

    @property
    def floor_annotation(self) -> str:
        """What springtide wrote on it when it raised its minimum; empty when it did not."""
        return str(self.annotations.get(labels.FLOOR, ""))

    @property
    def pause(self) -> str | None:
        """The annotation that tells KEDA to leave the replicas alone, with its value; None when none does."""
        if not self.is_keda:
            return None
        if _PAUSED_AT in self.annotations:
            return f"{_PAUSED_AT}: {self.annotations[_PAUSED_AT]!r}"
        value = self.annotations.get(_PAUSED)
        return None if value is None or value in _NOT_PAUSED else f"{_PAUSED}: {value!r}"

    @property
    def holds_replicas(self) -> bool:
        """Whether it is paused at a number that KEDA keeps."""
        return self.is_keda and _PAUSED_AT in self.annotations

    @property
    def obstacle(self) -> str | None:
        """Why a raised minimum would not be followed, with what to do; None when it would be."""
        if self.pause is not None:
            return f"{self.title} is paused ({self.pause}), so nobody follows its minimum. Remove that annotation."
        if self.is_keda and "idleReplicaCount" in self._spec:
            idle = self._spec["idleReplicaCount"]
            return (
                f"{self.title} goes to idleReplicaCount {idle} when no trigger is active, whatever its minimum says. "
                "Remove idleReplicaCount."
            )
        return None

    def change(self, bounds: AutoscalerBounds, floor_annotation: str) -> Json:
        """Return the merge patch that gives it these bounds; an empty `floor_annotation` removes ours."""
        spec = dict(zip(self.keys, (bounds.minimum, bounds.maximum), strict=True))
        return {"metadata": {"annotations": {labels.FLOOR: floor_annotation or None}}, "spec": spec}

    @property
    def keys(self) -> tuple[str, str]:
        """What the two bounds are called in its spec."""
        return ("minReplicaCount", "maxReplicaCount") if self.is_keda else ("minReplicas", "maxReplicas")

    @property
    def _spec(self) -> Json:
        return dict(self.raw["spec"])


def effective_minimum(bounds: AutoscalerBounds, kind: Kind) -> int:
    """Return the minimum that `bounds` mean: an HPA's is 1 by default, a ScaledObject's 0."""
    default = 0 if kind is Kind.SCALED_OBJECT else 1
    return default if bounds.minimum is None else bounds.minimum


def effective_maximum(bounds: AutoscalerBounds) -> int:
    """Return the maximum that `bounds` mean; an HPA always has one, a ScaledObject's is 100 by default."""
    return 100 if bounds.maximum is None else bounds.maximum


def owners_of(kube: KubeReader, workload: Workload, hpas: Sequence[Json]) -> tuple[Autoscaler, ...]:
    """Return what owns the replicas of either of the workload's two sets, given the namespace's `hpas`.

    Raises:
        ClusterRefused: KEDA is behind an HPA, and its ScaledObjects may not be read.
    """
    mine = [hpa for raw in hpas if (hpa := Autoscaler(raw, Kind.AUTOSCALER)).target == workload.title]
    return tuple(_behind(kube, workload.namespace, hpa) for hpa in mine)


def find(kube: KubeReader, workload: Workload) -> tuple[Autoscaler, ...]:
    """Return what owns the workload's replicas, also a ScaledObject whose HPA KEDA has not created yet."""
    owners = owners_of(kube, workload, kube.list(Kind.AUTOSCALER, workload.namespace))
    return owners or scaled_objects(kube, workload)


def scaled_objects(kube: KubeReader, workload: Workload) -> tuple[Autoscaler, ...]:
    """Return the ScaledObjects over the workload; none where the cluster has no KEDA."""
    try:
        scaled = [Autoscaler(raw, Kind.SCALED_OBJECT) for raw in kube.list(Kind.SCALED_OBJECT, workload.namespace)]
    except NotFound:
        return ()
    return tuple(owner for owner in scaled if owner.target == workload.title)


def _behind(kube: KubeReader, namespace: str, hpa: Autoscaler) -> Autoscaler:
    # KEDA writes its own HPA again within seconds, so a minimum that is raised there would be gone before a pod is up.
    kind, _, name = hpa.controller.partition("/")
    if kind != "ScaledObject":
        return hpa
    return Autoscaler(kube.get(Kind.SCALED_OBJECT, namespace, name), Kind.SCALED_OBJECT)

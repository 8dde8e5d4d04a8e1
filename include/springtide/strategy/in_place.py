"""In place: the same Deployment through its `scale` subresource.

Growth counts only once the Service's endpoints show it; shrinking goes in steps. There is nothing to switch.
"""

from __future__ import annotations

from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.scene import PodSet, Scene
from springtide.strategy.model import (
    Decision,
    Done,
    Order,
    Scale,
    Snapshot,
    Wait,
    require_same_template,
    require_stable_set,
)
from springtide.strategy.proof import exactly
from springtide.strategy.shrink import shrink
from springtide.verify.readiness import failure_words, missing_readiness


class InPlaceStrategy:
    """See the module."""

    def create(self, scene: Scene, order: Order) -> Decision:
        """Grow to the target; a shrink creates nothing."""
        pod_set = _workload(scene, order)
        if pod_set.deployment.replicas >= order.replicas:
            return Done(f"Deployment {pod_set.deployment.name} has {pod_set.deployment.replicas} replicas")
        return _grow(pod_set, order.replicas)

    def ready(self, scene: Scene, order: Order) -> Decision:
        """Wait until every replica is ready; also before a shrink, so that it starts from a whole set."""
        pod_set = _workload(scene, order)
        needed = max(pod_set.deployment.replicas, order.replicas)
        missing = missing_readiness(pod_set, needed=needed, at=scene.at)
        return Wait(missing) if missing else Done(f"{needed} pods are ready")

    def switch(self, scene: Scene, order: Order) -> Decision:
        """Leave the Service alone: its selector already means these pods."""
        _workload(scene, order)
        return Done(f"Service {scene.service.name} keeps its selector")

    def switched(self, scene: Scene, order: Order) -> Decision:
        """Wait until every pod is a ready endpoint."""
        pod_set = _workload(scene, order)
        _raise_below_floor(scene, pod_set, order)
        needed = max(pod_set.deployment.replicas, order.replicas)
        serving = len(scene.ready_endpoints(pod_set))
        if serving < needed:
            return Wait(f"Service {scene.service.name}: {serving} of {needed} pods are ready endpoints")
        return Done(f"{serving} pods are ready endpoints")

    def remove(self, scene: Scene, order: Order) -> Decision:
        """Shrink to the target in steps."""
        pod_set = _workload(scene, order)
        return shrink(scene, pod_set, order, to=order.replicas, keep_ready=order.replicas)

    def removed(self, scene: Scene, order: Order) -> Decision:
        """Wait until exactly the target is there and serves."""
        return exactly(scene, _workload(scene, order), order.replicas)

    def roll_back(self, scene: Scene, order: Order) -> Decision:
        """Restore the replicas of the snapshot: growing at once, shrinking in steps."""
        pod_set = _workload(scene, order)
        before = order.snapshot.replicas
        if pod_set.deployment.replicas < before:
            return _grow(pod_set, before)
        if pod_set.deployment.replicas > before:
            # Pods that never became ready serve nobody: what must stay is what was ready before.
            keep = min(before, len(scene.ready_endpoints()))
            return shrink(scene, pod_set, order, to=before, keep_ready=keep)
        return exactly(scene, pod_set, before)


def _grow(pod_set: PodSet, replicas: int) -> Scale:
    deployment = pod_set.deployment
    reason = f"grow {deployment.name} from {deployment.replicas} to {replicas} replicas"
    return Scale(name=deployment.name, version=deployment.version, replicas=replicas, reason=reason)


def _workload(scene: Scene, order: Order) -> PodSet:
    pod_set = require_stable_set(scene, order.snapshot)
    require_same_template(pod_set, order.snapshot)
    _require_ours(pod_set, order.snapshot, order)
    return pod_set


def _require_ours(pod_set: PodSet, snapshot: Snapshot, order: Order) -> None:
    low, high = sorted((snapshot.replicas, order.replicas))
    if not low <= pod_set.deployment.replicas <= high:
        raise Conflict(
            f"Deployment {snapshot.stable}: somebody set replicas to {pod_set.deployment.replicas} during the run, "
            f"which moves between {low} and {high}. Nothing more is changed.",
            code="replicas_changed",
        )


def _raise_below_floor(scene: Scene, pod_set: PodSet, order: Order) -> None:
    words = failure_words(pod_set, scene.at)
    if words is not None and len(scene.ready_endpoints(pod_set)) < order.floor:
        raise WorkloadFailed(f"Deployment {pod_set.deployment.name}: {words[1]}", code=words[0])

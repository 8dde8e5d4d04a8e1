"""In place: the same object through its `scale` subresource, a Deployment, a StatefulSet or a Rollout.

Growth counts only once the Service's endpoints show it; shrinking goes in steps. There is nothing to switch.
"""

from __future__ import annotations

from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.observation import Observation, PodSet
from springtide.strategy.exactness import nothing_to_switch, require_exact, where
from springtide.strategy.model import (
    Decision,
    Done,
    RunOrder,
    Scale,
    Snapshot,
    Wait,
    require_same_workload,
)
from springtide.strategy.replicas import require_kept, who_scaled
from springtide.strategy.shrink import shrink
from springtide.strategy.template import require_same_template
from springtide.verify.readiness import failure_reason, missing_readiness


class InPlaceStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Grow to the target; a shrink creates nothing."""
        pod_set = _workload(observation, order)
        if pod_set.scaled.replicas >= order.replicas:
            return Done(f"{pod_set.scaled.title} has {pod_set.scaled.replicas} replicas")
        return _grow(pod_set, order.replicas)

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until every replica is ready; also before a shrink, so that it starts from a whole set."""
        pod_set = _workload(observation, order)
        require_kept(pod_set, order.peak)
        needed = order.enough_of(order.peak)
        missing = missing_readiness(pod_set, needed=needed, at=observation.at, settings=order.settings)
        return Wait(missing) if missing else Done(f"{len(pod_set.ready_pods)} of {order.peak} pods are ready")

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Leave the Service alone: its selector already means these pods."""
        _workload(observation, order)
        return Done(nothing_to_switch(observation))

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until every pod is a ready endpoint."""
        pod_set = _workload(observation, order)
        require_kept(pod_set, order.peak)
        _raise_below_floor(observation, pod_set, order)
        needed = order.enough_of(order.peak)
        serving = len(observation.ready_endpoints(pod_set))
        if serving < needed:
            return Wait(f"{where(observation)}{serving} of {needed} pods are ready endpoints")
        return Done(f"{serving} pods are ready endpoints")

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Shrink to the target in steps."""
        pod_set = _workload(observation, order)
        keep = order.enough_of(order.replicas)
        return shrink(observation, pod_set, order, to=order.replicas, keep_ready=keep)

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until exactly the target is there and serves."""
        pod_set = _workload(observation, order)
        require_kept(pod_set, order.replicas)
        return require_exact(observation, pod_set, order, order.replicas, is_alone=False)

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Restore the replicas of the snapshot: growing at once, shrinking in steps."""
        pod_set = _workload(observation, order)
        before = order.snapshot.replicas
        if pod_set.scaled.replicas < before:
            return _grow(pod_set, before)
        if pod_set.scaled.replicas > before:
            # Pods that never became ready serve nobody: what must stay is what was ready before.
            keep = min(before, len(observation.ready_endpoints(pod_set)))
            return shrink(observation, pod_set, order, to=before, keep_ready=keep)
        return require_exact(observation, pod_set, order, before, is_alone=False)


def _grow(pod_set: PodSet, replicas: int) -> Scale:
    scaled = pod_set.scaled
    return Scale(
        kind=scaled.kind,
        name=scaled.name,
        version=scaled.version,
        replicas=replicas,
        reason=f"grow {scaled.name} from {scaled.replicas} to {replicas} replicas",
    )


def _workload(observation: Observation, order: RunOrder) -> PodSet:
    pod_set = require_same_workload(observation, order.snapshot)
    require_same_template(observation, order.snapshot)
    _require_ours(pod_set, order.snapshot, order)
    return pod_set


def _require_ours(pod_set: PodSet, snapshot: Snapshot, order: RunOrder) -> None:
    # The run's own steps lie between the two; a number outside of them is somebody else's, and is not fought over.
    low, high = sorted((snapshot.replicas, order.replicas))
    if not low <= pod_set.scaled.replicas <= high:
        raise Conflict(
            f"{pod_set.scaled.title}: {who_scaled(pod_set)} set replicas to {pod_set.scaled.replicas} during the run, "
            f"which moves between {low} and {high}. Nothing more is changed.",
            code="replicas_changed",
        )


def _raise_below_floor(observation: Observation, pod_set: PodSet, order: RunOrder) -> None:
    failure = failure_reason(pod_set, observation.at)
    if failure is not None and len(observation.ready_endpoints(pod_set)) < order.floor:
        code, text = failure
        raise WorkloadFailed(f"{pod_set.scaled.title}: {text}", code=code)

"""Blue-green in batches: the new set grows as the stable one shrinks, so the peak is one batch above full size.

For clusters that cannot hold two whole sets. The Service's selector is widened instead of switched, so both sets serve
while pods are exchanged:

    its own ──pin──► own + stable's pod-template-hash ──widen──► its own, which means both sets

What this gives up against one switch (I-7): stable pods leave while others of them serve, and the smoke test meets
both sets. What it keeps: the first batch is proven ready and at the endpoints before a single stable pod leaves, every
later batch before the next one does, and ready endpoints never fall under the floor.
"""

from __future__ import annotations

from springtide.kube.observation import Observation, PodSet, ReplicaSetPods
from springtide.policy.scaling.strategy import BlueGreen
from springtide.strategy import roll_back
from springtide.strategy.aside import delete, new_set, pause, require_aside, scale, stable_set
from springtide.strategy.leaving import awaited, staying
from springtide.strategy.model import Decision, Done, RunOrder, Wait, require_same_workload
from springtide.strategy.pair import leave, paused_and_ready, require_new, settled, start_new_set
from springtide.strategy.replicas import require_kept
from springtide.strategy.shrink import shrink
from springtide.strategy.traffic import (
    foreign_selector,
    is_widened,
    points_at,
    propagation_wait,
    stable_hash,
    widen,
)
from springtide.verify.readiness import missing_readiness


def batch_of(order: RunOrder) -> int:
    """Return the pods of one batch, which is also how far the peak is above full size."""
    assert isinstance(order.settings, BlueGreen)
    return order.settings.batch.of(order.peak)


class BatchedStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Pin the Service to the stable set, set it aside, let the Deployment make the first batch."""
        require_same_workload(observation, order.snapshot)
        if is_widened(observation, order):
            return Done(f"Service {observation.required_service.name} already means both sets")
        return start_new_set(observation, order, size=batch_of(order))

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the first batch is available."""
        new = require_new(observation, order)
        require_kept(new, batch_of(order), or_more=True)
        needed = order.share_of(batch_of(order))
        missing = missing_readiness(new, needed=needed, at=observation.at, settings=order.settings)
        return (
            Wait(missing) if missing else Done(f"{len(new.ready_pods)} of the first {batch_of(order)} pods are ready")
        )

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Pause the Deployment, then widen the selector to both sets, if the first batch is ready at this moment."""
        require_same_workload(observation, order.snapshot)
        if is_widened(observation, order):
            return Done(f"Service {observation.required_service.name} means both sets")
        if not points_at(observation, order, stable_hash(order)):
            raise foreign_selector(observation, order)
        needed = order.share_of(batch_of(order))
        return paused_and_ready(observation, order, needed=needed) or widen(observation)

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the slices show the whole stable set and the first batch, for the propagation time."""
        require_same_workload(observation, order.snapshot)
        stable = require_aside(observation, order)
        if not is_widened(observation, order):
            raise foreign_selector(observation, order)
        new = new_set(observation, order)
        require_kept(new, batch_of(order), or_more=True)
        serving = len(observation.ready_endpoints(new))
        needed = order.share_of(batch_of(order))
        if serving < needed or len(observation.ready_endpoints(stable)) < order.snapshot.ready:
            return Wait(f"{serving} of {needed} new pods are ready endpoints beside the stable ones")
        return propagation_wait(observation, order) or Done(f"both sets serve, {serving} new pods among them")

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Exchange the rest batch by batch, delete the stable set, shrink the new one to the target."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if stable_set(observation, order) is None:
            return leave(observation, order)
        if not is_widened(observation, order):
            raise foreign_selector(observation, order)
        stable = require_aside(observation, order)
        if not new.deployment.is_paused:
            return pause(new.deployment)
        return _exchange(observation, order, stable, new)

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until exactly the planned replicas serve and the stable set is gone."""
        return settled(observation, order)

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Undo the run from wherever it stopped."""
        return roll_back.roll_back(observation, order)


def _exchange(observation: Observation, order: RunOrder, stable: ReplicaSetPods, new: PodSet) -> Decision:
    """Grow by what fits under the peak, prove it at the endpoints, then take as many stable pods away.

    There is no count of batches to lose: each look works out from the pods that are there which half comes next.
    """
    # Stable pods count while they drain, since they hold their node and their quota until they are gone. New ones count
    # as desired: those that were asked for and have not come yet are on their way.
    held = len(staying(stable.pods)) + len(awaited(stable.pods, order, to=0, at=observation.at))
    room = order.peak + batch_of(order) - held - new.deployment.replicas
    wanted = min(order.peak, new.deployment.replicas + max(0, room))
    if wanted > new.deployment.replicas:
        return scale(new, wanted)
    # No stable pod leaves before enough new ones are ready, and before the Service sends them requests: the first is
    # the kubelet's word, the second the endpoints'.
    needed = order.share_of(new.deployment.replicas)
    missing = missing_readiness(new, needed=needed, at=observation.at, settings=order.settings)
    if missing:
        return Wait(missing)
    serving = len(observation.ready_endpoints(new))
    if serving < needed:
        return Wait(f"{serving} of {needed} new pods are ready endpoints")
    # The floor counts endpoints of both sets, for both serve: what new pods took over may go.
    shrunk = shrink(observation, stable, order, to=0, keep_ready=order.floor, step=batch_of(order))
    return delete(stable, "it has no pods left") if isinstance(shrunk, Done) else shrunk

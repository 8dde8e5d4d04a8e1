"""Blue-green: a new Deployment beside the stable one, one switch of the Service's selector, then the old one goes.

The selector passes through these forms, each by one compare-and-swap, and nothing else ever touches the Service:

    its own ──pin──► own + stable's pod-template-hash ──switch──► own + new's pod-template-hash ──restore──► its own

While it is pinned, the stable Deployment is paused: somebody's rollout would change its hash and empty the Service.
A switch never lowers capacity (I-5): the new set has max(stable, target) replicas first, and shrinks once it serves
alone.
"""

from __future__ import annotations

from datetime import timedelta

from springtide.kube.observation import Observation
from springtide.strategy import roll_back
from springtide.strategy.exactness import require_exact
from springtide.strategy.model import Decision, Done, RunOrder, Wait, require_same_service, stable_set
from springtide.strategy.pod_sets import (
    foreign_selector,
    point,
    points_at,
    propagated,
    remove_set,
    require_new,
    require_twin,
    restore_selector,
    stable_hash,
    start_new_set,
    switched_at,
    two_sets,
)
from springtide.strategy.shrink import shrink
from springtide.verify.readiness import missing_readiness


class BlueGreenStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Pause the stable Deployment, pin the Service to it, create the twin, grow it to its full size."""
        stable, new = two_sets(observation, order)
        if new is not None and points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.service.name} already points at {new.deployment.name}")
        return start_new_set(observation, order, stable, new, size=order.peak)

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the whole new set is available."""
        new = require_new(observation, order)
        missing = missing_readiness(new, needed=order.peak, at=observation.at)
        return Wait(missing) if missing else Done(f"{order.peak} new pods are ready")

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Point the Service at the new set, if that is still whole at this very moment."""
        stable, _ = two_sets(observation, order)
        new = require_new(observation, order)
        if points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.service.name} points at {new.deployment.name}")
        if not points_at(observation, order, stable_hash(order)):
            raise foreign_selector(observation, order)
        # Not less than serves at this moment, should the stable set have more ready pods than the plan saw.
        needed = max(order.peak, len(stable.ready_pods))
        missing = missing_readiness(new, needed=needed, at=observation.at)
        if missing:
            return Wait(missing)
        return point(observation, new.template_hash, f"switch to {new.deployment.name}", is_switch=True)

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the slices show the new set alone, for the propagation time."""
        new = require_new(observation, order)
        if not points_at(observation, order, new.template_hash):
            raise foreign_selector(observation, order)
        return propagated(observation, order, new, floor=order.peak)

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Shrink the stable set to nothing, delete it, restore the selector, shrink the new set to the target."""
        require_same_service(observation, order.snapshot)
        new = require_new(observation, order)
        stable = stable_set(observation, order.snapshot)
        if stable is not None:
            if not points_at(observation, order, new.template_hash):
                raise foreign_selector(observation, order)
            require_twin(new, stable)
            # The last router that still sends here may learn of the switch at the end of the propagation time, and what
            # it sent then has the drain time to finish.
            left = order.settings.propagation + order.settings.drain - (observation.at - switched_at(observation))
            if left > timedelta(0):
                return Wait(f"{stable.deployment.name} drains for another {left.total_seconds():.0f} s")
            return remove_set(observation, order, stable)
        if order.snapshot.stable in observation.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is being deleted")
        if observation.service.selector != order.snapshot.selector:
            if not points_at(observation, order, new.template_hash):
                raise foreign_selector(observation, order)
            return restore_selector(observation)
        return shrink(observation, new, order, to=order.replicas, keep_ready=order.replicas)

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until exactly the planned replicas serve, by the Service's own selector, the stable set gone."""
        require_same_service(observation, order.snapshot)
        if order.snapshot.stable in observation.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is still there")
        if observation.service.selector != order.snapshot.selector:
            raise foreign_selector(observation, order)
        return require_exact(observation, require_new(observation, order), order.replicas)

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Undo the run from wherever it stopped."""
        return roll_back.roll_back(observation, order)

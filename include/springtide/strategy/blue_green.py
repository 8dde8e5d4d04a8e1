"""Blue-green inside the owner's Deployment: the old ReplicaSet is set aside, and the Deployment makes the new pods.

    pin the Service to the stable set ──► set it aside ──► scale the Deployment to max(stable, target)
      ──► new pods ready ──► pause the Deployment ──► switch the Service ──► prove, drain
      ──► shrink the stable set to nothing, delete it ──► shrink to the target ──► own selector ──► resume

The Deployment keeps its name, its uid and its template. A switch never lowers capacity (I-5): the new set has
max(stable, target) replicas first, and shrinks once it serves alone.
"""

from __future__ import annotations

from springtide.kube.observation import Observation
from springtide.strategy import roll_back
from springtide.strategy.aside import new_set, pause, remove_stable, require_aside, stable_set
from springtide.strategy.locality import uncovered
from springtide.strategy.model import Decision, Done, RunOrder, Wait, require_same_workload
from springtide.strategy.pair import leave, paused_and_ready, require_new, settled, start_new_set
from springtide.strategy.replicas import require_kept
from springtide.strategy.traffic import (
    drain_wait,
    foreign_selector,
    point,
    points_at,
    propagated,
    stable_hash,
)
from springtide.verify.readiness import missing_readiness


class BlueGreenStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Pin the Service to the stable set, set it aside, let the Deployment make a whole new one."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.required_service.name} already points at the new set")
        return start_new_set(observation, order, size=order.peak)

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the whole new set is available."""
        new = require_new(observation, order)
        require_kept(new, order.peak)
        needed = order.enough_of(order.peak)
        missing = missing_readiness(new, needed=needed, at=observation.at, settings=order.settings)
        if missing:
            return Wait(missing)
        bare = uncovered(observation, require_aside(observation, order), new)
        return bare or Done(f"{len(new.ready_pods)} of {order.peak} new pods are ready")

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Pause the Deployment, then point the Service at the new set, if that is still whole at this very moment."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.required_service.name} points at the new set")
        stable = require_aside(observation, order)
        if not points_at(observation, order, stable_hash(order)):
            raise foreign_selector(observation, order)
        require_kept(new, order.peak)
        # Not less than serves at this moment, should the stable set have more ready pods than the plan saw.
        needed = max(order.enough_of(order.peak), len(stable.ready_pods))
        waiting = paused_and_ready(observation, order, needed=needed) or uncovered(observation, stable, new)
        return waiting or point(
            observation, new.template_hash, "switch to the new set", is_stamped=True, is_switch=True
        )

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the slices show the new set alone, for the propagation time."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if not points_at(observation, order, new.template_hash):
            raise foreign_selector(observation, order)
        require_kept(new, order.peak, or_more=True)
        return propagated(observation, order, new, floor=order.enough_of(order.peak))

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Shrink the stable set to nothing, delete it, shrink the new one to the target, restore what was changed."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if stable_set(observation, order) is None:
            return leave(observation, order)
        if not points_at(observation, order, new.template_hash):
            raise foreign_selector(observation, order)
        stable = require_aside(observation, order)
        if not new.deployment.is_paused:
            return pause(new.deployment)
        return drain_wait(observation, order, stable.scaled.title) or remove_stable(observation, order, stable)

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until exactly the planned replicas serve, by the Service's own selector, the stable set gone."""
        return settled(observation, order)

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Undo the run from wherever it stopped."""
        return roll_back.roll_back(observation, order)

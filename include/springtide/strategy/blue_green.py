"""Blue-green: a new Deployment beside the stable one, one switch of the Service's selector, then the old one goes.

The selector passes through these forms, each by one compare-and-swap, and nothing else ever touches the Service:

    its own ──pin──► own + stable's pod-template-hash ──switch──► own + new's pod-template-hash ──give back──► its own

While it is pinned, the stable Deployment is paused: somebody's rollout would change its hash and empty the Service.
A switch never lowers capacity (I-5): the new set has max(stable, target) replicas first, and shrinks once it serves
alone.
"""

from __future__ import annotations

from datetime import timedelta

from springtide.kube.scene import Scene
from springtide.strategy import way_back
from springtide.strategy.model import Decision, Done, Order, Wait, require_same_service, stable_set
from springtide.strategy.pair import (
    begin_beside,
    foreign_selector,
    give_back,
    point,
    points_at,
    propagated,
    remove_set,
    require_new,
    require_twin,
    stable_hash,
    switched_at,
    two_sets,
)
from springtide.strategy.proof import exactly
from springtide.strategy.shrink import shrink
from springtide.verify.readiness import missing_readiness


class BlueGreenStrategy:
    """See the module."""

    def create(self, scene: Scene, order: Order) -> Decision:
        """Pause the stable Deployment, pin the Service to it, create the twin, grow it to its full size."""
        stable, new = two_sets(scene, order)
        if new is not None and points_at(scene, order, new.template_hash):
            return Done(f"Service {scene.service.name} already points at {new.deployment.name}")
        return begin_beside(scene, order, stable, new, size=order.peak)

    def ready(self, scene: Scene, order: Order) -> Decision:
        """Wait until the whole new set is available."""
        new = require_new(scene, order)
        missing = missing_readiness(new, needed=order.peak, at=scene.at)
        return Wait(missing) if missing else Done(f"{order.peak} new pods are ready")

    def switch(self, scene: Scene, order: Order) -> Decision:
        """Point the Service at the new set, if that is still whole at this very moment."""
        stable, _ = two_sets(scene, order)
        new = require_new(scene, order)
        if points_at(scene, order, new.template_hash):
            return Done(f"Service {scene.service.name} points at {new.deployment.name}")
        if not points_at(scene, order, stable_hash(order)):
            raise foreign_selector(scene, order)
        needed = max(order.peak, len(stable.ready_pods))
        missing = missing_readiness(new, needed=needed, at=scene.at)
        if missing:
            return Wait(missing)
        return point(scene, new.template_hash, f"switch to {new.deployment.name}", is_switch=True)

    def switched(self, scene: Scene, order: Order) -> Decision:
        """Wait until the slices show the new set alone, for the propagation time."""
        new = require_new(scene, order)
        if not points_at(scene, order, new.template_hash):
            raise foreign_selector(scene, order)
        return propagated(scene, order, new, floor=order.peak)

    def remove(self, scene: Scene, order: Order) -> Decision:
        """Shrink the stable set to nothing, delete it, give the selector back, shrink the new set to the target."""
        require_same_service(scene, order.snapshot)
        new = require_new(scene, order)
        stable = stable_set(scene, order.snapshot)
        if stable is not None:
            if not points_at(scene, order, new.template_hash):
                raise foreign_selector(scene, order)
            require_twin(new, stable)
            left = order.settings.propagation + order.settings.drain - (scene.at - switched_at(scene))
            if left > timedelta(0):
                return Wait(f"{stable.deployment.name} drains for another {left.total_seconds():.0f} s")
            return remove_set(scene, order, stable)
        if order.snapshot.stable in scene.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is being deleted")
        if scene.service.selector != order.snapshot.selector:
            if not points_at(scene, order, new.template_hash):
                raise foreign_selector(scene, order)
            return give_back(scene)
        return shrink(scene, new, order, to=order.replicas, keep_ready=order.replicas)

    def removed(self, scene: Scene, order: Order) -> Decision:
        """Wait until exactly the planned replicas serve, by the Service's own selector, the stable set gone."""
        require_same_service(scene, order.snapshot)
        if order.snapshot.stable in scene.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is still there")
        if scene.service.selector != order.snapshot.selector:
            raise foreign_selector(scene, order)
        return exactly(scene, require_new(scene, order), order.replicas)

    def roll_back(self, scene: Scene, order: Order) -> Decision:
        """Undo the run from wherever it stopped."""
        return way_back.roll_back(scene, order)

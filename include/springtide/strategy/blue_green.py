"""Blue-green inside the owner's Deployment: the old ReplicaSet is set aside, and the Deployment makes the new pods.

    pin the Service to the stable set ──► set it aside ──► scale the Deployment to max(stable, target)
      ──► new pods ready ──► pause the Deployment ──► switch the Service ──► prove, drain
      ──► shrink the stable set to nothing, delete it ──► shrink to the target ──► own selector ──► resume

The Deployment keeps its name, its uid and its template. A switch never lowers capacity (I-5): the new set has
max(stable, target) replicas first, and shrinks once it serves alone.
"""

from __future__ import annotations

from springtide.errors import Conflict
from springtide.kube.observation import Observation, PodSet
from springtide.strategy import roll_back
from springtide.strategy.aside import (
    new_set,
    nothing_to_return_to,
    pause,
    release,
    remove_stable,
    require_aside,
    require_own_replicas,
    resume,
    scale,
    stable_set,
)
from springtide.strategy.exactness import require_exact
from springtide.strategy.model import (
    Decision,
    Done,
    RunOrder,
    Wait,
    has_same_template,
    require_same_template,
    require_same_workload,
)
from springtide.strategy.shrink import shrink
from springtide.strategy.traffic import (
    drain_wait,
    foreign_selector,
    is_own,
    is_pinned_by,
    is_stamped,
    point,
    points_at,
    propagated,
    restore_selector,
    stable_hash,
)
from springtide.verify.readiness import missing_readiness


class BlueGreenStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Pin the Service to the stable set, set it aside, let the Deployment make a whole new one."""
        new = new_set(observation, order)
        if points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.service.name} already points at the new set")
        return start_new_set(observation, order, size=order.peak)

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the whole new set is available."""
        missing = missing_readiness(require_new(observation, order), needed=order.peak, at=observation.at)
        return Wait(missing) if missing else Done(f"{order.peak} new pods are ready")

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Pause the Deployment, then point the Service at the new set, if that is still whole at this very moment."""
        new = new_set(observation, order)
        if points_at(observation, order, new.template_hash):
            return Done(f"Service {observation.service.name} points at the new set")
        stable = require_aside(observation, order)
        if not points_at(observation, order, stable_hash(order)):
            raise foreign_selector(observation, order)
        # Not less than serves at this moment, should the stable set have more ready pods than the plan saw.
        waiting = paused_and_ready(observation, order, needed=max(order.peak, len(stable.ready_pods)))
        return waiting or point(
            observation, new.template_hash, "switch to the new set", is_stamped=True, is_switch=True
        )

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the slices show the new set alone, for the propagation time."""
        require_same_workload(observation, order.snapshot)
        new = new_set(observation, order)
        if not points_at(observation, order, new.template_hash):
            raise foreign_selector(observation, order)
        return propagated(observation, order, new, floor=order.peak)

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


def start_new_set(observation: Observation, order: RunOrder, *, size: int) -> Decision:
    """Pin the Service to the stable set, set that aside, scale the Deployment to `size`: one step at a time.

    Raises:
        Conflict: somebody else changed the workload or the Service's selector.
    """
    pod_set = require_same_workload(observation, order.snapshot)
    stable = stable_set(observation, order)
    if stable is None:
        raise nothing_to_return_to(order)
    is_pinned = points_at(observation, order, stable_hash(order))
    if is_pinned and not stable.is_aside:
        # Before anything is judged: a rollout under the pin takes every endpoint away, and cannot reach it aside.
        return release(stable, order)
    deployment = pod_set.deployment
    require_same_template(pod_set, order.snapshot)
    if deployment.is_paused:
        raise Conflict(
            f"{deployment.title}: somebody paused it during the run, so it makes no new pods. Resume it, then scale "
            "again.",
            code="rollout_in_progress",
        )
    if not stable.is_aside:
        require_own_replicas(deployment, order.snapshot.replicas)
        if not is_own(observation, order):
            raise foreign_selector(observation, order)
        return point(observation, stable_hash(order), f"pin to {stable.scaled.name}", is_stamped=False)
    if not is_pinned:
        raise foreign_selector(observation, order)
    require_own_replicas(deployment, order.snapshot.replicas, size)
    if deployment.replicas != size:
        return scale(pod_set, size)
    return Done(f"{deployment.title} has {size} replicas beside {stable.scaled.name}")


def require_new(observation: Observation, order: RunOrder) -> PodSet:
    """Return the new set of a run that has not switched yet.

    Raises:
        Conflict: somebody else changed the workload.
    """
    require_same_template(require_same_workload(observation, order.snapshot), order.snapshot)
    require_aside(observation, order)
    return new_set(observation, order)


def paused_and_ready(observation: Observation, order: RunOrder, *, needed: int) -> Decision | None:
    """Return what is still to do until the new set is whole and nobody's rollout can take it away; None when it is.

    Raises:
        Conflict: somebody else changed the workload.
    """
    new = require_new(observation, order)
    missing = missing_readiness(new, needed=needed, at=observation.at)
    if missing:
        return Wait(missing)
    if not new.deployment.is_paused:
        return pause(new.deployment)
    return None if new.template_hash else Wait(f"{new.deployment.title} has no ReplicaSet of its template yet")


def leave(observation: Observation, order: RunOrder) -> Decision:
    """Give the Service its selector back, shrink to the target, then resume: the stable set is gone.

    Raises:
        Conflict: somebody else changed the Service's selector, or scaled the Deployment.
    """
    if not is_own(observation, order) and not is_pinned_by(order, observation):
        raise foreign_selector(observation, order)
    # The selector first: resumed under the pin, a rollout that somebody has waiting would take every endpoint away.
    if not is_own(observation, order) or is_stamped(observation):
        return restore_selector(observation)
    new = new_set(observation, order)
    if new.deployment.replicas > order.peak:
        raise Conflict(
            f"{new.deployment.title}: somebody set replicas to {new.deployment.replicas} during the run, at most "
            f"{order.peak} were planned. They are left as they are; scale again for another number.",
            code="replicas_changed",
        )
    shrunk = shrink(observation, new, order, to=order.replicas, keep_ready=order.replicas)
    if isinstance(shrunk, Done) and new.deployment.is_paused:
        return resume(new.deployment)
    return shrunk


def settled(observation: Observation, order: RunOrder) -> Decision:
    """Wait until exactly the planned replicas serve by the Service's own selector, and nothing else of the run is left.

    Raises:
        Conflict: somebody else changed the Service's selector.
    """
    pod_set = require_same_workload(observation, order.snapshot)
    stable = stable_set(observation, order)
    if stable is not None:
        return Wait(f"{stable.scaled.title} is still there")
    if not is_own(observation, order):
        raise foreign_selector(observation, order)
    deployment = pod_set.deployment
    if deployment.replicas == order.replicas and not has_same_template(pod_set, order.snapshot):
        # What the run was for is done; how the next version comes up is between its owner and the Deployment.
        return Done(f"{deployment.title} has {order.replicas} replicas; its owner is rolling another template out")
    return require_exact(observation, pod_set, order.replicas)

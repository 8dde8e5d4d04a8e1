"""The two sets of a blue-green run, from the first pin to the last resume: what both overlaps do alike."""

from __future__ import annotations

from springtide.errors import Conflict
from springtide.kube.observation import Observation, PodSet
from springtide.strategy.aside import (
    new_set,
    nothing_to_return_to,
    pause,
    require_aside,
    require_own_replicas,
    resume,
    scale,
    set_aside,
    stable_set,
)
from springtide.strategy.exactness import require_exact
from springtide.strategy.model import (
    Decision,
    Done,
    RunOrder,
    Wait,
    require_same_workload,
)
from springtide.strategy.replicas import require_kept, who_scaled
from springtide.strategy.shrink import shrink
from springtide.strategy.template import has_same_template, require_same_template
from springtide.strategy.traffic import (
    foreign_selector,
    is_own,
    is_pinned_by,
    point,
    points_at,
    restored,
    stable_hash,
)
from springtide.verify.readiness import missing_readiness


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
        return set_aside(stable, order)
    deployment = pod_set.deployment
    require_same_template(observation, order.snapshot)
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
    require_same_workload(observation, order.snapshot)
    require_same_template(observation, order.snapshot)
    require_aside(observation, order)
    return new_set(observation, order)


def paused_and_ready(observation: Observation, order: RunOrder, *, needed: int) -> Decision | None:
    """Return what is still to do until the new set is whole and nobody's rollout can take it away; None when it is.

    Raises:
        Conflict: somebody else changed the workload.
    """
    new = require_new(observation, order)
    missing = missing_readiness(new, needed=needed, at=observation.at, settings=order.settings)
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
    restore = restored(observation, order)
    if restore is not None:
        return restore
    new = new_set(observation, order)
    if new.deployment.replicas > order.peak:
        raise Conflict(
            f"{new.deployment.title}: {who_scaled(new)} set replicas to {new.deployment.replicas} during the run, at "
            f"most {order.peak} were planned. They are left as they are; scale again for another number.",
            code="replicas_changed",
        )
    shrunk = shrink(observation, new, order, to=order.replicas, keep_ready=order.enough_of(order.replicas))
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
    require_kept(pod_set, order.replicas)
    return require_exact(observation, pod_set, order, order.replicas)

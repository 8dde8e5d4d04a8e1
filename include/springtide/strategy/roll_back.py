"""The way back of a blue-green run, from wherever it stopped: the same rules, backwards (I-11, I-12).

How far the run came is read off the Service's selector and the two sets: a write whose answer was lost stands in the
cluster and nowhere else. The journal only says whether a switch may still be under way (`may_have_switched`). Whatever
this run did not write is a `Conflict`, and both sets stay.
"""

from __future__ import annotations

from springtide import labels
from springtide.kube.objects import Kind
from springtide.kube.observation import Observation, PodSet
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Wait, require_same_service, stable_set
from springtide.strategy.pod_sets import (
    foreign_selector,
    new_name,
    new_set,
    pause,
    point,
    points_at,
    propagated,
    remove_set,
    require_new,
    restore_selector,
    scale,
    stable_hash,
)
from springtide.verify.readiness import missing_readiness


def roll_back(observation: Observation, order: RunOrder) -> Decision:
    """Make the stable set whole, point the Service at it, remove the new set, restore the selector, resume."""
    require_same_service(observation, order.snapshot)
    stable = stable_set(observation, order.snapshot)
    if stable is None:
        return _keep_new(observation, order)
    new = new_set(observation, order)
    # Until the Service is pinned to the stable set the new one may be what serves, so nothing of it is removed before.
    if not points_at(observation, order, stable_hash(order)):
        if new is None and observation.service.selector == order.snapshot.selector:
            return _resume(observation, order, stable)
        return _point_back(observation, order, stable, new)
    if new is not None:
        return _discard(observation, order, stable, new)
    return restore_selector(observation)


def _point_back(observation: Observation, order: RunOrder, stable: PodSet, new: PodSet | None) -> Decision:
    """Make the stable set whole, then pin the Service to it, if what it points at now is this run's doing."""
    lost = _pin_of_a_lost_set(observation, order) if new is None else ""
    if lost and any(pod.template_hash == lost for pod in observation.pods):
        # While pods carry that hash they may be what serves; with none left, nothing is lost by pointing back.
        return Wait(f"pods of {new_name(order)}, which somebody deleted, are still there")
    is_ours = bool(lost) or (new is not None and points_at(observation, order, new.template_hash))
    if not is_ours and observation.service.selector != order.snapshot.selector:
        raise foreign_selector(observation, order)
    # Paused first: a rollout that somebody has waiting would change the hash that the Service is about to be pinned to.
    if not stable.deployment.is_paused:
        return pause(stable)
    if stable.deployment.replicas < order.snapshot.replicas:
        return scale(stable, order.snapshot.replicas)
    # As many as were ready before, and no more: a pod that was broken when the run began must not keep it from ending.
    missing = missing_readiness(stable, needed=order.snapshot.ready, at=observation.at)
    if missing:
        return Wait(missing)
    moves_traffic = new is not None  # else it is the first pin again
    return point(observation, stable_hash(order), f"point back at {stable.deployment.name}", is_switch=moves_traffic)


def _pin_of_a_lost_set(observation: Observation, order: RunOrder) -> str:
    """Return the hash that the Service is pinned to, where the run pinned it to a set that somebody deleted since."""
    pinned = observation.service.selector.get(labels.POD_TEMPLATE_HASH, "")
    return (
        pinned
        if points_at(observation, order, pinned) and labels.SWITCHED_AT in observation.service.annotations
        else ""
    )


def _keep_new(observation: Observation, order: RunOrder) -> Decision:
    """Leave the new set serving: the stable one is gone, and there is nothing to point back at."""
    new = require_new(observation, order)
    if observation.service.selector == order.snapshot.selector:
        return Done(f"the stable set is gone already, {new.deployment.name} serves", is_restored=False)
    if not points_at(observation, order, new.template_hash):
        raise foreign_selector(observation, order)
    return restore_selector(observation)


def _discard(observation: Observation, order: RunOrder, stable: PodSet, new: PodSet) -> Decision:
    """Remove the new set, at once where it never served, else once nobody sends it a request any more.

    The Service is pinned to the stable set here. Without a stamp it was never moved, or the answer to the move was lost
    and the move may still arrive: a frozen owner's swap is only ruled out by a newer resourceVersion.
    """
    if labels.SWITCHED_AT not in observation.service.annotations and order.may_have_switched:
        # The swap proves that this is the Service as it stands, and starts the time after which nobody is there.
        return point(observation, stable_hash(order), f"stay at {stable.deployment.name}", is_switch=True)
    if labels.SWITCHED_AT not in observation.service.annotations:
        return remove_set(observation, order, new, has_served=False)
    propagation = propagated(observation, order, stable, floor=order.snapshot.ready)
    return remove_set(observation, order, new, has_served=True) if isinstance(propagation, Done) else propagation


def _resume(observation: Observation, order: RunOrder, stable: PodSet) -> Decision:
    # Last of all: a rollout that somebody has waiting starts with the resume, and from then on the Service selects by
    # labels that its new pods carry as well.
    deployment = stable.deployment
    if deployment.is_paused:
        change = {"spec": {"paused": None}}
        return Patch(
            kind=Kind.DEPLOYMENT,
            name=deployment.name,
            version=deployment.version,
            change=change,
            reason=f"resume {deployment.name}",
        )
    serving = len(observation.ready_endpoints(stable))
    if serving < order.snapshot.ready:
        return Wait(f"{serving} of {order.snapshot.ready} endpoints of {deployment.name} are ready")
    return Done(f"Deployment {deployment.name} serves as before, with {serving} ready endpoints")

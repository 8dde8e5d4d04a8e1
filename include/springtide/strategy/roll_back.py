"""The way back of a blue-green run, from wherever it stopped: the same rules, backwards (I-11, I-12).

How far the run came is read off the Service's selector and the two sets: a write whose answer was lost stands in the
cluster and nowhere else. The journal only says whether a switch may still be under way (`may_have_switched`). Whatever
this run did not write is a `Conflict`, and both sets stay.

    stable set whole ──► Service pinned to it ──► nobody left at the new set ──► Deployment at its old number, resumed
      ──► stable set handed back ──► the Deployment takes the other one away ──► own selector

A ReplicaSet is only handed back while the Deployment runs: a paused one shrinks all its sets in proportion. And where
somebody deployed another template meanwhile, the selector comes first, or that rollout would take the stable set away
under the pin.
"""

from __future__ import annotations

from springtide.errors import Conflict
from springtide.kube.observation import Observation, ReplicaSetPods, ScaledPods, pods_of
from springtide.strategy.aside import (
    delete,
    hand_back,
    new_set,
    resume,
    scale,
    stable_set,
)
from springtide.strategy.leaving import awaited, staying
from springtide.strategy.model import Decision, Done, RunOrder, Wait, require_same_workload
from springtide.strategy.replicas import who_scaled
from springtide.strategy.template import has_same_template
from springtide.strategy.traffic import (
    drain_wait,
    foreign_selector,
    is_own,
    is_pinned_by,
    is_widened,
    point,
    points_at,
    propagated,
    readable_stamp,
    restore_selector,
    restored,
    stable_hash,
)
from springtide.verify.readiness import missing_readiness


def roll_back(observation: Observation, order: RunOrder) -> Decision:
    """Make the stable set whole, point the Service at it, hand it back to its Deployment, restore the selector.

    Raises:
        Conflict: somebody else changed what this run would restore.
    """
    require_same_workload(observation, order.snapshot)
    stable = stable_set(observation, order)
    if not is_own(observation, order) and not is_pinned_by(order, observation):
        raise foreign_selector(observation, order)
    if stable is None:
        return _keep_new(observation, order)
    if not stable.is_aside:
        return _settle(observation, order, stable)
    is_unpinned = is_own(observation, order) and not is_widened(observation, order)
    if is_unpinned and not has_same_template(observation.pod_set, order.snapshot):
        return _join_rollout(observation, order, stable)
    if not points_at(observation, order, stable_hash(order)):
        return _point_back(observation, order, stable)
    return _leave_new(observation, order, stable) or _return(observation, order, stable)


def _point_back(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision:
    """Make the stable set whole, then pin the Service to it."""
    missing = _whole(observation, order, stable)
    if missing is not None:
        return missing
    return point(observation, stable_hash(order), f"point back at {stable.scaled.name}", is_stamped=True)


def _whole(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision | None:
    """Return what is still to do until the stable set is as it was; None when it is."""
    before = order.snapshot.replicas
    if stable.scaled.replicas < before:
        return scale(stable, before)
    # As many as were ready before, and no more: a pod that was broken when the run began must not keep it from ending.
    needed = order.snapshot.ready
    missing = missing_readiness(stable, needed=needed, at=observation.at, settings=order.settings)
    return Wait(missing) if missing else None


def _leave_new(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision | None:
    """Return what is still to do until nobody has a request under way at the new set; None when nobody has.

    The Service is pinned to the stable set here. Without a stamp it was never moved, or the answer to the move was lost
    and the move may still arrive: a frozen owner's swap is only ruled out by a newer resourceVersion. What somebody
    wrote over the stamp counts as none.
    """
    if readable_stamp(observation) is not None:
        propagation = propagated(observation, order, stable, floor=order.snapshot.ready, is_way_back=True)
        waiting = None if isinstance(propagation, Done) else propagation
        return waiting or drain_wait(observation, order, "the new set")
    if order.may_have_switched:
        # The swap proves that this is the Service as it stands, and starts the time after which nobody is there.
        return point(observation, stable_hash(order), f"stay at {stable.scaled.name}", is_stamped=True)
    return None


def _return(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision:
    """Bring the Deployment to the number that it had, then hand it the stable set back."""
    missing = _whole(observation, order, stable)
    if missing is not None:
        return missing
    if not has_same_template(observation.pod_set, order.snapshot):
        return _empty(observation, order)
    return _at_old_number(observation, order) or hand_back(stable, order)


def _at_old_number(observation: Observation, order: RunOrder) -> Decision | None:
    """Return what is still to do until the Deployment runs at the number that it had; None when it does.

    Raises:
        Conflict: somebody else scaled it.
    """
    pod_set = observation.pod_set
    deployment = pod_set.deployment
    if deployment.replicas > order.peak:
        raise Conflict(
            f"{deployment.title}: {who_scaled(pod_set)} set replicas to {deployment.replicas} during the run, at most "
            f"{order.peak} were planned. Let one of the two decide, then undo the run again.",
            code="replicas_changed",
        )
    before = order.snapshot.replicas
    if deployment.is_paused or deployment.replicas != before:
        return resume(deployment, replicas=before)
    # Its controller writes the number on each set that has pods, and takes another number for a change of scale.
    late = [each for each in pod_set.replica_sets if each.replicas > 0 and each.desired_replicas != str(before)]
    if late or not deployment.is_observed:
        return Wait(f"{deployment.title}: its controller has not seen the latest change yet")
    return None


def _empty(observation: Observation, order: RunOrder) -> Decision:
    """Take every pod away that the Deployment has beside the stable set, then restore the selector.

    Of what it has, the run's own pods may be what failed, and another template's were never seen by anybody.
    """
    pod_set = observation.pod_set
    deployment = pod_set.deployment
    if deployment.is_paused or deployment.replicas > 0:
        return resume(deployment, replicas=0)
    left = _left(observation, order, pod_set)
    if not deployment.is_observed or left:
        return Wait(f"{deployment.title}: {left} pods that the Service does not mean are draining")
    return restore_selector(observation)


def _join_rollout(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision:
    """Hand the stable set back to the rollout of the template that somebody deployed, as if the run had never been."""
    return _at_old_number(observation, order) or hand_back(stable, order)


def _settle(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision:
    """Restore the selector and what else is left, now that the stable set is its Deployment's again, or about to be."""
    others = new_set(observation, order)
    # Pinned, the Service must not wait for anything but the end of pods that failed: a rollout would empty it.
    lingers = any(each.replicas > 0 for each in others.replica_sets) or bool(others.ready_pods)
    if lingers and has_same_template(others, order.snapshot) and not is_own(observation, order):
        return Wait(f"{others.deployment.title}: {len(others.pods)} pods beside those of {stable.scaled.name} go")
    restore = restored(observation, order)
    if restore is not None:
        return restore
    left = resume(others.deployment) if others.deployment.is_paused else _double(observation, order, stable)
    if left is not None:
        return left
    serving = len(observation.ready_endpoints(observation.pod_set))
    if serving < order.snapshot.ready:
        return Wait(f"{serving} of {order.snapshot.ready} endpoints of {others.deployment.title} are ready")
    return Done(f"{others.deployment.title} serves as before, with {serving} ready endpoints")


def _double(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision | None:
    """Return what is still to do until the stable set is owned again and the set that the run made is gone.

    The same template would stand twice in the Deployment's history.
    """
    if stable.replica_set.uid in {each.replica_set.uid for each in observation.unowned}:
        return Wait(f"{stable.scaled.title}: its Deployment's controller has not taken it back yet")
    digest = stable.scaled.template_digest
    others = new_set(observation, order).replica_sets
    sets = [pods_of(each, observation.pods) for each in others if each.template_digest == digest]
    double = next((each for each in sets if not each.scaled.is_terminating), None)
    if double is None:
        return None
    left = _left(observation, order, double)
    if double.scaled.replicas > 0 or left:
        return Wait(f"{double.scaled.title}: {left} pods are draining")
    return delete(double, f"{stable.scaled.name} has the same template")


def _left(observation: Observation, order: RunOrder, pods: ScaledPods) -> int:
    """Return how many pods of a set that is to have none are still waited for."""
    return len(staying(pods.pods)) + len(awaited(pods.pods, order, to=0, at=observation.at))


def _keep_new(observation: Observation, order: RunOrder) -> Decision:
    """Leave the new set serving: the stable one is gone, and there is nothing to point back at."""
    restore = restored(observation, order)
    if restore is not None:
        return restore
    deployment = observation.pod_set.deployment
    if deployment.is_paused:
        return resume(deployment)
    return Done(f"the stable set is gone already, {deployment.title} serves", is_restored=False)

"""The two pod sets of a blue-green run and the Service over them: what its phases ask, and their single steps."""

from __future__ import annotations

from datetime import datetime, timedelta

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.objects import Json, Kind
from springtide.kube.observation import Observation, PodSet
from springtide.strategy.model import (
    Create,
    Decision,
    Delete,
    Done,
    Patch,
    RunOrder,
    Scale,
    Wait,
    require_same_service,
    require_same_template,
    stable_set,
)
from springtide.strategy.shrink import shrink
from springtide.strategy.twin import is_twin, twin_of
from springtide.verify.readiness import failure_reason


def stable_hash(order: RunOrder) -> str:
    """Return the `pod-template-hash` of the stable pods, as it was before the first write."""
    return order.snapshot.template_hash


def two_sets(observation: Observation, order: RunOrder) -> tuple[PodSet, PodSet | None]:
    """Return the stable set and the new one, if nobody changed the stable set's template or replicas meanwhile."""
    require_same_service(observation, order.snapshot)
    stable = stable_set(observation, order.snapshot)
    if stable is None:
        raise nothing_to_return_to(order)
    require_same_template(stable, order.snapshot)
    if stable.deployment.replicas != order.snapshot.replicas:
        raise Conflict(
            f"Deployment {order.snapshot.stable}: somebody set replicas to {stable.deployment.replicas} during the "
            f"run, expected {order.snapshot.replicas}. Let one of the two decide, then scale again.",
            code="replicas_changed",
        )
    new = new_set(observation, order)
    if new is not None:
        require_twin(new, stable)
    return stable, new


def require_twin(new: PodSet, stable: PodSet) -> None:
    """Raise `Conflict` when the stable template has an edit that the new set does not run."""
    if not is_twin(new.deployment, stable.deployment):
        raise Conflict(
            f"Deployment {stable.deployment.name}: its template was changed during the run and {new.deployment.name} "
            "does not have the change. The change is kept; it rolls out when the run has been undone.",
            code="rollout_in_progress",
        )


def new_set(observation: Observation, order: RunOrder) -> PodSet | None:
    """Return the new set if it is there.

    Raises:
        Conflict: a Deployment of its name is there that this run did not create.
    """
    new = observation.pod_sets.get(new_name(order))
    if new is not None and new.deployment.annotations.get(labels.RUN) != order.run_id:
        raise Conflict(
            f"Deployment {new.deployment.name} exists and is not of this run (it says run "
            f"{new.deployment.annotations.get(labels.RUN, 'none')!r}). Remove it, or let its run finish, then scale "
            "again.",
            code="leftover_set",
        )
    return new


def require_new(observation: Observation, order: RunOrder) -> PodSet:
    """Return the new set.

    Raises:
        Conflict: it is gone, or somebody else scaled it.
    """
    new = new_set(observation, order)
    if new is None or new.deployment.is_terminating:
        raise Conflict(f"Deployment {new_name(order)} was deleted during the run.", code="workload_replaced")
    if new.deployment.replicas > order.peak:
        raise Conflict(
            f"Deployment {new.deployment.name}: somebody set replicas to {new.deployment.replicas} during the run, at "
            f"most {order.peak} were planned.",
            code="replicas_changed",
        )
    return new


def new_name(order: RunOrder) -> str:
    """Return the name of the new set: the other of the workload's two."""
    return next(name for name in order.workload.set_names if name != order.snapshot.stable)


def create_twin(stable: PodSet, order: RunOrder) -> Create:
    """Return the step that creates the new set, without pods.

    A create compares nothing, so a frozen owner may send it after its run was ended by another. Empty, it serves
    nobody; growing it is a compare-and-swap behind the fence, as every other write.
    """
    name = new_name(order)
    return Create(Kind.DEPLOYMENT, twin_of(stable.deployment, name=name, replicas=0), f"create {name}, empty")


def start_new_set(
    observation: Observation, order: RunOrder, stable: PodSet, new: PodSet | None, *, size: int
) -> Decision:
    """Pause the stable Deployment, pin the Service to it, create the twin, grow it to `size`: one step at a time.

    Raises:
        Conflict: somebody else changed the Service's selector.
    """
    # The order is the safety: a rollout between the pin and the pause would give the stable pods another hash, and the
    # pinned Service no pods; a twin before the pin would serve as soon as its first pod is ready.
    if not stable.deployment.is_paused:
        return pause(stable)
    if observation.service.selector == order.snapshot.selector and is_empty(new):
        return point(observation, stable_hash(order), f"pin to {stable.deployment.name}", is_switch=False)
    if not points_at(observation, order, stable_hash(order)):
        raise foreign_selector(observation, order)
    if new is None:
        return create_twin(stable, order)
    if new.deployment.replicas < size:
        return scale(new, size)
    return Done(f"Deployment {new.deployment.name} has {new.deployment.replicas} replicas")


def is_empty(new: PodSet | None) -> bool:
    """Say whether there is no new set yet, or one without pods that an earlier owner created too late."""
    return new is None or (new.deployment.replicas == 0 and not new.pods)


def points_at(observation: Observation, order: RunOrder, template_hash: str) -> bool:
    """Say whether the Service is pinned to the pods of `template_hash`."""
    pinned = order.snapshot.selector | {labels.POD_TEMPLATE_HASH: template_hash}
    return bool(template_hash) and observation.service.selector == pinned


def switched_at(observation: Observation) -> datetime:
    """Return when the selector was moved; a stamp that is missing or from the future starts the wait again."""
    text = observation.service.annotations.get(labels.SWITCHED_AT)
    return min(datetime.fromisoformat(text), observation.at) if text else observation.at


def remove_set(observation: Observation, order: RunOrder, pod_set: PodSet, *, has_served: bool = True) -> Decision:
    """Shrink a set that no endpoint shows any more to nothing, then delete it; at once when it never served."""
    deployment = pod_set.deployment
    if deployment.is_terminating:
        return Wait(f"Deployment {deployment.name} is being deleted")
    if not has_served and deployment.replicas > 0:
        return scale(pod_set, 0)
    shrunk = shrink(observation, pod_set, order, to=0, keep_ready=order.floor)
    if not isinstance(shrunk, Done):
        return shrunk
    return Delete(
        kind=Kind.DEPLOYMENT,
        name=deployment.name,
        version=deployment.version,
        reason=f"delete {deployment.name}, which has no pods left",
    )


def scale(pod_set: PodSet, replicas: int) -> Scale:
    """Return the step to `replicas`."""
    deployment = pod_set.deployment
    reason = f"scale {deployment.name} from {deployment.replicas} to {replicas} replicas"
    return Scale(name=deployment.name, version=deployment.version, replicas=replicas, reason=reason)


def pause(stable: PodSet) -> Patch:
    """Return the step that pauses the stable Deployment."""
    deployment = stable.deployment
    reason = f"pause {deployment.name}, so that no rollout can empty the Service"
    return Patch(
        kind=Kind.DEPLOYMENT,
        name=deployment.name,
        version=deployment.version,
        change={"spec": {"paused": True}},
        reason=reason,
    )


def point(observation: Observation, template_hash: str, reason: str, *, is_switch: bool) -> Patch:
    """Return the swap of the selector to `template_hash`; `is_switch` stamps it, for the propagation time."""
    change: Json = {"spec": {"selector": {labels.POD_TEMPLATE_HASH: template_hash}}}
    if is_switch:
        change["metadata"] = {"annotations": {labels.SWITCHED_AT: observation.at.isoformat()}}
    return Patch(
        kind=Kind.SERVICE,
        name=observation.service.name,
        version=observation.service.version,
        change=change,
        reason=f"{reason}: {template_hash}",
    )


def restore_selector(observation: Observation) -> Patch:
    """Return the swap of the selector to its own form, with the stamp of the switch gone."""
    change = {
        "metadata": {"annotations": {labels.SWITCHED_AT: None}},
        "spec": {"selector": {labels.POD_TEMPLATE_HASH: None}},
    }
    return Patch(
        kind=Kind.SERVICE,
        name=observation.service.name,
        version=observation.service.version,
        change=change,
        reason="restore the Service's own selector",
    )


def foreign_selector(observation: Observation, order: RunOrder) -> Conflict:
    """Return the error for a selector that this run did not write."""
    return Conflict(
        f"Service {observation.service.name}: somebody changed its selector during the run to "
        f"{observation.service.selector}; this run started from {order.snapshot.selector}. "
        "Nothing more is changed, both pod sets stay.",
        code="selector_changed",
    )


def nothing_to_return_to(order: RunOrder) -> Conflict:
    """Return the error for a stable set that is gone."""
    return Conflict(
        f"Deployment {order.snapshot.stable} is gone: there is no stable set. What serves now is left as it is.",
        code="stable_set_gone",
    )


def propagated(observation: Observation, order: RunOrder, pod_set: PodSet, *, floor: int) -> Decision:
    """Wait until the slices show `pod_set` alone with at least `floor` ready, for the propagation time.

    Raises:
        WorkloadFailed: it has fallen under the floor and says why.
    """
    # The slices are the controller's view, and change at once. That every kube-proxy, ingress and mesh has followed
    # cannot be read anywhere, so the propagation time stands for it.
    serving = len(observation.ready_endpoints(pod_set))
    total = len(observation.ready_endpoints())
    name = pod_set.deployment.name
    failure = failure_reason(pod_set, observation.at)
    if serving < floor and failure is not None:
        code, text = failure
        raise WorkloadFailed(f"Deployment {name} serves with {serving} pods, {floor} are needed: {text}", code=code)
    if total > serving:
        return Wait(f"{total - serving} of {total} ready endpoints are not of {name} yet")
    if serving < floor:
        return Wait(f"{serving} of at least {floor} endpoints of {name} are ready")
    return propagation_wait(observation, order) or Done(f"only {name} is in the slices, with {serving} ready endpoints")


def propagation_wait(observation: Observation, order: RunOrder) -> Wait | None:
    """Return what is left of the propagation time since the selector was moved; None when it is over."""
    left = order.settings.propagation - (observation.at - switched_at(observation))
    return Wait(f"{left.total_seconds():.0f} s of the propagation time are left") if left > timedelta(0) else None


def widen(observation: Observation) -> Patch:
    """Return the swap of the selector to its own form while both sets are there, stamped as a switch."""
    change = {
        "metadata": {"annotations": {labels.SWITCHED_AT: observation.at.isoformat()}},
        "spec": {"selector": {labels.POD_TEMPLATE_HASH: None}},
    }
    return Patch(
        kind=Kind.SERVICE,
        name=observation.service.name,
        version=observation.service.version,
        change=change,
        reason="widen the selector to both sets",
    )

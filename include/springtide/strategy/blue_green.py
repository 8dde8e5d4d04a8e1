"""Blue-green: a new Deployment beside the stable one, one switch of the Service's selector, then the old one goes.

The selector passes through these forms, each by one compare-and-swap, and nothing else ever touches the Service:

    its own ──pin──► own + stable's pod-template-hash ──switch──► own + new's pod-template-hash ──give back──► its own

While it is pinned, the stable Deployment is paused: a rollout by somebody else would change its hash and empty the
Service.
A switch never lowers capacity (I-5): the new set has max(stable, target) replicas first, and shrinks when it serves
alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.objects import Json, Kind
from springtide.kube.scene import PodSet, Scene
from springtide.strategy.in_place import exactly
from springtide.strategy.model import (
    Create,
    Decision,
    Delete,
    Done,
    Order,
    Patch,
    Scale,
    Wait,
    require_same_service,
    require_same_template,
    stable_set,
)
from springtide.strategy.shrink import shrink
from springtide.strategy.twin import is_twin, twin_of
from springtide.verify.readiness import failure_words, missing_readiness


class BlueGreenStrategy:
    """See the module."""

    def create(self, scene: Scene, order: Order) -> Decision:
        """Pause the stable Deployment, pin the Service to it, create the twin at its full size."""
        stable, new = _sets(scene, order)
        if new is not None and _points_at(scene, order, new.template_hash):
            return Done(f"Service {scene.service.name} already points at {new.deployment.name}")
        if not stable.deployment.is_paused:
            return _pause(stable)
        if scene.service.selector == order.snapshot.selector and new is None:
            return _point(scene, stable_hash(order), f"pin to {stable.deployment.name}", is_switch=False)
        if not _points_at(scene, order, stable_hash(order)):
            raise _foreign_selector(scene, order)
        if new is None:
            name = _new_name(order)
            manifest = twin_of(stable.deployment, name=name, replicas=order.peak)
            return Create(Kind.DEPLOYMENT, manifest, f"create {name} with {order.peak} replicas")
        if new.deployment.replicas < order.peak:
            return _scale(new, order.peak)
        return Done(f"Deployment {new.deployment.name} has {new.deployment.replicas} replicas")

    def ready(self, scene: Scene, order: Order) -> Decision:
        """Wait until the whole new set is available."""
        new = _require_new(scene, order)
        missing = missing_readiness(new, needed=order.peak, at=scene.at)
        return Wait(missing) if missing else Done(f"{order.peak} new pods are ready")

    def switch(self, scene: Scene, order: Order) -> Decision:
        """Point the Service at the new set, if that is still whole at this very moment."""
        stable, _ = _sets(scene, order)
        new = _require_new(scene, order)
        if _points_at(scene, order, new.template_hash):
            return Done(f"Service {scene.service.name} points at {new.deployment.name}")
        if not _points_at(scene, order, stable_hash(order)):
            raise _foreign_selector(scene, order)
        needed = max(order.peak, len(stable.ready_pods))
        missing = missing_readiness(new, needed=needed, at=scene.at)
        if missing:
            return Wait(missing)
        return _point(scene, new.template_hash, f"switch to {new.deployment.name}", is_switch=True)

    def switched(self, scene: Scene, order: Order) -> Decision:
        """Wait until the slices show the new set alone, for the propagation time."""
        new = _require_new(scene, order)
        if not _points_at(scene, order, new.template_hash):
            raise _foreign_selector(scene, order)
        return _propagated(scene, order, new, floor=order.peak)

    def remove(self, scene: Scene, order: Order) -> Decision:
        """Shrink the stable set to nothing, delete it, give the selector back, shrink the new set to the target."""
        require_same_service(scene, order.snapshot)
        new = _require_new(scene, order)
        stable = stable_set(scene, order.snapshot)
        if stable is not None:
            if not _points_at(scene, order, new.template_hash):
                raise _foreign_selector(scene, order)
            _require_twin(new, stable)
            left = order.settings.propagation + order.settings.drain - (scene.at - _switched_at(scene))
            if left > timedelta(0):
                return Wait(f"{stable.deployment.name} drains for another {left.total_seconds():.0f} s")
            return _remove_set(scene, order, stable)
        if order.snapshot.stable in scene.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is being deleted")
        if scene.service.selector != order.snapshot.selector:
            if not _points_at(scene, order, new.template_hash):
                raise _foreign_selector(scene, order)
            return _give_back(scene)
        return shrink(scene, new, order, to=order.replicas, keep_ready=order.replicas)

    def removed(self, scene: Scene, order: Order) -> Decision:
        """Wait until exactly the planned replicas serve, by the Service's own selector, the stable set gone."""
        require_same_service(scene, order.snapshot)
        if order.snapshot.stable in scene.pod_sets:
            return Wait(f"Deployment {order.snapshot.stable} is still there")
        if scene.service.selector != order.snapshot.selector:
            raise _foreign_selector(scene, order)
        return exactly(scene, _require_new(scene, order), order.replicas)

    def roll_back(self, scene: Scene, order: Order) -> Decision:
        """Make the stable set whole, point the Service at it, remove the new set, give the selector back, unpause."""
        require_same_service(scene, order.snapshot)
        stable = stable_set(scene, order.snapshot)
        if stable is None:
            return _keep_new(scene, order)
        new = _new_set(scene, order)
        if not _points_at(scene, order, stable_hash(order)):
            if new is None and scene.service.selector == order.snapshot.selector:
                return _release(scene, order, stable)
            return _point_back(scene, order, stable, new)
        if new is not None:
            return _discard(scene, order, stable, new)
        return _give_back(scene)


def stable_hash(order: Order) -> str:
    """Return the `pod-template-hash` of the stable pods, as it was before the first write."""
    return order.snapshot.template_hash


def _point_back(scene: Scene, order: Order, stable: PodSet, new: PodSet | None) -> Decision:
    is_ours = new is not None and _points_at(scene, order, new.template_hash)
    if not is_ours and scene.service.selector != order.snapshot.selector:
        raise _foreign_selector(scene, order)
    if not stable.deployment.is_paused:
        return _pause(stable)
    if stable.deployment.replicas < order.snapshot.replicas:
        return _scale(stable, order.snapshot.replicas)
    missing = missing_readiness(stable, needed=order.snapshot.ready, at=scene.at)
    if missing:
        return Wait(missing)
    is_switch = is_ours  # from its own selector it is the first pin again, which moves no traffic
    return _point(scene, stable_hash(order), f"point back at {stable.deployment.name}", is_switch=is_switch)


def _keep_new(scene: Scene, order: Order) -> Decision:
    new = _require_new(scene, order)
    if scene.service.selector == order.snapshot.selector:
        return Done(f"the stable set is gone already, {new.deployment.name} serves", is_restored=False)
    if not _points_at(scene, order, new.template_hash):
        raise _foreign_selector(scene, order)
    return _give_back(scene)


def _discard(scene: Scene, order: Order, stable: PodSet, new: PodSet) -> Decision:
    if labels.SWITCHED_AT not in scene.service.annotations:
        return _remove_set(scene, order, new, has_served=False)
    settled = _propagated(scene, order, stable, floor=order.snapshot.ready)
    return _remove_set(scene, order, new, has_served=True) if isinstance(settled, Done) else settled


def _release(scene: Scene, order: Order, stable: PodSet) -> Decision:
    deployment = stable.deployment
    if deployment.is_paused:
        change = {"spec": {"paused": None}}
        return Patch(Kind.DEPLOYMENT, deployment.name, deployment.version, change, f"resume {deployment.name}")
    serving = len(scene.ready_endpoints(stable))
    if serving < order.snapshot.ready:
        return Wait(f"{serving} of {order.snapshot.ready} endpoints of {deployment.name} are ready")
    return Done(f"Deployment {deployment.name} serves as before, with {serving} ready endpoints")


def _propagated(scene: Scene, order: Order, pod_set: PodSet, *, floor: int) -> Decision:
    serving, total = len(scene.ready_endpoints(pod_set)), len(scene.ready_endpoints())
    name = pod_set.deployment.name
    words = failure_words(pod_set, scene.at)
    if serving < floor and words is not None:
        raise WorkloadFailed(
            f"Deployment {name} serves with {serving} pods, {floor} are needed: {words[1]}", code=words[0]
        )
    if total > serving:
        return Wait(f"{total - serving} of {total} ready endpoints are not of {name} yet")
    if serving < floor:
        return Wait(f"{serving} of at least {floor} endpoints of {name} are ready")
    left = order.settings.propagation - (scene.at - _switched_at(scene))
    if left > timedelta(0):
        return Wait(f"only {name} is in the slices; {left.total_seconds():.0f} s of the propagation time are left")
    return Done(f"only {name} is in the slices, with {serving} ready endpoints")


def _switched_at(scene: Scene) -> datetime:
    """Return when the selector was moved; a stamp that is missing or from the future starts the wait anew."""
    text = scene.service.annotations.get(labels.SWITCHED_AT)
    return min(datetime.fromisoformat(text), scene.at) if text else scene.at


def _sets(scene: Scene, order: Order) -> tuple[PodSet, PodSet | None]:
    """Return the stable set and the new one, if nobody changed the stable set's template or replicas meanwhile."""
    require_same_service(scene, order.snapshot)
    stable = stable_set(scene, order.snapshot)
    if stable is None:
        raise _nothing_to_return_to(order)
    require_same_template(stable, order.snapshot)
    if stable.deployment.replicas != order.snapshot.replicas:
        raise Conflict(
            f"Deployment {order.snapshot.stable}: somebody set replicas to {stable.deployment.replicas} during the "
            "run, "
            f"expected {order.snapshot.replicas}. Let one of the two decide, then scale again.",
            code="replicas_changed",
        )
    new = _new_set(scene, order)
    if new is not None:
        _require_twin(new, stable)
    return stable, new


def _require_twin(new: PodSet, stable: PodSet) -> None:
    if not is_twin(new.deployment, stable.deployment):
        raise Conflict(
            f"Deployment {stable.deployment.name}: its template was changed during the run and {new.deployment.name} "
            "does "
            "not have the change. The change is kept; it rolls out when the run has been undone.",
            code="rollout_in_progress",
        )


def _new_set(scene: Scene, order: Order) -> PodSet | None:
    """Return the new set if it is there.

    Raises:
        Conflict: a Deployment of its name is there that this run did not make.
    """
    new = scene.pod_sets.get(_new_name(order))
    if new is not None and new.deployment.annotations.get(labels.RUN) != order.run_id:
        raise Conflict(
            f"Deployment {new.deployment.name} exists and is not of this run (it says run "
            f"{new.deployment.annotations.get(labels.RUN, 'none')!r}). Remove it, or let its run finish, then scale "
            "again.",
            code="leftover_set",
        )
    return new


def _require_new(scene: Scene, order: Order) -> PodSet:
    new = _new_set(scene, order)
    if new is None or new.deployment.is_terminating:
        raise Conflict(f"Deployment {_new_name(order)} was deleted during the run.", code="workload_replaced")
    if new.deployment.replicas > order.peak:
        raise Conflict(
            f"Deployment {new.deployment.name}: somebody set replicas to {new.deployment.replicas} during the run, at "
            "most "
            f"{order.peak} were planned.",
            code="replicas_changed",
        )
    return new


def _new_name(order: Order) -> str:
    return next(name for name in labels.set_names(order.deployment) if name != order.snapshot.stable)


def _points_at(scene: Scene, order: Order, template_hash: str) -> bool:
    pinned = order.snapshot.selector | {labels.POD_TEMPLATE_HASH: template_hash}
    return bool(template_hash) and scene.service.selector == pinned


def _remove_set(scene: Scene, order: Order, pod_set: PodSet, *, has_served: bool = True) -> Decision:
    """Shrink a set that no endpoint shows any more to nothing, then delete it; at once when it never served."""
    deployment = pod_set.deployment
    if deployment.is_terminating:
        return Wait(f"Deployment {deployment.name} is being deleted")
    if not has_served and deployment.replicas > 0:
        return _scale(pod_set, 0)
    shrunk = shrink(scene, pod_set, order, to=0, keep_ready=order.floor)
    if not isinstance(shrunk, Done):
        return shrunk
    return Delete(
        Kind.DEPLOYMENT, deployment.name, deployment.version, f"delete {deployment.name}, which has no pods left"
    )


def _scale(pod_set: PodSet, replicas: int) -> Scale:
    deployment = pod_set.deployment
    reason = f"scale {deployment.name} from {deployment.replicas} to {replicas} replicas"
    return Scale(deployment.name, deployment.version, replicas, reason)


def _pause(stable: PodSet) -> Patch:
    deployment = stable.deployment
    reason = f"pause {deployment.name}, so that no rollout can empty the Service"
    return Patch(Kind.DEPLOYMENT, deployment.name, deployment.version, {"spec": {"paused": True}}, reason)


def _point(scene: Scene, template_hash: str, reason: str, *, is_switch: bool) -> Patch:
    change: Json = {"spec": {"selector": {labels.POD_TEMPLATE_HASH: template_hash}}}
    if is_switch:
        change["metadata"] = {"annotations": {labels.SWITCHED_AT: scene.at.isoformat()}}
    return Patch(Kind.SERVICE, scene.service.name, scene.service.version, change, f"{reason}: {template_hash}")


def _give_back(scene: Scene) -> Patch:
    change = {
        "metadata": {"annotations": {labels.SWITCHED_AT: None}},
        "spec": {"selector": {labels.POD_TEMPLATE_HASH: None}},
    }
    return Patch(
        Kind.SERVICE, scene.service.name, scene.service.version, change, "give the Service its own selector back"
    )


def _foreign_selector(scene: Scene, order: Order) -> Conflict:
    return Conflict(
        f"Service {scene.service.name}: somebody changed its selector during the run to {scene.service.selector}; "
        "this run "
        f"started from {order.snapshot.selector}. Nothing more is changed, both pod sets stay.",
        code="selector_changed",
    )


def _nothing_to_return_to(order: Order) -> Conflict:
    return Conflict(
        f"Deployment {order.snapshot.stable} is gone: there is no stable set. What serves now is left as it is.",
        code="stable_set_gone",
    )

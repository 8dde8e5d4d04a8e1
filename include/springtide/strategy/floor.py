"""Floor: an autoscaler owns the replicas; its minimum is raised, proven at the endpoints, and restored when it expires.

A higher minimum is written first and its pods are proven; a lower one is written last, once the smoke test has passed.
The replicas themselves are never touched: what the autoscaler wants beyond its minimum is for it to decide (I-18).
"""

from __future__ import annotations

from springtide.errors import Conflict, PermanentError
from springtide.kube.autoscaler import Autoscaler, AutoscalerBounds, effective_minimum
from springtide.kube.observation import Observation, PodSet
from springtide.strategy.exactness import nothing_to_switch, require_exact, where
from springtide.strategy.hold import bounds_for
from springtide.strategy.leaving import told_of_leaving
from springtide.strategy.model import (
    AutoscalerSnapshot,
    Decision,
    Done,
    Patch,
    RunOrder,
    Wait,
    require_same_service,
    require_same_workload,
)
from springtide.strategy.replicas import who_wrote
from springtide.verify.readiness import missing_readiness


class FloorStrategy:
    """See the module."""

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Raise the minimum; a lower one is written later."""
        autoscaler = _owned(observation, order)
        if not _raises(order):
            return Done(f"{autoscaler.title} keeps its minimum {autoscaler.minimum} until the end")
        return _write(autoscaler, order) or Done(f"{autoscaler.title} has the minimum {autoscaler.minimum}")

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the autoscaler followed and that many pods are ready."""
        autoscaler = _owned(observation, order)
        pod_set = require_same_workload(observation, order.snapshot)
        if _raises(order):
            _require_written(autoscaler, order)
        has = pod_set.scaled.replicas
        if has < order.replicas:
            return Wait(f"{autoscaler.title} has not gone from {has} to {order.replicas} replicas yet")
        needed = order.enough_of(order.replicas)
        missing = missing_readiness(pod_set, needed=needed, at=observation.at, settings=order.settings)
        return Wait(missing) if missing else Done(f"{len(pod_set.ready_pods)} pods are ready")

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Leave the Service alone: its selector already means these pods."""
        _owned(observation, order)
        return Done(nothing_to_switch(observation))

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until that many pods are ready endpoints."""
        if _raises(order):
            _require_written(_owned(observation, order), order)
        return _served(observation, require_same_workload(observation, order.snapshot), order)

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Lower the minimum; the autoscaler takes pods away in its own time."""
        autoscaler = _owned(observation, order)
        if _raises(order):
            return Done(f"{autoscaler.title} holds the minimum {autoscaler.minimum}")
        return _write(autoscaler, order) or Done(f"{autoscaler.title} has the minimum {autoscaler.minimum} again")

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the minimum reads back and exactly what the autoscaler keeps serves, at least the minimum."""
        _require_written(_owned(observation, order), order)
        return _served(observation, require_same_workload(observation, order.snapshot), order)

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Restore the snapshot's bounds and annotation; the autoscaler removes surplus pods in its own time."""
        autoscaler = observation.autoscaler
        held = _held(order)
        # A deleted autoscaler took the raised minimum with it, and another one's bounds are not this run's to change.
        if autoscaler is None or autoscaler.uid != held.uid:
            return Done(f"the autoscaler {held.name} is gone, and its bounds with it", is_restored=False)
        require_same_service(observation, order.snapshot)
        _require_ours(autoscaler, order)
        restore = _patch(autoscaler, held.bounds, held.floor_annotation, f"restore the bounds of {autoscaler.title}")
        if restore is not None:
            return restore
        pod_set = require_same_workload(observation, order.snapshot)
        needed = min(order.snapshot.ready, pod_set.scaled.replicas)
        serving = len(observation.ready_endpoints(pod_set))
        if serving < needed:
            return Wait(f"{serving} of {needed} endpoints are ready")
        return Done(f"{autoscaler.title} has the minimum {autoscaler.minimum} again; {serving} endpoints are ready")


def _raises(order: RunOrder) -> bool:
    held = _held(order)
    return order.replicas > effective_minimum(held.bounds, held.kind)


def _held(order: RunOrder) -> AutoscalerSnapshot:
    held = order.snapshot.autoscaler
    if held is None:
        raise PermanentError(
            "the run's snapshot holds no autoscaler, so it is not known whose minimum to raise or to restore. "
            "Somebody edited its Lease: look at the autoscaler's minimum, then delete the Lease.",
            code="snapshot_incomplete",
            field="snapshot.autoscaler",
        )
    return held


def _owned(observation: Observation, order: RunOrder) -> Autoscaler:
    """Return the autoscaler while it is the one of the snapshot and nobody else changed its bounds."""
    held = _held(order)
    if observation.autoscaler is None or observation.autoscaler.uid != held.uid:
        raise Conflict(
            f"the autoscaler {held.name} was deleted, or deleted and recreated, during the run. Nothing more is "
            "changed.",
            code="autoscaler_replaced",
        )
    _require_ours(observation.autoscaler, order)
    return observation.autoscaler


def _require_ours(autoscaler: Autoscaler, order: RunOrder) -> None:
    held = _held(order)
    bounds, _ = bounds_for(held, order)
    present = autoscaler.bounds
    minimums = (held.bounds.minimum, bounds.minimum)
    maximums = (held.bounds.maximum, bounds.maximum)
    if present.minimum in minimums and present.maximum in maximums:
        return
    raise Conflict(
        f"{autoscaler.title}: {_who(autoscaler)} set its bounds to {_describe(present)} during the run, which goes "
        f"from {_describe(held.bounds)} to {_describe(bounds)}. Nothing more is changed.",
        code="floor_changed",
    )


def _require_written(autoscaler: Autoscaler, order: RunOrder) -> None:
    bounds, annotation = bounds_for(_held(order), order)
    if autoscaler.bounds != bounds or autoscaler.floor_annotation != annotation:
        raise Conflict(
            f"{autoscaler.title}: its bounds are {_describe(autoscaler.bounds)} again, {_describe(bounds)} was "
            f"written. They were taken back by {_who(autoscaler)}: let one of the two decide.",
            code="floor_changed",
        )


def _who(autoscaler: Autoscaler) -> str:
    return who_wrote(autoscaler, ("spec", autoscaler.keys[0]))


def _write(autoscaler: Autoscaler, order: RunOrder) -> Patch | None:
    bounds, annotation = bounds_for(_held(order), order)
    verb = "hold" if annotation else "restore"
    return _patch(autoscaler, bounds, annotation, f"{verb} {_describe(bounds)} on {autoscaler.title}")


def _patch(autoscaler: Autoscaler, bounds: AutoscalerBounds, annotation: str, reason: str) -> Patch | None:
    if autoscaler.bounds == bounds and autoscaler.floor_annotation == annotation:
        return None
    return Patch(
        kind=autoscaler.kind,
        name=autoscaler.name,
        version=autoscaler.version,
        change=autoscaler.change(bounds, annotation),
        reason=reason,
    )


def _served(observation: Observation, pod_set: PodSet, order: RunOrder) -> Decision:
    """Wait until the endpoints show the floor: exactly it, unless the autoscaler wants more."""
    if pod_set.scaled.replicas == order.replicas:
        return require_exact(observation, pod_set, order, order.replicas, is_alone=False)
    needed = order.enough_of(order.replicas)
    missing = missing_readiness(pod_set, needed=needed, at=observation.at, settings=order.settings)
    serving = len(observation.ready_endpoints(pod_set))
    if missing or serving < needed:
        return Wait(missing or f"{where(observation)}{serving} of {needed} pods are ready endpoints")
    wanted = f"the autoscaler wants {pod_set.scaled.replicas}, {order.replicas} at least"
    return Done(f"{serving} pods serve: {wanted}{told_of_leaving(observation.pods)}")


def _describe(bounds: AutoscalerBounds) -> str:
    low, high = ("its default" if bound is None else str(bound) for bound in (bounds.minimum, bounds.maximum))
    return f"{low} to {high}"

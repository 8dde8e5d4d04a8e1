"""Where the Service sends requests: the forms of its selector, the swaps between them, and how long each one travels.

    its own ──pin──► own + stable's pod-template-hash ──switch──► own + new's pod-template-hash ──restore──► its own

In batches the selector is widened to its own form while both sets are there, instead of switched.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.objects import Json, Kind
from springtide.kube.observation import Observation, ScaledPods
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Wait
from springtide.verify.readiness import failure_reason

_SHOWN: Final = 60
"""Characters of an annotation that a message repeats."""


def stable_hash(order: RunOrder) -> str:
    """Return the `pod-template-hash` of the stable pods, as it was before the first write."""
    return order.snapshot.stable.template_hash


def points_at(observation: Observation, order: RunOrder, template_hash: str) -> bool:
    """Say whether the Service is pinned to the pods of `template_hash`."""
    pinned = order.snapshot.selector | {labels.POD_TEMPLATE_HASH: template_hash}
    return bool(template_hash) and observation.required_service.selector == pinned


def is_own(observation: Observation, order: RunOrder) -> bool:
    """Say whether the selector has the form that its owner wrote."""
    return observation.required_service.selector == order.snapshot.selector


def is_pinned_by(order: RunOrder, observation: Observation) -> bool:
    """Say whether the Service is pinned as this run pins it: to its stable set, or by a switch to what it made."""
    pinned = observation.required_service.selector.get(labels.POD_TEMPLATE_HASH, "")
    is_ours = pinned == stable_hash(order) or is_stamped(observation)
    return is_ours and points_at(observation, order, pinned)


def is_stamped(observation: Observation) -> bool:
    """Say whether the selector's last move is one that routers have to follow."""
    return labels.SWITCHED_AT in observation.required_service.annotations


def is_widened(observation: Observation, order: RunOrder) -> bool:
    """Say whether the Service means both sets because this run widened its selector."""
    return is_own(observation, order) and is_stamped(observation)


def switched_at(observation: Observation) -> datetime:
    """Return when the selector was moved; a stamp that is missing or from the future starts the wait again.

    Raises:
        Conflict: somebody wrote something else over the stamp.
    """
    if not is_stamped(observation):
        return observation.at
    stamp = readable_stamp(observation)
    if stamp is None:
        service = observation.required_service
        raise Conflict(
            f"Service {service.name}: its annotation {labels.SWITCHED_AT} is "
            f"{service.annotations[labels.SWITCHED_AT][:_SHOWN]!r}, and no time with its zone: somebody edited it. How "
            "long ago the Service was moved is not known, so nothing is removed.",
            code="stamp_unreadable",
        )
    return min(stamp, observation.at)


def readable_stamp(observation: Observation) -> datetime | None:
    """Return what the stamp of the switch says; None where there is none, or none that can be read."""
    try:
        stamp = datetime.fromisoformat(observation.required_service.annotations.get(labels.SWITCHED_AT, ""))
    except ValueError:
        return None
    return stamp if stamp.tzinfo else None


def point(
    observation: Observation, template_hash: str, reason: str, *, is_stamped: bool, is_switch: bool = False
) -> Patch:
    """Return the swap of the selector to `template_hash`; `is_stamped` notes when, for the propagation time."""
    change: Json = {"spec": {"selector": {labels.POD_TEMPLATE_HASH: template_hash}}}
    if is_stamped:
        change["metadata"] = {"annotations": {labels.SWITCHED_AT: observation.at.isoformat()}}
    return _swap(observation, change, f"{reason}: {template_hash}", is_switch=is_switch)


def widen(observation: Observation) -> Patch:
    """Return the swap of the selector to its own form while both sets are there, stamped as a switch."""
    change = {
        "metadata": {"annotations": {labels.SWITCHED_AT: observation.at.isoformat()}},
        "spec": {"selector": {labels.POD_TEMPLATE_HASH: None}},
    }
    return _swap(observation, change, "widen the selector to both sets", is_switch=True)


def restored(observation: Observation, order: RunOrder) -> Patch | None:
    """Return what is still to do until the selector is its owner's again, in form and by claim; None when it is."""
    if not is_own(observation, order) or is_stamped(observation):
        return restore_selector(observation)
    return _disown_selector(observation)


def restore_selector(observation: Observation) -> Patch:
    """Return the swap of the selector to its own form, with the stamp of the switch gone."""
    change = {
        "metadata": {"annotations": {labels.SWITCHED_AT: None}},
        "spec": {"selector": {labels.POD_TEMPLATE_HASH: None}},
    }
    return _swap(observation, change, "restore the Service's own selector")


def _disown_selector(observation: Observation) -> Patch | None:
    # Whoever changed it last owns it by the API server's account, and the owner's next server-side apply would meet a
    # conflict over a field that is as he wrote it.
    service = observation.required_service
    entries = service.raw["metadata"].get("managedFields") or []
    others = [entry for entry in entries if not _is_claim(entry)]
    if len(others) == len(entries):
        return None
    change: Json = {"metadata": {"managedFields": others}}
    return _swap(observation, change, "leave the Service's selector to its owner")


def _is_claim(entry: Json) -> bool:
    fields = entry.get("fieldsV1") or {}
    return entry.get("manager") == FIELD_MANAGER and "f:selector" in fields.get("f:spec", {})


def _swap(observation: Observation, change: Json, reason: str, *, is_switch: bool = False) -> Patch:
    return Patch(
        kind=Kind.SERVICE,
        name=observation.required_service.name,
        version=observation.required_service.version,
        change=change,
        reason=reason,
        is_switch=is_switch,
    )


def foreign_selector(observation: Observation, order: RunOrder) -> Conflict:
    """Return the error for a selector that this run did not write."""
    return Conflict(
        f"Service {observation.required_service.name}: somebody changed its selector during the run to "
        f"{observation.required_service.selector}; this run started from {order.snapshot.selector}. "
        "Nothing more is changed, both pod sets stay.",
        code="selector_changed",
    )


def propagated(
    observation: Observation, order: RunOrder, pods: ScaledPods, *, floor: int, is_way_back: bool = False
) -> Decision:
    """Wait until the slices show `pods` alone with at least `floor` ready, for the propagation time.

    On the way back they have the policy's patience: there is nothing else to go to.

    Raises:
        WorkloadFailed: they have fallen under the floor and say why.
    """
    # The slices are the controller's view, and change at once. That every kube-proxy, ingress and mesh has followed
    # cannot be read anywhere, so the propagation time stands for it.
    serving = len(observation.ready_endpoints(pods))
    others = len(observation.reached_beside(pods))
    title = pods.scaled.title
    failure = failure_reason(pods, observation.at, settings=order.settings if is_way_back else None)
    if serving < floor and failure is not None:
        code, text = failure
        raise WorkloadFailed(f"{title} serves with {serving} pods, {floor} are needed: {text}", code=code)
    if others:
        return Wait(f"{others} of {others + serving} ready endpoints are not of {title} yet")
    if serving < floor:
        return Wait(f"{serving} of at least {floor} endpoints of {title} are ready")
    return propagation_wait(observation, order) or Done(
        f"only {title} is in the slices, with {serving} ready endpoints"
    )


def propagation_wait(observation: Observation, order: RunOrder) -> Wait | None:
    """Return what is left of the propagation time since the selector was moved; None when it is over."""
    left = order.settings.propagation - (observation.at - switched_at(observation))
    return Wait(f"{left.total_seconds():.0f} s of the propagation time are left") if left > timedelta(0) else None


def drain_wait(observation: Observation, order: RunOrder, title: str) -> Wait | None:
    """Return what is left until nobody has a request under way at what served before; None when it is over."""
    # The last router that still sends there may learn of the switch at the end of the propagation time, and what it
    # sent then has the drain time to finish.
    left = order.settings.propagation + order.settings.drain - (observation.at - switched_at(observation))
    return Wait(f"{title} drains for another {left.total_seconds():.0f} s") if left > timedelta(0) else None

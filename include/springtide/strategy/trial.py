"""The writes of a run as they can be tried beforehand, by a dry run: what admission says of them shows then. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from springtide import labels
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, Kind, KubeObject
from springtide.kube.observation import Observation, PodSet
from springtide.policy.scaling.strategy import BlueGreen, Floor, RunSettings
from springtide.strategy.model import Patch, Scale

_STAMP: Final = {labels.RUN: "dry-run"}


def trial_writes(
    observation: Observation, stable: PodSet, settings: RunSettings, replicas: int
) -> tuple[Patch | Scale, ...]:
    """Return one write of each kind that a run to `replicas` makes, as far as its objects are there already."""
    scaled = stable.scaled
    stamp = _patch(scaled.kind, scaled, {}, "stamp")
    if isinstance(settings, Floor):
        autoscaler = observation.autoscaler
        # A minimum above the maximum is the maximum's matter, and told by its own check.
        is_over = autoscaler is not None and replicas > autoscaler.maximum and not settings.raise_max
        return (stamp,) if autoscaler is None or is_over else (stamp, _raised(autoscaler, replicas, settings))
    number = Scale(
        kind=scaled.kind,
        name=scaled.name,
        version=scaled.version,
        replicas=replicas,
        reason=f"scale {scaled.title} to {replicas}",
    )
    if not isinstance(settings, BlueGreen):
        return (stamp, number)
    return (*_switching(observation, stable), number)


def placeholder_trials(placeholders: Deployment, more: int) -> tuple[Patch | Scale, ...]:
    """Return one write of each kind that a run makes which raises `placeholders` by so many `more`."""
    raised = placeholders.replicas + more
    number = Scale(
        kind=placeholders.kind,
        name=placeholders.name,
        version=placeholders.version,
        replicas=raised,
        reason=f"scale {placeholders.title} to {raised}",
    )
    return (_patch(placeholders.kind, placeholders, {}, "stamp"), number)


def _switching(observation: Observation, stable: PodSet) -> tuple[Patch, ...]:
    pin = {"spec": {"selector": {labels.POD_TEMPLATE_HASH: stable.template_hash}}}
    pause = {"spec": {"paused": True}}
    writes = [
        _patch(Kind.SERVICE, observation.required_service, pin, "pin"),
        _patch(Kind.DEPLOYMENT, stable.deployment, pause, "pause"),
    ]
    if stable.current is not None:
        gone: Json = dict.fromkeys(stable.current.labels)
        aside = {"labels": gone | {labels.ASIDE_OF: stable.deployment.name}, "ownerReferences": None}
        writes.append(_patch(Kind.REPLICA_SET, stable.current, {"metadata": aside}, "set aside"))
    return tuple(writes)


def _raised(autoscaler: Autoscaler, replicas: int, settings: Floor) -> Patch:
    bounds = replace(autoscaler.bounds, minimum=replicas)
    if settings.raise_max and replicas > autoscaler.maximum:
        bounds = replace(bounds, maximum=replicas)
    change = autoscaler.change(bounds, autoscaler.floor_annotation)
    return _patch(autoscaler.kind, autoscaler, change, f"set the minimum {replicas} on")


def _patch(kind: Kind, thing: KubeObject, change: Json, verb: str) -> Patch:
    metadata: Json = change.get("metadata", {})
    annotations = metadata.get("annotations", {}) | _STAMP
    stamped = change | {"metadata": metadata | {"annotations": annotations}}
    reason = f"{verb} {kind.value.replace('_', ' ')} {thing.name}"
    return Patch(kind=kind, name=thing.name, version=thing.version, change=stamped, reason=reason)

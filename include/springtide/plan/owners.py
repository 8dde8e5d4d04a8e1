"""Who else decides over a workload: its controller, tools that name it as theirs, and who writes its replicas. Pure.

An operator writes its Deployment again whenever it likes, and takes back what a run wrote; a tool for progressive
delivery scales the Deployment that it names by itself; a scaler by the clock puts its own number there. All of it
shows only when a run is half done, so it is looked for before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from springtide.kube.autoscaler import Autoscaler
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.objects import Json, Kind, KubeObject, WorkloadObject
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.managed_fields import FieldWriter, writers_of

CLAIMING_KINDS: Final = (Kind.ROLLOUT, Kind.CANARY)
"""Custom resources that take a Deployment for theirs without owning it: of Argo Rollouts, and of Flagger."""

_REFERENCES: Final = {Kind.ROLLOUT: ("Rollout", "workloadRef"), Kind.CANARY: ("Canary", "targetRef")}
_CHECK: Final = "owner"

REPLICAS: Final = ("spec", "replicas")
"""Where the number stands in every kind that is scaled."""

_BY_HAND: Final = re.compile(rf"^({FIELD_MANAGER}|kubectl.*|helm|before-first-apply)$", re.IGNORECASE)
"""Managers by which people write, and springtide itself: they do not come back by themselves."""

_EVICTING: Final = frozenset({"Auto", "Recreate", "InPlaceOrRecreate"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A custom resource that names a workload: `Rollout web` by its `spec.workloadRef`."""

    kind: str
    name: str
    field: str


def claims_on(scaled: WorkloadObject, kind: Kind, objects: Sequence[Json]) -> tuple[Claim, ...]:
    """Return which of the `objects` of one of `CLAIMING_KINDS` in the namespace name this workload."""
    title, field = _REFERENCES[kind]
    return tuple(
        Claim(title, str(raw["metadata"]["name"]), f"spec.{field}")
        for raw in objects
        if _names((raw.get("spec") or {}).get(field), scaled)
    )


def _names(reference: Json | None, scaled: WorkloadObject) -> bool:
    known = reference or {}
    return known.get("kind") == scaled.noun and known.get("name") == scaled.name


def owner_findings(scaled: WorkloadObject, claims: Sequence[Claim], unread: Sequence[str]) -> Iterator[Finding]:
    """Yield a refusal for the controller of the workload and for each claim on it, with what to use instead.

    `unread` says which claims nobody could see, and why.
    """
    messages = [_owned(scaled)] if scaled.controller_uid is not None else []
    messages += [_claimed(scaled, claim) for claim in claims]
    for message in messages:
        yield Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code="workload_owned")
    for message in unread:
        yield Finding(check=_CHECK, status=FindingStatus.NOT_CHECKED, message=message)
    programs, told = _written(scaled, REPLICAS)
    if programs:
        yield _scaled_by(scaled.title, REPLICAS, programs)
    elif not messages and not unread:
        message = f"nothing but its people decides over {scaled.title}{told}"
        yield Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)


def _owned(scaled: WorkloadObject) -> str:
    owner = scaled.controller.replace("/", " ", 1)
    return (
        f"{scaled.title} belongs to {owner} (ownerReferences), whose controller writes it again and "
        f"takes back what a run writes. Set the replicas in {owner}, or use strategy floor if an autoscaler scales "
        "it; where the controller is known to leave replicas alone, put owner into preflight.only_warn."
    )


def _claimed(scaled: WorkloadObject, claim: Claim) -> str:
    instead = f"Set the replicas in {claim.kind} {claim.name}, or use strategy floor if an autoscaler scales it."
    if claim.kind == "Rollout":
        instead = f"Set the replicas in {claim.kind} {claim.name}: a policy scales a Rollout that has its own template."
        instead += " Or use strategy floor if an autoscaler scales it."
    return f"{claim.kind} {claim.name} has taken over {scaled.title} ({claim.field}) and scales it by itself. {instead}"


def _written(thing: KubeObject, path: tuple[str, ...]) -> tuple[list[FieldWriter], str]:
    """Return the programs that write the field at `path` and nothing else, and who wrote it at all, as a sentence."""
    writers = list(writers_of(thing, path))
    programs = [writer for writer in writers if not writer.deploys and not _BY_HAND.match(writer.manager)]
    told = f"; {'.'.join(path)} was written by {', '.join(map(str, writers))}" if writers else ""
    return programs, told


def _scaled_by(title: str, path: tuple[str, ...], programs: Sequence[FieldWriter]) -> Finding:
    message = (
        f"{'.'.join(path)} of {title} is written by {', '.join(map(str, programs))}. If that scales by the clock or by "
        "a rule of its own, it puts its number back in the middle of a run, which then ends with its name: let one of "
        "the two decide."
    )
    return Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)


def vertical_findings(scaled: WorkloadObject, autoscalers: Sequence[Json]) -> Iterator[Finding]:
    """Yield a warning for each VerticalPodAutoscaler over the workload that changes pods."""
    for raw in autoscalers:
        spec = raw.get("spec") or {}
        mode = str((spec.get("updatePolicy") or {}).get("updateMode") or "Auto")
        if not _names(spec.get("targetRef"), scaled) or mode == "Off":
            continue
        name = f"VerticalPodAutoscaler {raw['metadata']['name']} (updateMode {mode})"
        message = f"{name} gives new pods of {scaled.title} other requests than its template has"
        if mode in _EVICTING:
            message += ", and evicts pods for it, in the middle of a run as well. Set updateMode to Initial or Off"
            message += " while the number changes"
        yield Finding(check=_CHECK, status=FindingStatus.WARNING, message=f"{message}.")


def keda_findings(scaled: WorkloadObject, scaled_objects: Sequence[Autoscaler]) -> Iterator[Finding]:
    """Yield what the ScaledObjects over a workload mean to a run that does not go through them."""
    for each in scaled_objects:
        bounds = f"its minimum is {each.minimum}, its maximum {each.maximum}"
        if each.pause is None or each.holds_replicas:
            held = f" where they are ({each.pause})" if each.pause else f": {bounds}"
            message = f"{each.title} keeps the replicas of {scaled.title}{held}. Use strategy floor, or remove it."
            yield Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code="autoscaler_conflict")
            continue
        message = (
            f"{each.title} is paused ({each.pause}). Once somebody resumes it, it owns the replicas of {scaled.title} "
            f"again ({bounds}): use strategy floor from then on."
        )
        yield Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)


def floor_owner_findings(scaled: WorkloadObject, autoscaler: Autoscaler) -> Iterator[Finding]:
    """Yield what else writes the autoscaler whose minimum a floor raises, and the workload under it."""
    if scaled.controller_uid is not None:
        owner = scaled.controller.replace("/", " ", 1)
        message = f"{scaled.title} belongs to {owner} (ownerReferences), whose controller may set its replicas against "
        message += f"{autoscaler.title}. See that it leaves them alone."
        yield Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)
    path = ("spec", autoscaler.keys[0])
    programs, _ = _written(autoscaler, path)
    if programs:
        yield _scaled_by(autoscaler.title, path, programs)
    if autoscaler.controller_uid is not None or not programs:
        yield autoscaler_owner_finding(autoscaler)


def autoscaler_owner_finding(autoscaler: Autoscaler) -> Finding:
    """Return whether something else writes the autoscaler whose minimum a floor raises."""
    if autoscaler.controller_uid is None:
        told = _written(autoscaler, ("spec", autoscaler.keys[0]))[1]
        message = f"nothing but its people decides over {autoscaler.title}{told}"
        return Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)
    owner = autoscaler.controller.replace("/", " ", 1)
    message = f"{autoscaler.title} belongs to {owner} (ownerReferences), whose controller may take the minimum back"
    message += f". Raise it in {owner}, or see that it is left alone."
    return Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)

"""Who else decides over a workload: the controller that owns its Deployment, and tools that name it as theirs. Pure.

An operator writes its Deployment again whenever it likes, and takes back what a run wrote; a tool for progressive
delivery scales the Deployment that it names by itself. Both show only when a run is half done, so they are looked for
before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, Kind
from springtide.plan.findings import Finding, FindingStatus

CLAIMING_KINDS: Final = (Kind.ROLLOUT, Kind.CANARY)
"""Custom resources that take a Deployment for theirs without owning it: of Argo Rollouts, and of Flagger."""

_REFERENCES: Final = {Kind.ROLLOUT: ("Rollout", "workloadRef"), Kind.CANARY: ("Canary", "targetRef")}
_CHECK: Final = "owner"


@dataclass(frozen=True, slots=True)
class Claim:
    """A custom resource that names a Deployment: `Rollout web` by its `spec.workloadRef`."""

    kind: str
    name: str
    field: str


def claims_on(deployment: Deployment, kind: Kind, objects: Sequence[Json]) -> tuple[Claim, ...]:
    """Return which of the `objects` of one of `CLAIMING_KINDS` in the namespace name this Deployment."""
    title, field = _REFERENCES[kind]
    claims = []
    for raw in objects:
        reference = (raw.get("spec") or {}).get(field) or {}
        if reference.get("kind") == "Deployment" and reference.get("name") == deployment.name:
            claims.append(Claim(title, str(raw["metadata"]["name"]), f"spec.{field}"))
    return tuple(claims)


def owner_findings(deployment: Deployment, claims: Sequence[Claim], unread: Sequence[str]) -> Iterator[Finding]:
    """Yield a refusal for the controller of the Deployment and for each claim on it, with what to use instead.

    `unread` says which claims nobody could see, and why.
    """
    messages = [_owned(deployment)] if deployment.controller_uid is not None else []
    messages += [_claimed(deployment, claim) for claim in claims]
    for message in messages:
        yield Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code="workload_owned")
    for message in unread:
        yield Finding(check=_CHECK, status=FindingStatus.NOT_CHECKED, message=message)
    if not messages and not unread:
        message = f"nothing but its people decides over Deployment {deployment.name}"
        yield Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)


def _owned(deployment: Deployment) -> str:
    owner = deployment.controller.replace("/", " ", 1)
    return (
        f"Deployment {deployment.name} belongs to {owner} (ownerReferences), whose controller writes it again and "
        f"takes back what a run writes. Set the replicas in {owner}, or use strategy floor if an autoscaler scales "
        "it; where the controller is known to leave replicas alone, put owner into preflight.only_warn."
    )


def _claimed(deployment: Deployment, claim: Claim) -> str:
    return (
        f"{claim.kind} {claim.name} has taken over Deployment {deployment.name} ({claim.field}) and scales it by "
        f"itself. Set the replicas in {claim.kind} {claim.name}, or use strategy floor if an autoscaler scales it."
    )


def autoscaler_owner_finding(autoscaler: Autoscaler) -> Finding:
    """Return whether something else writes the autoscaler whose minimum a floor raises."""
    if autoscaler.controller_uid is None:
        message = f"nothing but its people decides over {autoscaler.title}"
        return Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)
    owner = autoscaler.controller.replace("/", " ", 1)
    message = f"{autoscaler.title} belongs to {owner} (ownerReferences), whose controller may take the minimum back"
    message += f". Raise it in {owner}, or see that it is left alone."
    return Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)

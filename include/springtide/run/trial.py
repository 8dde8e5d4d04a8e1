"""Asks the API server what it would say to a run's writes: nothing is kept of them, and admission is asked as ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from springtide.errors import ClusterRefused, Conflict, NotFound
from springtide.kube.client import KubeClient
from springtide.kube.objects import Json, KubeObject, WorkloadObject
from springtide.plan.findings import Finding, FindingStatus
from springtide.strategy.model import Patch, Scale
from springtide.strategy.template import changed_fields

_CHECK: Final = "admission"
_NO_DRY_RUN: Final = "does not support dry run"
"""What the API server says where a webhook has side effects, in 400 words."""


def admission_findings(
    kube: KubeClient, namespace: str, scaled: WorkloadObject, writes: Sequence[Patch | Scale]
) -> Iterator[Finding]:
    """Yield a refusal for each of `writes` that the cluster would deny, or would change the pod template with.

    Raises:
        ClusterUnavailable, UnknownOutcome: no answer in time; nothing is written in either case.
    """
    tried = 0
    for write in writes:
        findings, is_admitted = _tried(kube, namespace, scaled, write)
        tried += is_admitted
        yield from findings
    if tried == len(writes):
        message = f"the cluster would admit the writes of the run, each tried by a dry run ({tried})"
        yield Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)


def _tried(
    kube: KubeClient, namespace: str, scaled: WorkloadObject, write: Patch | Scale
) -> tuple[tuple[Finding, ...], bool]:
    """Return what is found, and whether the write would be done as it is."""
    try:
        answer = _latest_written(kube, namespace, write)
    except (Conflict, NotFound) as error:
        return (_unsure(f"{write.reason}: it changed just now ({error.message})"),), False
    except ClusterRefused as error:
        return _refused(write, error), False
    is_workload = (write.kind, write.name) == (scaled.kind, scaled.name)
    changed = _changed(scaled, answer) if answer is not None and is_workload else ()
    return changed, not changed


def _refused(write: Patch | Scale, error: ClusterRefused) -> tuple[Finding, ...]:
    if error.code == "rbac_missing":
        return ()  # the check of rights names all that are missing
    if _NO_DRY_RUN in error.message:
        return (_unsure(f"{write.reason}: a webhook cannot be tried: {error.message}"),)
    message = f"{write.reason} would be denied: {error.message}"
    return (Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code=error.code),)


def _latest_written(kube: KubeClient, namespace: str, write: Patch | Scale) -> Json | None:
    """Try `write`, and once more on the object as it is by now: status updates move it while it is looked at."""
    try:
        return _written(kube, namespace, write)
    except Conflict:
        latest = KubeObject(kube.get(write.kind, namespace, write.name))
        return _written(kube, namespace, replace(write, version=latest.version))


def _written(kube: KubeClient, namespace: str, write: Patch | Scale) -> Json | None:
    match write:
        case Patch(kind=kind, name=name, version=version, change=change):
            return kube.patch(kind, namespace, name, change, version=version, dry_run=True)
        case Scale(kind=kind, name=name, version=version, replicas=replicas):
            kube.scale(kind, namespace, name, replicas, version=version, dry_run=True)
            return None


def _changed(scaled: WorkloadObject, answer: Json) -> tuple[Finding, ...]:
    after = type(scaled)(answer)
    if after.template_digest == scaled.template_digest:
        return ()
    fields = changed_fields(scaled.own_template, after.own_template)
    message = (
        f"a mutating webhook changes the pod template of {scaled.title} with each write ({fields} differ), "
        "which begins a rollout in the middle of a run. Have it leave alone what does not change the template."
    )
    return (Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code="template_mutated"),)


def _unsure(message: str) -> Finding:
    return Finding(check=_CHECK, status=FindingStatus.NOT_CHECKED, message=message)

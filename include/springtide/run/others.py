"""Looks for whoever else decides over a workload, and hands what it sees to the pure checks of `plan.owners`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from springtide.errors import ClusterRefused, NotFound
from springtide.kube.autoscaler import Autoscaler, scaled_objects
from springtide.kube.client import KubeReader
from springtide.kube.objects import Json, Kind, WorkloadObject
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.owners import (
    CLAIMING_KINDS,
    Claim,
    claims_on,
    floor_owner_findings,
    keda_findings,
    owner_findings,
    vertical_findings,
)
from springtide.workload import Workload


def others_findings(
    kube: KubeReader, workload: Workload, scaled: WorkloadObject, through: Autoscaler | None
) -> Iterable[Finding]:
    """Yield who else writes what a run writes: on the autoscaler that it goes `through`, else on the workload itself.

    Raises:
        ClusterUnavailable: no answer in time.
    """
    yield from _vertical(kube, workload, scaled)
    if through is not None:
        yield from floor_owner_findings(scaled, through)
        return
    claims: list[Claim] = []
    unread: list[str] = []
    for kind in CLAIMING_KINDS:
        objects, message = _seen(kube, kind, workload.namespace)
        claims += claims_on(scaled, kind, objects)
        unread += [message] if message else []
    yield from owner_findings(scaled, claims, unread)
    yield from _keda(kube, workload, scaled)


def _vertical(kube: KubeReader, workload: Workload, scaled: WorkloadObject) -> Iterator[Finding]:
    objects, message = _seen(kube, Kind.VERTICAL_AUTOSCALER, workload.namespace)
    if message:
        yield _unread(message)
    yield from vertical_findings(scaled, objects)


def _keda(kube: KubeReader, workload: Workload, scaled: WorkloadObject) -> Iterator[Finding]:
    try:
        yield from keda_findings(scaled, scaled_objects(kube, workload))
    except ClusterRefused as error:
        yield _unread(error.message)


def _seen(kube: KubeReader, kind: Kind, namespace: str) -> tuple[list[Json], str]:
    """Return the objects of a kind, and why they could not be seen; none where the cluster has no such resource."""
    try:
        return kube.list(kind, namespace), ""
    except NotFound:
        return [], ""  # so nobody can have made one
    except ClusterRefused as error:
        return [], error.message


def _unread(message: str) -> Finding:
    return Finding(check="owner", status=FindingStatus.NOT_CHECKED, message=message)

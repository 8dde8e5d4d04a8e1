"""The validation that matters: what a real API server of Kubernetes 1.34 refuses with 422, in its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from springtide.sandbox import fieldrules, podrules, quotascopes, servicerules, workloadrules
from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.status import Cause, Subject, invalid


def check(kind: Kind, obj: Json, old: Json | None) -> None:
    """Refuse an object that a real API server refuses.

    Raises:
        ApiError: 422 with every cause, 400 for a number that is no number.
    """
    causes = [*_metadata(kind, obj["metadata"]), *_RULES.get(kind.plural, _no_rules)(obj, old)]
    if causes:
        raise invalid(kind.subject(obj["metadata"].get("name", "")), causes)


def check_scale(kind: Kind, name: str, replicas: Any) -> None:
    """Refuse a Scale whose replicas are no number or negative.

    Raises:
        ApiError: 422 or 400.
    """
    causes = list(fieldrules.count("spec.replicas", replicas))
    if causes:
        raise invalid(Subject(group="autoscaling", plural=kind.plural, kind="Scale", name=name), causes)


def _no_rules(_obj: Json, _old: Json | None) -> Iterator[Cause]:
    yield from ()


def _metadata(kind: Kind, metadata: Json) -> Iterator[Cause]:
    yield from fieldrules.name("metadata.name", metadata["name"], _name_shape(kind))
    yield from fieldrules.label_entries("metadata.labels", metadata.get("labels") or {})
    yield from fieldrules.annotation_entries("metadata.annotations", metadata.get("annotations") or {})


def _name_shape(kind: Kind) -> str:
    other = "path" if kind.group.startswith("rbac") else "subdomain"
    return {"services": "1035", "namespaces": "label"}.get(kind.plural, other)


_RULES: dict[str, Callable[[Json, Json | None], Iterator[Cause]]] = {
    "deployments": workloadrules.deployment,
    "replicasets": workloadrules.replica_set,
    "statefulsets": workloadrules.stateful_set,
    "horizontalpodautoscalers": workloadrules.autoscaler,
    "poddisruptionbudgets": workloadrules.disruption_budget,
    "leases": workloadrules.lease,
    "resourcequotas": quotascopes.resource_quota,
    "pods": podrules.pod,
    "services": servicerules.service,
    "endpointslices": servicerules.endpoint_slice,
    "scaledobjects": workloadrules.scaled_object,
}

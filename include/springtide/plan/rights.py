"""Which rights a run needs, and which of them are missing. Pure; the list is that of deploy/kubernetes/rbac.yaml."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.kube.client import Right
from springtide.kube.objects import Kind
from springtide.plan.findings import Finding, FindingStatus
from springtide.workload import Workload


def rights_of(target: Workload, strategy: str, autoscaler: tuple[Kind, str] | None) -> tuple[Right, ...]:
    """Return what a run by `strategy` does, with the names that a Role may narrow it to."""
    sets = target.set_names if strategy == "blue_green" else (target.deployment,)
    lease = target.lease_name
    rights = [Right(verb, "", "services", target.service) for verb in ("get", "patch")]
    rights += [Right(verb, "apps", "deployments", each) for verb in ("get", "patch") for each in sets]
    rights += [Right("list", group, resource) for group, resource in _LISTED]
    rights += [Right(verb, "coordination.k8s.io", "leases", lease) for verb in ("get", "patch")]
    rights.append(Right("create", "coordination.k8s.io", "leases"))
    if strategy == "floor" and autoscaler is not None:
        kind, name = autoscaler
        group, resource = _AUTOSCALERS[kind]
        return (*rights, *(Right(verb, group, resource, name) for verb in ("get", "patch")))
    rights += [Right("patch", "apps", "deployments/scale", each) for each in sets]
    if strategy == "blue_green":
        rights += [Right("create", "apps", "deployments"), *(Right("delete", "apps", "deployments", s) for s in sets)]
    return tuple(rights)


_LISTED = (("discovery.k8s.io", "endpointslices"), ("apps", "replicasets"), ("", "pods"))
_AUTOSCALERS = {
    Kind.AUTOSCALER: ("autoscaling", "horizontalpodautoscalers"),
    Kind.SCALED_OBJECT: ("keda.sh", "scaledobjects"),
}


def rights_finding(needed: Iterable[Right], missing: Iterable[Right], namespace: str) -> Finding:
    """Return the one finding about all rights."""
    lacking = [str(each) for each in missing]
    count = len(list(needed))
    if not lacking:
        return Finding("rights", FindingStatus.PASSED, f"all {count} rights in namespace {namespace} are there")
    words = f"{len(lacking)} of {count} rights in namespace {namespace} are missing: {', '.join(lacking)}."
    words += " Apply deploy/kubernetes/rbac.yaml there."
    return Finding("rights", FindingStatus.REFUSED, words, "rbac_missing")

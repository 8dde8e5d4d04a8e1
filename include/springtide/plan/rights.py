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
    rights = [Right(verb=verb, group="", resource="services", name=target.service) for verb in ("get", "patch")]
    rights += [
        Right(verb=verb, group="apps", resource="deployments", name=name) for verb in ("get", "patch") for name in sets
    ]
    rights += [Right(verb="list", group=group, resource=resource) for group, resource in _LISTED]
    rights += [
        Right(verb=verb, group="coordination.k8s.io", resource="leases", name=lease) for verb in ("get", "patch")
    ]
    rights.append(Right(verb="create", group="coordination.k8s.io", resource="leases"))
    if strategy == "floor" and autoscaler is not None:
        kind, name = autoscaler
        group, resource = _AUTOSCALERS[kind]
        return (*rights, *(Right(verb=verb, group=group, resource=resource, name=name) for verb in ("get", "patch")))
    rights += [Right(verb="patch", group="apps", resource="deployments/scale", name=name) for name in sets]
    if strategy == "blue_green":
        rights += [
            Right(verb="create", group="apps", resource="deployments"),
            *(Right(verb="delete", group="apps", resource="deployments", name=name) for name in sets),
        ]
    return tuple(rights)


_LISTED = (("discovery.k8s.io", "endpointslices"), ("apps", "replicasets"), ("", "pods"))
_AUTOSCALERS = {
    Kind.AUTOSCALER: ("autoscaling", "horizontalpodautoscalers"),
    Kind.SCALED_OBJECT: ("keda.sh", "scaledobjects"),
}


def proxy_rights(*, pods: bool, services: bool) -> tuple[Right, ...]:
    """Return what smoke checks need that the API server passes on: to pods before a switch, to Services after it."""
    # Without names: RBAC knows such a request by scheme, name and port together, and pods have new names each time.
    asked = (("pods/proxy", pods), ("services/proxy", services))
    return tuple(Right(verb="get", group="", resource=resource) for resource, is_asked in asked if is_asked)


def rights_finding(needed: Iterable[Right], missing: Iterable[Right], namespace: str) -> Finding:
    """Return the one finding about all rights."""
    lacking = [str(right) for right in missing]
    count = len(list(needed))
    if not lacking:
        return Finding(
            check="rights",
            status=FindingStatus.PASSED,
            message=f"all {count} rights in namespace {namespace} are there",
        )
    message = f"{len(lacking)} of {count} rights in namespace {namespace} are missing: {', '.join(lacking)}."
    message += " Apply deploy/kubernetes/rbac.yaml there."
    return Finding(check="rights", status=FindingStatus.REFUSED, message=message, code="rbac_missing")

"""Which rights a run needs, and which of them are missing. Pure; the list is that of deploy/kubernetes/rbac.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from springtide.kube.client import Right
from springtide.kube.objects import Kind
from springtide.plan.findings import Finding, FindingStatus
from springtide.workload import Workload, WorkloadKind

_AUTOSCALERS: Final = {
    Kind.AUTOSCALER: ("autoscaling", "horizontalpodautoscalers"),
    Kind.SCALED_OBJECT: ("keda.sh", "scaledobjects"),
}

_SCALED: Final = {
    WorkloadKind.DEPLOYMENT: ("apps", "deployments"),
    WorkloadKind.STATEFUL_SET: ("apps", "statefulsets"),
    WorkloadKind.ROLLOUT: ("argoproj.io", "rollouts"),
}

_SURROUNDINGS: Final = (
    ("", "resourcequotas"),
    ("policy", "poddisruptionbudgets"),
    ("autoscaling.k8s.io", "verticalpodautoscalers"),
)
_CLAIMS: Final = (("argoproj.io", "rollouts"), ("flagger.app", "canaries"), ("keda.sh", "scaledobjects"))

PREFLIGHT_RIGHTS: Final = tuple(
    Right(verb=verb, group=group, resource=resource)
    for verb, group, resource in (
        *(("list", *thing) for thing in (*_SURROUNDINGS, *_CLAIMS)),
        ("get", "", "namespaces"),
    )
)
"""What is looked at before a run; a check without its right is told as "not checked", and stops nothing."""

WAIT_RIGHTS: Final = (Right(verb="list", group="", resource="events"),)
"""What a wait for nodes says more by: whether a node autoscaler adds some."""

WATCH_RIGHTS: Final = tuple(
    Right(verb="watch", group=group, resource=resource)
    for group, resource in (
        *_SCALED.values(),
        *_AUTOSCALERS.values(),
        ("apps", "replicasets"),
        ("", "pods"),
        ("", "services"),
        ("discovery.k8s.io", "endpointslices"),
        ("coordination.k8s.io", "leases"),
    )
)
"""What a run that waits knows by that a look is worth its reads; without one of them it looks again and again."""

TELLING_RIGHTS: Final = (Right(verb="create", group="", resource="events"),)
"""What `kubectl describe` of the workload shows of a run."""

RECONCILE_RIGHTS: Final = (Right(verb="list", group="coordination.k8s.io", resource="leases"),)
"""What `springtide reconcile`, and the look at runs in flight, need on top."""

HALT_RIGHT: Final = Right(verb="get", group="", resource="configmaps", name="springtide-halt")
"""What the switch that stops all writes is read with; without it the ConfigMap halts nothing there, which is told."""

APPLY_RIGHTS: Final = (
    *(
        Right(verb=verb, group=group, resource=resource)
        for group, resource, verbs in (
            ("apps", "deployments", ("get",)),
            ("apps", "statefulsets", ("get",)),
            ("argoproj.io", "rollouts", ("get",)),
            ("coordination.k8s.io", "leases", ("get",)),
            ("autoscaling", "horizontalpodautoscalers", ("list", "create", "patch")),
            ("keda.sh", "scaledobjects", ("get", "list", "create", "patch")),
            ("monitoring.coreos.com", "prometheusrules", ("list", "create", "patch")),
        )
        for verb in verbs
    ),
)
"""What `springtide autoscaler SERVICE --apply` needs: the list of deploy/kubernetes/rbac-autoscaler.yaml."""


def rights_of(target: Workload, strategy: str, autoscaler: tuple[Kind, str] | None) -> tuple[Right, ...]:
    """Return what a run by `strategy` does, with the names that a Role may narrow it to.

    It creates nothing but its Lease. The ReplicaSets of `blue_green` have names that nobody knows beforehand.
    """
    group, resource = _SCALED[target.kind]
    owned = [] if target.kind is WorkloadKind.STATEFUL_SET else _any("apps", "replicasets", "list")
    rights = [
        *_service_rights(target, "get", *(["patch"] if strategy == "blue_green" else [])),
        *_named(group, resource, target.deployment, "get", "patch"),
        *owned,
        *_any("", "pods", "list"),
        *_any(*_AUTOSCALERS[Kind.AUTOSCALER], "list"),
        *_named("coordination.k8s.io", "leases", target.lease_name, "get", "patch"),
        *_any("coordination.k8s.io", "leases", "create"),
    ]
    if strategy == "floor" and autoscaler is not None:
        kind, name = autoscaler
        # KEDA may not have made its HPA yet: then the ScaledObject is found among all.
        found = _any(*_AUTOSCALERS[kind], "list") if kind is Kind.SCALED_OBJECT else []
        return (*rights, *found, *_named(*_AUTOSCALERS[kind], name, "get", "patch"))
    rights += _named(group, f"{resource}/scale", target.deployment, "patch")
    if strategy == "blue_green":
        rights += _any("apps", "replicasets", "get", "patch", "delete")
        rights += _any("apps", "replicasets/scale", "patch")
    return tuple(rights)


def placeholder_rights(name: str) -> tuple[Right, ...]:
    """Return what raising placeholders takes on top, and giving them back."""
    return (*_named("apps", "deployments", name, "get", "patch"), *_named("apps", "deployments/scale", name, "patch"))


def _service_rights(target: Workload, *verbs: str) -> Iterable[Right]:
    if target.service is not None:
        yield from _named("", "services", target.service, *verbs)
        yield from _any("discovery.k8s.io", "endpointslices", "list")


def looking_rights_of(target: Workload, strategy: str) -> tuple[Right, ...]:
    """Return what looking at the workload alone takes, before it is known what owns its replicas."""
    keda = _any(*_AUTOSCALERS[Kind.SCALED_OBJECT], "get", "list") if strategy == "floor" else []
    every = rights_of(target, "floor", (Kind.AUTOSCALER, target.deployment))
    own = [right for right in every if right.verb in ("get", "list") and right.resource != "horizontalpodautoscalers"]
    return (*own, *_any(*_AUTOSCALERS[Kind.AUTOSCALER], "list"), *keda)


def preflight_rights_of(strategy: str) -> tuple[Right, ...]:
    """Return what the checks and waits of a run by `strategy` look at beside the workload: without it they say less."""
    # Through an autoscaler nobody asks who else scales the Deployment: that is the autoscaler's.
    claims = {group for group, _ in _CLAIMS} if strategy == "floor" else set()
    checked = (right for right in PREFLIGHT_RIGHTS if right.group not in claims)
    return (*checked, HALT_RIGHT, *WAIT_RIGHTS, *TELLING_RIGHTS, *RECONCILE_RIGHTS)


def _named(group: str, resource: str, name: str, *verbs: str) -> list[Right]:
    return [Right(verb=verb, group=group, resource=resource, name=name) for verb in verbs]


def _any(group: str, resource: str, *verbs: str) -> list[Right]:
    return _named(group, resource, "", *verbs)


def proxy_rights(*, pods: bool, services: bool) -> tuple[Right, ...]:
    """Return what smoke checks need that the API server passes on: to pods before a switch, to Services after it."""
    # Without names: RBAC knows such a request by scheme, name and port together, and pods have new names each time.
    asked = (("pods/proxy", pods), ("services/proxy", services))
    return tuple(Right(verb="get", group="", resource=resource) for resource, is_asked in asked if is_asked)


def unknown_namespace_finding(target: Workload) -> Finding:
    """Return the finding where the workload's namespace may not be read, by whose uid a cluster is known."""
    right = Right(verb="get", group="", resource="namespaces", name=target.namespace)
    known_by = f"Service {target.service}" if target.service else target.title
    return Finding(
        check="cluster",
        status=FindingStatus.NOT_CHECKED,
        message=f"without the right to {right}, another cluster is told from this one by the uid of "
        f"{known_by} alone; one that is recreated looks like another cluster then",
    )


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


def unseen_finding(missing: Iterable[Right], namespace: str) -> Finding:
    """Return the finding about rights without which a run goes on, and a check does not."""
    lacking = ", ".join(map(str, missing))
    message = (
        f"what these rights in namespace {namespace} show is not checked or told, for they are missing: {lacking}."
    )
    message += " Apply deploy/kubernetes/rbac.yaml there."
    return Finding(check="rights", status=FindingStatus.WARNING, message=message, code="rbac_missing")

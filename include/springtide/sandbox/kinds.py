"""The kinds of object that are served, and where."""

from __future__ import annotations

from dataclasses import dataclass, field

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.status import Subject


@dataclass(frozen=True, slots=True)
class Kind:
    """One served resource and how a real API server treats it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    generation: bool = False  # metadata.generation counts changes of the spec
    status: bool = False  # has the subresource `status`
    scale: bool = False  # has the subresource `scale`
    upsert: bool = False  # a PUT of an object that is not there creates it
    blind_update: bool = True  # a PUT may come without resourceVersion
    short: tuple[str, ...] = field(default=())

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def subject(self, name: str = "") -> Subject:
        """Return what an error about one object of this kind is about."""
        return Subject(self.group, self.plural, self.kind, name)

    def ref(self, obj: Json) -> Ref:
        """Return where an object of this kind lives."""
        metadata = obj["metadata"]
        return Ref(self.plural, metadata.get("namespace", "") if self.namespaced else "", metadata["name"])


_RBAC = "rbac.authorization.k8s.io"

KINDS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind("", "v1", "namespaces", "Namespace", namespaced=False, status=True, short=("ns",)),
        Kind("", "v1", "nodes", "Node", namespaced=False, status=True, short=("no",)),
        Kind("", "v1", "pods", "Pod", generation=True, status=True, short=("po",)),
        Kind("", "v1", "services", "Service", status=True, upsert=True, short=("svc",)),
        Kind("", "v1", "events", "Event", upsert=True, short=("ev",)),
        Kind("", "v1", "configmaps", "ConfigMap", short=("cm",)),
        Kind("", "v1", "resourcequotas", "ResourceQuota", status=True, short=("quota",)),
        Kind("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",)),
        Kind("apps", "v1", "deployments", "Deployment", generation=True, status=True, scale=True, short=("deploy",)),
        Kind("apps", "v1", "replicasets", "ReplicaSet", generation=True, status=True, scale=True, short=("rs",)),
        Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", generation=True),
        Kind("coordination.k8s.io", "v1", "leases", "Lease", upsert=True, blind_update=False),
        Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", status=True, short=("hpa",)),
        Kind(
            "policy",
            "v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
            generation=True,
            status=True,
            blind_update=False,
            short=("pdb",),
        ),
        Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", generation=True, status=True, short=("so",)),
        Kind("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", generation=True, short=("promrule",)),
        Kind("batch", "v1", "jobs", "Job", generation=True, status=True),
        Kind(_RBAC, "v1", "roles", "Role", upsert=True),
        Kind(_RBAC, "v1", "rolebindings", "RoleBinding", upsert=True),
        Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False, upsert=True),
        Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False, upsert=True),
    )
}

BY_KIND: dict[tuple[str, str], Kind] = {(kind.api_version, kind.kind): kind for kind in KINDS.values()}

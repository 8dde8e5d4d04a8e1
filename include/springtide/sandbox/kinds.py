"""The kinds of object that are served, and where."""

from __future__ import annotations

from dataclasses import dataclass

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.status import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
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
    proxy: bool = False  # has the subresource `proxy`
    upsert: bool = False  # a PUT of an object that is not there creates it
    blind_update: bool = True  # a PUT may come without resourceVersion
    short: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def subject(self, name: str = "") -> Subject:
        """Return what an error about one object of this kind is about."""
        return Subject(group=self.group, plural=self.plural, kind=self.kind, name=name)

    def ref(self, obj: Json) -> Ref:
        """Return where an object of this kind lives."""
        metadata = obj["metadata"]
        return Ref(self.plural, metadata.get("namespace", "") if self.namespaced else "", metadata["name"])


_RBAC = "rbac.authorization.k8s.io"

KINDS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind(
            group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False, status=True, short=("ns",)
        ),
        Kind(group="", version="v1", plural="nodes", kind="Node", namespaced=False, status=True, short=("no",)),
        Kind(
            group="",
            version="v1",
            plural="pods",
            kind="Pod",
            generation=True,
            status=True,
            proxy=True,
            short=("po",),
        ),
        Kind(
            group="",
            version="v1",
            plural="services",
            kind="Service",
            status=True,
            proxy=True,
            upsert=True,
            short=("svc",),
        ),
        Kind(group="", version="v1", plural="events", kind="Event", upsert=True, short=("ev",)),
        Kind(group="", version="v1", plural="configmaps", kind="ConfigMap", short=("cm",)),
        Kind(group="", version="v1", plural="resourcequotas", kind="ResourceQuota", status=True, short=("quota",)),
        Kind(group="", version="v1", plural="serviceaccounts", kind="ServiceAccount", short=("sa",)),
        Kind(
            group="apps",
            version="v1",
            plural="deployments",
            kind="Deployment",
            generation=True,
            status=True,
            scale=True,
            short=("deploy",),
        ),
        Kind(
            group="apps",
            version="v1",
            plural="replicasets",
            kind="ReplicaSet",
            generation=True,
            status=True,
            scale=True,
            short=("rs",),
        ),
        Kind(
            group="apps",
            version="v1",
            plural="statefulsets",
            kind="StatefulSet",
            generation=True,
            status=True,
            scale=True,
            short=("sts",),
        ),
        Kind(
            group="argoproj.io",
            version="v1alpha1",
            plural="rollouts",
            kind="Rollout",
            generation=True,
            status=True,
            scale=True,
            short=("ro",),
        ),
        Kind(group="discovery.k8s.io", version="v1", plural="endpointslices", kind="EndpointSlice", generation=True),
        Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease", upsert=True, blind_update=False),
        Kind(
            group="autoscaling",
            version="v2",
            plural="horizontalpodautoscalers",
            kind="HorizontalPodAutoscaler",
            status=True,
            short=("hpa",),
        ),
        Kind(
            group="policy",
            version="v1",
            plural="poddisruptionbudgets",
            kind="PodDisruptionBudget",
            generation=True,
            status=True,
            blind_update=False,
            short=("pdb",),
        ),
        Kind(
            group="keda.sh",
            version="v1alpha1",
            plural="scaledobjects",
            kind="ScaledObject",
            generation=True,
            status=True,
            short=("so",),
        ),
        Kind(
            group="monitoring.coreos.com",
            version="v1",
            plural="prometheusrules",
            kind="PrometheusRule",
            generation=True,
            short=("promrule",),
        ),
        Kind(
            group="scheduling.k8s.io",
            version="v1",
            plural="priorityclasses",
            kind="PriorityClass",
            namespaced=False,
            generation=True,
            short=("pc",),
        ),
        Kind(group="batch", version="v1", plural="jobs", kind="Job", generation=True, status=True),
        Kind(group=_RBAC, version="v1", plural="roles", kind="Role", upsert=True),
        Kind(group=_RBAC, version="v1", plural="rolebindings", kind="RoleBinding", upsert=True),
        Kind(group=_RBAC, version="v1", plural="clusterroles", kind="ClusterRole", namespaced=False, upsert=True),
        Kind(
            group=_RBAC,
            version="v1",
            plural="clusterrolebindings",
            kind="ClusterRoleBinding",
            namespaced=False,
            upsert=True,
        ),
    )
}

BY_KIND: dict[tuple[str, str], Kind] = {(kind.api_version, kind.kind): kind for kind in KINDS.values()}

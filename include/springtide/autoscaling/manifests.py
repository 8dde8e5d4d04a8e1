"""What the cluster needs to follow a tuned setting in seconds: a recording rule, and an HPA or a ScaledObject.

The 15 s reaction stays Kubernetes' job. Prometheus records the pods that the service's load asks for,
`load/U + b·√load`, under one name for all services; an autoscaler follows it at one pod a pod. When tuning changes U
or b, only the rule changes. Pure: manifests as values.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from springtide import labels
from springtide.capacity.applied import Applied
from springtide.demand.promql import as_series
from springtide.errors import InputError
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.workload import Workload, WorkloadKind

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.capacity.setting import Setting
    from springtide.policy.scaling.model import ScalingPolicy

LOAD = "springtide:load:avg1m"
"""The series of each service's demand, the mean of 60 s."""

PODS = "springtide_autoscaler_pods"
"""The series that autoscalers follow."""

Manifest = dict[str, Any]


def tuned_spec(policy: ScalingPolicy) -> tuple[AutoSpec, PrometheusDemand]:
    """Return the model that asks for an autoscaler of ours, and the demand that it follows.

    Raises:
        InputError: the policy has no such model, or its demand is not a query.
    """
    spec = next((model for model in policy.spec.capacity.models if isinstance(model, AutoSpec)), None)
    if spec is None or spec.autoscaler != "tuned":
        got = "no model auto" if spec is None else f"autoscaler {spec.autoscaler}"
        raise InputError(
            "capacity.models: an autoscaler is written for `model: auto` with `autoscaler: tuned`; policy "
            f"{policy.name} has {got}.",
            code="autoscaler_not_tuned",
            field="capacity.models",
        )
    if not isinstance(policy.spec.demand, PrometheusDemand):
        raise InputError(
            f"demand.source: an autoscaler follows a query of Prometheus; policy {policy.name} reads a file.",
            code="prometheus_required",
            field="demand.source",
        )
    return spec, policy.spec.demand


def recording_rule(policy: ScalingPolicy, setting: Setting) -> Manifest:
    """Return the PrometheusRule that records load and the pods that it asks for."""
    spec, demand = tuned_spec(policy)
    name = policy.name
    load = f'{LOAD}{{service="{name}"}}'
    rules = [
        {"record": LOAD, "expr": f"avg_over_time({as_series(demand.query)}[1m:15s])", "labels": {"service": name}},
        {"record": PODS, "expr": setting.query(load, spec.per_replica), "labels": {"service": name}},
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(f"springtide-{name}", policy),
        "spec": {"groups": [{"name": f"springtide-{name}", "interval": "15s", "rules": rules}]},
    }


def horizontal_pod_autoscaler(policy: ScalingPolicy) -> Manifest:
    """Return the HPA that follows the rule through an adapter of external metrics (`adapter_rule`)."""
    tuned_spec(policy)
    workload = policy.spec.target.workload
    bounds = policy.spec.replicas
    metric = {
        "metric": {"name": PODS, "selector": {"matchLabels": {"service": policy.name}}},
        "target": {"type": "AverageValue", "averageValue": "1"},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(workload.deployment, policy),
        "spec": {
            "scaleTargetRef": _reference(workload),
            "minReplicas": bounds.min,
            "maxReplicas": bounds.max,
            "metrics": [{"type": "External", "external": metric}],
        },
    }


def scaled_object(policy: ScalingPolicy, prometheus: str) -> Manifest:
    """Return the KEDA ScaledObject that follows the rule by asking `prometheus` itself."""
    tuned_spec(policy)
    workload = policy.spec.target.workload
    bounds = policy.spec.replicas
    is_default = workload.kind is WorkloadKind.DEPLOYMENT
    metadata = {
        "serverAddress": prometheus,
        "query": f'{PODS}{{service="{policy.name}"}}',
        "threshold": "1",
        "ignoreNullValues": "false",  # a missing metric is not a reason to shrink
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _metadata(workload.deployment, policy),
        "spec": {
            "scaleTargetRef": {"name": workload.deployment} if is_default else _reference(workload),
            "pollingInterval": 15,
            "minReplicaCount": bounds.min,
            "maxReplicaCount": bounds.max,
            "triggers": [{"type": "prometheus", "metricType": "AverageValue", "metadata": metadata}],
        },
    }


def _reference(workload: Workload) -> Manifest:
    group = "argoproj.io/v1alpha1" if workload.kind is WorkloadKind.ROLLOUT else "apps/v1"
    return {"apiVersion": group, "kind": workload.kind.noun, "name": workload.deployment}


def applied_now(policy: ScalingPolicy, setting: Setting, follower: Manifest, *, at: datetime, by_hand: bool) -> Applied:
    """Return the record that the cluster was given `setting` at `at`."""
    return Applied(
        setting=setting,
        rule=_fingerprint(recording_rule(policy, setting)),
        follower=follower["kind"],
        at=at,
        by_hand=by_hand,
    )


def staleness(policy: ScalingPolicy, setting: Setting, applied: Applied | None) -> str | None:
    """Say that the cluster follows other numbers than `setting`; None where it follows them, or nothing."""
    if applied is None or applied.rule == _fingerprint(recording_rule(policy, setting)):
        return None
    renew = f"springtide autoscaler {policy.name}" + (" prints the new rule" if applied.by_hand else " --apply")
    return (
        f"the recording rule in force is stale. applied on {applied.at:%Y-%m-%d %H:%M}: {applied.setting.pods_text}; "
        f"now: {setting.pods_text}. Nothing is applied by itself: {renew}"
    )


def adapter_rule() -> Manifest:
    """Return what prometheus-adapter needs in its configuration, once for all services, for the HPA to see the rule."""
    return {
        "externalRules": [
            {
                "seriesQuery": f'{PODS}{{service!=""}}',
                "resources": {"namespaced": False},
                "name": {"matches": f"^{PODS}$", "as": PODS},
                "metricsQuery": "max(<<.Series>>{<<.LabelMatchers>>})",
            }
        ]
    }


def _metadata(name: str, policy: ScalingPolicy) -> Manifest:
    return {"name": name, "namespace": policy.spec.target.namespace, "labels": {labels.MANAGED_BY: "springtide"}}


def _fingerprint(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]

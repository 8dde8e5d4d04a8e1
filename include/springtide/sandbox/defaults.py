"""What a real API server fills in where a manifest is silent, so that a template that is read back is complete.

The values are those that Kubernetes 1.34 documents, and that a real one showed.
"""

from __future__ import annotations

from collections.abc import Callable

from springtide.sandbox.objects import Json

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def without_nulls(value: Json) -> Json:
    """Return the object without null fields: a typed decoder does not keep them."""
    return {
        key: without_nulls(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None
    }


def fill(resource: str, obj: Json) -> Json:
    """Return the object with the defaults of its kind; what it says itself stays."""
    filler = _FILLERS.get(resource)
    if filler is None or not isinstance(obj.get("spec", {}), dict):
        return obj
    return {**obj, "spec": filler(obj.get("spec", {}))}


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    # a tag that moves is asked for again each time
    return "Always" if ":" not in name or name.endswith(":latest") else "IfNotPresent"


def _probe(probe: Json) -> Json:
    numbers = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    # a zero stands for silence here
    filled = {**numbers, **{name: said for name, said in probe.items() if said != 0 or name not in numbers}}
    if "httpGet" in filled:
        filled["httpGet"] = {"path": "/", "scheme": "HTTP", **filled["httpGet"]}
    return filled


def _container(container: Json) -> Json:
    filled = {
        "imagePullPolicy": _pull_policy(container.get("image", "")),
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **container,
    }
    if "ports" in container:
        filled["ports"] = [{"protocol": "TCP", **port} for port in container["ports"]]
    for name in _PROBES:
        if name in container:
            filled[name] = _probe(container[name])
    return filled


def _pod_spec(spec: Json) -> Json:
    return {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **spec,
        "containers": [_container(container) for container in spec.get("containers", ())],
    }


def _pod(spec: Json) -> Json:
    filled = _pod_spec(spec)
    for container in filled["containers"]:
        limits = container["resources"].get("limits")
        if limits:  # who limits a resource and asks for none asks for the limit; only in pods, not in templates
            requests = {**limits, **container["resources"].get("requests", {})}
            container["resources"] = {**container["resources"], "requests": requests}
    return {"serviceAccountName": "default", "serviceAccount": "default", **filled}


def _template(spec: Json) -> Json:
    template = spec.get("template", {})
    return {**template, "metadata": template.get("metadata", {}), "spec": _pod_spec(template.get("spec", {}))}


def _replica_set(spec: Json) -> Json:
    return {"replicas": 1, **spec, "template": _template(spec)}


def _stateful_set(spec: Json) -> Json:
    update = {"type": "RollingUpdate", **spec.get("updateStrategy", {})}
    if update["type"] == "RollingUpdate":
        update["rollingUpdate"] = {"partition": 0, **update.get("rollingUpdate", {})}
    retention = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    return {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "revisionHistoryLimit": 10,
        "serviceName": "",
        **spec,
        "persistentVolumeClaimRetentionPolicy": retention | spec.get("persistentVolumeClaimRetentionPolicy", {}),
        "updateStrategy": update,
        "template": _template(spec),
    }


def _rollout(spec: Json) -> Json:
    return {"replicas": 1, **spec}  # a custom resource: nobody fills its template


def _deployment(spec: Json) -> Json:
    strategy = {"type": "RollingUpdate", **spec.get("strategy", {})}
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%", **strategy.get("rollingUpdate", {})}
    said = {key: value for key, value in spec.items() if key != "paused" or value}  # a false is not kept
    return {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **said,
        "strategy": strategy,
        "template": _template(spec),
    }


def _service(spec: Json) -> Json:
    filled = {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"] if spec.get("ipFamilyPolicy", "SingleStack") == "SingleStack" else ["IPv4", "IPv6"],
        "ipFamilyPolicy": "SingleStack",
        **spec,
    }
    if filled["type"] in {"NodePort", "LoadBalancer"}:
        filled = {"externalTrafficPolicy": "Cluster", **filled}
    if "ports" in spec:
        filled["ports"] = [{"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec["ports"]]
    return filled


def _autoscaler(spec: Json) -> Json:
    return {"minReplicas": 1, **spec}


def _job(spec: Json) -> Json:
    filled = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", **spec}
    return {**filled, "template": _template(spec)}


_FILLERS: dict[str, Callable[[Json], Json]] = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "statefulsets": _stateful_set,
    "rollouts": _rollout,
    "services": _service,
    "horizontalpodautoscalers": _autoscaler,
    "jobs": _job,
}

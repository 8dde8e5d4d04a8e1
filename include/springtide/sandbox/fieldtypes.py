"""The fields of the kinds that are served and their types, as Kubernetes 1.34 documents them.

A type is a word for a scalar, a list with the type of its items, or an object with the types of its fields. Under
`OTHERS` stands the type of the fields that are not named: without it a field that is not named is dropped. What nobody
here looks into is `ANY`.
"""

from __future__ import annotations

from typing import Any, Final

Type = str | list[Any] | dict[str, Any]

OTHERS: Final = "..."
ANY: Final = "any"
STRING: Final = "string"
INTEGER: Final = "int32"
LONG: Final = "int64"
BOOLEAN: Final = "bool"
QUANTITY: Final = "resource.Quantity"
NUMBER_OR_NAME: Final = "intstr.IntOrString"
OPEN: Final[dict[str, Any]] = {OTHERS: ANY}
STRINGS: Final[dict[str, Any]] = {OTHERS: STRING}
QUANTITIES: Final[dict[str, Any]] = {OTHERS: QUANTITY}


def _fields(kind: Type, names: str) -> dict[str, Any]:
    """Return fields of one type."""
    return dict.fromkeys(names.split(), kind)


METADATA: Final[dict[str, Any]] = {
    **_fields(STRING, "name generateName namespace uid resourceVersion creationTimestamp deletionTimestamp selfLink"),
    **_fields(LONG, "generation deletionGracePeriodSeconds"),
    **_fields(STRINGS, "labels annotations"),
    **_fields([OPEN], "ownerReferences managedFields"),
    "finalizers": [STRING],
}
SELECTOR: Final[dict[str, Any]] = {
    "matchLabels": STRINGS,
    "matchExpressions": [_fields(STRING, "key operator") | {"values": [STRING]}],
}

_COMMAND: Final[dict[str, Any]] = {"command": [STRING]}
_HTTP: Final[dict[str, Any]] = {
    **_fields(STRING, "path host scheme"),
    "port": NUMBER_OR_NAME,
    "httpHeaders": [_fields(STRING, "name value")],
}
_SOCKET: Final[dict[str, Any]] = {"port": NUMBER_OR_NAME, "host": STRING}
_PROBE: Final[dict[str, Any]] = {
    "exec": _COMMAND,
    "httpGet": _HTTP,
    "tcpSocket": _SOCKET,
    "grpc": {"port": INTEGER, "service": STRING},
    **_fields(INTEGER, "initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold"),
    "terminationGracePeriodSeconds": LONG,
}
_HOOK: Final[dict[str, Any]] = {
    "exec": _COMMAND,
    "httpGet": _HTTP,
    "tcpSocket": _SOCKET,
    "sleep": {"seconds": LONG},
}
_KEY: Final[dict[str, Any]] = {"name": STRING, "key": STRING, "optional": BOOLEAN}
_SOURCE: Final[dict[str, Any]] = {
    "fieldRef": _fields(STRING, "apiVersion fieldPath"),
    "resourceFieldRef": OPEN,
    "configMapKeyRef": _KEY,
    "secretKeyRef": _KEY,
    "fileKeyRef": OPEN,
}
_CONTAINER: Final[dict[str, Any]] = {
    **_fields(STRING, "name image imagePullPolicy workingDir restartPolicy"),
    **_fields(STRING, "terminationMessagePath terminationMessagePolicy"),
    **_fields([STRING], "command args"),
    **_fields(BOOLEAN, "stdin stdinOnce tty"),
    **_fields(_PROBE, "livenessProbe readinessProbe startupProbe"),
    **_fields([OPEN], "envFrom volumeDevices resizePolicy restartPolicyRules"),
    "env": [{"name": STRING, "value": STRING, "valueFrom": _SOURCE}],
    "ports": [_fields(STRING, "name protocol hostIP") | _fields(INTEGER, "containerPort hostPort")],
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES, "claims": [OPEN]},
    "volumeMounts": [
        _fields(STRING, "name mountPath subPath subPathExpr mountPropagation recursiveReadOnly") | {"readOnly": BOOLEAN}
    ],
    "lifecycle": {"preStop": _HOOK, "postStart": _HOOK, "stopSignal": STRING},
    "securityContext": OPEN,
}
_TERM: Final[dict[str, Any]] = {
    "labelSelector": SELECTOR,
    "namespaceSelector": SELECTOR,
    "topologyKey": STRING,
    **_fields([STRING], "namespaces matchLabelKeys mismatchLabelKeys"),
}
_BESIDE: Final[dict[str, Any]] = {
    "requiredDuringSchedulingIgnoredDuringExecution": [_TERM],
    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": INTEGER, "podAffinityTerm": _TERM}],
}
POD: Final[dict[str, Any]] = {
    **_fields([_CONTAINER], "containers initContainers"),
    **_fields(LONG, "activeDeadlineSeconds terminationGracePeriodSeconds"),
    "priority": INTEGER,
    **_fields(STRING, "dnsPolicy hostname hostnameOverride nodeName preemptionPolicy priorityClassName restartPolicy"),
    **_fields(STRING, "runtimeClassName schedulerName serviceAccount serviceAccountName subdomain"),
    **_fields(BOOLEAN, "automountServiceAccountToken enableServiceLinks hostIPC hostNetwork hostPID hostUsers"),
    **_fields(BOOLEAN, "setHostnameAsFQDN shareProcessNamespace"),
    **_fields(OPEN, "dnsConfig os resources securityContext"),
    **_fields([OPEN], "ephemeralContainers hostAliases imagePullSecrets readinessGates resourceClaims schedulingGates"),
    "affinity": {"nodeAffinity": OPEN, "podAffinity": _BESIDE, "podAntiAffinity": _BESIDE},
    "nodeSelector": STRINGS,
    "overhead": QUANTITIES,
    "tolerations": [_fields(STRING, "key operator value effect") | {"tolerationSeconds": LONG}],
    "topologySpreadConstraints": [
        _fields(STRING, "topologyKey whenUnsatisfiable nodeAffinityPolicy nodeTaintsPolicy")
        | _fields(INTEGER, "maxSkew minDomains")
        | {"labelSelector": SELECTOR, "matchLabelKeys": [STRING]}
    ],
    "volumes": [{"name": STRING, OTHERS: ANY}],
}
TEMPLATE: Final[dict[str, Any]] = {"metadata": METADATA, "spec": POD}

_REPLICA_SET: Final[dict[str, Any]] = {
    **_fields(INTEGER, "replicas minReadySeconds"),
    "selector": SELECTOR,
    "template": TEMPLATE,
}
_DEPLOYMENT: Final[dict[str, Any]] = {
    **_REPLICA_SET,
    **_fields(INTEGER, "revisionHistoryLimit progressDeadlineSeconds"),
    "paused": BOOLEAN,
    "strategy": {"type": STRING, "rollingUpdate": _fields(NUMBER_OR_NAME, "maxSurge maxUnavailable")},
}
_SERVICE: Final[dict[str, Any]] = {
    **_fields(STRING, "clusterIP externalName externalTrafficPolicy internalTrafficPolicy ipFamilyPolicy type"),
    **_fields(STRING, "loadBalancerClass loadBalancerIP sessionAffinity trafficDistribution"),
    **_fields([STRING], "clusterIPs externalIPs ipFamilies loadBalancerSourceRanges"),
    **_fields(BOOLEAN, "allocateLoadBalancerNodePorts publishNotReadyAddresses"),
    "healthCheckNodePort": INTEGER,
    "selector": STRINGS,
    "sessionAffinityConfig": OPEN,
    "ports": [
        _fields(STRING, "name protocol appProtocol")
        | _fields(INTEGER, "port nodePort")
        | {"targetPort": NUMBER_OR_NAME}
    ],
}
_RULES: Final[dict[str, Any]] = {
    "stabilizationWindowSeconds": INTEGER,
    "selectPolicy": STRING,
    "policies": [{"type": STRING, "value": INTEGER, "periodSeconds": INTEGER}],
    "tolerance": QUANTITY,
}
_REFERENCE: Final[dict[str, Any]] = _fields(STRING, "apiVersion kind name")
_QUOTA: Final[dict[str, Any]] = {
    "hard": QUANTITIES,
    "scopes": [STRING],
    "scopeSelector": {"matchExpressions": [_fields(STRING, "scopeName operator") | {"values": [STRING]}]},
}
_ENDPOINT: Final[dict[str, Any]] = {
    "addresses": [STRING],
    "conditions": _fields(BOOLEAN, "ready serving terminating"),
    **_fields(STRING, "hostname nodeName zone"),
    "targetRef": _fields(STRING, "apiVersion kind namespace name uid resourceVersion fieldPath"),
    **_fields(OPEN, "hints deprecatedTopology"),
}
_SCALED_OBJECT: Final[dict[str, Any]] = {
    "scaleTargetRef": _REFERENCE | OPEN,
    **_fields(INTEGER, "minReplicaCount maxReplicaCount idleReplicaCount pollingInterval cooldownPeriod"),
    **OPEN,
}

_RULE: Final[dict[str, Any]] = _fields([STRING], "apiGroups nonResourceURLs resourceNames resources verbs")


def _kind(**fields: Type) -> dict[str, Any]:
    """Return a kind with these fields beside what all have."""
    return {"apiVersion": STRING, "kind": STRING, "metadata": METADATA, "status": ANY, **fields}


TYPES: Final[dict[str, dict[str, Any]]] = {
    "configmaps": _kind(data=STRINGS, binaryData=STRINGS, immutable=BOOLEAN),
    "deployments": _kind(spec=_DEPLOYMENT),
    "endpointslices": _kind(
        addressType=STRING,
        endpoints=[_ENDPOINT],
        ports=[_fields(STRING, "name protocol appProtocol") | {"port": INTEGER}],
    ),
    "horizontalpodautoscalers": _kind(
        spec={
            "scaleTargetRef": _REFERENCE,
            **_fields(INTEGER, "minReplicas maxReplicas"),
            "metrics": [OPEN],
            "behavior": {"scaleUp": _RULES, "scaleDown": _RULES},
        }
    ),
    "jobs": _kind(spec={"template": TEMPLATE, **OPEN}),
    "leases": _kind(
        spec={
            **_fields(STRING, "holderIdentity acquireTime renewTime strategy preferredHolder"),
            **_fields(INTEGER, "leaseDurationSeconds leaseTransitions"),
        }
    ),
    "nodes": _kind(spec={"unschedulable": BOOLEAN, "taints": [OPEN], **OPEN}),
    "poddisruptionbudgets": _kind(
        spec={
            **_fields(NUMBER_OR_NAME, "minAvailable maxUnavailable"),
            "selector": SELECTOR,
            "unhealthyPodEvictionPolicy": STRING,
        }
    ),
    "pods": _kind(spec=POD),
    "priorityclasses": _kind(value=INTEGER, globalDefault=BOOLEAN, **_fields(STRING, "description preemptionPolicy")),
    "replicasets": _kind(spec=_REPLICA_SET),
    "resourcequotas": _kind(spec=_QUOTA),
    "scaledobjects": _kind(spec=_SCALED_OBJECT),
    "services": _kind(spec=_SERVICE),
    **dict.fromkeys(("namespaces", "prometheusrules"), _kind(spec=OPEN)),
    **dict.fromkeys(("events", "serviceaccounts"), _kind(**OPEN)),
    **dict.fromkeys(("roles", "clusterroles"), _kind(rules=[_RULE], aggregationRule=OPEN)),
    **dict.fromkeys(
        ("rolebindings", "clusterrolebindings"),
        _kind(
            roleRef=_fields(STRING, "apiGroup kind name"), subjects=[_fields(STRING, "apiGroup kind name namespace")]
        ),
    ),
}

"""The validation that matters: what a real API server refuses with 422, in its words.

Sources: pkg/apis/{core,apps,autoscaling,coordination}/validation of Kubernetes 1.34 and apimachinery's validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import Cause, bad_request, invalid, required, unsupported, wrong

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"

_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_DNS_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_DNS_1035}')"
)
_NAMES = {  # the shape of a name: pattern, longest, words
    "subdomain": (_SUBDOMAIN, 253, _SUBDOMAIN_WORDS),
    "label": (_LABEL, 63, _LABEL_WORDS),
    "1035": (_DNS_1035, 63, _DNS_1035_WORDS),
}
_LABEL_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    f"is '{_LABEL_VALUE}')"
)
_LONGEST_LABEL = 63
_ANNOTATIONS_LIMIT = 256 * 1024
_NOT_NEGATIVE = "must be greater than or equal to 0"


def check(kind: Kind, obj: Json, old: Json | None) -> None:
    """Refuse an object that a real API server refuses.

    Raises:
        ApiError: 422 with every cause, 400 for a number that is no number.
    """
    causes = [*_metadata(kind, obj["metadata"]), *_VALIDATORS.get(kind.plural, _no_rules)(obj, old)]
    if causes:
        raise invalid(kind.subject(obj["metadata"].get("name", "")), causes)


def check_scale(kind: Kind, name: str, replicas: Any) -> None:
    """Refuse a Scale whose replicas are no number or negative.

    Raises:
        ApiError: 422 or 400.
    """
    causes = list(_count("spec.replicas", replicas))
    if causes:
        subject = kind.subject(name)
        raise invalid(type(subject)("autoscaling", subject.plural, "Scale", name), causes)


def _no_rules(_obj: Json, _old: Json | None) -> Iterator[Cause]:
    yield from ()


def _metadata(kind: Kind, metadata: Json) -> Iterator[Cause]:
    yield from _name("metadata.name", metadata["name"], _name_shape(kind))
    yield from _label_values("metadata.labels", metadata.get("labels") or {})
    annotations = metadata.get("annotations") or {}
    size = sum(len(key) + len(str(value)) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        yield Cause(
            "FieldValueTooLong", "metadata.annotations", None, f"may not be more than {_ANNOTATIONS_LIMIT} bytes"
        )


def _name_shape(kind: Kind) -> str:
    return {"services": "1035", "namespaces": "label"}.get(
        kind.plural, "path" if kind.group.startswith("rbac") else "subdomain"
    )


def _name(field: str, name: str, shape: str) -> Iterator[Cause]:
    if shape == "path":
        return
    pattern, longest, words = _NAMES[shape]
    if len(name) > longest:
        yield wrong(field, name, f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, name):
        yield wrong(field, name, words)


def _label_values(field: str, labels: Json) -> Iterator[Cause]:
    for value in labels.values():
        if not isinstance(value, str):
            raise bad_request(
                f"json: cannot unmarshal {type(value).__name__} into Go struct field ObjectMeta.{field} of type string"
            )
        if len(value) > _LONGEST_LABEL:
            yield wrong(field, value, f"must be no more than {_LONGEST_LABEL} characters")
        if not re.fullmatch(_LABEL_VALUE, value):
            yield wrong(field, value, _LABEL_VALUE_WORDS)


def _count(field: str, value: Any, *, least: int = 0) -> Iterator[Cause]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(f"json: cannot unmarshal {type(value).__name__} into Go struct field {field} of type int32")
    if not -(2**31) <= value < 2**31:
        raise bad_request(f"json: cannot unmarshal number {value} into Go struct field {field} of type int32")
    if value < least:
        yield wrong(field, value, f"must be greater than or equal to {least}")


def _template(template: Json, selector: Json, field: str) -> Iterator[Cause]:
    labels = template.get("metadata", {}).get("labels") or {}
    if not label_selector(selector)(labels):
        yield wrong(f"{field}.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from _label_values(f"{field}.labels", labels)
    yield from _pod_spec(template["spec"], f"{field}.spec")
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        yield unsupported(f"{field}.spec.restartPolicy", policy, ["Always"])


def _pod_spec(spec: Json, field: str) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{field}.containers")
    seen: set[str] = set()
    for index, container in enumerate(containers):
        at = f"{field}.containers[{index}]"
        name = container.get("name", "")
        if not name:
            yield required(f"{at}.name")
        elif name in seen:
            yield Cause("FieldValueDuplicate", f"{at}.name", name, "")
        else:
            yield from _name(f"{at}.name", name, "label")
        seen.add(name)
        if not container.get("image"):
            yield required(f"{at}.image")
    yield from _count(f"{field}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))


def _selected(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec = obj["spec"]
    yield from _count("spec.replicas", spec.get("replicas"))
    yield from _count("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield wrong("spec.selector", selector, f"empty selector is invalid for {obj['kind'].lower()}")
    yield from _template(spec["template"], selector, "spec.template")
    if old is not None and selector != old["spec"]["selector"]:
        yield wrong("spec.selector", selector, "field is immutable")


def _deployment(obj: Json, old: Json | None) -> Iterator[Cause]:
    yield from _selected(obj, old)
    strategy = obj["spec"]["strategy"]
    if strategy["type"] == "Recreate":
        if strategy.get("rollingUpdate"):
            words = "may not be specified when strategy `type` is 'Recreate'"
            yield Cause("FieldValueForbidden", "spec.strategy.rollingUpdate", None, words)
    elif strategy["type"] != "RollingUpdate":
        yield unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])
    else:
        rolling = strategy["rollingUpdate"]
        if all(str(rolling[side]).rstrip("%") == "0" for side in ("maxUnavailable", "maxSurge")):
            field = "spec.strategy.rollingUpdate.maxUnavailable"
            yield wrong(field, rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
    deadline = obj["spec"].get("progressDeadlineSeconds")
    if deadline is not None and deadline <= obj["spec"].get("minReadySeconds", 0):
        yield wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


_POD_MAY_CHANGE = frozenset({"activeDeadlineSeconds", "tolerations", "nodeName"})


def _pod(obj: Json, old: Json | None) -> Iterator[Cause]:
    yield from _pod_spec(obj["spec"], "spec")
    if old is not None and _fixed_pod_spec(obj["spec"]) != _fixed_pod_spec(old["spec"]):
        words = (
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        yield Cause("FieldValueForbidden", "spec", None, words)


def _fixed_pod_spec(spec: Json) -> Json:
    rest = {key: value for key, value in spec.items() if key not in _POD_MAY_CHANGE}
    return {**rest, "containers": [{**container, "image": ""} for container in spec.get("containers", ())]}


def _service(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec = obj["spec"]
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    yield from _label_values("spec.selector", spec.get("selector") or {})
    unnamed = [port for port in spec.get("ports") or () if not port.get("name")]
    if unnamed and len(spec["ports"]) > 1:
        yield required("spec.ports[0].name")
    if old is not None and old["spec"].get("clusterIP") != spec.get("clusterIP"):
        yield wrong("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set")


def _autoscaler(obj: Json, _old: Json | None) -> Iterator[Cause]:
    spec = obj["spec"]
    low, high = spec.get("minReplicas"), spec.get("maxReplicas")
    yield from _count("spec.minReplicas", low, least=1)
    yield from _count("spec.maxReplicas", high, least=1)
    if high is None:
        yield required("spec.maxReplicas")
    elif low is not None and high < low:
        yield wrong("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")


def _lease(obj: Json, _old: Json | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield wrong("spec.leaseDurationSeconds", duration, "must be greater than 0")
    transitions = spec.get("leaseTransitions")
    if transitions is not None and transitions < 0:
        yield wrong("spec.leaseTransitions", transitions, _NOT_NEGATIVE)


_VALIDATORS: dict[str, Callable[[Json, Json | None], Iterator[Cause]]] = {
    "deployments": _deployment,
    "replicasets": _selected,
    "pods": _pod,
    "services": _service,
    "horizontalpodautoscalers": _autoscaler,
    "leases": _lease,
}

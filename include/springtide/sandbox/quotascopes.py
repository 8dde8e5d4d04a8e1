"""Which pods a ResourceQuota with scopes counts, and what a real API server says of scopes that make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from springtide.sandbox.objects import Json
from springtide.sandbox.status import Cause, required, unsupported, wrong

_OPPOSITES: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_SCOPES: Final = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass")
_OPERATORS: Final = ("DoesNotExist", "Exists", "In", "NotIn")
_PODS_ONLY: Final = frozenset({"pods"})
_OF_PODS: Final = ("pods", "cpu", "memory", "requests.", "limits.")


def covers(quota: Json, plural: str, obj: Json) -> bool:
    """Return whether a quota counts an object: one with scopes counts pods alone, and those alone that meet each."""
    scopes = _scopes(quota.get("spec") or {})
    return not scopes or (plural == "pods" and all(_meets(scope, obj["spec"]) for scope in scopes))


def _scopes(spec: Json) -> list[Json]:
    """Return both forms in the longer one."""
    listed = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    return listed + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def _meets(scope: Json, pod_spec: Json) -> bool:
    name = scope.get("scopeName")
    if name == "PriorityClass":
        return _has_priority(scope, pod_spec.get("priorityClassName"))
    is_ending = pod_spec.get("activeDeadlineSeconds") is not None
    is_best_effort = _is_best_effort(pod_spec)
    return {
        "Terminating": is_ending,
        "NotTerminating": not is_ending,
        "BestEffort": is_best_effort,
        "NotBestEffort": not is_best_effort,
    }[str(name)]


def _has_priority(scope: Json, name: Any) -> bool:
    values = scope.get("values") or ()
    return {
        "Exists": bool(name),
        "DoesNotExist": not name,
        "In": name in values,
        "NotIn": name not in values,
    }[str(scope.get("operator"))]


def _is_best_effort(pod_spec: Json) -> bool:
    containers = [*(pod_spec.get("containers") or ()), *(pod_spec.get("initContainers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    return not any(each.get("requests") or each.get("limits") for each in resources)


def resource_quota(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a ResourceQuota's scopes: known, not against each other, and only of what pods use."""
    spec = obj.get("spec") or {}
    names = [str(scope.get("scopeName")) for scope in _scopes(spec)]
    field = "spec.scopes" if spec.get("scopes") else "spec.scopeSelector.matchExpressions"
    for name in names:
        if name not in _SCOPES:
            yield wrong(field, names, "unsupported scope")
    yield from _expressions((spec.get("scopeSelector") or {}).get("matchExpressions") or [])
    for one, other in _OPPOSITES:
        if one in names and other in names:
            yield wrong(field, names, "conflicting scopes")
    if any(not _may_be_scoped(resource, names) for resource in spec.get("hard") or {} if names):
        yield wrong(field, names, "unsupported scope applied to resource")
    if old is not None and _scopes(old.get("spec") or {}) != _scopes(spec):
        yield wrong(field, names, "field is immutable")


def _expressions(given: list[Json]) -> Iterator[Cause]:
    for index, expression in enumerate(given):
        at = f"spec.scopeSelector.matchExpressions[{index}]"
        operator = expression.get("operator")
        has_values = bool(expression.get("values"))
        if operator not in _OPERATORS:
            yield unsupported(f"{at}.operator", operator, list(_OPERATORS))
        elif operator in {"In", "NotIn"} and not has_values:
            yield required(f"{at}.values", "must be at least one value when `operator` is 'In' or 'NotIn'")
        elif operator not in {"In", "NotIn"} and has_values:
            detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist'"
            yield wrong(f"{at}.values", expression["values"], detail)
        elif expression.get("scopeName") != "PriorityClass" and operator != "Exists":
            detail = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
            detail += "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort and "
            yield wrong(f"{at}.operator", operator, f"{detail}ResourceQuotaScopeNotBestEffort")


def _may_be_scoped(resource: str, names: list[str]) -> bool:
    return resource in _PODS_ONLY if "BestEffort" in names else resource.startswith(_OF_PODS)

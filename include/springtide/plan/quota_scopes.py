"""Which pods a ResourceQuota with scopes counts, as Kubernetes matches them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from springtide.kube.objects import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTraits:
    """What scopes look at in a pod.

    Its priority class, and whether it asks for no cpu and memory, ends by itself, or looks for other namespaces.
    """

    priority_class: str = ""
    is_best_effort: bool = False
    has_deadline: bool = False
    reaches_namespaces: bool = False

    @classmethod
    def of(cls, pod_spec: Json, *, is_best_effort: bool) -> Self:
        """Return the traits of such a pod."""
        return cls(
            priority_class=str(pod_spec.get("priorityClassName") or ""),
            is_best_effort=is_best_effort,
            has_deadline=pod_spec.get("activeDeadlineSeconds") is not None,
            reaches_namespaces=any("namespaces" in term or "namespaceSelector" in term for term in _terms(pod_spec)),
        )


def _terms(pod_spec: Json) -> Iterator[Json]:
    affinity = pod_spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}


def counts(quota_spec: Json, traits: PodTraits) -> bool | None:
    """Say whether the quota counts such pods: all of its scopes have to match; None where one is not known."""
    named = [{"scopeName": name, "operator": "Exists"} for name in quota_spec.get("scopes") or ()]
    chosen = (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    met = [_is_met(expression, traits) for expression in (*named, *chosen)]
    if False in met:
        return False
    return None if None in met else True


def _is_met(expression: Json, traits: PodTraits) -> bool | None:
    scope = expression["scopeName"]
    if scope == "PriorityClass":
        return _is_of_class(expression, traits.priority_class)
    return {
        "BestEffort": traits.is_best_effort,
        "NotBestEffort": not traits.is_best_effort,
        "Terminating": traits.has_deadline,
        "NotTerminating": not traits.has_deadline,
        "CrossNamespacePodAffinity": traits.reaches_namespaces,
        "VolumeAttributesClass": False,  # counts volume claims, and no pods
    }.get(scope)


def _is_of_class(expression: Json, priority_class: str) -> bool | None:
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return priority_class in values
        case "NotIn":
            return priority_class not in values  # also a pod without one
        case "Exists":
            return bool(priority_class)
        case "DoesNotExist":
            return not priority_class
        case _:
            return None

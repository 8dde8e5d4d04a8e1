"""Rules for what owns and guards pods: Deployments, ReplicaSets, autoscalers, disruption budgets; and Leases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.sandbox import fieldrules, podrules
from springtide.sandbox.objects import Json
from springtide.sandbox.status import Cause, not_allowed, required, unsupported, wrong

_ROLLING: Final = "spec.strategy.rollingUpdate"
_SIDES: Final = ("maxUnavailable", "maxSurge")
_WHOLE: Final = 100


def replica_set(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check what keeps a number of selected pods."""
    spec = obj["spec"]
    yield from fieldrules.count("spec.replicas", spec.get("replicas"))
    yield from fieldrules.count("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield wrong("spec.selector", selector, f"empty selector is invalid for {obj['kind'].lower()}")
    yield from podrules.template(spec["template"], selector, "spec.template")
    if old is not None and selector != old["spec"]["selector"]:
        yield wrong("spec.selector", selector, "field is immutable")


def stateful_set(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a StatefulSet: as a ReplicaSet, and that hardly anything of it changes."""
    yield from replica_set(obj, old)
    spec = obj["spec"]
    if spec["podManagementPolicy"] not in {"OrderedReady", "Parallel"}:
        yield unsupported("spec.podManagementPolicy", spec["podManagementPolicy"], ["OrderedReady", "Parallel"])
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        named = "', '".join(sorted(_STATEFUL_MAY_CHANGE))
        yield not_allowed("spec", f"updates to statefulset spec for fields other than '{named}' are forbidden")


_STATEFUL_MAY_CHANGE = frozenset(
    {
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "minReadySeconds",
        "persistentVolumeClaimRetentionPolicy",
    }
)  # fmt: skip


def _fixed(spec: Json) -> Json:
    return {key: value for key, value in spec.items() if key not in _STATEFUL_MAY_CHANGE}


def deployment(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a Deployment: as a ReplicaSet, and how it rolls out."""
    yield from replica_set(obj, old)
    yield from _strategy(obj["spec"]["strategy"])
    for name in ("revisionHistoryLimit", "progressDeadlineSeconds"):
        yield from fieldrules.count(f"spec.{name}", obj["spec"].get(name))
    deadline = obj["spec"].get("progressDeadlineSeconds")
    if deadline is not None and deadline <= obj["spec"].get("minReadySeconds", 0):
        yield wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _strategy(strategy: Json) -> Iterator[Cause]:
    rolling = strategy.get("rollingUpdate") or {}
    if strategy["type"] == "Recreate":
        if rolling:
            detail = "may not be specified when strategy `type` is 'Recreate'"
            yield not_allowed("spec.strategy.rollingUpdate", detail)
    elif strategy["type"] != "RollingUpdate":
        yield unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])
    else:
        yield from _rolling(rolling)


def _rolling(rolling: Json) -> Iterator[Cause]:
    causes = [cause for side in _SIDES for cause in fieldrules.share(f"{_ROLLING}.{side}", rolling[side])]
    yield from causes
    if causes:
        return
    low = rolling["maxUnavailable"]
    if _is_more_than_all(low):
        yield wrong(f"{_ROLLING}.maxUnavailable", low, "must not be greater than 100%")
    elif all(str(rolling[side]).rstrip("%") == "0" for side in _SIDES):
        yield wrong(f"{_ROLLING}.maxUnavailable", low, "may not be 0 when `maxSurge` is 0")


def _is_more_than_all(amount: int | str) -> bool:
    return isinstance(amount, str) and int(amount.rstrip("%")) > _WHOLE


def autoscaler(obj: Json, _old: Json | None) -> Iterator[Cause]:
    """Check a HorizontalPodAutoscaler's bounds."""
    spec = obj["spec"]
    reference = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not reference.get(name):
            yield required(f"spec.scaleTargetRef.{name}")
    low = spec.get("minReplicas")
    high = spec.get("maxReplicas")
    yield from fieldrules.count("spec.minReplicas", low, least=1)
    yield from fieldrules.count("spec.maxReplicas", high, least=1)
    if high is None:
        yield required("spec.maxReplicas")
    elif low is not None and high < low:
        yield wrong("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")


def scaled_object(obj: Json, _old: Json | None) -> Iterator[Cause]:
    """Check what the definition of KEDA's resource asks for."""
    reference = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    if not reference.get("name"):
        yield required("spec.scaleTargetRef.name")


def disruption_budget(obj: Json, _old: Json | None) -> Iterator[Cause]:
    """Check a PodDisruptionBudget: one bound says all."""
    spec = obj.get("spec") or {}
    for bound in ("minAvailable", "maxUnavailable"):
        yield from fieldrules.share(f"spec.{bound}", spec.get(bound))
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield wrong("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def lease(obj: Json, _old: Json | None) -> Iterator[Cause]:
    """Check a Lease's numbers."""
    spec = obj.get("spec") or {}
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield wrong("spec.leaseDurationSeconds", duration, "must be greater than 0")
    transitions = spec.get("leaseTransitions")
    if transitions is not None and transitions < 0:
        yield wrong("spec.leaseTransitions", transitions, "must be greater than or equal to 0")

"""What a HorizontalPodAutoscaler asks for: its minimum. Its metrics and its behavior stay with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.adoption.asks import AskingObject, Reading
from springtide.adoption.found import FoundObject, entries, mapping, scaled_by, whole_number
from springtide.adoption.keda import KIND as SCALED_OBJECT
from springtide.adoption.keda import unscalable
from springtide.adoption.remarks import Remark, Standing

KIND: Final = "HorizontalPodAutoscaler"
_KNOWN: Final = frozenset({
    "scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior", "targetCPUUtilizationPercentage",
})  # fmt: skip


def read_hpa(found: FoundObject, reading: Reading) -> None:
    """Add what an HPA asks for to `reading`; one that KEDA keeps is left to its ScaledObject."""
    owners = entries(mapping(found.raw.get("metadata")).get("ownerReferences"))
    if any(owner.get("kind") == SCALED_OBJECT for owner in owners):
        advice = "KEDA keeps it for its ScaledObject, which is what counts"
        reading.remarks.append(found.remark(Standing.STAYS, "", "", advice))
        return
    workload = scaled_by(found)
    if workload is None:
        reading.remarks.append(unscalable(found))
        return
    least = whole_number(found.spec.get("minReplicas", 1))
    most = whole_number(found.spec.get("maxReplicas"))
    if least is None or most is None or most < 1:
        bounds = f"{found.spec.get('minReplicas')}, {found.spec.get('maxReplicas')}"
        advice = "they are no whole numbers from 1 on; correct them, and import again"
        reading.remarks.append(found.remark(Standing.NO_EQUAL, "minReplicas, maxReplicas", bounds, advice))
        return
    reading.asking.append(
        AskingObject(
            title=found.title,
            workload=workload,
            least=least,
            most=most,
            floor=found.title,
            remarks=tuple(_remarks(found, least)),
        )
    )


def _remarks(found: FoundObject, least: int) -> Iterator[Remark]:
    for metric in metrics_of(found):
        yield found.remark(Standing.STAYS, "metrics", metric, "the HPA goes on scaling by it, above the floor")
    for direction, rules in mapping(found.spec.get("behavior")).items():
        advice = "it goes on holding for the replicas; a raised minimum is followed at its speed, so keep leads longer"
        yield found.remark(Standing.STAYS, f"behavior.{direction}", _behavior(mapping(rules)), advice)
    if least == 0:
        advice = "a policy keeps at least 1 replica; outside of events springtide leaves the HPA's minimum as it is"
        yield found.remark(Standing.DIFFERS, "minReplicas", 0, advice)
    for key, value in found.spec.items():
        if key not in _KNOWN:
            yield found.remark(Standing.NO_EQUAL, key, value, "it is not known here; see whether you need it")


def metrics_of(found: FoundObject) -> list[str]:
    """Return an HPA's metrics as people write them: `Resource cpu 50 % Utilization`."""
    plain = found.spec.get("targetCPUUtilizationPercentage")
    told = [] if plain is None else [f"Resource cpu {plain} % Utilization"]
    return told + [_metric(metric) for metric in entries(found.spec.get("metrics"))]


def _metric(metric: object) -> str:
    kind = str(mapping(metric).get("type", ""))
    source = mapping(mapping(metric).get(kind[:1].lower() + kind[1:]))
    name = source.get("name") or mapping(source.get("metric")).get("name") or ""
    target = mapping(source.get("target"))
    if target.get("averageUtilization") is not None:
        return f"{kind} {name} {target['averageUtilization']} % Utilization"
    value = target.get("averageValue") or target.get("value") or ""
    return f"{kind} {name} {value} {target.get('type', '')}".strip()


def _behavior(rules: object) -> str:
    """Return the rules of one direction in one line."""
    fields = mapping(rules)
    told = [
        f"{each.get('type')} {each.get('value')} per {each.get('periodSeconds')}s"
        for each in entries(fields.get("policies"))
    ]
    window = fields.get("stabilizationWindowSeconds")
    told += [] if window is None else [f"stabilizationWindowSeconds {window}"]
    select = fields.get("selectPolicy")
    return ", ".join(told + ([] if select is None else [f"selectPolicy {select}"]))

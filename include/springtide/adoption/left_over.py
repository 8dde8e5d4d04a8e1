"""Objects that no reader of this package knows, and workloads that nothing scales: told, so that nobody misses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from springtide.adoption.asks import AskingObject
from springtide.adoption.found import WORKLOADS, FoundObject, FoundObjects
from springtide.adoption.remarks import Remark, Standing
from springtide.workload import Workload

KNOWN: Final = {
    "HorizontalPodAutoscaler": ("autoscaling",),
    "ScaledObject": ("keda.sh",),
    "CronHorizontalPodAutoscaler": ("autoscaling.alibabacloud.com",),
    "CronHPA": ("extensions.tkestack.io",),
}
"""What is read, by kind and API group."""

_SCALING_WORDS: Final = ("scal", "hpa", "cronh")
_MOST_NAMED: Final = 10


def is_known(found: FoundObject) -> bool:
    """Whether this package reads an object of its kind and group."""
    return found.group in KNOWN.get(found.kind, ())


def left_over(objects: FoundObjects, asking: Sequence[AskingObject], told: Collection[str]) -> Iterator[Remark]:
    """Yield what has to be said of the objects that brought nothing; `told` are the titles of those that are told."""
    others: Counter[str] = Counter()
    for found in objects.by_title.values():
        if is_known(found) or found.kind in {*WORKLOADS, "Namespace"}:
            continue
        if _scales(found):
            value = f"{found.raw.get('apiVersion', '')} {found.kind}".strip()
            advice = "this kind is not read here; write what it does into a calendar by hand, or leave it as it is"
            yield found.remark(Standing.NO_EQUAL, "kind", value, advice)
        else:
            others[found.kind] += 1
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        yield _all(Standing.STAYS, "other objects", kinds, "they do not say how many replicas run")
    idle = _unscaled(objects, {each.workload for each in asking}, told)
    if idle:
        rest = f" and {len(idle) - _MOST_NAMED} more" if len(idle) > _MOST_NAMED else ""
        names = ", ".join(idle[:_MOST_NAMED]) + rest
        yield _all(Standing.STAYS, "nothing scales", names, "`springtide init` proposes a policy for each")


def _all(standing: Standing, subject: str, value: str, advice: str) -> Remark:
    return Remark(standing=standing, subject=subject, field="", value="", advice=f"{value}: {advice}")


def _scales(found: FoundObject) -> bool:
    is_so_called = any(word in found.kind.lower() for word in _SCALING_WORDS)
    return is_so_called or "scaleTargetRef" in found.spec or "targetRef" in found.spec


def _unscaled(objects: FoundObjects, scaled: set[Workload], told: Collection[str]) -> list[str]:
    found = objects.of_kind(*WORKLOADS)
    return [each.title for each in found if each.workload not in scaled and each.title not in told]

"""Whether placeholders can have nodes stand for a run: there, large enough, less important, nobody else's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, Pod, Service
from springtide.kube.observation import PodSet
from springtide.kube.selectors import matches
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.footprint import Footprint, footprint_of, formatted
from springtide.policy.scaling.warm_nodes import WarmNodes

_CHECK: Final = "warm_nodes"
_PLACEMENT: Final = ("nodeSelector", "tolerations", "affinity", "schedulerName")
_CUTOFF: Final = -10
"""Below it the cluster autoscaler adds no node for a pod, as it is shipped (`--expendable-pods-priority-cutoff`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """The Deployment of placeholders, its live pods, and what scales it beside springtide."""

    deployment: Deployment
    pods: Sequence[Pod] = ()
    autoscalers: Sequence[Autoscaler] = ()

    def footprint(self, more: int) -> Footprint:
        """Return what `more` of its pods take."""
        return footprint_of(more, self.deployment.pod_spec, self.pods)


def warming_findings(
    warm: WarmNodes, placeholders: Placeholders | None, need: Footprint, *, stable: PodSet, service: Service | None
) -> Iterator[Finding]:
    """Yield what keeps the placeholders from having nodes stand for what a run will `need`."""
    if need.pods == 0:
        yield _finding(FindingStatus.PASSED, "the run adds no pods, so no node is warmed")
        return
    if placeholders is None or placeholders.deployment.is_terminating:
        message = f"there is no Deployment {warm.deployment} of placeholders in the workload's namespace"
        yield _finding(FindingStatus.REFUSED, f"{message}. Make it, or leave strategy.warm_nodes out.", "missing")
        return
    deployment = placeholders.deployment
    problems = [
        *_too_small(placeholders, need),
        *_priority(placeholders, stable),
        *_scaled_by_others(placeholders),
        *_selected(deployment, service),
        *_placed_elsewhere(deployment, stable),
    ]
    yield from problems
    if not any(problem.status is FindingStatus.REFUSED for problem in problems):
        after = deployment.replicas + need.pods
        message = f"{deployment.title} goes from {deployment.replicas} to {after} placeholders, and back"
        yield _finding(FindingStatus.PASSED, message)


def _too_small(placeholders: Placeholders, need: Footprint) -> Iterator[Finding]:
    each = placeholders.footprint(1).requests
    short = [
        f"{name} {formatted(name, each.get(name, amount * 0))}, {formatted(name, amount)} are needed"
        for name, amount in sorted(need.requests.items())
        if each.get(name, amount * 0) < amount
    ]
    if short:
        message = f"a pod of {placeholders.deployment.title} requests less than a pod of the workload"
        yield _finding(FindingStatus.REFUSED, f"{message}: {'; '.join(short)}. Have it request as much.", "too_small")


def _priority(placeholders: Placeholders, stable: PodSet) -> Iterator[Finding]:
    deployment = placeholders.deployment
    theirs = _Priority.of(deployment.pod_spec, placeholders.pods)
    mine = _Priority.of(stable.scaled.pod_spec, stable.pods)
    if theirs.name == mine.name or not theirs.may_be_below(mine):
        message = (
            f"the pods of {deployment.title} have {theirs}, the workload's have {mine}, so they make no room for them. "
            "Give the placeholders a PriorityClass with a lower value."
        )
        yield _finding(FindingStatus.REFUSED, message, "priority")
    elif theirs.value is None or mine.value is None:
        message = f"no live pod tells whether {theirs} of the placeholders is below {mine} of the workload"
        yield _finding(FindingStatus.NOT_CHECKED, message)
    if theirs.value is not None and theirs.value < _CUTOFF:
        message = f"the pods of {deployment.title} have {theirs}: the cluster autoscaler adds nodes from {_CUTOFF} on"
        yield _finding(FindingStatus.WARNING, f"{message}, unless it is told otherwise.")
    if _never_preempts(stable.scaled.pod_spec, stable.pods):
        message = f"the pods of {stable.scaled.title} have preemptionPolicy Never, so they take nobody's room"
        yield _finding(FindingStatus.REFUSED, f"{message}. Use a PriorityClass that preempts.", "priority")


@dataclass(frozen=True, slots=True)
class _Priority:
    """A PriorityClass's name, "" for none, and its value, None where no live pod tells it."""

    name: str
    value: int | None

    @classmethod
    def of(cls, pod_spec: Json, pods: Iterable[Pod]) -> _Priority:
        name = _class_of(pod_spec)
        # Admission writes the number into pods, and into no template; the classes themselves are the whole cluster's.
        numbers = [pod.raw["spec"].get("priority") for pod in pods if _class_of(pod.raw["spec"]) == name]
        known = [int(number) for number in numbers if number is not None]
        return cls(name, known[0] if known else None)

    def may_be_below(self, other: _Priority) -> bool:
        """Say whether nothing tells that this one is as high as the other."""
        return self.value is None or other.value is None or self.value < other.value

    def __str__(self) -> str:
        called = f"the priority class {self.name}" if self.name else "no priority class"
        return called if self.value is None else f"{called} (priority {self.value})"


def _class_of(pod_spec: Json) -> str:
    return str(pod_spec.get("priorityClassName") or "")


def _never_preempts(pod_spec: Json, pods: Iterable[Pod]) -> bool:
    specs = [pod_spec, *(pod.raw["spec"] for pod in pods)]
    return any(spec.get("preemptionPolicy") == "Never" for spec in specs)


def _scaled_by_others(placeholders: Placeholders) -> Iterator[Finding]:
    for autoscaler in placeholders.autoscalers:
        message = f"{autoscaler.title} owns the replicas of {placeholders.deployment.title}"
        yield _finding(FindingStatus.REFUSED, f"{message}; two that decide would fight. Remove it.", "autoscaled")


def _selected(deployment: Deployment, service: Service | None) -> Iterator[Finding]:
    if service is None or not service.selector:
        return
    if matches({"matchLabels": service.selector}, deployment.template_labels):
        message = f"Service {service.name} selects the pods of {deployment.title}, which answer nobody"
        yield _finding(FindingStatus.REFUSED, f"{message}. Give them labels of their own.", "selected")


def _placed_elsewhere(deployment: Deployment, stable: PodSet) -> Iterator[Finding]:
    mine = stable.scaled.pod_spec
    theirs = deployment.pod_spec
    other = [name for name in _PLACEMENT if (mine.get(name) or None) != (theirs.get(name) or None)]
    if other:
        message = f"{', '.join(other)} of the pods of {deployment.title} differ from the workload's"
        yield _finding(FindingStatus.WARNING, f"{message}: the nodes that they bring may not be for its pods.")


def _finding(status: FindingStatus, message: str, code: str = "") -> Finding:
    return Finding(check=_CHECK, status=status, message=message, code=f"placeholders_{code}" if code else "")

"""What a run needs while it is under way, on top of what runs already: pods, and what each of them asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from springtide.kube.objects import Json
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.strategy import BlueGreen, RunSettings
from springtide.quantities import parse_quantity

Amounts = dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """`pods` more than now at the peak, each with these requests and limits; `replica_sets` more objects."""

    pods: int
    requests: Amounts
    limits: Amounts
    replica_sets: int = 0


def footprint(plan: ScalingPlan, settings: RunSettings, *, running: int, pod_spec: Json) -> Footprint:
    """Return what the run of `plan` adds to the `running` replicas at its peak, the overlap of two sets included."""
    requests, limits = (pod_amounts(pod_spec, side) for side in ("requests", "limits"))
    if not isinstance(settings, BlueGreen):
        return Footprint(pods=max(0, plan.replicas - running), requests=requests, limits=limits)
    peak = max(running, plan.replicas)
    more = peak if settings.overlap == "full" else peak - running + settings.batch.of(peak)
    return Footprint(pods=more, requests=requests, limits=limits, replica_sets=1)


def pod_amounts(pod_spec: Json, side: str) -> Amounts:
    """Return the `requests` or `limits` of one pod as the scheduler and quotas count them.

    Containers and sidecars add up; an init container runs alone, so only the largest counts; then the overhead.
    """
    inits = pod_spec.get("initContainers") or ()
    sidecars = [container for container in inits if container.get("restartPolicy") == "Always"]
    together = _sum([*(pod_spec.get("containers") or ()), *sidecars], side)
    alone = [_amounts(container, side) for container in inits if container.get("restartPolicy") != "Always"]
    names = {name for amounts in (together, *alone) for name in amounts}
    highest = {name: max(amounts.get(name, Decimal(0)) for amounts in (together, *alone)) for name in names}
    overhead = {name: parse_quantity(str(text)) for name, text in (pod_spec.get("overhead") or {}).items()}
    return {name: amount + overhead.get(name, Decimal(0)) for name, amount in highest.items()}


def _sum(containers: Iterable[Json], side: str) -> Amounts:
    total: Amounts = {}
    for container in containers:
        for name, amount in _amounts(container, side).items():
            total[name] = total.get(name, Decimal(0)) + amount
    return total


def _amounts(container: Json, side: str) -> Amounts:
    resources = container.get("resources") or {}
    written = dict(resources.get(side) or {})
    if side == "requests":
        # The API server takes a limit as the request where a container names no request.
        written = dict(resources.get("limits") or {}) | written
    return {name: parse_quantity(str(text)) for name, text in written.items()}


def formatted(resource: str, amount: Decimal) -> str:
    """Return `amount` for people: memory in Mi, anything else as a plain number."""
    if resource.endswith("memory"):
        return f"{float(amount / 1024**2):g}Mi"
    return f"{float(amount):g}"

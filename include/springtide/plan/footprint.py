"""What a run needs while it is under way, on top of what runs already: pods, and what each of them asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from springtide.kube.objects import Json, Pod
from springtide.plan.model import ScalingPlan
from springtide.plan.quota_scopes import PodTraits
from springtide.policy.scaling.strategy import BlueGreen, RunSettings
from springtide.quantities import parse_quantity

Amounts = dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """`pods` more than now at the peak, each with these requests and limits; `replica_sets` more objects.

    `traits` are those by which a quota with scopes chooses its pods.
    """

    pods: int
    requests: Amounts
    limits: Amounts
    replica_sets: int = 0
    traits: PodTraits = field(default_factory=PodTraits)


def footprint(
    plan: ScalingPlan, settings: RunSettings, *, running: int, pod_spec: Json, live: Sequence[Pod] = ()
) -> Footprint:
    """Return what the run of `plan` adds to the `running` replicas at its peak, the overlap of two sets included.

    A new pod takes what the template `pod_spec` says, and more where the `live` pods do: a sidecar was injected into
    them, a LimitRange gave them defaults, or a webhook changed them.
    """
    return footprint_between(running, plan.replicas, settings, pod_spec, live)


def footprint_between(
    running: int, replicas: int, settings: RunSettings, pod_spec: Json, live: Sequence[Pod] = ()
) -> Footprint:
    """Return what a run from `running` to `replicas` adds to them at its peak; see `footprint`."""
    if not isinstance(settings, BlueGreen):
        return footprint_of(max(0, replicas - running), pod_spec, live)
    more = peak_between(running, replicas, settings) - running
    return replace(footprint_of(more, pod_spec, live), replica_sets=1)


def peak_between(running: int, replicas: int, settings: RunSettings) -> int:
    """Return how many pods a run from `running` to `replicas` has at its peak; with `floor`, at least so many."""
    most = max(running, replicas)
    if not isinstance(settings, BlueGreen):
        return most
    return running + most if settings.overlap == "full" else most + settings.batch.of(most)


def footprint_of(pods: int, pod_spec: Json, live: Sequence[Pod] = ()) -> Footprint:
    """Return what so many pods of the template `pod_spec` take, each as much as the largest of the `live` ones."""
    specs = [pod_spec, *(pod.raw["spec"] for pod in live)]
    requests, limits = (_highest([pod_amounts(spec, side) for spec in specs]) for side in ("requests", "limits"))
    traits = PodTraits.of(specs[-1], is_best_effort=not {"cpu", "memory"} & {*requests, *limits})
    return Footprint(pods=pods, requests=requests, limits=limits, traits=traits)


def beyond_template(pod_spec: Json, live: Sequence[Pod]) -> str:
    """Return what `live` pods request above their template, as people write it; empty where that is nothing."""
    written = pod_amounts(pod_spec, "requests")
    found = _highest([written, *(pod_amounts(pod.raw["spec"], "requests") for pod in live)])
    more = {name: amount for name, amount in found.items() if amount > written.get(name, Decimal(0))}
    return ", ".join(
        f"{name} {formatted(name, amount)} instead of {formatted(name, written.get(name, Decimal(0)))}"
        for name, amount in sorted(more.items())
    )


def pod_amounts(pod_spec: Json, side: str) -> Amounts:
    """Return the `requests` or `limits` of one pod as the scheduler and quotas count them.

    Containers and sidecars add up; an init container runs alone, so only the largest counts; then the overhead.
    """
    inits = pod_spec.get("initContainers") or ()
    sidecars = [container for container in inits if container.get("restartPolicy") == "Always"]
    together = _sum([*(pod_spec.get("containers") or ()), *sidecars], side)
    alone = [_amounts(container, side) for container in inits if container.get("restartPolicy") != "Always"]
    highest = _highest([together, *alone])
    overhead = {name: parse_quantity(str(text)) for name, text in (pod_spec.get("overhead") or {}).items()}
    return {name: amount + overhead.get(name, Decimal(0)) for name, amount in highest.items()}


def _highest(several: Sequence[Amounts]) -> Amounts:
    names = {name for amounts in several for name in amounts}
    return {name: max(amounts.get(name, Decimal(0)) for amounts in several) for name in names}


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

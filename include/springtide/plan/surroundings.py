"""What else is around a workload: its autoscaler's maximum, its budgets, its image, a GitOps tool. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from springtide.kube.autoscaler import Autoscaler, effective_maximum
from springtide.kube.objects import Json, KubeObject, WorkloadObject
from springtide.kube.observation import Observation, PodSet
from springtide.kube.selectors import matches
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.managed_fields import managers_of
from springtide.policy.scaling.strategy import Floor, RunSettings
from springtide.quantities import round_up

_GITOPS: Final = re.compile(r"argocd|argo-cd|kustomize-controller|helm-controller|flux", re.IGNORECASE)


def maximum_finding(autoscaler: Autoscaler, replicas: int, settings: Floor) -> Finding:
    """Return whether a floor of `replicas` fits under the autoscaler's maximum."""
    high = effective_maximum(autoscaler.bounds)
    message = f"{autoscaler.title}: the floor is {replicas}, its maximum {high}"
    if replicas <= high:
        return Finding(check="autoscaler_maximum", status=FindingStatus.PASSED, message=message)
    if settings.raise_max:
        message += ", which is raised with it and restored with it"
        return Finding(check="autoscaler_maximum", status=FindingStatus.WARNING, message=message)
    message += ". Raise the maximum, ask for less, or set strategy.raise_max"
    return Finding(
        check="autoscaler_maximum", status=FindingStatus.REFUSED, message=f"{message}.", code="hpa_max_below_target"
    )


def budget_findings(budgets: Sequence[Json], scaled: WorkloadObject, replicas: int) -> Iterator[Finding]:
    """Yield a warning for each budget that would let no pod be evicted: it blocks no run, but every node drain."""
    mine = [budget for budget in budgets if matches(budget["spec"].get("selector"), scaled.template_labels)]
    tight = [message for budget in mine if (message := _tight(budget, replicas)) is not None]
    for message in tight:
        yield Finding(check="disruption_budget", status=FindingStatus.WARNING, message=message)
    if not tight:
        yield Finding(
            check="disruption_budget",
            status=FindingStatus.PASSED,
            message=f"{len(mine)} budgets select these pods, none is too tight",
        )


def _tight(budget: Json, replicas: int) -> str | None:
    name = budget["metadata"]["name"]
    spec = budget["spec"]
    available = spec.get("minAvailable")
    unavailable = spec.get("maxUnavailable")
    kept = replicas - _pods(unavailable, replicas) if unavailable is not None else _pods(available or 0, replicas)
    if kept < replicas:
        return None
    written = f"maxUnavailable {unavailable}" if unavailable is not None else f"minAvailable {available}"
    return (
        f"PodDisruptionBudget {name} ({written}) keeps {kept} of {replicas} pods, so no node can be drained. Lower it."
    )


def _pods(amount: int | str, replicas: int) -> int:
    text = str(amount)
    return round_up(replicas * float(text[:-1]) / 100) if text.endswith("%") else int(text)


def image_findings(stable: PodSet) -> Iterator[Finding]:
    """Yield what is known of the images of new pods: whether ready pods run them, and whether tags may move."""
    # The pods that are ready prove that the image can be pulled, if the tag still means what they run.
    images = [str(container.get("image", "")) for container in stable.scaled.pod_spec.get("containers") or ()]
    moving = [image for image in images if _moves(image)]
    if not stable.ready_pods:
        message = f"no ready pod runs {', '.join(images)} now, so nobody knows whether it can be pulled"
        yield Finding(check="image", status=FindingStatus.WARNING, message=f"{message}. Look at the pods first.")
    elif moving:
        message = f"{', '.join(moving)} may mean another image by now than what {len(stable.ready_pods)} ready pods run"
        yield Finding(check="image", status=FindingStatus.WARNING, message=f"{message}. Name a fixed tag or a digest.")
    else:
        message = f"{', '.join(images)}, which {len(stable.ready_pods)} ready pods run"
        yield Finding(check="image", status=FindingStatus.PASSED, message=message)


def _moves(image: str) -> bool:
    name = image.rpartition("/")[2]
    return "@" not in image and (":" not in name or name.endswith(":latest"))


def gitops_findings(observation: Observation, stable: PodSet, settings: RunSettings) -> Iterator[Finding]:
    """Yield a refusal for each field that this run would write and that a GitOps tool writes, too (I-19)."""
    conflicts = [
        message
        for thing, path in _written(observation, stable, settings)
        if (message := _conflict(thing, path)) is not None
    ]
    for message in conflicts:
        yield Finding(check="gitops", status=FindingStatus.REFUSED, message=message, code="field_owned")
    if not conflicts:
        yield Finding(
            check="gitops", status=FindingStatus.PASSED, message="no GitOps tool writes a field that this run writes"
        )


def _written(
    observation: Observation, stable: PodSet, settings: RunSettings
) -> Iterator[tuple[KubeObject, tuple[str, ...]]]:
    if isinstance(settings, Floor):
        if observation.autoscaler is not None:
            yield observation.autoscaler, ("spec", observation.autoscaler.keys[0])
        return
    if settings.type == "blue_green":
        yield observation.required_service, ("spec", "selector")
        yield stable.scaled, ("spec", "paused")
    yield stable.scaled, ("spec", "replicas")


def _conflict(thing: KubeObject, path: tuple[str, ...]) -> str | None:
    manager = next((name for name in managers_of(thing, path) if _GITOPS.search(name)), None)
    if manager is None:
        return None
    field = f"{'.'.join(path)} of {thing.raw.get('kind', 'the object')} {thing.name}"
    return (
        f"{field} is written by {manager}, which would take it back in the middle of a run. Have it ignore the field, "
        "and leave it out of its manifests; where it is known to, put gitops into preflight.only_warn."
    )

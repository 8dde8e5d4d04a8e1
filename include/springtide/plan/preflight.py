"""May this workload be scaled now? Pure: every reason against it at once, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from springtide import labels
from springtide.errors import InputError
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Pod, Service, WorkloadObject
from springtide.kube.observation import Observation, PodSet
from springtide.kube.workloads import is_carried
from springtide.plan.load_balancers import signs_of_own_list
from springtide.policy.language.units import LABEL_VALUE_LENGTH

_LISTED: Final = 5
_SERVICE = "target.service"
_DEPLOYMENT = "target.deployment"
_STRATEGY = "strategy.type"


def require_scalable(
    observation: Observation,
    *,
    selected: Sequence[Pod],
    autoscalers: Sequence[Autoscaler],
    strategy: str,
    is_written: bool = True,
) -> PodSet:
    """Return the stable set, or refuse with every reason at once.

    `selected` are the pods that the Service's selector meets; `autoscalers` what owns the workload's replicas. Where
    nothing `is_written`, what only keeps two writers apart refuses nothing.

    Raises:
        InputError: one reason or many; `code` and `field` are the first one's.
    """
    stable = observation.pod_set
    service = observation.service
    refusals = [
        *_aside_refusals(observation),
        *(_service_refusals(service, stable) if service else ()),
        *_workload_refusals(stable.scaled),
        *_zero_refusals(stable.scaled, autoscalers, strategy),
        *(_floor_refusals(stable.scaled, autoscalers) if strategy == "floor" else ()),
        *(_own_refusals(stable, autoscalers) if strategy != "floor" and is_written else ()),
        *(_blue_green_refusals(observation, stable, selected) if strategy == "blue_green" else ()),
    ]
    if refusals:
        message = "\n".join(f"{refusal.field}: {refusal.message}" for refusal in refusals)
        raise InputError(message, code=refusals[0].code, field=refusals[0].field)
    return stable


def _aside_refusals(observation: Observation) -> Iterator[InputError]:
    # The run that set it aside holds no Lease any more, or this run would not have come so far.
    for aside in observation.aside:
        run = aside.replica_set.annotations.get(labels.RUN, "")
        by = f"run {run!r}" if run else "a run"
        yield InputError(
            f"{aside.scaled.title} is set aside of {observation.pod_set.scaled.title} by {by}, which "
            "did not end. End it with `springtide reconcile`.",
            code="leftover_set",
            field=_DEPLOYMENT,
        )


def _blue_green_refusals(observation: Observation, stable: PodSet, selected: Sequence[Pod]) -> Iterator[InputError]:
    deployment = stable.deployment
    service = observation.required_service
    yield from _selection_refusals(service, stable, selected)
    yield from _parallel_refusals(deployment)
    yield from _headless_refusals(service)
    yield from _load_balancer_refusals(service, selected)
    yield from _set_aside_refusals(deployment)


def _service_refusals(service: Service, stable: PodSet) -> Iterator[InputError]:
    if service.type == "ExternalName" or not service.selector:
        message = f"Service {service.name} (type {service.type}) has no selector, so there is nothing to switch."
        yield InputError(f"{message} Only Services that select pods can be scaled.", code=_UNSUPPORTED, field=_SERVICE)
    elif labels.POD_TEMPLATE_HASH in service.selector:
        yield InputError(
            f"Service {service.name} is pinned to one pod-template-hash: an earlier run was not finished, or another "
            "tool switches it. Remove that key from its selector first.",
            code=_UNSUPPORTED,
            field=_SERVICE,
        )
    else:
        yield from _mismatch(service, stable)


def _headless_refusals(service: Service) -> Iterator[InputError]:
    if service.is_headless:
        yield InputError(
            f"Service {service.name} is headless: its clients keep pod addresses, so nobody can say when they have "
            "left the old pods. Use a Service with a cluster IP, or strategy in_place or floor.",
            code=_UNSUPPORTED,
            field=_SERVICE,
        )


_UNSUPPORTED: Final = "service_unsupported"


def _mismatch(service: Service, stable: PodSet) -> Iterator[InputError]:
    strange = {key: value for key, value in service.selector.items() if not is_carried(stable.scaled, key, value)}
    if strange:
        yield InputError(
            f"Service {service.name} selects {strange}, which the pods of {stable.scaled.title} do not carry. Correct "
            "the policy's target, or the Service.",
            code="selector_mismatch",
            field=_SERVICE,
        )


def foreign_controllers(stable: PodSet, selected: Sequence[Pod]) -> list[str]:
    """Return whose pods besides its own a Service meets that `selected` these pods."""
    # Draining pods of an earlier ReplicaSet of the same workload are the rollout check's business.
    known = {f"ReplicaSet/{replica_set.name}" for replica_set in stable.replica_sets}
    known.add(f"{stable.scaled.noun}/{stable.scaled.name}")
    return sorted({pod.controller for pod in selected if not pod.is_finished} - known)


def _selection_refusals(service: Service, stable: PodSet, selected: Sequence[Pod]) -> Iterator[InputError]:
    foreign = foreign_controllers(stable, selected)
    if foreign:
        yield InputError(
            f"the selector of Service {service.name} also meets the pods of {some(foreign)}, which a switch would take "
            "out of it. Make the selector narrower, or use strategy in_place or floor, which leave it as it is.",
            code="selector_ambiguous",
            field=_SERVICE,
        )


def _own_refusals(stable: PodSet, autoscalers: Sequence[Autoscaler]) -> Iterator[InputError]:
    """Yield what nobody may be in the middle of who would set the replicas himself."""
    yield from _rollout_refusals(stable)
    yield from _autoscaler_refusals(autoscalers)


def _rollout_refusals(stable: PodSet) -> Iterator[InputError]:
    scaled = stable.scaled
    if scaled.is_paused:
        yield InputError(
            f"{scaled.title} is paused, so somebody holds a rollout back. Resume it first.",
            code="rollout_in_progress",
            field=_target(scaled),
        )
    elif _is_rolling_out(stable):
        why = f": {scaled.rollout_obstacle}" if scaled.rollout_obstacle else ""
        yield InputError(
            f"{scaled.title} is in the middle of a rollout{why}: {scaled.updated_replicas} of {scaled.replicas} "
            f"replicas are updated, {scaled.ready_replicas} ready. Scale when it has finished.",
            code="rollout_in_progress",
            field=_target(scaled),
        )


def _is_rolling_out(stable: PodSet) -> bool:
    scaled = stable.scaled
    older = any(replica_set.replicas > 0 for replica_set in stable.replica_sets if replica_set is not stable.current)
    is_unknown = scaled.has_replica_sets and stable.current is None
    return not scaled.is_observed or is_unknown or older or not scaled.is_settled or bool(scaled.rollout_obstacle)


def _target(scaled: WorkloadObject) -> str:
    return f"target.{scaled.noun.lower()}"


def _workload_refusals(scaled: WorkloadObject) -> Iterator[InputError]:
    if scaled.is_terminating:
        yield InputError(f"{scaled.title} is being deleted.", code="workload_unsupported", field=_target(scaled))
    if not has_probe(scaled, "readinessProbe") and not has_probe(scaled, "startupProbe"):
        message = (
            f"no container of {scaled.title} has a readinessProbe or a startupProbe, so a new pod is ready before it "
            "can answer. Add one."
        )
        yield InputError(message, code="no_readiness", field=_target(scaled))


def has_probe(scaled: WorkloadObject, probe: str) -> bool:
    """Say whether a container of its pods has this `probe`: `readinessProbe` or `startupProbe`."""
    return any(probe in container for container in scaled.pod_spec.get("containers") or ())


def _zero_refusals(scaled: WorkloadObject, autoscalers: Sequence[Autoscaler], strategy: str) -> Iterator[InputError]:
    if scaled.replicas > 0:
        return
    message = f"{scaled.title} has 0 replicas: somebody switched it off. Set at least 1 replica first."
    if strategy == "floor" and autoscalers:
        if all(autoscaler.is_keda for autoscaler in autoscalers):
            return  # KEDA takes it to 0 while no trigger is active, and to its minimum as soon as that is above 0
        message = (
            f"{scaled.title} has 0 replicas, which switches {some([each.title for each in autoscalers])} off: an HPA "
            "leaves 0 as it is, whatever its minimum says. Set at least 1 replica first."
        )
    yield InputError(message, code="zero_refused", field=_target(scaled))


def _autoscaler_refusals(autoscalers: Sequence[Autoscaler]) -> Iterator[InputError]:
    for autoscaler in autoscalers:
        message = f"{autoscaler.title} owns the replicas of {autoscaler.target}; two that decide would fight."
        yield InputError(
            f"{message} Use strategy floor, which works through it, or remove it.", code=_CONFLICT, field=_STRATEGY
        )


def _floor_refusals(scaled: WorkloadObject, autoscalers: Sequence[Autoscaler]) -> Iterator[InputError]:
    title = scaled.title
    if not autoscalers:
        yield InputError(
            f"neither an HPA nor a ScaledObject owns the replicas of {title}, so there is no minimum to raise. Create "
            "one, or use blue_green or in_place.",
            code="autoscaler_missing",
            field=_STRATEGY,
        )
    elif len(autoscalers) > 1:
        message = (
            f"{some([autoscaler.title for autoscaler in autoscalers])} own the replicas of one workload and fight."
        )
        yield InputError(f"{message} Leave one.", code=_CONFLICT, field=_STRATEGY)
    for autoscaler in autoscalers:
        if autoscaler.target != title:
            message = f"{autoscaler.title} scales {autoscaler.target}, but the pods that serve are those of {title}."
            yield InputError(f"{message} Correct its scaleTargetRef.", code=_CONFLICT, field=_STRATEGY)
        if autoscaler.obstacle:
            yield InputError(autoscaler.obstacle, code=_CONFLICT, field=_STRATEGY)


_CONFLICT: Final = "autoscaler_conflict"


def _parallel_refusals(deployment: Deployment) -> Iterator[InputError]:
    if deployment.spec.get("strategy", {}).get("type") == "Recreate":
        yield InputError(
            f"Deployment {deployment.name} has the strategy Recreate: its pods must not run beside those of another "
            "set. Use strategy in_place, or floor.",
            code="workload_unsupported",
            field=_DEPLOYMENT,
        )
    spec = deployment.pod_spec
    ports = [port for container in spec.get("containers") or () for port in container.get("ports") or ()]
    blocked = [f"hostPort {port['hostPort']}" for port in ports if port.get("hostPort")]
    blocked += ["hostNetwork"] if spec.get("hostNetwork") else []
    blocked += [f"nodeName {spec['nodeName']}"] if spec.get("nodeName") else []
    if blocked:
        message = (
            f"the pods of Deployment {deployment.name} use {some(blocked)}, so a second set cannot run beside them."
        )
        yield InputError(f"{message} Use strategy in_place.", code="parallel_impossible", field=_STRATEGY)


def _set_aside_refusals(deployment: Deployment) -> Iterator[InputError]:
    if len(deployment.name) > LABEL_VALUE_LENGTH:
        yield InputError(
            f"Deployment {deployment.name} has a name of {len(deployment.name)} characters. The stable ReplicaSet is "
            f"set aside under a label with that name, and a label's value has at most {LABEL_VALUE_LENGTH}. Use "
            "strategy in_place, or floor.",
            code="derived_name_too_long",
            field=_DEPLOYMENT,
        )
    if deployment.spec.get("revisionHistoryLimit") == 0:
        # As the real controller does it: whatever a run or its roll back takes to 0 is gone within a second.
        yield InputError(
            f"Deployment {deployment.name} has revisionHistoryLimit 0: its controller deletes each ReplicaSet of it as "
            "soon as that has no pods, so nothing would be left by which a roll back can be proven or tried again. "
            "Set it to at least 1 (Kubernetes' default is 10), or use strategy in_place.",
            code="history_too_short",
            field=_DEPLOYMENT,
        )


def _load_balancer_refusals(service: Service, selected: Sequence[Pod]) -> Iterator[InputError]:
    signs = [*signs_of_own_list(service, selected)]
    if signs:
        yield InputError(
            f"a load balancer keeps its own list of the pods of Service {service.name} ({some(signs)}), and takes the "
            "earlier ones away before the new ones serve. Use strategy in_place, or floor.",
            code="load_balancer_keeps_pods",
            field=_STRATEGY,
        )


def some(names: Sequence[str]) -> str:
    """Return the first few of `names`, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")

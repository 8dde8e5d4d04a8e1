"""May this workload be scaled now? Pure: every reason against it at once, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from springtide import labels
from springtide.errors import InputError
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Pod, Service
from springtide.kube.observation import Observation, PodSet
from springtide.plan.load_balancers import signs_of_own_list
from springtide.policy.language.units import LABEL_VALUE_LENGTH

_LISTED: Final = 5
_SERVICE = "target.service"
_DEPLOYMENT = "target.deployment"
_STRATEGY = "strategy.type"


def require_scalable(
    observation: Observation, *, selected: Sequence[Pod], autoscalers: Sequence[Autoscaler], strategy: str
) -> PodSet:
    """Return the stable set, or refuse with every reason at once.

    `selected` are the pods that the Service's selector meets; `autoscalers` what owns the workload's replicas.

    Raises:
        InputError: one reason or many; `code` and `field` are the first one's.
    """
    stable = observation.pod_set
    service = observation.service
    refusals = [
        *_aside_refusals(observation),
        *(_service_refusals(service, stable) if service else ()),
        *(_selection_refusals(service, stable, selected) if service else ()),
        *_workload_refusals(stable.deployment),
        *(_floor_refusals(stable.deployment, autoscalers) if strategy == "floor" else ()),
        *(() if strategy == "floor" else (*_rollout_refusals(stable), *_autoscaler_refusals(autoscalers))),
        *(_blue_green_refusals(observation, selected) if strategy == "blue_green" else ()),
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
            f"{aside.scaled.title} is set aside of Deployment {observation.pod_set.deployment.name} by {by}, which "
            "did not end. End it with `springtide reconcile`.",
            code="leftover_set",
            field=_DEPLOYMENT,
        )


def _blue_green_refusals(observation: Observation, selected: Sequence[Pod]) -> Iterator[InputError]:
    deployment = observation.pod_set.deployment
    yield from _parallel_refusals(deployment)
    yield from _load_balancer_refusals(observation.required_service, selected)
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
    if service.cluster_ip == "None":
        yield InputError(
            f"Service {service.name} is headless: its clients keep pod addresses, so nobody can say when they have "
            "left the old pods. Use a Service with a cluster IP.",
            code=_UNSUPPORTED,
            field=_SERVICE,
        )


_UNSUPPORTED: Final = "service_unsupported"


def _mismatch(service: Service, stable: PodSet) -> Iterator[InputError]:
    carried = stable.deployment.template_labels
    strange = {key: value for key, value in service.selector.items() if carried.get(key) != value}
    if strange:
        yield InputError(
            f"Service {service.name} selects {strange}, which the pods of Deployment {stable.deployment.name} do not "
            "carry. Correct the policy's target, or the Service.",
            code="selector_mismatch",
            field=_SERVICE,
        )


def _selection_refusals(service: Service, stable: PodSet, selected: Sequence[Pod]) -> Iterator[InputError]:
    # Draining pods of an earlier ReplicaSet of the same Deployment are the rollout check's business.
    known = {f"ReplicaSet/{replica_set.name}" for replica_set in stable.replica_sets}
    foreign = sorted({pod.controller for pod in selected if not pod.is_finished} - known)
    if foreign:
        yield InputError(
            f"the selector of Service {service.name} also meets the pods of {_some(foreign)}. One Service "
            "must select one workload: make the selector narrower.",
            code="selector_ambiguous",
            field=_SERVICE,
        )


def _rollout_refusals(stable: PodSet) -> Iterator[InputError]:
    deployment = stable.deployment
    if deployment.is_paused:
        yield InputError(
            f"Deployment {deployment.name} is paused, so somebody holds a rollout back. Resume it first.",
            code="rollout_in_progress",
            field=_DEPLOYMENT,
        )
    elif _is_rolling_out(stable):
        yield InputError(
            f"Deployment {deployment.name} is in the middle of a rollout: {deployment.updated_replicas} of "
            f"{deployment.replicas} replicas are updated, {deployment.ready_replicas} ready. Scale when it has "
            "finished.",
            code="rollout_in_progress",
            field=_DEPLOYMENT,
        )


def _is_rolling_out(stable: PodSet) -> bool:
    deployment = stable.deployment
    older = any(replica_set.replicas > 0 for replica_set in stable.replica_sets if replica_set is not stable.current)
    settled = deployment.updated_replicas == deployment.current_replicas == deployment.replicas
    return not deployment.is_observed or stable.current is None or older or not settled


def _workload_refusals(deployment: Deployment) -> Iterator[InputError]:
    name = deployment.name
    if deployment.is_terminating:
        yield InputError(f"Deployment {name} is being deleted.", code="workload_unsupported", field=_DEPLOYMENT)
    if deployment.replicas == 0:
        message = f"Deployment {name} has 0 replicas: somebody switched it off. Set at least 1 replica first."
        yield InputError(message, code="zero_refused", field=_DEPLOYMENT)
    if not any("readinessProbe" in container for container in deployment.pod_spec.get("containers") or ()):
        message = f"no container of Deployment {name} has a readinessProbe, so a new pod is ready before it can answer."
        yield InputError(f"{message} Add one.", code="no_readiness", field=_DEPLOYMENT)
    if deployment.spec.get("strategy", {}).get("type") == "Recreate":
        message = f"Deployment {name} has the strategy Recreate: its pods must not run beside new ones."
        yield InputError(message, code="workload_unsupported", field=_DEPLOYMENT)


def _autoscaler_refusals(autoscalers: Sequence[Autoscaler]) -> Iterator[InputError]:
    for autoscaler in autoscalers:
        message = f"{autoscaler.title} owns the replicas of {autoscaler.target}; two that decide would fight."
        yield InputError(
            f"{message} Use strategy floor, which works through it, or remove it.", code=_CONFLICT, field=_STRATEGY
        )


def _floor_refusals(deployment: Deployment, autoscalers: Sequence[Autoscaler]) -> Iterator[InputError]:
    name = deployment.name
    if not autoscalers:
        yield InputError(
            f"neither an HPA nor a ScaledObject owns the replicas of Deployment {name}, so there is no minimum to "
            "raise. Create one, or use blue_green or in_place.",
            code="autoscaler_missing",
            field=_STRATEGY,
        )
    elif len(autoscalers) > 1:
        message = (
            f"{_some([autoscaler.title for autoscaler in autoscalers])} own the replicas of one workload and fight."
        )
        yield InputError(f"{message} Leave one.", code=_CONFLICT, field=_STRATEGY)
    for autoscaler in autoscalers:
        if autoscaler.target != name:
            message = f"{autoscaler.title} scales {autoscaler.target}, but the pods that serve are those of {name}."
            yield InputError(f"{message} Correct its scaleTargetRef.", code=_CONFLICT, field=_STRATEGY)
        if autoscaler.obstacle:
            yield InputError(autoscaler.obstacle, code=_CONFLICT, field=_STRATEGY)


_CONFLICT: Final = "autoscaler_conflict"


def _parallel_refusals(deployment: Deployment) -> Iterator[InputError]:
    spec = deployment.pod_spec
    ports = [port for container in spec.get("containers") or () for port in container.get("ports") or ()]
    blocked = [f"hostPort {port['hostPort']}" for port in ports if port.get("hostPort")]
    blocked += ["hostNetwork"] if spec.get("hostNetwork") else []
    blocked += [f"nodeName {spec['nodeName']}"] if spec.get("nodeName") else []
    if blocked:
        message = (
            f"the pods of Deployment {deployment.name} use {_some(blocked)}, so a second set cannot run beside them."
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
            f"a load balancer keeps its own list of the pods of Service {service.name} ({_some(signs)}), and takes the "
            "earlier ones away before the new ones serve. Use strategy in_place, or floor.",
            code="load_balancer_keeps_pods",
            field=_STRATEGY,
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")

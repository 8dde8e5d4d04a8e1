"""May this workload be scaled now? Pure: every reason against it at once, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from springtide import labels
from springtide.errors import InputError
from springtide.kube.objects import Deployment, Json, Pod
from springtide.kube.scene import PodSet, Scene

_LISTED: Final = 5


def require_scalable(
    scene: Scene, *, deployment: str, selected: Sequence[Pod], autoscalers: Sequence[Json], parallel: bool
) -> PodSet:
    """Return the stable set, or refuse with every reason at once.

    `selected` are the pods that the Service's selector meets; `parallel` is True when a second set will run beside it.

    Raises:
        InputError: one reason or many; `code` is the first one's.
    """
    stable = _stable(scene, deployment)
    refusals = [
        *_service_refusals(scene, stable),
        *_selection_refusals(scene, stable, selected),
        *_workload_refusals(stable),
        *_autoscaler_refusals(deployment, autoscalers),
        *(_parallel_refusals(stable.deployment) if parallel else ()),
    ]
    if refusals:
        code, field, _ = refusals[0]
        raise InputError("\n".join(text for _, _, text in refusals), code=code, field=field)
    return stable


_Refusal = tuple[str, str, str]  # code, field, text


def _stable(scene: Scene, deployment: str) -> PodSet:
    if len(scene.pod_sets) == 1:
        return next(iter(scene.pod_sets.values()))
    first, second = labels.set_names(deployment)
    raise InputError(
        f"target.deployment: both {first} and {second} exist, so an earlier run was not finished. Look which of them "
        "the "
        f"Service {scene.service.name} points at, and remove the other one.",
        code="leftover_set",
        field="target.deployment",
    )


def _service_refusals(scene: Scene, stable: PodSet) -> Iterable[_Refusal]:
    service, field = scene.service, "target.service"
    if service.type == "ExternalName" or not service.selector:
        yield (
            "service_unsupported",
            field,
            (
                f"{field}: Service {service.name} has no selector (type {service.type}), nothing to switch. "
                "Only "
                "Services that select pods can be scaled."
            ),
        )
        return
    if service.cluster_ip == "None":
        yield (
            "service_unsupported",
            field,
            (
                f"{field}: Service {service.name} is headless: its clients hold pod addresses, so nobody can say when "
                "they have "
                "left the old pods. Use a Service with a cluster IP."
            ),
        )
    if labels.POD_TEMPLATE_HASH in service.selector:
        yield (
            "service_unsupported",
            field,
            (
                f"{field}: Service {service.name} is pinned to one pod-template-hash: an earlier run was left unfinished or "
                "another tool switches it. Remove that key from its selector first."
            ),
        )
        return
    strangers = {k: v for k, v in service.selector.items() if stable.deployment.template_labels.get(k) != v}
    if strangers:
        yield (
            "selector_mismatch",
            field,
            (
                f"{field}: Service {service.name} selects {strangers}, which the pods of Deployment "
                f"{stable.deployment.name} do "
                "not carry. Correct the policy's target, or the Service."
            ),
        )


def _selection_refusals(scene: Scene, stable: PodSet, selected: Sequence[Pod]) -> Iterable[_Refusal]:
    mine = {pod.uid for pod in stable.pods}
    others = sorted({pod.controller for pod in selected if pod.uid not in mine and not pod.is_finished})
    # Draining pods of an earlier ReplicaSet of the same Deployment are the rollout check's business.
    known = {f"ReplicaSet/{rs.name}" for rs in stable.replica_sets}
    foreign = [name for name in others if name not in known]
    if foreign:
        yield (
            "selector_ambiguous",
            "target.service",
            (
                f"target.service: the selector of Service {scene.service.name} also meets pods of {_some(foreign)}. A "
                "Service "
                "must select one workload: make the selector narrower."
            ),
        )


def _workload_refusals(stable: PodSet) -> Iterable[_Refusal]:
    deployment, field = stable.deployment, "target.deployment"
    name = deployment.name
    if deployment.is_terminating:
        yield "workload_unsupported", field, f"{field}: Deployment {name} is being deleted."
    if deployment.is_paused:
        yield (
            "rollout_in_progress",
            field,
            (
                f"{field}: Deployment {name} is paused, so somebody holds a rollout back. Resume it (kubectl rollout "
                "resume)."
            ),
        )
    elif _is_rolling_out(stable):
        yield (
            "rollout_in_progress",
            field,
            (
                f"{field}: Deployment {name} is in the middle of a rollout: {deployment.updated_replicas} of "
                f"{deployment.replicas} replicas are updated, {deployment.ready_replicas} ready. Scale when it has "
                "finished."
            ),
        )
    if deployment.replicas == 0:
        yield (
            "zero_refused",
            field,
            (f"{field}: Deployment {name} has 0 replicas: somebody switched it off. Set at least 1 replica first."),
        )
    if not any("readinessProbe" in container for container in deployment.pod_spec.get("containers") or ()):
        yield (
            "no_readiness",
            field,
            (
                f"{field}: no container of Deployment {name} has a readinessProbe, so a new pod is ready before it "
                "can "
                "answer. Add one."
            ),
        )
    if deployment.spec.get("strategy", {}).get("type") == "Recreate":
        yield (
            "workload_unsupported",
            field,
            (f"{field}: Deployment {name} has strategy Recreate: its pods must not run beside new ones."),
        )


def _is_rolling_out(stable: PodSet) -> bool:
    deployment = stable.deployment
    older = any(rs.replicas > 0 for rs in stable.replica_sets if rs is not stable.current)
    settled = deployment.updated_replicas == deployment.current_replicas == deployment.replicas
    return not deployment.is_observed or stable.current is None or older or not settled


def _autoscaler_refusals(deployment: str, autoscalers: Sequence[Json]) -> Iterable[_Refusal]:
    names = labels.set_names(deployment)
    for autoscaler in autoscalers:
        target = autoscaler["spec"].get("scaleTargetRef") or {}
        if target.get("kind") == "Deployment" and target.get("name") in names:
            name = autoscaler["metadata"]["name"]
            yield (
                "autoscaler_conflict",
                "strategy.type",
                (
                    f"strategy.type: HorizontalPodAutoscaler {name} owns the replicas of {target['name']}; two "
                    "that "
                    "decide would fight. Remove the autoscaler from this workload, or leave the workload to it."
                ),
            )


def _parallel_refusals(deployment: Deployment) -> Iterable[_Refusal]:
    spec, field = deployment.pod_spec, "strategy.type"
    ports = [port for container in spec.get("containers") or () for port in container.get("ports") or ()]
    blocked = [f"hostPort {port['hostPort']}" for port in ports if port.get("hostPort")]
    blocked += ["hostNetwork"] if spec.get("hostNetwork") else []
    blocked += [f"nodeName {spec['nodeName']}"] if spec.get("nodeName") else []
    if blocked:
        yield (
            "parallel_impossible",
            field,
            (
                f"{field}: the pods of Deployment {deployment.name} use {_some(blocked)}, so a second set cannot run "
                "beside "
                "them. Use strategy in_place."
            ),
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
